import type { AttemptContext, Locals, Report } from '../../backends/agent-backend.js'
import type { OutputTails } from '../../core/failure/output-tails.js'
import type { Json } from '../../core/json.js'

/** What a {@link BackendContext} reads from. */
export interface BackendContextSource {
  readonly attempt: number
  readonly idempotencyKey: string
  readonly signal: AbortSignal
  stream(chunk: unknown): Promise<void>
  report(report: unknown): void
  softOutput(id: string): Json | undefined
  recordTails(tails: unknown): void
}

/**
 * What a backend gets besides its request. Nothing is computed before it is read. The methods are getters of functions, so that a backend
 * may destructure the context: `(request, { report }) => ...`.
 */
export class BackendContext implements AttemptContext {
  readonly #source: BackendContextSource
  readonly locals: Locals

  constructor(source: BackendContextSource, locals: Locals) {
    this.#source = source
    this.locals = locals
  }

  get attempt(): number {
    return this.#source.attempt
  }

  get idempotencyKey(): string {
    return this.#source.idempotencyKey
  }

  get signal(): AbortSignal {
    return this.#source.signal
  }

  get stream(): (chunk: unknown) => Promise<void> {
    return chunk => {
      const published = this.#source.stream(chunk)
      // A backend that does not await it must not end the process.
      published.catch(() => {})
      return published
    }
  }

  get report(): (report: Report) => void {
    return report => this.#source.report(report)
  }

  get softOutput(): (id: string) => Json | undefined {
    return id => this.#source.softOutput(id)
  }

  get recordTails(): (tails: OutputTails) => void {
    return tails => this.#source.recordTails(tails)
  }
}
