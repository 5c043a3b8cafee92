import type { AgentFunction } from '../backends/agent-backend.js'
import type { BackendSet } from '../backends/backend-set.js'
import type { PoolBackend } from '../backends/pool-backend.js'
import type { Clock } from '../clock.js'
import type { Failure } from '../core/failure/failure.js'
import type { Refusals } from '../core/failure/refusals.js'
import type { Cooldown, Parked } from '../limits/cooldown.js'
import type { Limit } from '../limits/limit.js'
import type { LimitLease } from '../limits/limit-lease.js'
import type { Aging } from './aging.js'
import { AttemptLease } from './attempt-lease.js'
import type { Concurrency } from './concurrency/concurrency.js'
import type { RetryBudget } from './retry-budget.js'
import type { AttemptRequirements } from './run-queue.js'
import { type WithheldCall, WithheldCalls } from './withheld-calls.js'

/**
 * Whether an attempt may start now. With `until`, ask again then (ms of the clock's `monotonic`); without it, after the next notification:
 * what refused the attempt reports when it changes.
 */
export type StartDecision =
  | { readonly kind: 'start'; readonly lease: AttemptLease }
  | { readonly kind: 'wait'; readonly until?: number }

/** What a {@link FlowControl} decides by. */
export interface FlowControlOptions {
  readonly clock: Clock
  readonly backends: BackendSet
  readonly concurrency: Concurrency
  readonly budget: RetryBudget
  readonly aging: Aging
  /** That of the pool alone. */
  readonly cooldown: Cooldown
  /** The shared limit, or one for windows of the pool alone. */
  readonly limit: { readonly limit: Limit | undefined }
  /** The limit that the pool shares with others. */
  readonly sharedLimit: Limit | undefined
  /** A lease was released, or a backend has become healthy or unhealthy: what may start has changed. */
  onChange(): void
}

const WAIT: StartDecision = { kind: 'wait' }
/** A spent retry budget, and memory that is too low, are checked again after this time, in milliseconds. */
const RECHECK_MS = 1_000
const SPENT = 'the retry budget is spent: too many retries for so few first attempts'

/** Decides whether a pool may start another attempt, and on which backend. It knows neither slots nor queues: they ask it. */
export class FlowControl {
  readonly clock: Clock
  readonly backends: BackendSet
  readonly concurrency: Concurrency
  readonly cooldown: Cooldown
  readonly aging: Aging
  /** By the host. */
  isPaused = false
  readonly withheld: WithheldCalls = new WithheldCalls()
  readonly #budget: RetryBudget
  readonly #limit: FlowControlOptions['limit']
  readonly #sharedLimit: Limit | undefined
  readonly #onChange: () => void
  #inFlight = 0

  constructor({
    clock,
    backends,
    concurrency,
    budget,
    aging,
    cooldown,
    limit,
    sharedLimit,
    onChange,
  }: FlowControlOptions) {
    this.clock = clock
    this.backends = backends
    this.concurrency = concurrency
    this.cooldown = cooldown
    this.aging = aging
    this.#limit = limit
    this.#budget = budget
    this.#sharedLimit = sharedLimit
    this.#onChange = onChange
  }

  /** The limit now. */
  get limit(): Limit | undefined {
    return this.#limit.limit
  }

