import type { Locals } from '../backends/agent-backend.js'
import { failureOf } from '../backends/classify-error.js'
import type { InContext } from '../core/async-context.js'
import { type Failure, INPUT_TIMEOUT } from '../core/failure/failure.js'
import { canonicalJson, type Json } from '../core/json.js'
import type { History } from '../core/state/history.js'
import type { RunState } from '../core/state/run-state.js'
import type { TaskSpec } from '../core/state/task.js'
import type { TaskBinding } from '../plan/bindings.js'
import { timeoutOf } from './attempt/attempt-services.js'
import type { Attempts } from './attempt/attempts.js'
import { onSettled } from './attempt/on-settled.js'
import { outputsFor } from './attempt/request.js'

/** What {@link HostFunctions} work with. */
export interface HostFunctionsOptions {
  readonly attempts: Attempts
  readonly head: RunState
  readonly durable: RunState
  /** The functions and the schema of task `index`; undefined when it has none. */
  binding(index: number): TaskBinding | undefined
  /** Passed to the functions. */
  readonly locals: () => Locals
  /** Calls a function in the async context of the run. */
  readonly inContext: InContext
  /** Starts the attempt of a task that has a slot, with its input; or with the failure to make one. */
  start(index: number, input: Json, failure?: Failure): void
  /** The task needs no approval. */
  enqueue(index: number): void
  /** The task needs the approval of a person. */
  hold(index: number): void
}

/**
 * Calls the functions that the host has bound to a task: its approval function when the task is ready, and its input function when it has
 * a slot. Both are called only when it is durable that the task is ready, for what they see must not be taken back.
 */
export class HostFunctions {
  readonly #options: HostFunctionsOptions
  readonly #head: RunState
  /** The function to call once it is durable that the task is ready. */
  readonly #awaitingDurable = new Map<number, 'approval' | 'input'>()
  /** Tasks whose approval function has not answered yet. */
  readonly #checking = new Set<number>()
  /** Tasks whose approval function has answered that they need no approval, or has failed. */
  readonly #checked = new Set<number>()
  /** The failures of approval functions. They are reported when the task has a slot, as every failure of an attempt is. */
  readonly #failed = new Map<number, Failure>()

  constructor(options: HostFunctionsOptions) {
    this.#options = options
    this.#head = options.head
  }

  /** Calls the approval function of a ready task, if it has one. True when the task must not be queued before the answer. */
  checkApproval(index: number): boolean {
    if (this.#checked.has(index) || this.#head.approved.has(index) || !this.#options.binding(index)?.approval)
      return false
    this.#checking.add(index)
    this.#callWhenDurable(index, 'approval')
    return true
  }

  /** Calls the input function of a task that has a slot, if it has one. True when the start must wait for it, or has failed already. */
  prepareInput(index: number): boolean {
    const failure = this.#failed.get(index)
    if (failure) {
      this.#failed.delete(index)
      this.#checked.delete(index)
      this.#options.start(index, null, failure)
      return true
    }
    if (!this.#options.binding(index)?.input) return false
    this.#callWhenDurable(index, 'input')
    return true
  }

  /** The events from `from` to `to` are durable: calls the functions of the tasks that became ready with them. */
  onPublished(history: History, from: number, to: number): void {
    if (this.#awaitingDurable.size === 0) return
    for (let seq = from; seq <= to; seq++) {
      const index = history.indexOf(seq)
      const what = history.typeOf(seq) === 'task.ready' ? this.#awaitingDurable.get(index) : undefined
      if (what === undefined) continue
      this.#awaitingDurable.delete(index)
      this.#call(index, what)
    }
  }

  /** The task is no longer ready. */
  cancel(index: number): void {
    this.#awaitingDurable.delete(index)
    this.#checking.delete(index)
  }

  /** The run has ended in this process: a late answer changes nothing. */
  close(): void {
    this.#awaitingDurable.clear()
    this.#checking.clear()
  }

  /** The input function of a task did not return in time. */
  onInputTimeout(index: number): void {
    const message = `the input function took longer than ${timeoutOf(this.#spec(index))} ms`
    this.#options.start(index, null, { kind: 'timeout', timeout: 'attempt', code: INPUT_TIMEOUT, message })
  }

  #callWhenDurable(index: number, what: 'approval' | 'input'): void {
    if (this.#options.durable.states[index]?.status === 'ready') this.#call(index, what)
    else this.#awaitingDurable.set(index, what)
  }

  #call(index: number, what: 'approval' | 'input'): void {
    // A slot that was given back by another run may have led here (trap 10).
    this.#options.inContext(() => (what === 'approval' ? this.#callApproval(index) : this.#callInput(index)))
  }

  #callApproval(index: number): void {
    const { head, durable, locals, enqueue, hold } = this.#options
    const state = head.states[index]
    const answered = (needsApproval: boolean, failure?: Failure): void => {
      // Too late when the task was cancelled, or has become ready once more.
      if (head.states[index] !== state || !this.#checking.delete(index)) return
      if (needsApproval) return hold(index)
      if (failure) this.#failed.set(index, failure)
      this.#checked.add(index)
      enqueue(index)
    }
    callHost(
      () => this.#options.binding(index)?.approval?.(outputsFor(durable, index), { locals: locals() }),
      answer => {
        if (typeof answer === 'boolean') return answered(answer)
        const message = `the approval function must return true or false, and returned ${typeof answer}`
        answered(false, { kind: 'bad-input', message })
      },
      error => answered(false, badInput('the approval function', error)),
    )
  }

  #callInput(index: number): void {
    const { attempts, durable, locals, start } = this.#options
    const make = this.#options.binding(index)?.input
    const attempt = attempts.get(index)
    attempt?.limitInput(timeoutOf(this.#spec(index)))
    const made = (input: Json, failure?: Failure): void => {
      // Too late when the task was cancelled, or the input function has timed out.
      if (attempt && attempts.get(index) === attempt) start(index, input, failure)
    }
    callHost(
      () => make?.(outputsFor(durable, index), { locals: locals() }),
      input => made(canonicalJson(input)),
      error => made(null, badInput('the input function', error)),
    )
  }

  #spec(index: number): TaskSpec {
    return this.#head.specs[index] as TaskSpec
  }
}

/** Calls a function of the host, which returns a value or a promise. Calls one of the two once; an error of `onValue` goes to `onError`. */
function callHost(call: () => unknown, onValue: (value: unknown) => void, onError: (error: unknown) => void): void {
  const accept = (value: unknown): void => {
    try {
      onValue(value)
    } catch (error) {
      onError(error)
    }
  }
  try {
    const value = call()
    if (typeof value === 'object' && value !== null) onSettled(value, accept, onError)
    else accept(value)
  } catch (error) {
    onError(error)
  }
}

function badInput(what: string, error: unknown): Failure {
  const failure = failureOf(error)
  return { ...failure, kind: 'bad-input', message: `${what} failed: ${failure.message}` }
}
