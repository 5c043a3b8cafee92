import type { Locals, LocalsInput } from '../backends/agent-backend.js'
import { captureContext, type InContext, inCallersContext } from '../core/async-context.js'
import { NO_LOCALS } from './run-context.js'

/**
 * What a run was given with the call of `run()` or `resume()`: the locals, and its async context. Released when the run has ended: one
 * that is retained must not hold a database handle, or a request with all that belongs to it. Abandoned attempts have their own reference.
 * Before Node 24 a promise holds the async context in which it was made, so there that of a retained run is held by its `result`.
 */
export class HostScope {
  #locals: Locals
  #inContext = captureContext()

  constructor(locals: LocalsInput) {
    this.#locals = locals as Locals
  }

  /** Passed to backends and functions. */
  readonly locals = (): Locals => this.#locals

  /** Calls a function in the async context of the run. */
  readonly inContext: InContext = call => this.#inContext(call)

  release(): void {
    this.#locals = NO_LOCALS
    this.#inContext = inCallersContext
  }
}
