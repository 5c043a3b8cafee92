import type { FailureFacts } from './decision.js'
import type { Failure, FailureKind } from './failure.js'
import type { Backoff } from './task.js'
import type { Verdict } from './verdict.js'

/** Options of a {@link FailureHandler}. Those of a task go before these. */
export interface FailureHandlerOptions {
  /** How often a task is tried again after it failed by itself. Default 2: at most three such attempts. */
  readonly retries?: number
  /** Default: base 1,000 ms, factor 2, at most 60,000 ms. */
  readonly backoff?: Backoff
  /** How often a task may be turned away (throttled, overloaded, quota) before it is dead. Default 20. */
  readonly maxThrottled?: number
  /** How often a task may be interrupted by the end of our process before it is dead. Default 3: it may be what ends the process. */
  readonly maxInterrupted?: number
  /** Kinds of which every failure is final. Default `refused` and `bad-input`. */
  readonly neverRetry?: readonly FailureKind[]
}

const TURNED_AWAY: readonly FailureKind[] = ['throttled', 'overloaded', 'quota']

/**
 * Decides what follows from a failed attempt. The waits grow exponentially, with full jitter and a cap
 * (Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015). A provider's `retryAfterMs` is the least wait, clamped to the cap;
 * one that is negative or no number is not trusted.
 */
export class FailureHandler {
  readonly #options: Required<Omit<FailureHandlerOptions, 'backoff'>>
  readonly #backoff: Required<Backoff>

  constructor(options: FailureHandlerOptions = {}) {
    const {
      retries = 2,
      maxThrottled = 20,
      maxInterrupted = 3,
      neverRetry = ['refused', 'bad-input'],
      backoff,
    } = options
    this.#options = { retries, maxThrottled, maxInterrupted, neverRetry }
    this.#backoff = { baseMs: 1_000, factor: 2, maxMs: 60_000, ...backoff }
  }

  /** The verdict on one failed attempt. */
  verdict(failure: Failure, facts: FailureFacts): Verdict {
    const { kind } = failure
    if (this.#options.neverRetry.includes(kind)) return { action: 'dead', reason: `${kind} is not retried` }
    if (kind === 'interrupted')
      return this.#bounded(facts.interrupted, this.#options.maxInterrupted, 'interruptions', 0)
    if (TURNED_AWAY.includes(kind))
      return this.#bounded(
        facts.throttled,
        this.#options.maxThrottled,
        'times turned away',
        this.#wait(failure, facts, facts.throttled),
      )
    const retries = facts.task.retries ?? this.#options.retries
    return this.#bounded(facts.failures, retries, 'retries', this.#wait(failure, facts, facts.failures))
  }

  #bounded(before: number, limit: number, what: string, delayMs: number): Verdict {
    if (before < limit) return { action: 'retry', delayMs }
    return { action: 'dead', reason: limit === 0 ? `no ${what} allowed` : `all ${limit} ${what} are used up` }
  }

  /** Full jitter: anything from nothing to the bound, which grows with each failure. */
  #wait(failure: Failure, facts: FailureFacts, before: number): number {
    const { baseMs, factor, maxMs } = { ...this.#backoff, ...facts.task.backoff }
    // 0 * Infinity is NaN: a base of 0 stays 0 however often the factor is applied.
    const bound = baseMs === 0 ? 0 : Math.min(maxMs, baseMs * factor ** before)
    const jittered = Math.round(facts.random() * bound)
    const asked = failure.retryAfterMs
    if (asked === undefined || !(asked >= 0)) return jittered
    return Math.min(Math.max(asked, jittered), maxMs)
  }
}
