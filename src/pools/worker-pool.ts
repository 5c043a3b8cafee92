import PQueue from 'p-queue'
import type { AgentBackend } from '../backends/agent-backend.js'
import { BackendSet } from '../backends/backend-set.js'
import { type Clock, systemClock } from '../clock.js'
import type { ParkReason } from '../core/failure/failure.js'
import { NO_JITTER } from '../limits/cooldown.js'
import type { WindowLimit } from '../limits/rate-window.js'
import { unknownMachine } from '../machine.js'
import { checkOptions, checkValue, positiveInteger, positiveMs } from '../options-check.js'
import { Aging } from './aging.js'
import { Concurrency, type PoolConcurrency } from './concurrency/concurrency.js'
import { FairShare } from './fair-share.js'
import { FlowControl } from './flow-control.js'
import { PoolCooldown } from './pool-cooldown.js'
import type { PoolEvent, PoolEventBody, PoolListener } from './pool-events.js'
import { PoolLimit } from './pool-limit.js'
import type { PoolStats, WorkerPoolOptions } from './pool-options.js'
import { workerPoolRule } from './pool-schema.js'
import { RetryBudget } from './retry-budget.js'
import { RunQueue, type TaskQueue, type TaskSource } from './run-queue.js'
import { Slots } from './slots.js'

/**
 * Backends behind slots and limits: what `pools: { name: options }` makes, or one that several orchestrators share.
 * Its runs share it fairly (`FairShare`), each slot starts task after task (`Slots`), and `FlowControl` decides whether an attempt may start.
 */
export class WorkerPool {
  readonly name: string
  /** @internal As given. */
  readonly options: WorkerPoolOptions
  readonly #clock: Clock
  readonly #runs = new FairShare()
  readonly #backends: BackendSet
  readonly #concurrency: Concurrency
  readonly #cooldown: PoolCooldown
  readonly #limit: PoolLimit
  readonly #flow: FlowControl
  readonly #slots: Slots
  readonly #listeners = new Set<PoolListener>()
  #queueLimit: number | undefined

