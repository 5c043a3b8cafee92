import * as z from 'zod'
import { once } from '../core/once.js'
import { checkOptions, nonNegative, optionsOf, positiveMs } from '../options-check.js'

/** How many retries a pool may make: `floor + ratio * first attempts`, in any trailing `perMs`. */
export type RetryBudgetOptions = {
  /** Retries per first attempt. 0 or more. Default 0.2: a backend that always fails is called 1.2 times per task, not four. */
  readonly ratio?: number | undefined
  /**
   * Retries that are always allowed, so that a pool with few tasks can retry each. 0 or more; `Infinity`: no bound. Default 100. Whatever the
   * budget, no retry waits for it longer than `perMs`, nor longer than ten minutes.
   */
  readonly floor?: number | undefined
  /** The length of the window in which attempts are counted, in milliseconds. More than 0. Default 60,000. */
  readonly perMs?: number | undefined
}

/** The rule for {@link RetryBudgetOptions}. */
export const retryBudgetRule: () => z.ZodType = once(() =>
  optionsOf({
    ratio: z.number().min(0),
    floor: nonNegative,
    perMs: positiveMs,
  }).partial(),
)

/** Attempts are counted per part of the window, not one by one: a pool may start millions of them in a minute. */
const PARTS = 60
/** No retry is held back for longer, in milliseconds: a budget that allows none, or counts for years, must not end the work of a pool. */
const LONGEST_HOLD_MS = 600_000

/** One more than there are parts: the oldest is only partly inside the window. */
const SLOTS = PARTS + 1

/**
 * Prevents retry storms, in which a failing backend is called several times for each task. Pure: `now` is an argument, in monotonic
 * milliseconds; a value before the latest part counts towards the latest part.
 *
 * Invariant: the window that ends at a retry contains, with this one, at most `floor + ratio * first attempts` retries, except for one that
 * has been held back for as long as any may be. Where parts are not exact, the bound is conservative: of the oldest part, all retries
 * count and no first attempts.
 */
export class RetryBudget {
  readonly #ratio: number
  readonly #floor: number
  readonly #partMs: number
  readonly #longestHoldMs: number
  readonly #firsts: number[] = new Array<number>(SLOTS).fill(0)
  readonly #retries: number[] = new Array<number>(SLOTS).fill(0)
  /** The slot of the latest part, and when that ends. The next slot is that of the oldest part. */
  #slot = 0
  #endsAt = Number.NEGATIVE_INFINITY
  /** Sums: of first attempts without the oldest part, of retries with it. */
  #firstSum = 0
  #retrySum = 0
  /** Since when a retry is held back. */
  #heldSince: number | undefined

  /** @throws INVALID_INPUT for invalid options. */
  constructor(options: RetryBudgetOptions = {}) {
    checkOptions(retryBudgetRule(), options, { of: 'RetryBudget', path: 'retryBudget' })
    const { ratio = 0.2, floor = 100, perMs = 60_000 } = options
    this.#ratio = ratio
    this.#floor = floor
    // A part of no length would never end.
    this.#partMs = Math.max(1, perMs) / PARTS
    this.#longestHoldMs = Math.min(perMs, LONGEST_HOLD_MS)
  }

  /** Counts a first attempt. */
  countFirst(now: number): void {
    this.#advance(now)
    this.#firsts[this.#slot]++
    this.#firstSum++
  }

  /** Counts a retry. Ask `mayRetry` first. */
  countRetry(now: number): void {
    this.#advance(now)
    this.#heldSince = undefined
    this.#retries[this.#slot]++
    this.#retrySum++
  }

  /** True when a retry may start now. Counts nothing. */
  allowsRetry(now: number): boolean {
    this.#advance(now)
    return this.#retrySum + 1 <= this.#floor + this.#ratio * this.#firstSum
  }

  /** True when a retry is allowed, or has been held back for long enough. Call it only when one waits: if false, it is held back from now on. */
  mayRetry(now: number): boolean {
    if (this.allowsRetry(now)) return true
    this.#heldSince ??= now
    return now - this.#heldSince >= this.#longestHoldMs
  }

  #advance(now: number): void {
    if (now < this.#endsAt) return
    if (this.#endsAt === Number.NEGATIVE_INFINITY) this.#endsAt = now
    const parts = Math.floor((now - this.#endsAt) / this.#partMs) + 1
    if (!(parts > 0)) return
    this.#endsAt += parts * this.#partMs
    for (let left = Math.min(parts, SLOTS); left > 0; left--) this.#nextPart()
  }

  #nextPart(): void {
    this.#slot = (this.#slot + 1) % SLOTS
    this.#retrySum -= this.#retries[this.#slot]
    this.#retries[this.#slot] = 0
    this.#firsts[this.#slot] = 0
    this.#firstSum -= this.#firsts[(this.#slot + 1) % SLOTS]
  }
}
