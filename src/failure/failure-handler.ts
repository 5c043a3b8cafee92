import * as z from 'zod'
import { type Failure, type FailureKind, INPUT_TIMEOUT, isThrottling } from '../core/failure/failure.js'
import type { FailureFacts } from '../core/failure/failure-facts.js'
import type { RefusalCounts } from '../core/failure/refusals.js'
import type { Verdict } from '../core/failure/verdict.js'
import { once } from '../core/once.js'
import type { Backoff } from '../core/state/task.js'
import { type Complete, withDefaults } from '../core/with-defaults.js'
import { checkMembers, checkOptions, failureKinds, type MemberTypes, millis, optionsOf } from '../options-check.js'
import { backoffRule } from '../plan/plan-schema.js'

/** Options of a {@link FailureHandler}. The options of a task take precedence. */
export interface FailureHandlerOptions {
  /** How often a task is retried after it failed by itself. Default 2: at most three such attempts. */
  readonly retries?: number | undefined
  /** Default: base 1,000 ms, factor 2, at most 60,000 ms. */
  readonly backoff?: Backoff | undefined
  /** How often a task may be throttled (throttled, overloaded, quota) before it is dead. Default 100. */
  readonly maxThrottled?: number | undefined
  /** How often a task may be interrupted by the end of our process before it is dead. Default 3: the task may be what ends it. */
  readonly maxInterrupted?: number | undefined
  /** How often a task may fail over to another backend before its failures count as retries. Default 5. */
  readonly maxFailovers?: number | undefined
  /** How often a failure is fed back to the agent before the task is dead. Default 2. */
  readonly maxRepairs?: number | undefined
  /** The longest that a provider's `retryAfterMs` parks a pool or rests a backend, in milliseconds. Default 86,400,000 (a day). */
  readonly maxParkMs?: number | undefined
  /**
   * How long a pool is parked when its quota is used up and the provider does not say until when, in milliseconds. While it goes on
   * refusing, a quarter of the time since it began, up to `maxParkMs`: a quota of five hours costs about 20 attempts. Default 60,000.
   */
  readonly quotaParkMs?: number | undefined
  /** Kinds that are never retried. Default `refused` and `bad-input`. */
  readonly neverRetry?: readonly FailureKind[] | undefined
  /** Kinds after which a task fails over to another backend of its pool, if one can take it. Default: throttled, overloaded, quota, timeout, crashed, refused. */
  readonly failover?: readonly FailureKind[] | undefined
  /** Kinds that are fed back to the agent. Default `invalid-output`. */
  readonly repair?: readonly FailureKind[] | undefined
}

/** What is read of the arguments in any case. */
const FAILURE: MemberTypes = { kind: 'string' }
const FACTS: MemberTypes = { task: 'object', random: 'function' }

/** Kinds after which the attempt may have had effects. */
const UNKNOWN_END: readonly FailureKind[] = ['interrupted', 'timeout', 'crashed', 'incomplete-output']

const DEFAULTS: Complete<Omit<FailureHandlerOptions, 'backoff'>> = {
  retries: 2,
  maxThrottled: 100,
  maxInterrupted: 3,
  maxFailovers: 5,
  maxRepairs: 2,
  maxParkMs: 86_400_000,
  quotaParkMs: 60_000,
  neverRetry: ['refused', 'bad-input'],
  failover: ['throttled', 'overloaded', 'quota', 'timeout', 'crashed', 'refused'],
  repair: ['invalid-output'],
}

const NO_REFUSALS: RefusalCounts = { attempts: 0, forMs: 0, broken: 0 }
/** From this many refused attempts in a row, a provider that names no time is not only busy for a moment: it gets a rest. */
const REFUSALS_IN_A_ROW = 20
const FIRST_REST_MS = 1_000
/** Each rest lasts at least this share of the time for which the provider has refused: it ends at most that much later than necessary. */
const REST_SHARE = 0.25
/** After so many times that a provider has named in vain, what it names is not relied on alone. */
const MAX_BROKEN = 30

const rule = once(() => {
  const count = z.int().min(0)
  return optionsOf({
    retries: count,
    backoff: backoffRule(),
    maxThrottled: count,
    maxInterrupted: count,
    maxFailovers: count,
    maxRepairs: count,
    maxParkMs: millis,
    quotaParkMs: millis,
    neverRetry: failureKinds,
    failover: failureKinds,
    repair: failureKinds,
  }).partial()
})

/**
 * Decides what follows from a failed attempt, by its kind. The first rule that applies:
 *
 * 1. queue and total timeouts are final;
 * 2. a task with `replay: 'never'` is retried only when it was throttled; when the attempt may have had effects, it is held;
 * 3. another backend of the pool can take it: failover;
 * 4. kinds that are never retried: dead;
 * 5. interrupted: retry at once, within `maxInterrupted`;
 * 6. throttled: the pool is parked when the provider says for how long, a quota is used up, or the provider has refused 20 attempts in a row
 *    (for 1 s, then for a quarter of the time since it began); otherwise retry after a delay;
 * 7. invalid output: repair, with the failure as feedback, unless it is the same failure as before;
 * 8. everything else: retry after a delay, within `retries`.
 *
 * Delays grow exponentially, with full jitter and a cap (Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015).
 * A provider's `retryAfterMs` is the minimum delay, clamped to `maxParkMs` (after other failures to the cap); it is ignored when it is negative
 * or not a number.
 */
export class FailureHandler {
  readonly #options: Complete<Omit<FailureHandlerOptions, 'backoff'>>
  readonly #backoff: Complete<Backoff>

