import type * as z from 'zod'
import { type AttemptOutcome, backendAnswered } from '../core/failure/attempt-outcome.js'
import type { Failure, FailureKind } from '../core/failure/failure.js'
import { once } from '../core/once.js'
import type { Complete } from '../core/with-defaults.js'
import { failureKinds, millis, optionsOf, positiveInteger, positiveMs } from '../options-check.js'

/** Options of the circuit breaker of each backend. */
export type BreakerOptions = {
  /** How many consecutive failures, of the kinds in `countsAs`, open the breaker. Any answer of the backend resets the count. Default 20. */
  readonly failures?: number | undefined
  /** How long the first opening lasts, in milliseconds. Doubles with each further opening until the backend answers. Default 10,000. */
  readonly openMs?: number | undefined
  /** The longest opening, in milliseconds, unless the backend itself requests a longer rest. Default 300,000. */
  readonly maxOpenMs?: number | undefined
  /** The longest rest that a backend can request (a quota that resets, a failover with a rest), in milliseconds. Default 86,400,000 (a day). */
  readonly maxRestMs?: number | undefined
  /**
   * How long an attempt may keep others from starting, in milliseconds: the probe of a half-open breaker, and the first attempts of the
   * pool after a cooldown. After this time the next ones may start even if it has not ended; the answer of either counts. Default 60,000.
   */
  readonly probeMs?: number | undefined
  /**
   * Failure kinds that count against the backend. Default overloaded, timeout (of an attempt, or idle) and crashed. With an empty list
   * only a used-up quota opens the breaker. Throttled is not in the default: such a backend is healthy, and the pool is parked for it.
   */
  readonly countsAs?: readonly FailureKind[] | undefined
}

/** The rule for {@link BreakerOptions}. */
export const breakerRule: () => z.ZodType = once(() =>
  optionsOf({
    failures: positiveInteger,
    openMs: millis,
    maxOpenMs: millis,
    maxRestMs: millis,
    probeMs: positiveMs,
    countsAs: failureKinds,
  }).partial(),
)

/** The default of `probeMs`. */
export const DEFAULT_PROBE_MS = 60_000

/** `closed` admits every attempt, `open` none, `half-open` one at a time. */
export type BreakerState = 'closed' | 'open' | 'half-open'

/** A change of state. `until` is in the milliseconds of the clock's `monotonic`. */
export type BreakerChange =
  | { readonly to: 'open'; readonly until: number; readonly reason: string }
  | { readonly to: 'half-open' | 'closed' }

/** The token of an attempt that started although it was not admitted. Its outcome is ignored. */
const NOT_ADMITTED = -1

/**
 * A circuit breaker (Nygard, "Release It!", 2007) for one backend. Pure: no timers, `now` is the clock's `monotonic`.
 *
 * Each attempt carries a token. Openings, closings and probes are numbered in one ascending sequence, and a token is the number at the
 * start of the attempt. It shows whether the attempt started before the breaker last opened or closed: then its outcome is ignored,
 * except for a rest that the backend requests, which is valid whenever the attempt started.
 *
 * Invariants: of the attempts that started since it opened, at most one in flight is younger than `probeMs`.
 * There is always a time from which it admits an attempt, even if no outcome is reported until then.
 */
export class CircuitBreaker {
  readonly #options: Complete<Omit<BreakerOptions, 'countsAs'>>
  readonly #countsAs: ReadonlySet<FailureKind>
  readonly #onChange: (change: BreakerChange) => void
  readonly #onAdmissionChange: () => void
  #state: BreakerState = 'closed'
  /** No attempt may start before this time. While half-open, the time at which the probe no longer holds the next one back. */
  #until = Number.NEGATIVE_INFINITY
  #reason: string | undefined
  /** Since an answer of the backend. Invariant while closed: fewer than the option `failures`. */
  #consecutiveFailures = 0
  /** How often it has opened since it was last closed. */
  #openings = 0
  /** The token of the last probe. */
  #probe = NOT_ADMITTED
  #lastToken = 0
  /** The first token since it last opened or closed. */
  #firstValidToken = 0

  /** `onChange` is called for each change of state; `onAdmissionChange` when `openUntil` changes otherwise than by a start. */
  constructor(
    options: BreakerOptions = {},
    onChange: (change: BreakerChange) => void = () => {},
    onAdmissionChange: () => void = () => {},
  ) {
    const { failures = 20, openMs = 10_000, maxOpenMs = 300_000, maxRestMs = 86_400_000 } = options
    const { probeMs = DEFAULT_PROBE_MS } = options
    this.#options = { failures, openMs, maxOpenMs, maxRestMs, probeMs }
    this.#countsAs = new Set(options.countsAs ?? ['overloaded', 'timeout', 'crashed'])
    this.#onChange = onChange
    this.#onAdmissionChange = onAdmissionChange
  }

  get isClosed(): boolean {
    return this.#state === 'closed'
  }

  /** Why it is not closed. */
  get reason(): string | undefined {
    return this.#reason
  }

