import * as z from 'zod'
import { once } from '../core/once.js'
import { optionsOf, positiveMs } from '../options-check.js'

/** At most `limit` in every `perMs`: a sliding window. */
export type WindowLimit = {
  /** How much may start (requests, tokens) in any span of `perMs`. At least 1. */
  readonly limit: number
  /** The length of the window, in milliseconds. More than 0. */
  readonly perMs: number
}

/** The rule for a {@link WindowLimit}. */
export const windowRule: () => z.ZodType = once(() => optionsOf({ limit: z.number().min(1), perMs: positiveMs }))

/** The number of a start in a {@link RateWindow}. No object, so that a window of a million starts allocates none. */
export type WindowEntry = number

/**
 * A closed window of `perMs` contains a start at its first moment and one at its last. So a start leaves the window only after more than
 * `perMs`: this much more, about a microsecond. A power of two: added to whole milliseconds it is exact for 250,000 years.
 */
const TICK_MS = 2 ** -10

/** More than any limit. Weights are integers and no larger, so that their sums are exact. */
const MAX_WEIGHT = 2 ** 40

/** The weight as it is counted: rounded up, 0 when negative or NaN, and at most {@link MAX_WEIGHT}. */
export function wholeWeight(weight: number): number {
  if (!(weight > 0)) return 0
  return weight < MAX_WEIGHT ? Math.ceil(weight) : MAX_WEIGHT
}

/**
 * Counts what has started in a sliding window. Pure: it has no timer; `now` is an argument, in milliseconds of the clock's `monotonic`.
 * A `now` before the last one is treated as the last one. Each operation takes amortised constant time; memory is bounded by the number of
 * starts in the fullest window so far.
 *
 * Invariant: if every start happens at `nextAt(now) <= now` and calls `add`, no closed window of `perMs` contains more than `limit`, and
 * `nextAt` is never later than necessary. A weight above the limit starts only in an empty window.
 */
export class RateWindow {
  #limit: WindowLimit
  /** The limit as an integer below {@link MAX_WEIGHT}. */
  #maxLoad = 0
  #perMs = 0
  /** How long starts are remembered: the longest `perMs` in recent use ... */
  #keepMs = 0
  /** ... until this time. Infinity: `perMs` has been changed, and `now` has not moved since. */
  #keepUntil = Number.NEGATIVE_INFINITY
  #now = Number.NEGATIVE_INFINITY
  /** Ring buffers in the order of time: start `n` is at `n & #mask`. */
  #times = new Float64Array(16)
  #weights = new Float64Array(16)
  #mask = 15
  /** The numbers of the oldest start remembered, of the oldest one in the window, and of the next one. */
  #first = 0
  #inside = 0
  #next = 0
  /** The sum of the weights from `#inside` to the end. */
  #load = 0
  /** `#freed` is the sum of the weights from `#inside` up to `#cursor`. See `#freeAt`. */
  #cursor = 0
  #freed = 0

  constructor(limit: WindowLimit) {
    this.#limit = limit
    this.limit = limit
  }

  get limit(): WindowLimit {
    return this.#limit
  }

