import { FAILURE_KINDS, type Failure, type FailureKind } from '../../core/failure/failure.js'
import { CounterpointError, type InputIssue } from '../../errors.js'

/** A concurrency that adapts itself to what the provider takes, between two bounds. */
export interface AdaptiveConcurrency {
  /** Never fewer slots than this, at least 1. With 1, one hung attempt holds the pool until its time-out. */
  readonly min: number
  /** Never more slots than this. */
  readonly max: number
  /** Where it begins. Default 4, or the bound that is nearest. */
  readonly start?: number
  /**
   * The first step, in slots per window, beyond the level where trouble last began; it doubles with each further window that is free of
   * trouble. Default 1.
   */
  readonly increase?: number
  /** What trouble leaves of the limit, more than 0 and less than 1. Default 0.7. */
  readonly decrease?: number
  /** No second decrease within this time of the first, in milliseconds. Default 500. */
  readonly coolDownMs?: number
  /** The limit grows at most once in this time, in milliseconds. Default 1,000. */
  readonly windowMs?: number
  /**
   * The share of failures that is put up with, from 0 to 1: a busy provider turns a few away whatever the load is. Of what successes have
   * so earned, no more than 5 failures are saved up. 0 lets every failure count. Default 0.02.
   */
  readonly tolerance?: number
  /** The failures that say "too much at once"; all others say nothing. Default `throttled`, `overloaded`, `timeout` (of the attempt, or idle). */
  readonly countsAs?: readonly FailureKind[]
}

/** What the end of an attempt says of the load: it was taken, it was too much, or neither. */
export type LoadSign = 'ok' | 'overload' | 'other'

/** The most failures that are saved up. More would find a real overload later. */
const MOST_CREDIT = 5
/** A limit is "really used" from this share of it on: a pool that has little to do learns nothing about a higher one. */
const USED_SHARE = 0.8
/** How many windows the way back to the level of the last trouble takes: fewer where one slot more is a large step. */
const FEWEST_ROUNDS = 3
const MOST_ROUNDS = 10

/**
 * How many attempts may be in flight, found by trying: additive increase and multiplicative decrease (Chiu and Jain, 1989), with the
 * memory of CUBIC (RFC 9438). It doubles each window until the first trouble. From then on it returns to the level where trouble last
 * began quickly at first and ever more slowly, stays just below, and only then tries more, in steps of 1, 2, 4 ...
 *
 * A *round* is one window in which as many attempts as the limit allows have started and succeeded, with the limit really used. Only a
 * round makes it grow, so slow attempts make it grow slowly.
 *
 * Invariants: min <= limit <= max, a whole number. What attempts tell that began before the last decrease is old news and changes nothing.
 * Pure: time is an argument, in milliseconds, monotonic; it may stand still.
 */
export class AdaptiveLimit {
  readonly #options: Required<AdaptiveConcurrency>
  /** Not rounded: the way back to the last level is made of fractions. */
  #limit: number
  /** Where trouble last began; infinite until it does. */
  #troubleAt = Number.POSITIVE_INFINITY
  /** Where the last decrease led to, when, and how many rounds ago. */
  #floor: number
  #decreasedAt = Number.NEGATIVE_INFINITY
  #rounds = 0
  /** The highest limit that has had a whole round since the last decrease. */
  #safe = Number.POSITIVE_INFINITY
  /** True once anything that began after the last decrease has succeeded: the provider is not down. */
  #answers = false
  /** Failures that will be put up with. */
  #credit = 0
  #roundBegan: number | undefined
  #successes = 0

  /** @throws INVALID_INPUT with an issue for each option that is not as documented; `where` is where they were given. */
  constructor(options: AdaptiveConcurrency, where = 'concurrency') {
    this.#options = checked(options, where)
    this.#limit = this.#options.start
    this.#floor = this.#limit
  }