  /** An opening whose time is up reads as half-open before the first probe starts. */
  stateAt(now: number): BreakerState {
    return this.#state === 'open' && now >= this.#until ? 'half-open' : this.#state
  }

  /** True when an attempt may start. Changes nothing: call `attemptStarted` when it does. */
  canStart(now: number): boolean {
    return now >= this.#until
  }

  /** The latest time at which an attempt may start; undefined: now. The end of a probe may bring it forward. */
  openUntil(now: number): number | undefined {
    return now >= this.#until ? undefined : this.#until
  }

  /** Returns the token for `attemptEnded` or `attemptDropped`. Call it before the attempt can end. */
  attemptStarted(now: number): number {
    if (this.isClosed) return this.#lastToken
    if (now < this.#until) return NOT_ADMITTED
    this.#probe = ++this.#lastToken
    this.#until = now + this.#options.probeMs
    if (this.#state === 'open') {
      this.#state = 'half-open'
      this.#onChange({ to: 'half-open' })
    }
    return this.#probe
  }

  /** The attempt with this token ended. */
  attemptEnded(now: number, token: number, outcome: AttemptOutcome): void {
    if (outcome.ok) return this.#answered(token)
    const restMs = this.#requestedRestMs(outcome)
    if (restMs !== undefined) return this.open(now, summaryOf(outcome.failure), restMs)
    switch (this.#meaningOf(outcome.failure)) {
      case 'answer':
        return this.#answered(token)
      case 'failure':
        return this.#failed(now, token, outcome.failure)
      case 'unknown':
        return this.attemptDropped(token)
    }
  }

  /** The attempt with this token has no outcome: it was cancelled, or never ran. If it was the probe, another one may start. */
  attemptDropped(token: number): void {
    if (this.#state !== 'half-open' || this.#probe !== token) return
    this.#until = Number.NEGATIVE_INFINITY
    this.#onAdmissionChange()
  }

  /**
   * Opens for `restMs`, clamped to `maxRestMs`; if already open, until the later of both times. Without a `restMs` above 0 it opens for
   * as long as failures would open it now, and leaves an open breaker unchanged.
   */
  open(now: number, reason: string, restMs = 0): void {
    const forMs = restMs > 0 ? Math.min(restMs, this.#options.maxRestMs) : undefined
    if (this.#state !== 'open' || now >= this.#until) return this.#open(now, reason, forMs)
    if (forMs === undefined || now + forMs <= this.#until) return
    this.#until = now + forMs
    this.#reason = reason
    this.#onAdmissionChange()
  }

  #answered(token: number): void {
    if (token < this.#firstValidToken) return
    this.#consecutiveFailures = 0
    if (this.isClosed) return
    this.#firstValidToken = ++this.#lastToken
    this.#state = 'closed'
    this.#until = Number.NEGATIVE_INFINITY
    this.#reason = undefined
    this.#openings = 0
    this.#onChange({ to: 'closed' })
    this.#onAdmissionChange()
  }

  #failed(now: number, token: number, failure: Failure): void {
    if (token < this.#firstValidToken) return
    if (!this.isClosed) return this.#open(now, `the probe failed: ${summaryOf(failure)}`)
    const count = ++this.#consecutiveFailures
    if (count >= this.#options.failures)
      this.#open(now, `${count} ${count === 1 ? 'failure' : 'failures'} in a row, the last: ${summaryOf(failure)}`)
  }

  #open(now: number, reason: string, forMs: number = this.#nextOpenMs()): void {
    this.#firstValidToken = ++this.#lastToken
    this.#state = 'open'
    this.#openings++
    this.#until = now + forMs
    this.#reason = reason
    this.#onChange({ to: 'open', until: this.#until, reason })
    this.#onAdmissionChange()
  }

  #nextOpenMs(): number {
    const { openMs, maxOpenMs } = this.#options
    // The exponent is bounded: 2 ** 1024 is Infinity, and 0 * Infinity is NaN.
    return Math.min(openMs * 2 ** Math.min(this.#openings, 50), maxOpenMs)
  }

  /**
   * The rest that the outcome requests: after a failover with `restMs`, and always after a used-up quota. A quota that resets at an
   * unknown time gets 0: a normal opening. Otherwise the same refusal would come at once.
   * The verdict takes precedence over the provider: it is the host's policy.
   */
  #requestedRestMs({ failure, verdict }: AttemptOutcome & { readonly ok: false }): number | undefined {
    if (verdict.action === 'failover' && verdict.restMs !== undefined && verdict.restMs > 0) return verdict.restMs
    if (failure.kind !== 'quota') return undefined
    return verdict.action === 'park' ? verdict.delayMs : (failure.retryAfterMs ?? 0)
  }

  #meaningOf(failure: Failure): 'answer' | 'failure' | 'unknown' {
    // Limits of the task over all its attempts say nothing about this attempt.
    if (failure.timeout === 'queue' || failure.timeout === 'total') return 'unknown'
    if (this.#countsAs.has(failure.kind)) return 'failure'
    return backendAnswered(failure) ? 'answer' : 'unknown'
  }
}

function summaryOf({ kind, message }: Failure): string {
  return `${kind}: ${message}`
}
