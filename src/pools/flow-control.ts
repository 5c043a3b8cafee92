import type { BackendSet } from '../backends/backend-set.js'
import type { PoolBackend } from '../backends/pool-backend.js'
import type { Clock } from '../clock.js'
import type { AttemptOutcome } from '../core/failure/attempt-outcome.js'
import { backendAnswered } from '../core/failure/attempt-outcome.js'
import type { Failure, FailureKind } from '../core/failure/failure.js'
import { tokensOf } from '../core/failure/usage.js'
import type { Parked } from '../limits/cooldown.js'
import type { LedgerEntry } from '../limits/ledger/limit-ledger.js'
import type { Limit, LimitMember } from '../limits/limit.js'
import { CoarseClock } from './coarse-time.js'
import type { Concurrency } from './concurrency/concurrency.js'
import { MemoryGate } from './concurrency/memory-gate.js'
import { type LeaseHost, SlotLease } from './lease.js'
import { PoolCooldown } from './pool-cooldown.js'
import type { PoolNews } from './pool-events.js'
import type { RetryBudget } from './retry-budget.js'
import type { AttemptRequirements, Slot } from './run-queue.js'

/** The pool, as its flow control sees it. */
export interface FlowHost extends LimitMember {
  /** Attempts that hold a slot. */
  readonly running: number
  /** Claims what may be claimed. */
  resume(): void
  /** True when the task that comes next was tried before. */
  nextIsRetry(): boolean
  /** The slot of a lease is free. */
  freed(slot: Slot): void
  /** Another number of attempts may run at once. */
  resized(before: number, reason: 'host' | 'success' | FailureKind): void
  /** Runs are told that the pool is parked, or is no longer. */
  parked(parked: boolean): void
  publish(news: PoolNews): void
}

/** What a {@link FlowControl} joins. */
export interface FlowSetup {
  readonly clock: Clock
  readonly random: () => number
  readonly host: FlowHost
  readonly backends: BackendSet
  readonly concurrency: Concurrency
  readonly budget: RetryBudget
  /** What the pool shares with others, or its own windows. */
  readonly limit: Limit | undefined
  /** What is kept over a restart of the pool's own parking. */
  readonly page: LedgerEntry | undefined
  /** True when the limit is shared: what a provider says holds for all who share it. */
  readonly shares: boolean
}

/** A spent retry budget is looked at again after this time, in milliseconds. */
const LOOK_AGAIN_MS = 1_000

/**
 * Whether a pool may start another attempt, on which backend, and what follows from how it ended. Where nothing out of the ordinary is
 * going on, a claim costs a few counters and no look at the clock.
 */
export class FlowControl implements LeaseHost {
  readonly time: CoarseClock
  readonly parking: PoolCooldown
  readonly #setup: FlowSetup
  readonly #host: FlowHost
  readonly #backends: BackendSet
  readonly #concurrency: Concurrency
  readonly #budget: RetryBudget
  readonly #processes: MemoryGate
  #limit: Limit | undefined

  constructor(setup: FlowSetup) {
    const { clock, host, backends, concurrency, budget, limit } = setup
    this.#setup = setup
    this.#host = host
    this.#backends = backends
    this.#concurrency = concurrency
    this.#budget = budget
    this.time = new CoarseClock(clock)
    this.parking = new PoolCooldown(setup, this)
    this.#processes = new MemoryGate(clock, concurrency, () => host.resume())
    this.limit = limit
  }

  get limit(): Limit | undefined {
    return this.#limit
  }