  /**
   * Takes effect at once, also for what has started: with a lower limit nothing starts until it fits. After a change to a shorter window,
   * starts are remembered for as long as the longer one lasted, so that it may be set again. A window longer than any in recent use knows
   * only the starts that those remembered: it is exact after its own length.
   */
  set limit(value: WindowLimit) {
    this.#limit = { limit: value.limit, perMs: value.perMs }
    this.#maxLoad = Math.min(Math.floor(value.limit), MAX_WEIGHT - 1)
    if (value.perMs === this.#perMs) return
    this.#keepMs = Math.max(this.#keepMs, this.#perMs, value.perMs)
    this.#keepUntil = Number.POSITIVE_INFINITY
    this.#perMs = value.perMs
    this.#recount()
  }

  /** The earliest time at which this weight may start if nothing else starts before: `now` or later. */
  nextAt(now: number, weight = 1): number {
    this.#advance(now)
    const excess = this.#load + Math.min(wholeWeight(weight), this.#maxLoad) - this.#maxLoad
    return excess <= 0 ? now : this.#freeAt(excess)
  }

  /** Adds a start, without checking the limit. Returns the entry for `correct`. */
  add(now: number, weight = 1): WindowEntry {
    this.#advance(now)
    if (this.#next - this.#first > this.#mask) this.#grow()
    const whole = wholeWeight(weight)
    const at = this.#next & this.#mask
    this.#times[at] = this.#now
    this.#weights[at] = whole
    this.#load += whole
    return this.#next++
  }

  /**
   * Replaces the weight of a start. A lower weight makes room at once; after a higher one, which may exceed the limit, nothing starts until
   * it fits. Has no effect when the entry has left the window.
   */
  correct(entry: WindowEntry, weight: number): void {
    if (!(entry >= this.#first && entry < this.#next)) return
    const at = entry & this.#mask
    const change = wholeWeight(weight) - this.#weights[at]
    this.#weights[at] = this.#weights[at] + change
    if (entry >= this.#inside) this.#load += change
    if (entry >= this.#inside && entry < this.#cursor) this.#freed += change
  }

  /** The sum of the weights of the last `perMs`. */
  load(now: number): number {
    this.#advance(now)
    return this.#load
  }

  #leavesAt(entry: WindowEntry): number {
    return this.#times[entry & this.#mask] + (this.#perMs + TICK_MS)
  }

  #advance(now: number): void {
    if (!(now > this.#now)) return
    this.#now = now
    while (this.#inside < this.#next && this.#leavesAt(this.#inside) <= now) this.#leave()
    if (this.#keepUntil === Number.POSITIVE_INFINITY) this.#keepUntil = now + this.#keepMs
    if (now >= this.#keepUntil) this.#keepMs = this.#perMs
    const gone = now - this.#keepMs - TICK_MS
    while (this.#first < this.#inside && this.#times[this.#first & this.#mask] <= gone) this.#first++
  }

  #leave(): void {
    const weight = this.#weights[this.#inside & this.#mask]
    this.#load -= weight
    if (this.#cursor > this.#inside) this.#freed -= weight
    else this.#cursor++
    this.#inside++
  }

  /**
   * When this much of the load has left. The cursor stays where the last call has put it, so that a call costs as many steps as the load
   * has changed. BAD: to start at `#inside` each time. After the limit was lowered from 100,000 to 10, each call took 100,000 steps.
   */
  #freeAt(excess: number): number {
    while (this.#freed < excess && this.#cursor < this.#next) this.#freed += this.#weights[this.#cursor++ & this.#mask]
    for (;;) {
      const without = this.#freed - this.#weights[(this.#cursor - 1) & this.#mask]
      if (without < excess) return this.#leavesAt(this.#cursor - 1)
      this.#freed = without
      this.#cursor--
    }
  }

  /** Recomputes the sums after `perMs` has been changed. */
  #recount(): void {
    this.#inside = this.#first
    this.#cursor = this.#first
    this.#freed = 0
    this.#load = 0
    for (let entry = this.#first; entry < this.#next; entry++) this.#load += this.#weights[entry & this.#mask]
    while (this.#inside < this.#next && this.#leavesAt(this.#inside) <= this.#now) this.#leave()
  }

  #grow(): void {
    const mask = 2 * this.#mask + 1
    const times = new Float64Array(mask + 1)
    const weights = new Float64Array(mask + 1)
    for (let entry = this.#first; entry < this.#next; entry++) {
      times[entry & mask] = this.#times[entry & this.#mask]
      weights[entry & mask] = this.#weights[entry & this.#mask]
    }
    this.#times = times
    this.#weights = weights
    this.#mask = mask
  }
}