  /** @throws INVALID_INPUT for unknown or invalid options. */
  constructor(options: FailureHandlerOptions = {}) {
    checkOptions(rule(), options, { of: 'FailureHandler' })
    this.#options = withDefaults(DEFAULTS, options)
    this.#backoff = withDefaults({ baseMs: 1_000, factor: 2, maxMs: 60_000 }, options.backoff ?? {})
  }

  /** The verdict on one failed attempt. @throws INVALID_INPUT for arguments that are no failure and no facts. */
  verdict(failure: Failure, facts: FailureFacts): Verdict {
    checkMembers(failure, FAILURE, 'failure')
    checkMembers(facts, FACTS, 'facts')
    const { kind } = failure
    const options = this.#options
    if (failure.timeout === 'queue' || failure.timeout === 'total')
      return { action: 'dead', reason: `the ${failure.timeout} timeout is final` }
    if (facts.task.replay === 'never' && !isThrottling(failure) && failure.code !== INPUT_TIMEOUT)
      return withoutReplay(kind)
    if (facts.alternatives > 0 && options.failover.includes(kind) && facts.failovers < options.maxFailovers)
      return this.#failOver(failure, facts)
    if (options.neverRetry.includes(kind)) return { action: 'dead', reason: `${kind} is not retried` }
    if (kind === 'interrupted')
      return bounded(facts.interrupted, options.maxInterrupted, 'interruptions', { action: 'retry', delayMs: 0 })
    if (isThrottling(failure))
      return bounded(facts.throttled, options.maxThrottled, 'throttled attempts', this.#throttled(failure, facts))
    if (options.repair.includes(kind)) return this.#repair(failure, facts)
    const { maxMs } = withDefaults<Complete<Backoff>>(this.#backoff, facts.task.backoff ?? {})
    const requestedMs = Math.min(this.#requestedDelay(failure) ?? 0, maxMs)
    const retry: Verdict = { action: 'retry', delayMs: this.#delay(facts, facts.failures, requestedMs) }
    return bounded(facts.failures, facts.task.retries ?? options.retries, 'retries', retry)
  }

  #failOver(failure: Failure, facts: FailureFacts): Verdict {
    const restMs = this.#rest(failure, facts)
    return restMs === undefined ? { action: 'failover' } : { action: 'failover', restMs }
  }

  /** The pool is parked for as long as the provider needs a rest; the delay of the task grows each time that it is throttled. */
  #throttled(failure: Failure, facts: FailureFacts): Verdict {
    const restMs = this.#rest(failure, facts)
    const delayMs = this.#delay(facts, facts.throttled, restMs)
    if (restMs === undefined) return { action: 'retry', delayMs }
    return { action: 'park', delayMs: restMs, ...(delayMs > restMs && { taskDelayMs: delayMs }) }
  }

  /**
   * How long the provider gets a rest: as long as it asks for, unless that was too short many times in a row. Where it asks for none, the rest
   * grows while it refuses, so that the number of attempts grows only with the logarithm of the time.
   */
  #rest(failure: Failure, { refusals: { attempts, forMs, broken } = NO_REFUSALS }: FailureFacts): number | undefined {
    const requestedMs = this.#requestedDelay(failure)
    const { quotaParkMs, maxParkMs } = this.#options
    const grown = (leastMs: number): number => Math.max(leastMs, Math.min(maxParkMs, Math.round(forMs * REST_SHARE)))
    if (requestedMs) return broken < MAX_BROKEN ? requestedMs : grown(requestedMs)
    const isRefusing = attempts + 1 >= REFUSALS_IN_A_ROW
    if (failure.kind === 'quota' && (isRefusing || requestedMs === undefined)) return grown(quotaParkMs)
    return failure.kind === 'throttled' && isRefusing ? grown(FIRST_REST_MS) : requestedMs
  }

  #repair(failure: Failure, facts: FailureFacts): Verdict {
    if (facts.feedback?.message === failure.message && facts.feedback.output === failure.output)
      return { action: 'dead', reason: 'the repaired attempt failed in the same way' }
    return bounded(facts.repairs, this.#options.maxRepairs, 'repairs', { action: 'repair', delayMs: 0 })
  }

  /** The delay that the provider asks for, at most `maxParkMs`; undefined when it asks for none, or for an invalid one. */
  #requestedDelay({ retryAfterMs }: Failure): number | undefined {
    if (retryAfterMs === undefined || !(retryAfterMs >= 0)) return undefined
    return Math.min(retryAfterMs, this.#options.maxParkMs)
  }

  /** Full jitter: a random delay from 0 to a bound that grows with each failure; at least `requestedMs`. */
  #delay(facts: FailureFacts, before: number, requestedMs = 0): number {
    const { baseMs, factor, maxMs } = withDefaults(this.#backoff, facts.task.backoff ?? {})
    // 0 * Infinity is NaN: a base of 0 stays 0 however often the factor is applied.
    const bound = baseMs === 0 ? 0 : Math.min(maxMs, baseMs * factor ** before)
    return Math.max(requestedMs, Math.round(facts.random() * bound))
  }
}

function withoutReplay(kind: FailureKind): Verdict {
  const reason = `it failed with ${kind} and must not be replayed`
  return UNKNOWN_END.includes(kind) ? { action: 'hold', reason } : { action: 'dead', reason }
}

function bounded(before: number, limit: number, what: string, within: Verdict): Verdict {
  if (before < limit) return within
  return { action: 'dead', reason: limit === 0 ? `no ${what} allowed` : `all ${limit} ${what} are used up` }
}