  /** How many attempts may be in flight now. */
  get limit(): number {
    return Math.floor(this.#limit)
  }

  /** What a failed attempt says of the load. A time-out in the queue, or over all attempts, is none of the provider's. */
  signOf({ kind, timeout }: Failure): LoadSign {
    const isOurs = kind === 'timeout' && (timeout === 'queue' || timeout === 'total')
    return this.#options.countsAs.includes(kind) && !isOurs ? 'overload' : 'other'
  }

  /** An attempt has ended. `inFlight` counts those that were in flight until now, this one too. True when `limit` has changed. */
  ended(now: number, startedAt: number, sign: LoadSign, inFlight: number): boolean {
    const before = this.limit
    this.#roundBegan ??= startedAt
    if (startedAt >= this.#decreasedAt) {
      if (sign === 'ok') this.#succeeded(now, startedAt, inFlight)
      if (sign === 'overload') this.#overloaded(now)
    }
    return this.limit !== before
  }

  #succeeded(now: number, startedAt: number, inFlight: number): void {
    this.#answers = true
    this.#credit = Math.min(MOST_CREDIT, this.#credit + this.#options.tolerance)
    const roundBegan = this.#roundBegan as number
    if (startedAt < roundBegan || inFlight < this.limit * USED_SHARE) return
    this.#successes++
    if (this.#successes >= this.limit && now - roundBegan >= this.#options.windowMs) this.#grow(now)
  }

  #grow(now: number): void {
    this.#safe = this.limit
    this.#rounds++
    const wanted = Math.max(this.#limit, Math.min(this.#limit * 2, this.#target()))
    this.#limit = Math.min(this.#options.max, wanted)
    this.#beginRound(now)
  }

  /** The share of the way back that is still to go shrinks with its third power; beyond the end of the way the steps double. */
  #target(): number {
    const troubleAt = this.#troubleAt
    if (troubleAt === Number.POSITIVE_INFINITY) return troubleAt
    const rounds = Math.max(FEWEST_ROUNDS, Math.min(MOST_ROUNDS, troubleAt - 1))
    const left = 1 - this.#rounds / rounds
    if (left >= 0) return troubleAt - (troubleAt - this.#floor) * left ** 3
    return this.#limit + this.#options.increase * 2 ** (this.#rounds - rounds - 1)
  }

  #overloaded(now: number): void {
    // Still the trouble that the last decrease answers. No round goes on while there is any.
    if (now - this.#decreasedAt < this.#options.coolDownMs) return this.#beginRound(now)
    this.#credit--
    if (this.#credit < 0) this.#decrease(now)
  }

  /** By the factor, by one slot at least, and at once back to what a whole round has shown to be safe. */
  #decrease(now: number): void {
    const { limit } = this
    // With nothing answered in between it is an outage: that tells nothing about the level, and the last one is kept to return to.
    if (this.#answers) this.#troubleAt = limit
    this.#limit = Math.max(
      this.#options.min,
      Math.min(limit - 1, Math.ceil(limit * this.#options.decrease), this.#safe),
    )
    this.#floor = this.#limit
    this.#decreasedAt = now
    this.#rounds = 0
    this.#safe = Number.POSITIVE_INFINITY
    this.#answers = false
    this.#credit = 0
    this.#beginRound(now)
  }

  #beginRound(now: number): void {
    this.#roundBegan = now
    this.#successes = 0
  }
}

const COUNTS_AS: readonly FailureKind[] = ['throttled', 'overloaded', 'timeout']

function checked(options: AdaptiveConcurrency, where: string): Required<AdaptiveConcurrency> {
  const { min, max, start = Math.min(max, Math.max(min, 4)), increase = 1, decrease = 0.7 } = options
  const { coolDownMs = 500, windowMs = 1_000, tolerance = 0.02, countsAs = COUNTS_AS } = options
  const full = { min, max, start, increase, decrease, coolDownMs, windowMs, tolerance, countsAs }
  const issues = RULES.filter(([, , holds]) => !holds(full)).map(([name, expected]): InputIssue => {
    return { path: `${where}.${name}`, message: `expected ${expected}, got ${String(full[name])}` }
  })
  if (issues.length === 0) return full
  const list = issues.map(({ path, message }) => `${path}: ${message}`).join('; ')
  throw new CounterpointError('INVALID_INPUT', `${list}. Give bounds such as { min: 1, max: 16 }.`, { issues })
}

/** NaN fails every comparison, and so every rule. */
const isMillis = (value: number): boolean => value >= 0 && value <= Number.MAX_SAFE_INTEGER

const RULES: readonly (readonly [
  name: keyof AdaptiveConcurrency,
  expected: string,
  holds: (options: Required<AdaptiveConcurrency>) => boolean,
])[] = [
  ['min', 'a positive integer', ({ min }) => Number.isSafeInteger(min) && min >= 1],
  ['max', 'an integer that is not below min', ({ min, max }) => Number.isSafeInteger(max) && max >= min],
  [
    'start',
    'an integer from min to max',
    ({ min, max, start }) => Number.isSafeInteger(start) && start >= min && start <= max,
  ],
  ['increase', 'a positive number', ({ increase }) => increase > 0 && increase < Number.POSITIVE_INFINITY],
  ['decrease', 'a number between 0 and 1', ({ decrease }) => decrease > 0 && decrease < 1],
  ['coolDownMs', 'milliseconds, 0 or more', ({ coolDownMs }) => isMillis(coolDownMs)],
  ['windowMs', 'milliseconds, 0 or more', ({ windowMs }) => isMillis(windowMs)],
  ['tolerance', 'a number from 0 to 1', ({ tolerance }) => tolerance >= 0 && tolerance <= 1],
  ['countsAs', 'kinds of failure', ({ countsAs }) => countsAs.every(kind => FAILURE_KINDS.includes(kind))],
]
