import type { WindowEntry } from './rate-window.js'
import type { ReservingWindow } from './reserving-window.js'

/** What one attempt uses of a limit: one request, and the tokens that it is expected to use. */
export class LimitLease {
  /** The ticket of the limit's slow start. */
  readonly ticket: number
  readonly #requests: ReservingWindow | undefined
  readonly #tokens: ReservingWindow | undefined
  readonly #expectedTokens: number
  #entry: WindowEntry | undefined
  #isReserved = true

  constructor(
    requests: ReservingWindow | undefined,
    tokens: ReservingWindow | undefined,
    expectedTokens: number,
    ticket: number,
  ) {
    this.#requests = requests
    this.#tokens = tokens
    this.#expectedTokens = expectedTokens
    this.ticket = ticket
    requests?.reserve(1)
    tokens?.reserve(expectedTokens)
  }

  /** False when a window was lowered since, so that the attempt would exceed it. */
  fits(now: number): boolean {
    return (this.#requests?.fits(now, 1) ?? true) && (this.#tokens?.fits(now, this.#expectedTokens) ?? true)
  }

  /** The backend is called now. */
  started(now: number): void {
    if (!this.#isReserved) return
    this.#isReserved = false
    this.#requests?.start(now, 1)
    this.#entry = this.#tokens?.start(now, this.#expectedTokens)
  }

  /** Replaces the expected tokens by the tokens used. Undefined (unknown): the expected ones stay. */
  correctTokens(used: number | undefined): void {
    if (used !== undefined && this.#entry !== undefined) this.#tokens?.correct(this.#entry, this.#expectedTokens, used)
  }

  /** The attempt is over. If it has never started, it counts for nothing. */
  released(): void {
    if (!this.#isReserved) return
    this.#isReserved = false
    this.#requests?.release(1)
    this.#tokens?.release(this.#expectedTokens)
  }
}
