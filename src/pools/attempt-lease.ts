import type { AgentBackend, AgentFunction } from '../backends/agent-backend.js'
import type { PoolBackend } from '../backends/pool-backend.js'
import { type AttemptOutcome, backendAnswered } from '../core/failure/attempt-outcome.js'
import type { RefusalCounts } from '../core/failure/refusals.js'
import type { LimitLease } from '../limits/limit-lease.js'
import type { FlowControl } from './flow-control.js'
import type { Lease } from './run-queue.js'
import type { WithheldCall } from './withheld-calls.js'

/** The name under which events show the function of a task, where they show a backend. */
const FUNCTION_NAME = 'function'

/** The lease of one attempt. Reports how it went to everything that limits the pool. */
export class AttemptLease implements Lease, WithheldCall {
  readonly #flow: FlowControl
  /** Undefined for an attempt that calls the function of its task. */
  readonly #target: PoolBackend | undefined
  #breakerTicket = 0
  #slowStartTicket = 0
  #limitLease: LimitLease | undefined
  /** In milliseconds of the clock's `monotonic`. */
  #leasedAt = 0
  /** In milliseconds of the clock's `monotonic`; 0 where it is not needed. */
  #startedAt = 0
  #state: 'held' | 'withheld' | 'ended' | 'released' = 'held'
  /** While it is withheld. */
  #onSlot: (() => void) | undefined
  isHeld: () => boolean = () => false
  readonly backend: AgentBackend
  readonly tokens: number

  /** `called`: a backend of the pool, or the function of the task. */
  constructor(flow: FlowControl, called: PoolBackend | AgentFunction, tokens: number, now: number) {
    this.#flow = flow
    this.tokens = tokens
    if (typeof called === 'function') this.backend = { run: called }
    else {
      this.backend = called.backend
      this.#target = called
    }
    this.#take(now)
  }

  get backendName(): string {
    return this.#target?.name ?? FUNCTION_NAME
  }

  get alternatives(): number {
    const { backends, clock } = this.#flow
    return this.#target === undefined ? 0 : backends.alternatives(clock.monotonic(), this.#target)
  }

  get refusals(): RefusalCounts {
    const { clock, refusals } = this.#flow
    // Where others can take over, it is the backend that gets a rest, else the pool and those that share its account.
    const resting = this.alternatives > 0 ? this.#target?.refusals : refusals
    return (resting ?? refusals).countsAt(clock.monotonic())
  }

  get mayCall(): boolean {
    return this.#flow.mayCall(this.#slowStartTicket, this.#limitLease)
  }

  withhold(isHeld: () => boolean, onSlot: () => void): void {
    if (this.#state !== 'held') return
    this.isHeld = isHeld
    this.#onSlot = onSlot
    this.#return('withheld')
    this.#flow.withheld.add(this)
    this.#flow.leaseReleased()
  }

  opensAt(now: number): number {
    return this.#target?.opensAt(now) ?? now
  }

  takeBack(now: number): void {
    this.#state = 'held'
    this.#take(now)
    this.#onSlot?.()
  }

  started(): void {
    const { clock, concurrency, limit } = this.#flow
    if (this.#state === 'released' || (this.#limitLease === undefined && !concurrency.isAdaptive)) return
    this.#startedAt = clock.monotonic()
    if (this.#limitLease !== undefined) limit?.started(this.#limitLease, this.#startedAt)
  }

  ended(outcome: AttemptOutcome, durationMs?: number): void {
    if (this.#state !== 'held') return
    this.#state = 'ended'
    const { aging, clock, concurrency } = this.#flow
    if (durationMs !== undefined) aging.succeeded(durationMs)
    // Only a failure and an adaptive concurrency need the time.
    const now = outcome.ok && !concurrency.isAdaptive ? this.#startedAt : clock.monotonic()
    // First: what follows may let the pool start attempts, which must not happen while the provider asks for a rest.
    if (!outcome.ok && outcome.verdict.action === 'park') this.#flow.park(outcome.failure, outcome.verdict.delayMs)
    if (outcome.ok || backendAnswered(outcome.failure)) this.#answered()
    else if (outcome.failure.kind === 'throttled' || outcome.failure.kind === 'quota')
      this.#refused(now, outcome.failure.retryAfterMs)
    concurrency.attemptEnded(now, this.#startedAt, outcome, this.#flow.inFlight)
    this.#target?.breaker.attemptEnded(now, this.#breakerTicket, outcome)
  }

  release(usedTokens?: number): void {
    if (this.#state === 'released') return
    if (this.#state === 'withheld') {
      this.#state = 'released'
      return this.#flow.callDropped(this)
    }
    // Before the slot is free: what may start next depends on it.
    this.#limitLease?.correctTokens(usedTokens)
    this.#return('released')
    this.#flow.leaseReleased()
  }

  /** The attempt was never made: its task was no longer ready. */
  cancel(): void {
    this.#return('released')
    this.#flow.leaseCancelled()
  }

  #take(now: number): void {
    const { backends, cooldown, limit } = this.#flow
    const { probeMs } = backends
    this.#leasedAt = now
    if (this.#target !== undefined) this.#breakerTicket = this.#target.breaker.attemptStarted(now)
    this.#slowStartTicket = cooldown.started(now, probeMs)
    this.#limitLease = limit?.acquire(this.tokens, now, probeMs)
  }

  #return(to: 'released' | 'withheld'): void {
    const wasHeld = this.#state === 'held'
    this.#state = to
    if (wasHeld) this.#target?.breaker.attemptDropped(this.#breakerTicket)
    this.#flow.cooldown.released(this.#slowStartTicket)
    if (this.#limitLease !== undefined) this.#flow.limit?.release(this.#limitLease)
  }

  #answered(): void {
    const { cooldown, limit, refusals } = this.#flow
    refusals.accepted(this.#leasedAt)
    this.#target?.refusals.accepted(this.#leasedAt)
    cooldown.answered(this.#slowStartTicket)
    if (this.#limitLease !== undefined) limit?.answered(this.#limitLease)
  }

  #refused(now: number, retryAfterMs: number | undefined): void {
    this.#flow.refusals.refused(now, retryAfterMs)
    this.#target?.refusals.refused(now, retryAfterMs)
  }
}