  /** Of the account that the pool shares with others, or of the pool alone; each backend counts its own, too. */
  get refusals(): Refusals {
    return (this.#sharedLimit?.cooldown ?? this.cooldown).refusals
  }

  /** Attempts that hold a lease. */
  get inFlight(): number {
    return this.#inFlight
  }

  /** False while no attempt may start, whatever it needs. */
  get isOpen(): boolean {
    return !this.isPaused && this.cooldown.canStart && !this.backends.isChecking
  }

  /**
   * False when an attempt that has a lease, with this ticket of the slow start and this part of the limit, may not be called: something has
   * been restricted since.
   */
  mayCall(slowStartTicket: number, lease: LimitLease | undefined): boolean {
    if (this.isPaused || !this.cooldown.mayCall(slowStartTicket) || this.#inFlight > this.concurrency.limit)
      return false
    return lease === undefined || this.limit === undefined || this.limit.mayCall(lease)
  }

  /** Gives a withheld call a slot and lets it be made. False when that is not possible now. Call it only while `isOpen`. */
  makeWithheld(call: WithheldCall, now: number): boolean {
    if (this.limit !== undefined && !this.limit.canStart(call.tokens)) return false
    this.withheld.remove(call)
    this.#inFlight++
    call.takeBack(now)
    return true
  }

  /** Whether an attempt may start at `now` (ms of the clock's `monotonic`). Call it only while `isOpen`. May park the pool. */
  decide(requirements: AttemptRequirements, now: number): StartDecision {
    const { backends, limit } = this
    const target = requirements.run ?? backends.onlyHealthy ?? this.#pick(requirements, now)
    if (target === undefined || (requirements.isRetry && !this.#allowsRetry(target, now))) return WAIT
    if (limit !== undefined && !limit.canStart(requirements.tokens)) return WAIT
    if (!this.concurrency.hasMemory(now, this.#inFlight)) return { kind: 'wait', until: now + RECHECK_MS }
    if (backends.checksBeforeEach && typeof target !== 'function' && !backends.isCheckedNow(target)) return WAIT
    if (requirements.isRetry) this.#budget.countRetry(now)
    else if (!requirements.wasRefused) this.#budget.countFirst(now)
    this.#inFlight++
    return { kind: 'start', lease: new AttemptLease(this, target, requirements.tokens, now) }
  }

  /** Parks for what a provider has said: where the limit is shared, this holds for all pools of the account. */
  park({ kind, message }: Failure, ms: number): void {
    if (!(ms > 0)) return
    const reason = kind === 'throttled' || kind === 'quota' ? kind : 'overloaded'
    if (this.#sharedLimit !== undefined) this.#sharedLimit.park(ms, reason, message)
    else this.cooldown.park(ms, reason, message)
  }

  /**
   * The time of a cooldown is up: when to check again, undefined to open. One that the pool began itself may go on; one of a provider or
   * the host is over.
   */
  recheckAt({ reason }: Parked, isNextRetry: () => boolean): number | undefined {
    const now = this.clock.monotonic()
    if (reason === 'unhealthy') return this.backends.pick(now) ? undefined : this.backends.opensAt(now)
    const isSpent = reason === 'retry-budget' && isNextRetry() && !this.#budget.mayRetry(now)
    return isSpent ? now + RECHECK_MS : undefined
  }

  /** A backend admits attempts from another time on: so does a pool that is parked for want of healthy backends. */
  backendChanged(): void {
    if (this.cooldown.parked?.reason === 'unhealthy') this.cooldown.recheck()
    this.#onChange()
  }

  /** For leases. */
  leaseReleased(): void {
    this.#inFlight--
    this.#onChange()
  }

  /** For leases. A withheld call will not be made. */
  callDropped(call: WithheldCall): void {
    this.withheld.remove(call)
    this.#onChange()
  }

  /** For leases. */
  leaseCancelled(): void {
    this.#inFlight--
  }

  #pick(requirements: AttemptRequirements, now: number): PoolBackend | undefined {
    const target = this.backends.pick(now, requirements)
    if (target === undefined)
      this.cooldown.park(this.backends.opensAt(now) - now, 'unhealthy', 'none of its backends may be used')
    return target
  }

  #allowsRetry(target: PoolBackend | AgentFunction, now: number): boolean {
    if (this.#budget.mayRetry(now)) return true
    this.cooldown.park(typeof target === 'function' ? RECHECK_MS : openBreaker(target, now), 'retry-budget', SPENT)
    return false
  }
}

/** Returns for how long, in milliseconds. */
function openBreaker({ breaker }: PoolBackend, now: number): number {
  breaker.open(now, SPENT)
  return (breaker.openUntil(now) ?? now) - now
}