  /** One that it has is never taken away. */
  set limit(limit: Limit | undefined) {
    this.#limit = limit
    limit?.join(this.#host)
  }

  /** True when the limit is an account that others use too. */
  get shares(): boolean {
    return this.#setup.shares
  }

  get live(): boolean {
    return this.#host.isLive
  }

  /** False while nothing may start, whatever it is. */
  get mayStart(): boolean {
    return this.parking.own.canStart && !this.#backends.isChecking && !this.#processes.isClosed
  }

  /** The lease for an attempt on these terms; undefined when it may not start now: then the pool is resumed when it may. */
  admit(slot: Slot, terms: AttemptRequirements): SlotLease | undefined {
    const rung = this.#backends.onlyHealthy ?? this.#choose(terms)
    if (rung === undefined || (terms.isRetry && !this.#affordsRetry(rung))) return undefined
    if (this.#limit !== undefined && !this.#limit.canStart(terms.tokens)) return undefined
    if (this.#concurrency.weighsMemory && !this.#processes.admits(this.time.look(), this.#host.running))
      return undefined
    if (this.#backends.checksBeforeEach && !this.#backends.isCheckedNow(rung)) return undefined
    const now = this.time.latest
    if (terms.isRetry) this.#budget.countRetry(now)
    else this.#budget.countFirst(now)
    const ticket = rung.breaker.attemptStarted(now)
    const opening = this.parking.own.slowStart.started()
    return new SlotLease(this, slot, rung, ticket, opening, this.#limit?.acquire(terms.tokens))
  }

  /** The claim came to nothing: the task was no longer ready. */
  revoke(lease: SlotLease): void {
    lease.revoke()
    this.#letGo(lease)
  }

  started(lease: SlotLease): void {
    if (lease.share === undefined && !this.#concurrency.adapts) return
    lease.startedAt = this.time.look()
    if (lease.share !== undefined) this.#limit?.started(lease.share, lease.startedAt)
  }

  ended(lease: SlotLease, outcome: AttemptOutcome): void {
    // A success in a pool that does not adapt needs no time: nothing is kept of it but that it was one.
    const now = outcome.ok && !this.#concurrency.adapts ? this.time.latest : this.time.look()
    lease.share?.correctTokens(tokensOf(outcome.usage))
    if (outcome.ok || backendAnswered(outcome.failure)) this.#answered(lease)
    if (this.#concurrency.adapts) this.#adapt(now, lease, outcome)
    lease.rung.breaker.attemptEnded(now, lease.ticket, outcome)
    if (!outcome.ok && outcome.verdict.action === 'park') this.#parkFor(outcome.failure, outcome.verdict.delayMs)
  }

  released(lease: SlotLease, slot: Slot): void {
    this.#letGo(lease)
    this.#host.freed(slot)
  }

  alternatives(rung: PoolBackend): number {
    return this.#backends.alternatives(this.time.look(), rung)
  }

  /** A run came: what has timers gets them. */
  wake(): void {
    this.#backends.start()
    this.parking.refresh()
  }

  /** The last run is gone: no timer is left. */
  rest(): void {
    this.#backends.stop()
    this.#processes.rest()
    this.parking.refresh()
    this.idle()
  }

  /** Something may be there to start. Only with a limit. */
  wantTurn(): void {
    this.#limit?.requestTurn(this.#host)
  }

  /** Nothing is there to start. */
  idle(): void {
    this.#limit?.cancelTurn(this.#host)
  }

  /** A backend became ill, or well again. */
  backendChanged({ name: backend, unhealthyReason: trouble }: PoolBackend): void {
    if (trouble === undefined) this.publish({ type: 'pool.healthy', backend })
    else this.publish({ type: 'pool.unhealthy', backend, reason: trouble })
    const isWaited = this.parking.own.parked?.reason === 'unhealthy'
    if (isWaited && this.#backends.pick(this.time.look())) this.parking.own.unpark()
  }

  /** The library's own reasons are looked into again when their time is up; what a provider or the host said is over then. */
  stillClosed({ reason }: Parked): number | undefined {
    const now = this.time.look()
    if (reason === 'unhealthy') return this.#backends.pick(now) ? undefined : this.#backends.opensAt(now)
    const isSpent = reason === 'retry-budget' && this.#host.nextIsRetry() && !this.#budget.allowsRetry(now)
    return isSpent ? now + LOOK_AGAIN_MS : undefined
  }

  parked(parked: boolean): void {
    this.#host.parked(parked)
  }

  publish(news: PoolNews): void {
    this.#host.publish(news)
  }

  resume(): void {
    this.#host.resume()
  }

  #choose(terms: AttemptRequirements): PoolBackend | undefined {
    const now = this.time.look()
    const rung = this.#backends.pick(now, terms)
    if (rung === undefined)
      this.parking.own.park(this.#backends.opensAt(now) - now, 'unhealthy', 'none of its backends may be used')
    return rung
  }

  #affordsRetry({ breaker }: PoolBackend): boolean {
    const now = this.time.look()
    if (this.#budget.allowsRetry(now)) return true
    const message = 'the retry budget is spent: too many retries for so few first attempts'
    breaker.open(now, message)
    this.parking.own.park((breaker.openUntil(now) ?? now) - now, 'retry-budget', message)
    return false
  }

  #answered(lease: SlotLease): void {
    this.parking.own.answered(lease.opening, this.#concurrency.limit)
    if (lease.share !== undefined) this.#limit?.answered(lease.share)
  }

  #adapt(now: number, lease: SlotLease, outcome: AttemptOutcome): void {
    const before = this.#concurrency.limit
    const reason = this.#concurrency.ended(now, lease.startedAt, outcome, this.#host.running)
    if (reason !== undefined) this.#host.resized(before, reason)
  }

  /** What the provider says holds for all who share the account. */
  #parkFor({ kind, message }: Failure, delayMs: number): void {
    if (!(delayMs > 0)) return
    const reason = kind === 'throttled' || kind === 'quota' ? kind : 'overloaded'
    if (this.shares) this.#limit?.park(delayMs, reason, message)
    else this.parking.own.park(delayMs, reason, message)
  }

  #letGo(lease: SlotLease): void {
    this.parking.own.slowStart.released(lease.opening)
    if (!lease.told) lease.rung.breaker.attemptDropped(lease.ticket)
    if (lease.share !== undefined) this.#limit?.release(lease.share)
  }
}
