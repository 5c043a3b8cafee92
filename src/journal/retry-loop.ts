import type { Clock } from '../clock.js'
import type { JournalProblem } from './journal.js'

const FIRST_WAIT_MS = 100
const LONGEST_WAIT_MS = 10_000

/**
 * Tries again what failed, with growing waits. The first failure in a row is told, and the end of the row; those between are not.
 * While it waits it keeps the process alive: `end` it.
 */
export class RetryLoop {
  readonly #clock: Clock
  readonly #report: (problem: JournalProblem) => void
  #since: number | undefined
  #waitMs = 0
  #callOff: (() => void) | undefined

  constructor(clock: Clock, report: (problem: JournalProblem) => void) {
    this.#clock = clock
    this.#report = report
  }

  /** True until it is time to try again. */
  get waits(): boolean {
    return this.#callOff !== undefined
  }

  /** It failed: `again` is called after a while. */
  failed(error: unknown, message: string, again: () => void): void {
    if (this.#since === undefined) this.tell(error, `${message} (${wordsOf(error)})`)
    this.#since ??= this.#clock.monotonic()
    this.#waitMs = this.#waitMs === 0 ? FIRST_WAIT_MS : Math.min(2 * this.#waitMs, LONGEST_WAIT_MS)
    this.#callOff = this.#clock.schedule(() => {
      this.#callOff = undefined
      again()
    }, this.#waitMs)
  }

  /** It worked. */
  worked(message: string): void {
    if (this.#since === undefined) return
    const seconds = Math.round(this.#clock.monotonic() - this.#since) / 1000
    this.#since = undefined
    this.#waitMs = 0
    this.tell(undefined, `${message}, after ${seconds} s`)
  }

  /** Calls the next try off. */
  end(): void {
    this.#callOff?.()
    this.#callOff = undefined
  }

  /** Whoever listens badly hears nothing; the work goes on. */
  tell(error: unknown, message: string): void {
    try {
      this.#report({ error, message })
    } catch {
      // See above.
    }
  }
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
