import { DEFAULT_AGING_MS } from '../core/scheduler/order.js'

/** How many attempts one step of aging lasts by default: with tens of them, waiting decided the order of long tasks in place of their paths. */
const ATTEMPTS_PER_STEP = 100
/** About so many attempts count, the latest. */
const REMEMBERED = 100

/** How long a task of a pool has to wait until it is one step more urgent: as the host says, or for as long as a hundred attempts take, one minute at least. */
export class Aging {
  readonly #fixedMs: number | undefined
  #meanMs = 0
  #count = 0

  /** @param fixedMs The option `agingMs`. */
  constructor(fixedMs: number | undefined) {
    this.#fixedMs = fixedMs
  }

  /** In milliseconds. */
  get ms(): number {
    return this.#fixedMs ?? Math.max(DEFAULT_AGING_MS, ATTEMPTS_PER_STEP * this.#meanMs)
  }

  /** An attempt has succeeded after `ms`. */
  succeeded(ms: number): void {
    this.#count = Math.min(this.#count + 1, REMEMBERED)
    this.#meanMs += (Math.max(0, ms) - this.#meanMs) / this.#count
  }
}
