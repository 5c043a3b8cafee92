import { invalid } from '../options-check.js'

/** How many retries a pool makes at most: `floor + ratio * first attempts`, over each trailing `perMs`. */
export interface RetryBudgetOptions {
  /** Retries for each first attempt. 0 or more. Default 0.2: a backend that fails every time is called 1.2 times per task, not four. */
  readonly ratio?: number
  /** Retries that are always free, so that a pool with few tasks can retry each. 0 or more; `Infinity` sets no bound. Default 100. */
  readonly floor?: number
  /** Over how long attempts are counted, in milliseconds. More than 0. Default 60,000. */
  readonly perMs?: number
}

/** The span is counted in so many parts: a count per part, not a time per attempt, since a pool makes millions of attempts a minute. */
const PARTS = 60
/** One more than the span has: the oldest part lies in it with a piece only. */
const SLOTS = PARTS + 1

/**
 * Keeps a failing backend from being called several times for each task (a retry storm). Pure: `now` comes in as the clock's `monotonic`,
 * and one that is a little old, or goes back, counts for the part that is the latest.
 *
 * Invariant: in the `perMs` that end at a retry there are, with this one, at most `floor + ratio * first attempts` of them. It is kept on
 * the safe side of what parts can tell: retries of the oldest part all count, first attempts of it do not.
 */
export class RetryBudget {
  readonly #ratio: number
  readonly #floor: number
  readonly #partMs: number
  readonly #firsts: number[] = new Array<number>(SLOTS).fill(0)
  readonly #retries: number[] = new Array<number>(SLOTS).fill(0)
  /** The slot of the latest part, and when that ends. The slot after it is the oldest. */
  #slot = 0
  #endsAt = Number.NEGATIVE_INFINITY
  /** Sums: of first attempts without the oldest part, of retries with it. */
  #firstsInside = 0
  #retriesInside = 0

  /** @throws INVALID_INPUT for options that are not as documented. */
  constructor(options: RetryBudgetOptions = {}) {
    const { ratio = 0.2, floor = 100, perMs = 60_000 } = options
    if (!(ratio >= 0 && ratio < Number.POSITIVE_INFINITY))
      throw invalid('retryBudget.ratio', 'a finite number, 0 or more', ratio)
    if (!(floor >= 0)) throw invalid('retryBudget.floor', 'a number, 0 or more', floor)
    if (!(perMs > 0 && perMs < Number.POSITIVE_INFINITY))
      throw invalid('retryBudget.perMs', 'a finite number of milliseconds above 0', perMs)
    this.#ratio = ratio
    this.#floor = floor
    this.#partMs = perMs / PARTS
  }

  /** A first attempt starts: it earns a share of a retry. */
  first(now: number): void {
    if (!(now < this.#endsAt)) this.#turn(now)
    this.#firsts[this.#slot]++
    this.#firstsInside++
  }

  /** True when a retry may start now: it is counted. False when the budget is spent: nothing is. */
  retry(now: number): boolean {
    if (!this.mayRetry(now)) return false
    this.#retries[this.#slot]++
    this.#retriesInside++
    return true
  }

  /** What `retry` would say. Counts nothing. */
  mayRetry(now: number): boolean {
    if (!(now < this.#endsAt)) this.#turn(now)
    return this.#retriesInside + 1 <= this.#floor + this.#ratio * this.#firstsInside
  }

  /** Goes to the part that `now` lies in. */
  #turn(now: number): void {
    if (this.#endsAt === Number.NEGATIVE_INFINITY) this.#endsAt = now
    const parts = Math.floor((now - this.#endsAt) / this.#partMs) + 1
    if (!(parts > 0)) return
    this.#endsAt += parts * this.#partMs
    for (let left = Math.min(parts, SLOTS); left > 0; left--) this.#next()
  }

  /** The oldest part is over, the one after it becomes the oldest, and a new one begins. */
  #next(): void {
    this.#slot = (this.#slot + 1) % SLOTS
    this.#retriesInside -= this.#retries[this.#slot]
    this.#retries[this.#slot] = 0
    this.#firsts[this.#slot] = 0
    this.#firstsInside -= this.#firsts[(this.#slot + 1) % SLOTS]
  }
}
