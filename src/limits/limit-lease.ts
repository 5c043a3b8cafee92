import type { WindowEntry } from './rate-window.js'
import type { ReservingWindow } from './reserving-window.js'

/** What one attempt holds of a limit: a place among those in flight, a request, and the tokens that it is expected to use. */
export class LimitLease {
  /** Of the slow start of the limit. */
  readonly ticket: number
  readonly #requests: ReservingWindow | undefined
  readonly #tokens: ReservingWindow | undefined
  readonly #weight: number
  #entry: WindowEntry | undefined
  #started = false

  constructor(
    requests: ReservingWindow | undefined,
    tokens: ReservingWindow | undefined,
    weight: number,
    ticket: number,
  ) {
    this.#requests = requests
    this.#tokens = tokens
    this.#weight = weight
    this.ticket = ticket
    requests?.reserve(1)
    tokens?.reserve(weight)
  }

  /** Its backend is called now. */
  started(now: number): void {
    if (this.#started) return
    this.#started = true
    this.#requests?.start(now, 1)
    this.#entry = this.#tokens?.start(now, this.#weight)
  }

  /** So many tokens it used; undefined when nobody knows: then it is what was expected. */
  correctTokens(tokens: number | undefined): void {
    if (tokens !== undefined && this.#entry !== undefined) this.#tokens?.correct(this.#entry, this.#weight, tokens)
  }

  /** It has ended; if it never started, nothing was taken. */
  released(): void {
    if (this.#started) return
    this.#started = true
    this.#requests?.release(1)
    this.#tokens?.release(this.#weight)
  }
}
