import type { FailureFacts } from '../scheduler/decision.js'
import type { Backoff } from '../state/task.js'
import { type Failure, type FailureKind, INPUT_TIMEOUT, isThrottling } from './failure.js'
import type { Verdict } from './verdict.js'

/** Options of a {@link FailureHandler}. Those of a task go before these. */
export interface FailureHandlerOptions {
  /** How often a task is tried again after it failed by itself. Default 2: at most three such attempts. */
  readonly retries?: number
  /** Default: base 1,000 ms, factor 2, at most 60,000 ms. */
  readonly backoff?: Backoff
  /** How often a task may be turned away (throttled, overloaded, quota) before it is dead. Default 100. */
  readonly maxThrottled?: number
  /** How often a task may be interrupted by the end of our process before it is dead. Default 3: it may be what ends the process. */
  readonly maxInterrupted?: number
  /** How often a task may be passed on to another backend before its failures count as its own. Default 5. */
  readonly maxFailovers?: number
  /** How often a failure is fed back to the agent before the task is dead. Default 2. */
  readonly maxRepairs?: number
  /** The longest that a provider's `retryAfterMs` parks a pool or rests a backend, in milliseconds. Default 86,400,000 (a day). */
  readonly maxParkMs?: number
  /** How long a pool is parked whose quota is used up until nobody says when, in milliseconds. Default 60,000. */
  readonly quotaParkMs?: number
  /** Kinds of which every failure is final. Default `refused` and `bad-input`. */
  readonly neverRetry?: readonly FailureKind[]
  /** Kinds with which a task goes to another backend of its pool, if one can take it. Default: throttled, overloaded, quota, timeout, crashed, refused. */
  readonly failover?: readonly FailureKind[]
  /** Kinds that are fed back to the agent. Default `invalid-output`. */
  readonly repair?: readonly FailureKind[]
}

/** Kinds after which nobody knows how far the attempt came. */
const UNKNOWN_END: readonly FailureKind[] = ['interrupted', 'timeout', 'crashed', 'incomplete-output']

/**
 * Decides what follows from a failed attempt, by its kind. The first that fits:
 *
 * 1. time-outs in the queue and in total are final;
 * 2. of a task with `replay: 'never'`, only what was turned away is tried again; when nobody knows how far the attempt came it is held;
 * 3. another backend of the pool can take it: fail over;
 * 4. kinds that are never retried: dead;
 * 5. interruptions: again, within their bound;
 * 6. turned away with a time to wait, or for want of quota: the pool is parked; without: again after a wait;
 * 7. invalid output: again, with the failure as feedback, unless the same failure came back unchanged;
 * 8. all else: again after a wait, within `retries`.
 *
 * The waits grow exponentially, with full jitter and a cap (Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015).
 * A provider's `retryAfterMs` is the least wait, clamped to `maxParkMs` (after a failure of its own to the cap); one that is negative or no
 * number is not trusted.
 */
export class FailureHandler {
  readonly #options: Required<Omit<FailureHandlerOptions, 'backoff'>>
  readonly #backoff: Required<Backoff>

  constructor({ backoff, ...options }: FailureHandlerOptions = {}) {
    this.#options = {
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
      ...options,
    }
    this.#backoff = { baseMs: 1_000, factor: 2, maxMs: 60_000, ...backoff }
  }

  /** The verdict on one failed attempt. */
  verdict(failure: Failure, facts: FailureFacts): Verdict {
    const { kind } = failure
    const options = this.#options
    if (failure.timeout === 'queue' || failure.timeout === 'total')
      return { action: 'dead', reason: `the time-out ${failure.timeout} is final` }
    if (facts.task.replay === 'never' && !isThrottling(failure) && failure.code !== INPUT_TIMEOUT) return notAgain(kind)
    if (facts.alternatives > 0 && options.failover.includes(kind) && facts.failovers < options.maxFailovers)
      return this.#failOver(failure)
    if (options.neverRetry.includes(kind)) return { action: 'dead', reason: `${kind} is not retried` }
    if (kind === 'interrupted')
      return bounded(facts.interrupted, options.maxInterrupted, 'interruptions', { action: 'retry', delayMs: 0 })
    if (isThrottling(failure))
      return bounded(facts.throttled, options.maxThrottled, 'times turned away', this.#turnedAway(failure, facts))
    if (options.repair.includes(kind)) return this.#repair(failure, facts)
    const { maxMs } = { ...this.#backoff, ...facts.task.backoff }
    const asked = Math.min(this.#asked(failure) ?? 0, maxMs)
    const retry: Verdict = { action: 'retry', delayMs: this.#wait(facts, facts.failures, asked) }
    return bounded(facts.failures, facts.task.retries ?? options.retries, 'retries', retry)
  }

  #failOver(failure: Failure): Verdict {
    const restMs = failure.kind === 'quota' ? (this.#asked(failure) ?? this.#options.quotaParkMs) : this.#asked(failure)
    return restMs === undefined ? { action: 'failover' } : { action: 'failover', restMs }
  }

  /** The pool waits just as long as the provider asks; the task that was turned away once more waits longer each time. */
  #turnedAway(failure: Failure, facts: FailureFacts): Verdict {
    const asked = this.#asked(failure) ?? (failure.kind === 'quota' ? this.#options.quotaParkMs : undefined)
    const delayMs = this.#wait(facts, facts.throttled, asked)
    if (asked === undefined) return { action: 'retry', delayMs }
    return { action: 'park', delayMs: asked, ...(delayMs > asked && { taskDelayMs: delayMs }) }
  }

  #repair(failure: Failure, facts: FailureFacts): Verdict {
    if (facts.feedback?.message === failure.message && facts.feedback.output === failure.output)
      return { action: 'dead', reason: 'the same failure came back unchanged' }
    return bounded(facts.repairs, this.#options.maxRepairs, 'repairs', { action: 'repair', delayMs: 0 })
  }

  /** How long the provider asks us to wait, within reason; undefined when it does not, or cannot be trusted. */
  #asked({ retryAfterMs }: Failure): number | undefined {
    if (retryAfterMs === undefined || !(retryAfterMs >= 0)) return undefined
    return Math.min(retryAfterMs, this.#options.maxParkMs)
  }

  /** Full jitter: anything from nothing to the bound, which grows with each failure; at least what was asked for. */
  #wait(facts: FailureFacts, before: number, asked = 0): number {
    const { baseMs, factor, maxMs } = { ...this.#backoff, ...facts.task.backoff }
    // 0 * Infinity is NaN: a base of 0 stays 0 however often the factor is applied.
    const bound = baseMs === 0 ? 0 : Math.min(maxMs, baseMs * factor ** before)
    return Math.max(asked, Math.round(facts.random() * bound))
  }
}

function notAgain(kind: FailureKind): Verdict {
  const reason = `its replay is not safe, and it failed with ${kind}`
  return UNKNOWN_END.includes(kind) ? { action: 'hold', reason } : { action: 'dead', reason }
}

function bounded(before: number, limit: number, what: string, within: Verdict): Verdict {
  if (before < limit) return within
  return { action: 'dead', reason: limit === 0 ? `no ${what} allowed` : `all ${limit} ${what} are used up` }
}
