import { invalid } from '../options-check.js'

/** At most `limit` in every `perMs`: a sliding window. */
export interface WindowLimit {
  /** How much may start (requests, tokens) in any span of `perMs`. At least 1. */
  readonly limit: number
  /** The length of the window, in milliseconds. More than 0. */
  readonly perMs: number
}

/** A start in a {@link RateWindow}: its number, so that a window of a million starts makes no object for each. */
export type WindowEntry = number

/**
 * A closed window of `perMs` holds a start at its first moment and one at its last, so a start has left only when more than `perMs` has
 * passed: this much more, about a microsecond. A power of two: whole milliseconds plus this are exact for 250,000 years.
 */
const TICK_MS = 2 ** -10

/** More than any limit. Weights are whole and no larger, so that sums of them are exact. */
const HEAVIEST = 2 ** 40

/** A weight as it is counted: whole (a part counts as one), 0 for what is negative or no number, and `Infinity` more than any limit. */
export function wholeWeight(weight: number): number {
  if (!(weight > 0)) return 0
  return weight < HEAVIEST ? Math.ceil(weight) : HEAVIEST
}

/** @throws INVALID_INPUT at `where` unless `limit` is at least 1, `perMs` is above 0, and both are finite. */
export function checkWindowLimit({ limit, perMs }: WindowLimit, where: string): WindowLimit {
  if (!(limit >= 1 && limit < Number.POSITIVE_INFINITY))
    throw invalid(`${where}.limit`, 'a finite number, 1 or more', limit)
  if (!(perMs > 0 && perMs < Number.POSITIVE_INFINITY))
    throw invalid(`${where}.perMs`, 'a finite number of milliseconds above 0', perMs)
  return { limit, perMs }
}

/**
 * What has started lately. Pure: it has no timer, `now` comes in as the clock's `monotonic`, and answers are in the same milliseconds.
 * A `now` that lies before the last one is taken for the last one: time may stand still, it does not go back.
 *
 * Invariant: who starts only when `nextAt(now) <= now`, and calls `take` then, starts no more than `limit` in any closed window of
 * `perMs`, wherever it begins; and `nextAt` is never later than that needs. What weighs more than the limit starts in an empty window only.
 * All of it takes constant time per start, amortised; memory is bounded by the starts of the fullest window so far.
 */
export class RateWindow {
  /** As it was set. */
  #limit: WindowLimit
  /** The limit in whole units, below {@link HEAVIEST}. */
  #most = 0
  #perMs = 0
  /** Starts are kept for so long: the longest `perMs` of late ... */
  #keepMs = 0
  /** ... until then. Infinity: `perMs` was changed, and time has not gone on since. */
  #keepUntil = Number.NEGATIVE_INFINITY
  #now = Number.NEGATIVE_INFINITY
  /** A ring: start number `n` is at `n & #mask`. In the order of time. */
  #times = new Float64Array(16)
  #weights = new Float64Array(16)
  #mask = 15
  /** The numbers of the oldest start that is kept, of the oldest one in the window, and of the next one to come. */
  #first = 0
  #inside = 0
  #next = 0
  /** The sum of the weights from `#inside` to the end. */
  #load = 0
  /** What leaves next: `#freed` is the sum of the weights from `#inside` up to `#cursor`. See `#freeAt`. */
  #cursor = 0
  #freed = 0

  /** @throws INVALID_INPUT for a limit below 1 or a length that is not above 0. */
  constructor(limit: WindowLimit) {
    this.#limit = limit
    this.limit = limit
  }

  get limit(): WindowLimit {
    return this.#limit
  }

  /**
   * Takes effect at once, for what is in the window too: with a lower limit nothing starts until it fits. A shorter window forgets
   * nothing at first: starts are kept for as long as the longer one lasted, and who sets that again meanwhile has it complete.
   * A window that is longer than any of late knows only what those had kept: it is exact once it has been in force for its own length.
   * @throws INVALID_INPUT for a limit below 1 or a length that is not above 0.
   */
  set limit(value: WindowLimit) {
    this.#limit = checkWindowLimit(value, 'limit')
    this.#most = Math.min(Math.floor(value.limit), HEAVIEST - 1)
    if (value.perMs === this.#perMs) return
    this.#keepMs = Math.max(this.#keepMs, this.#perMs, value.perMs)
    this.#keepUntil = Number.POSITIVE_INFINITY
    this.#perMs = value.perMs
    this.#recount()
  }

  /** When something of this weight may start at the earliest if nothing else does before: `now` itself, or a later moment. */
  nextAt(now: number, weight = 1): number {
    this.#advance(now)
    const excess = this.#load + Math.min(wholeWeight(weight), this.#most) - this.#most
    return excess <= 0 ? now : this.#freeAt(excess)
  }

  /** Something starts now. Whether it may is not looked at. The entry is for `correct`. */
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

  /** Something of this weight has started, when is not known: it counts as if it were now. For what was going on before a restart. */
  occupy(now: number, weight = 1): void {
    this.add(now, weight)
  }

  /**
   * What has started turned out to weigh something else. Less frees at once; more may put the window over its limit, then nothing
   * starts until it fits. An entry that has left the window is not corrected any more.
   */
  correct(entry: WindowEntry, weight: number): void {
    if (!(entry >= this.#first && entry < this.#next)) return
    const at = entry & this.#mask
    const change = wholeWeight(weight) - this.#weights[at]
    this.#weights[at] = this.#weights[at] + change
    if (entry >= this.#inside) this.#load += change
    if (entry >= this.#inside && entry < this.#cursor) this.#freed += change
  }

  /** What has started in the last `perMs`. */
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
   * When so much of the load has left. The cursor stays where the last answer was, and an answer differs from the last one by what has
   * changed between. BAD: to walk from `#inside` each time. After the limit was cut from 100,000 to 10 every question took 100,000 steps.
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

  /** The window has another length. */
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
