import * as z from 'zod'
import type { Failure, FailureKind } from '../../core/failure/failure.js'
import { once } from '../../core/once.js'
import type { Complete } from '../../core/with-defaults.js'
import { checkValue, failureKinds, millis, optionsOf, positiveInteger } from '../../options-check.js'

/** A concurrency limit that adapts to what the provider can take, between two bounds. */
export type AdaptiveConcurrency = {
  /** The lowest limit, at least 1. With 1, one hung attempt blocks the pool until its timeout. */
  readonly min: number
  /** The highest limit, at least `min`. */
  readonly max: number
  /** The initial limit. Default 4, clamped to the bounds. */
  readonly start?: number | undefined
  /**
   * The first step, in slots per window, beyond the level of the last overload. It doubles with each further window without one.
   * Default 1.
   */
  readonly increase?: number | undefined
  /** The factor that an overload multiplies the limit by, between 0 and 1. Default 0.7. */
  readonly decrease?: number | undefined
  /** The shortest time between two decreases, in milliseconds. Default 500. */
  readonly coolDownMs?: number | undefined
  /** The shortest time between two increases, in milliseconds. Default 1,000. */
  readonly windowMs?: number | undefined
  /**
   * The share of failed attempts that is tolerated, from 0 to 1: a busy provider rejects a few requests at any load. Each success earns
   * this much of a failure; at most 5 failures accumulate. With 0, every failure counts. Default 0.02.
   */
  readonly tolerance?: number | undefined
  /** The failures that mean "too much at once"; the others are ignored. Default `throttled`, `overloaded` and `timeout` (of the attempt, or idle). */
  readonly countsAs?: readonly FailureKind[] | undefined
}

/** The rule for {@link AdaptiveConcurrency}. */
export const adaptiveConcurrencyRule: () => z.ZodType = once(() =>
  optionsOf({
    min: positiveInteger,
    max: positiveInteger,
    start: positiveInteger.optional(),
    increase: z.number().positive().optional(),
    decrease: z.number().positive().lt(1).optional(),
    coolDownMs: millis.optional(),
    windowMs: millis.optional(),
    tolerance: z.number().min(0).max(1).optional(),
    countsAs: failureKinds.optional(),
  })
    .refine(({ min, max }) => min <= max, { path: ['max'], message: 'expected at least the value of min' })
    .refine(({ min, max, start = min }) => start >= min && start <= max, {
      path: ['start'],
      message: 'expected a value between min and max',
    }),
)

const COUNTS_AS: readonly FailureKind[] = ['throttled', 'overloaded', 'timeout']

/** What the end of an attempt says about the load: the provider accepted it, it was too much, or neither. */
export type LoadSignal = 'ok' | 'overload' | 'neutral'

/** The most tolerated failures that accumulate. More would delay the reaction to a real overload. */
const MAX_CREDIT = 5
/** The limit only grows while at least this share of it is in use: an idle pool learns nothing about a higher limit. */
const MIN_USED_SHARE = 0.8
/** How many rounds the return to the level of the last overload takes, depending on that level. */
const MIN_RETURN_ROUNDS = 3
const MAX_RETURN_ROUNDS = 10

/**
 * A limit for attempts in flight, found by trying: additive increase and multiplicative decrease (Chiu and Jain, 1989), with the memory
 * of CUBIC (RFC 9438). It doubles each round until the first overload. After a decrease it returns towards the level of that overload,
 * quickly at first and then ever more slowly, stays just below it, and then probes higher in steps of 1, 2, 4 ...
 *
 * A *round* takes at least one window and as many successes as the limit, of attempts that started in it, while most of the limit was in
 * use. The limit only grows at the end of a round, so slow attempts make it grow slowly.
 *
 * Invariants: min <= limit <= max, an integer. Attempts that started before the last decrease are ignored.
 * Pure: time is an argument, in monotonic milliseconds; it may stand still.
 */
export class AdaptiveLimit {
  readonly #options: Complete<AdaptiveConcurrency>
  /** Not rounded: the steps of the return are fractions. */
  #limit: number
  /** The limit at the last overload; infinite before the first. */
  #overloadedAt = Number.POSITIVE_INFINITY
  /** The limit right after the last decrease, when that was, and the rounds since. */
  #decreasedTo: number
  #decreasedAt = Number.NEGATIVE_INFINITY
  #rounds = 0
  /** The highest limit that has completed a round since the last decrease. */
  #confirmed = Number.POSITIVE_INFINITY
  /** True once an attempt that started after the last decrease has succeeded: the provider is up. */
  #hasSuccess = false
  /** Failures that will be tolerated. */
  #credit = 0
  #roundStartedAt: number | undefined
  #successes = 0

