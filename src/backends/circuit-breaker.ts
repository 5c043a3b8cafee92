import type { AttemptOutcome } from '../core/failure/attempt-outcome.js'
import type { Failure, FailureKind } from '../core/failure/failure.js'

/** Options of the circuit breaker that each backend of a pool has. */
export interface BreakerOptions {
  /** So many failures in a row, of the kinds in `countsAs`, open it. Any answer of the backend begins a new row. Default 20. */
  readonly failures?: number
  /** How long it is open at first, in milliseconds; twice as long with each further opening until the backend answers. Default 10,000. */
  readonly openMs?: number
  /** It is never open for longer, in milliseconds, unless the backend says until when it rests. Default 300,000. */
  readonly maxOpenMs?: number
  /** The longest rest that is believed (a quota that resets, a fail-over that says for how long), in milliseconds. Default 86,400,000 (a day). */
  readonly maxRestMs?: number
  /**
   * While it is half-open one attempt at a time goes through. One that has not ended after so long, in milliseconds, does not keep
   * the next one back any more; its answer still counts. Default 60,000.
   */
  readonly probeMs?: number
  /**
   * Which failures say that the backend is ill. Default overloaded, timeout (of an attempt, or idle) and crashed; none: only a used-up
   * quota opens it. Not throttled: a backend that asks to slow down is well, and the pool is parked for it.
   */
  readonly countsAs?: readonly FailureKind[]
}

/** What a breaker does: `open` lets nothing through, `half-open` one attempt at a time. */
export type BreakerState = 'closed' | 'open' | 'half-open'

/** A breaker has gone to another state; `until` is in the milliseconds of the clock's `monotonic`. */
export type BreakerChange =
  | { readonly to: 'open'; readonly until: number; readonly reason: string }
  | { readonly to: 'half-open' | 'closed' }

interface Closed {
  readonly is: 'closed'
  /** Failures since the last answer. Invariant: fewer than the option `failures`. */
  row: number
}

interface Open {
  readonly is: 'open'
  /** How often it has opened since it was closed. */
  readonly openings: number
  until: number
  reason: string
}

interface HalfOpen {
  readonly is: 'half-open'
  readonly openings: number
  /** The ticket of the last attempt that was let through. */
  readonly probe: number
  /** Until then it keeps the next one back; in the past once it has ended and said nothing. */
  until: number
  readonly reason: string
}

/** Kinds that are no answer of the backend: where they do not count as failures they say nothing at all. */
const NO_ANSWER: readonly FailureKind[] = ['throttled', 'overloaded', 'quota', 'timeout', 'crashed', 'interrupted']

/** The ticket of an attempt that went although it might not: whatever becomes of it, it is not heard. */
const UNHEARD = -1

/**
 * A circuit breaker (Nygard, "Release It!", 2007) for one backend. Pure: it has no timer, `now` comes in as the clock's `monotonic`.
 *
 * Each attempt takes a ticket with it. Openings, probes and closings have numbers that go up, and a ticket is the number at the start:
 * so an attempt that started before the breaker last opened or closed is known by its ticket, and what becomes of it changes nothing.
 * One thing is heard even then: until when the backend rests, which is true whenever the asking began.
 *
 * Invariants: of the attempts that started since it opened, at most one is under way that is younger than `probeMs`.
 * There is always a time from which it lets an attempt through, even if nothing is told till then.
 */
export class CircuitBreaker {
  readonly #options: Required<Omit<BreakerOptions, 'countsAs'>>
  readonly #countsAs: ReadonlySet<FailureKind>
  readonly #changed: (change: BreakerChange) => void
  #state: Closed | Open | HalfOpen = { is: 'closed', row: 0 }
  #ticket = 0
  /** The first ticket since it last opened or closed: older ones are not heard. */
  #since = 0

  /** `changed` hears of every change of state, never of single attempts. */
  constructor(options: BreakerOptions = {}, changed: (change: BreakerChange) => void = () => {}) {
    const { failures = 20, openMs = 10_000, maxOpenMs = 300_000, maxRestMs = 86_400_000, probeMs = 60_000 } = options
    this.#options = { failures, openMs, maxOpenMs, maxRestMs, probeMs }
    this.#countsAs = new Set(options.countsAs ?? ['overloaded', 'timeout', 'crashed'])
    this.#changed = changed
  }

  /** True while the backend is thought to be well: any number of attempts may start. */
  get isClosed(): boolean {
    return this.#state.is === 'closed'
  }

  /** Why it is not closed. */
  get reason(): string | undefined {
    return this.#state.is === 'closed' ? undefined : this.#state.reason
  }

  /** Its state; one whose time is up is half-open before the first probe goes, too. */
  stateAt(now: number): BreakerState {
    return this.#state.is === 'open' && now >= this.#state.until ? 'half-open' : this.#state.is
  }

  /** True when an attempt may start. Changes nothing: tell `started` when it does. */
  canStart(now: number): boolean {
    return this.#state.is === 'closed' || now >= this.#state.until
  }