  /** @throws INVALID_INPUT for invalid options. */
  constructor(options: WorkerPoolOptions) {
    checkOptions(workerPoolRule(), options, { of: 'WorkerPool' })
    const { name, clock = systemClock, concurrency = 4, machine = unknownMachine, limit } = options
    this.name = name
    this.options = options
    this.#clock = clock
    this.#backends = this.#newBackends(options)
    this.#concurrency = new Concurrency({
      value: concurrency,
      pool: name,
      machine,
      hint: this.backend ?? {},
      onChange: (before, reason) => {
        this.#emit({ type: 'pool.limit-changed', limit: this.concurrency, before, reason })
        this.#slots.concurrency = this.concurrency
      },
    })
    this.#limit = new PoolLimit({
      pool: options,
      clock,
      member: {
        isLive: () => this.#runs.hasRuns,
        maxInFlight: () => this.#concurrency.limit,
        onParkingChange: () => this.#cooldown.update(),
      },
    })
    this.#cooldown = this.#newCooldown(options)
    this.#flow = new FlowControl({
      clock,
      backends: this.#backends,
      concurrency: this.#concurrency,
      budget: new RetryBudget(options.retryBudget),
      aging: new Aging(options.agingMs),
      cooldown: this.#cooldown.own,
      limit: this.#limit,
      sharedLimit: limit,
      onChange: () => this.#slots.dispatch(),
    })
    const queue = new PQueue({ concurrency: this.concurrency })
    this.#slots = new Slots({ queue, runs: this.#runs, flow: this.#flow, clock })
    this.queueLimit = options.queueLimit
  }

  /** The preferred backend; undefined for a pool without one. */
  get backend(): AgentBackend | undefined {
    return this.#backends.preferred
  }

  /** In order of preference. */
  get backends(): readonly AgentBackend[] {
    return this.#backends.all
  }

  /** How many attempts may run at once now. May be set while the pool works: a lower one takes effect as attempts end. */
  get concurrency(): number {
    return this.#concurrency.limit
  }

  /** @throws INVALID_INPUT for anything but a positive integer, a valid range, or `auto`. */
  set concurrency(value: PoolConcurrency) {
    this.#concurrency.set(value)
    this.#slots.dispatch()
  }

  /** How many attempts may start in any `perMs`; undefined: no bound. With a limit key: of all its pools together. */
  get requests(): WindowLimit | undefined {
    return this.#flow.limit?.requests
  }

  /** @throws INVALID_INPUT for a limit below 1 or a length that is not above 0. */
  set requests(value: WindowLimit | undefined) {
    this.#limit.setWindow('requests', value)
  }

  /** How many tokens the attempts that start in any `perMs` may use; undefined: no bound. With a limit key: of all its pools together. */
  get tokens(): WindowLimit | undefined {
    return this.#flow.limit?.tokens
  }

  /** @throws INVALID_INPUT for a limit below 1 or a length that is not above 0. */
  set tokens(value: WindowLimit | undefined) {
    this.#limit.setWindow('tokens', value)
  }

  /** How many admitted tasks that have not started the pool holds; undefined: no bound. Tasks that were admitted before stay. */
  get queueLimit(): number | undefined {
    return this.#queueLimit
  }

  /** @throws INVALID_INPUT for anything but a positive integer or undefined. */
  set queueLimit(value: number | undefined) {
    this.#queueLimit = checkValue(positiveInteger.optional(), value, `pools.${this.name}.queueLimit`)
    for (const listener of this.#listeners) listener.onQueueLimitChange?.(this.#queueLimit)
  }

  /** Starts nothing until `unpause`. Attempts in flight continue. */
  pause(): void {
    this.#slots.isPaused = true
  }

  /** Ends a `pause`. */
  unpause(): void {
    this.#slots.isPaused = false
  }

  /**
   * Starts nothing for `ms` plus a random jitter of up to a tenth (at most 5 s). Then starts slowly: one attempt, and twice as many with
   * each answer. If the pool is parked already, the cooldown that ends last counts. `park` of its limit parks all pools of the key.
   * @throws INVALID_INPUT unless `ms` is finite and above 0.
   */
  park(ms: number, reason: ParkReason = 'host', message?: string): void {
    this.#cooldown.own.park(checkValue(positiveMs, ms, 'park.ms'), reason, message)
  }

  /** Ends a cooldown of this pool now (not one of its limit key). The pool still starts slowly. */
  unpark(): void {
    this.#cooldown.own.unpark()
  }

  /** What the pool is doing now. */
  stats(): PoolStats {
    const { range } = this.#concurrency
    const { requests, tokens } = this.#flow.limit?.stats() ?? {}
    return {
      running: this.#flow.inFlight,
      queued: this.#runs.waiting + this.#flow.withheld.size,
      concurrency: this.#concurrency.limit,
      ...(range && { range }),
      paused: this.#slots.isPaused,
      ...(this.options.limit && { limitKey: this.options.limit.key }),
      ...(requests && { requests }),
      ...(tokens && { tokens }),
      ...this.#cooldown.stats(),
      backends: this.#backends.stats(this.#clock.monotonic()),
    }
  }

  /** @internal Adds a run. With twice the `weight` it gets twice the slots, as long as both have ready tasks. */
  open(source: TaskSource, weight: number): TaskQueue {
    const queue = new RunQueue({
      source,
      weight,
      aging: this.#flow.aging,
      runs: this.#runs,
      isParked: () => this.#cooldown.parked !== undefined,
      onDispatch: () => this.#slots.dispatch(),
      onClose: () => {
        this.#runs.close(queue)
        if (!this.#runs.hasRuns) this.close()
        else this.#slots.runClosed()
      },
    })
    const isFirst = !this.#runs.hasRuns
    this.#runs.queues.add(queue)
    this.#backends.start()
    if (isFirst) this.#cooldown.refresh()
    return queue
  }

  /** @internal For orchestrators. Hosts subscribe to the orchestrator. Returns a function that ends it. */
  subscribe(listener: PoolListener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** @internal As `close`, for ever: it does not stay among the pools of a limit that others use. */
  dispose(): void {
    this.close()
    this.#limit.leave()
  }

  /** Stops health checks and timers, even if a run still uses the pool. They start again with the next run. */
  close(): void {
    this.#backends.stop()
    // First the cooldown: when it is over, it opens the pool, which would join the round-robin of its limit again.
    this.#cooldown.refresh()
    this.#slots.stop()
  }

  #emit(body: PoolEventBody): void {
    const event = { ...body, at: Math.floor(this.#clock.now()), pool: this.name } as PoolEvent
    for (const listener of this.#listeners) listener.onEvent(event)
  }

  #newBackends({ name, backend, backends = backend ? [backend] : [], breaker, health }: WorkerPoolOptions): BackendSet {
    return new BackendSet({
      pool: name,
      backends,
      breaker,
      health,
      clock: this.#clock,
      onHealthChange: ({ name: backend, unhealthyReason: reason }) =>
        this.#emit(
          reason === undefined ? { type: 'pool.healthy', backend } : { type: 'pool.unhealthy', backend, reason },
        ),
      onAdmissionChange: () => this.#flow.backendChanged(),
      onChecked: () => this.#slots.dispatch(),
    })
  }

  #newCooldown({ random = NO_JITTER, ledger }: WorkerPoolOptions): PoolCooldown {
    return new PoolCooldown({
      clock: this.#clock,
      random,
      ledger,
      limit: () => this.#limit.limit,
      isLive: () => this.#runs.hasRuns,
      normalLimit: () => this.#concurrency.limit,
      recheckAt: parked => this.#flow.recheckAt(parked, () => this.#slots.isNextRetry),
      onParkedChange: isParked => this.#runs.onParkedChange(isParked),
      onEvent: event => this.#emit(event),
      onChange: () => this.#slots.dispatch(),
    })
  }
}