  /** @throws INVALID_INPUT with an issue for each invalid option; `path` is where they were given. */
  constructor(options: AdaptiveConcurrency, path = 'concurrency') {
    const { min, max } = checkValue(adaptiveConcurrencyRule(), options, path) as AdaptiveConcurrency
    const { start = Math.min(max, Math.max(min, 4)), increase = 1, decrease = 0.7, coolDownMs = 500 } = options
    const { windowMs = 1_000, tolerance = 0.02, countsAs = COUNTS_AS } = options
    this.#options = { min, max, start, increase, decrease, coolDownMs, windowMs, tolerance, countsAs }
    this.#limit = start
    this.#decreasedTo = start
  }

  /** How many attempts may be in flight now. */
  get limit(): number {
    return Math.floor(this.#limit)
  }

  /** What a failure says about the load. A timeout in the queue, or over all attempts, says nothing about the provider. */
  signalOf({ kind, timeout }: Failure): LoadSignal {
    const isOfTask = kind === 'timeout' && (timeout === 'queue' || timeout === 'total')
    return this.#options.countsAs.includes(kind) && !isOfTask ? 'overload' : 'neutral'
  }

  /** An attempt has ended. `inFlight` includes it. Returns true when `limit` has changed. */
  ended(now: number, startedAt: number, signal: LoadSignal, inFlight: number): boolean {
    const previous = this.limit
    this.#roundStartedAt ??= startedAt
    if (startedAt >= this.#decreasedAt) {
      if (signal === 'ok') this.#succeeded(now, startedAt, inFlight)
      if (signal === 'overload') this.#overloaded(now)
    }
    return this.limit !== previous
  }

  #succeeded(now: number, startedAt: number, inFlight: number): void {
    this.#hasSuccess = true
    this.#credit = Math.min(MAX_CREDIT, this.#credit + this.#options.tolerance)
    const roundStartedAt = this.#roundStartedAt as number
    if (startedAt < roundStartedAt || inFlight < this.limit * MIN_USED_SHARE) return
    this.#successes++
    if (this.#successes >= this.limit && now - roundStartedAt >= this.#options.windowMs) this.#increase(now)
  }

  #increase(now: number): void {
    this.#confirmed = this.limit
    this.#rounds++
    const wanted = Math.max(this.#limit, Math.min(this.#limit * 2, this.#target()))
    this.#limit = Math.min(this.#options.max, wanted)
    this.#startRound(now)
  }

  /** A cubic approach to the level of the last overload; beyond it, steps that double. */
  #target(): number {
    const overloadedAt = this.#overloadedAt
    if (overloadedAt === Number.POSITIVE_INFINITY) return overloadedAt
    const rounds = Math.max(MIN_RETURN_ROUNDS, Math.min(MAX_RETURN_ROUNDS, overloadedAt - 1))
    const left = 1 - this.#rounds / rounds
    if (left >= 0) return overloadedAt - (overloadedAt - this.#decreasedTo) * left ** 3
    return this.#limit + this.#options.increase * 2 ** (this.#rounds - rounds - 1)
  }

  #overloaded(now: number): void {
    // The last decrease already responds to this overload. The round starts again, so the limit does not grow meanwhile.
    if (now - this.#decreasedAt < this.#options.coolDownMs) return this.#startRound(now)
    this.#credit--
    if (this.#credit < 0) this.#decrease(now)
  }

  /** Lowers the limit by the factor, by at least one slot, and to at most the highest confirmed limit. */
  #decrease(now: number): void {
    const { limit } = this
    // Without a success since the last decrease this is an outage: it says nothing about the level, so the last known one is kept.
    if (this.#hasSuccess) this.#overloadedAt = limit
    const { min, decrease } = this.#options
    this.#limit = Math.max(min, Math.min(limit - 1, Math.ceil(limit * decrease), this.#confirmed))
    this.#decreasedTo = this.#limit
    this.#decreasedAt = now
    this.#rounds = 0
    this.#confirmed = Number.POSITIVE_INFINITY
    this.#hasSuccess = false
    this.#credit = 0
    this.#startRound(now)
  }

  #startRound(now: number): void {
    this.#roundStartedAt = now
    this.#successes = 0
  }
}