  /** When an attempt may start at the latest; undefined: now. The end of a probe may make it sooner. */
  openUntil(now: number): number | undefined {
    return this.#state.is === 'closed' || now >= this.#state.until ? undefined : this.#state.until
  }

  /** An attempt starts: gives its ticket, which `ended` or `dropped` wants back. Call it before the attempt can end. */
  attemptStarted(now: number): number {
    const state = this.#state
    if (state.is === 'closed') return this.#ticket
    if (now < state.until) return UNHEARD
    const probe = ++this.#ticket
    const { openings, reason } = state
    this.#state = { is: 'half-open', openings, reason, probe, until: now + this.#options.probeMs }
    if (state.is === 'open') this.#changed({ to: 'half-open' })
    return probe
  }

  /** How the attempt with this ticket ended. */
  attemptEnded(now: number, ticket: number, outcome: AttemptOutcome): void {
    if (outcome.ok) return this.#answered(ticket)
    const restMs = this.#restAsked(outcome)
    if (restMs !== undefined) return this.open(now, said(outcome.failure), restMs)
    switch (this.#meaning(outcome.failure)) {
      case 'answer':
        return this.#answered(ticket)
      case 'failure':
        return this.#failed(now, ticket, outcome.failure)
      case 'nothing':
        return this.attemptDropped(ticket)
    }
  }

  /** Nothing will be told of the attempt with this ticket: it was cancelled, or its claim came to nothing. A probe makes room for another. */
  attemptDropped(ticket: number): void {
    if (this.#state.is !== 'half-open' || this.#state.probe !== ticket) return
    this.#state.until = Number.NEGATIVE_INFINITY
  }

  /**
   * Opens it for `forMs`, clamped to `maxRestMs`: one that is open stays so for the longer of both times. Default, also where that is no
   * positive number: as long as failures would open it now, and one that is open stays as it is, however often it is tripped.
   */
  open(now: number, reason: string, forMs = 0): void {
    const restMs = forMs > 0 ? Math.min(forMs, this.#options.maxRestMs) : undefined
    const state = this.#state
    if (state.is !== 'open' || now >= state.until) return this.#open(now, reason, restMs)
    if (restMs === undefined || now + restMs <= state.until) return
    state.until = now + restMs
    state.reason = reason
  }

  #answered(ticket: number): void {
    if (ticket < this.#since) return
    if (this.#state.is === 'closed') {
      this.#state.row = 0
      return
    }
    this.#since = ++this.#ticket
    this.#state = { is: 'closed', row: 0 }
    this.#changed({ to: 'closed' })
  }

  #failed(now: number, ticket: number, failure: Failure): void {
    if (ticket < this.#since) return
    if (this.#state.is !== 'closed') return this.#open(now, `the probe failed: ${said(failure)}`)
    const row = ++this.#state.row
    if (row >= this.#options.failures)
      this.#open(now, `${row} ${row === 1 ? 'failure' : 'failures'} in a row, the last: ${said(failure)}`)
  }

  /** How long it would be open if it opened now. */
  #openingMs(): number {
    const { openMs, maxOpenMs } = this.#options
    // A bounded exponent: 2 ** 1024 is Infinity, and an openMs of 0 times that is NaN.
    return Math.min(openMs * 2 ** Math.min(this.#openings, 50), maxOpenMs)
  }

  get #openings(): number {
    return this.#state.is === 'closed' ? 0 : this.#state.openings
  }

  #open(now: number, reason: string, forMs: number = this.#openingMs()): void {
    const until = now + forMs
    this.#since = ++this.#ticket
    this.#state = { is: 'open', openings: this.#openings + 1, until, reason }
    this.#changed({ to: 'open', until, reason })
  }

  /**
   * For how long the backend is to be left alone, if the outcome says so: after a fail-over that gives it a rest, and always after a
   * quota, with 0 for as long as an opening lasts: a reset at no known time, or in no time, would be asked for again and again.
   * The verdict goes before the provider's word: it is the policy of the host.
   */
  #restAsked({ failure, verdict }: AttemptOutcome & { readonly ok: false }): number | undefined {
    if (verdict.action === 'failover' && verdict.restMs !== undefined && verdict.restMs > 0) return verdict.restMs
    if (failure.kind !== 'quota') return undefined
    const asked = verdict.action === 'park' ? verdict.delayMs : (failure.retryAfterMs ?? 0)
    return asked > this.#openingMs() ? asked : 0
  }

  #meaning({ kind, timeout }: Failure): 'answer' | 'failure' | 'nothing' {
    // Limits of the task over all its attempts: when they run out nobody knows how this one would have ended.
    if (kind === 'timeout' && (timeout === 'queue' || timeout === 'total')) return 'nothing'
    if (this.#countsAs.has(kind)) return 'failure'
    return NO_ANSWER.includes(kind) ? 'nothing' : 'answer'
  }
}

function said({ kind, message }: Failure): string {
  return `${kind}: ${message}`
}
