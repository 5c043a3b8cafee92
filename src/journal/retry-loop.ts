import type { Clock } from '../clock.js'
import { checkMembers, invalid } from '../options-check.js'
import type { JournalProblem } from './journal.js'

const FIRST_WAIT_MS = 100
const LONGEST_WAIT_MS = 10_000

/**
 * Retries an operation until it succeeds: the first wait is 100 ms, each further one twice as long, 10 s at most. For a journal whose
 * disk or database is unavailable for a while.
 *
 * Reports the first failure in a row, each further one whose error has another `code`, and the success that ends the row.
 * A pending retry keeps the process alive: `cancel` it when the journal is closed.
 *
 *     const write = () => db.insert(records).then(
 *       () => retries.succeeded('the journal is written again'),
 *       error => retries.failed(error, 'the journal cannot be written: the run waits', write),
 *     )
 */
export class RetryLoop {
  readonly #clock: Clock
  readonly #report: (problem: JournalProblem) => void
  /** While an operation fails: since when (ms of the clock's `monotonic`), and the code of its last error. */
  #outage: { readonly since: number; readonly code: unknown } | undefined
  #nextWaitMs = FIRST_WAIT_MS
  #pending: { readonly retry: () => void; readonly cancel: () => void } | undefined

  /** `report` may throw: its errors are ignored. @throws INVALID_INPUT for a clock that is none, or a report that is no function. */
  constructor(clock: Clock, report: (problem: JournalProblem) => void) {
    checkMembers(clock, { monotonic: 'function', schedule: 'function' }, 'clock')
    if (typeof report !== 'function') throw invalid('report', 'a function', report)
    this.#clock = clock
    this.#report = report
  }

  /** True between a failure and its retry. */
  get isWaiting(): boolean {
    return this.#pending !== undefined
  }

  /** True from the first failure until `succeeded`. */
  get isFailing(): boolean {
    return this.#outage !== undefined
  }

  /** The operation failed: calls `retry` after the next wait. The report is `message`, followed by the error's own in parentheses. */
  failed(error: unknown, message: string, retry: () => void): void {
    const code = (error as { readonly code?: unknown } | undefined)?.code
    if (this.#outage === undefined || this.#outage.code !== code)
      this.report(error, `${message} (${error instanceof Error ? error.message : String(error)})`)
    this.#outage = { since: this.#outage?.since ?? this.#clock.monotonic(), code }
    this.#pending?.cancel()
    this.#pending = { retry, cancel: this.#clock.schedule(() => this.retryNow(), this.#nextWaitMs) }
    this.#nextWaitMs = Math.min(2 * this.#nextWaitMs, LONGEST_WAIT_MS)
  }

  /** The operation succeeded. After a failure, reports `message`, followed by how long the outage lasted. */
  succeeded(message: string): void {
    if (this.#outage === undefined) return
    const seconds = Math.round(this.#clock.monotonic() - this.#outage.since) / 1000
    this.#outage = undefined
    this.#nextWaitMs = FIRST_WAIT_MS
    this.report(undefined, `${message}, after ${seconds} s`)
  }

  /** Ends the wait: calls the pending `retry` now. Does nothing when none is pending. */
  retryNow(): void {
    const pending = this.#pending
    this.cancel()
    pending?.retry()
  }

  /** Drops the pending retry. */
  cancel(): void {
    this.#pending?.cancel()
    this.#pending = undefined
  }

  /** Reports something else about the same journal. Never throws. */
  report(error: unknown, message: string): void {
    try {
      this.#report({ error, message })
    } catch {
      // A listener that throws does not stop the journal.
    }
  }
}
