import PQueue from 'p-queue'
import type { AgentBackend } from '../backends/agent-backend.js'
import { BackendSet } from '../backends/backend-set.js'
import type { FailureKind, ParkReason } from '../core/failure/failure.js'
import { NO_JITTER } from '../limits/cooldown.js'
import { Limit } from '../limits/limit.js'
import type { WindowLimit } from '../limits/rate-window.js'
import { unknownMachine } from '../machine.js'
import { checkValue, positiveInteger, positiveMs } from '../options-check.js'
import { Concurrency, type PoolConcurrency } from './concurrency/concurrency.js'
import { FairShare } from './fair-share.js'
import { FlowControl, type FlowHost } from './flow-control.js'
import type { PoolEvent, PoolNews } from './pool-events.js'
import type { PoolStats, WorkerPoolOptions } from './pool-options.js'
import { RetryBudget } from './retry-budget.js'
import { RunQueue, type RunQueueHost, type TaskQueue, type TaskSource } from './run-queue.js'
import { Slots } from './slots.js'

/**
 * Backends behind slots and limits: the only user of p-queue, which keeps the slots. Each slot claims task after task (`Slots`); runs
 * share the pool fairly (`Lanes`); whether an attempt may start, and on which backend, is for `FlowControl`. This is their face.
 */
export class WorkerPool {
  readonly name: string
  readonly #setup: WorkerPoolOptions
  readonly #lanes = new FairShare()
  readonly #backends: BackendSet
  readonly #concurrency: Concurrency
  readonly #flow: FlowControl
  readonly #slots: Slots
  readonly #laneHost: RunQueueHost
  readonly #hearers = new Set<(event: PoolEvent) => void>()
  readonly #queueLimitHearers = new Set<(queueLimit: number | undefined) => void>()
  #queueLimit: number | undefined

  /** @throws INVALID_INPUT for options that are not as documented. */
  constructor(setup: WorkerPoolOptions) {
    const { name, clock, random = NO_JITTER, concurrency = 4, machine, limit, page, requests, tokens } = setup
    this.name = name
    this.#setup = setup
    this.#backends = this.#makeBackends(setup)
    this.#concurrency = new Concurrency(concurrency, name, machine ?? unknownMachine, this.backend)
    const queue = new PQueue({ concurrency: this.#concurrency.limit })
    const budget = new RetryBudget(setup.retryBudget)
    const parts = { host: this.#asFlowHost(), backends: this.#backends, concurrency: this.#concurrency, budget }
    this.#flow = new FlowControl({ clock, random, ...parts, limit, page, shares: limit !== undefined })
    this.#slots = new Slots({ queue, lanes: this.#lanes, flow: this.#flow, clock })
    this.#laneHost = this.#asLaneHost()
    if (requests) this.requests = requests
    if (tokens) this.tokens = tokens
    this.queueLimit = setup.queueLimit
  }

  /** The most wanted of its backends. */
  get backend(): AgentBackend {
    return this.#backends.preferred
  }

  /** The most wanted first. */
  get backends(): readonly AgentBackend[] {
    return this.#backends.all
  }

  /** How many attempts may run at once now. May be set while the pool works: a lower one takes effect as attempts end. */
  get concurrency(): number {
    return this.#concurrency.limit
  }

  /** @throws INVALID_INPUT for anything but a positive integer, a range as documented, or `auto`. */
  set concurrency(value: PoolConcurrency) {
    const before = this.#concurrency.limit
    this.#concurrency.set(value)
    this.#resized(before, 'host')
  }

  /** How many attempts may start in any span of `perMs`; undefined: no bound. With a limit key: for all its pools. */
  get requests(): WindowLimit | undefined {
    return this.#flow.limit?.requests
  }

  /** @throws INVALID_INPUT for a limit below 1 or a length that is not above 0. */
  set requests(value: WindowLimit | undefined) {
    if (value !== undefined || this.#flow.limit) this.#windows().requests = value
  }

  /** How many tokens the attempts that start in any span of `perMs` may use; undefined: no bound. With a limit key: for all its pools. */
  get tokens(): WindowLimit | undefined {
    return this.#flow.limit?.tokens
  }

  /** @throws INVALID_INPUT for a limit below 1 or a length that is not above 0. */
  set tokens(value: WindowLimit | undefined) {
    if (value !== undefined || this.#flow.limit) this.#windows().tokens = value
  }

  /** How many tasks may be admitted that have not started yet; undefined: no bound. Those that were admitted stay. */
  get queueLimit(): number | undefined {
    return this.#queueLimit
  }

  /** @throws INVALID_INPUT for anything but a positive integer or undefined. */
  set queueLimit(value: number | undefined) {
    this.#queueLimit =
      value === undefined ? undefined : checkValue(positiveInteger, value, `pools.${this.name}.queueLimit`)
    for (const hear of this.#queueLimitHearers) hear(this.#queueLimit)
  }

  /** Starts nothing until `unpause`; what runs goes on. */
  pause(): void {
    this.#slots.paused = true
  }

  /** Starts again. */
  unpause(): void {
    this.#slots.paused = false
  }

  /**
   * Starts nothing for `ms`, and up to a tenth longer by lot (at most 5 s); then a trickle, which doubles with each attempt that is
   * answered. Parked already: the longer of both counts. `park` of its limit parks all pools of the key.
   * @throws INVALID_INPUT unless `ms` is finite and above 0.
   */
  park(ms: number, reason: ParkReason = 'host', message?: string): void {
    this.#flow.parking.own.park(checkValue(positiveMs, ms, 'park.ms'), reason, message)
  }

  /** Ends a parking of this pool before its time (not one of its limit key); begins with a trickle all the same. */
  unpark(): void {
    this.#flow.parking.own.unpark()
  }

  /** What the pool is doing now. */
  stats(): PoolStats {
    const { range } = this.#concurrency
    const { requests, tokens } = this.#flow.limit?.stats() ?? {}
    const key = this.limit?.key
    return {
      running: this.#slots.leased,
      queued: this.#lanes.waiting,
      concurrency: this.#concurrency.limit,
      ...(range && { range }),
      paused: this.#slots.paused,
      ...(key !== undefined && { limitKey: key }),
      ...(requests && { requests }),
      ...(tokens && { tokens }),
      ...this.#flow.parking.stats(),
      backends: this.#backends.stats(this.#setup.clock.monotonic()),
    }
  }

  /** @internal What it shares with other pools. */
  get limit(): Limit | undefined {
    return this.#flow.shares ? this.#flow.limit : undefined
  }

  /** Lets a run in. With twice the `weight` it gets twice the slots, as long as both have something to do. */
  open(run: TaskSource, weight: number): TaskQueue {
    const lane = new RunQueue(run, 1 / weight, this.#setup.agingMs ?? 60_000, this.#laneHost)
    const isFirst = !this.#lanes.live
    this.#lanes.open(lane)
    if (isFirst) this.#flow.wake()
    return lane
  }

  /** @internal Hears what happens to the pool, and must not throw. Hosts listen to the orchestrator. */
  onEvent(listener: (event: PoolEvent) => void): void {
    this.#hearers.add(listener)
  }

  /** @internal Hears of each `queueLimit` that is set, from now on. */
  onQueueLimitChange(listener: (queueLimit: number | undefined) => void): void {
    this.#queueLimitHearers.add(listener)
  }

  /** Ends health checks and timers, whoever still uses the pool. The next run that comes begins them again. */
  close(): void {
    this.#flow.rest()
  }

  #windows(): Limit {
    const { name: key, clock, random, page } = this.#setup
    this.#flow.limit ??= new Limit({ key, clock, ...(random && { random }), page, path: `pools.${key}` })
    return this.#flow.limit
  }

  #publish(news: PoolNews): void {
    const event = { ...news, at: Math.floor(this.#setup.clock.now()), pool: this.name } as PoolEvent
    for (const hear of this.#hearers) hear(event)
  }

  #resized(before: number, reason: 'host' | 'success' | FailureKind): void {
    const { limit } = this.#concurrency
    if (limit !== before) this.#publish({ type: 'pool.limit-changed', limit, before, reason })
    this.#slots.concurrency = limit
  }

  #makeBackends({ name, backend, backends, breaker, health, clock }: WorkerPoolOptions): BackendSet {
    return new BackendSet({
      pool: name,
      backends: backends ?? (backend ? [backend] : []),
      ...(breaker && { breaker }),
      ...(health && { health }),
      clock,
      onHealthChange: rung => this.#flow.backendChanged(rung),
      onChecked: () => this.#slots.pump(),
    })
  }

  #asLaneHost(): RunQueueHost {
    const flow = this.#flow
    return {
      get parked() {
        return flow.parking.parked !== undefined
      },
      filled: lane => this.#lanes.filled(lane),
      letGo: lane => this.#lanes.level(lane),
      offered: () => this.#slots.pump(),
      closed: lane => {
        this.#lanes.close(lane)
        if (!this.#lanes.live) this.#flow.rest()
        else if (this.#lanes.empty) this.#flow.idle()
      },
    }
  }

  #asFlowHost(): FlowHost {
    const pool = this
    return {
      get isLive() {
        return pool.#lanes.live
      },
      get maxInFlight() {
        return pool.#concurrency.limit
      },
      get running() {
        return pool.#slots.leased
      },
      startOne: () => this.#slots.claimOne(),
      nextIsRetry: () => this.#slots.nextIsRetry(),
      resume: () => this.#slots.pump(),
      freed: slot => this.#slots.freed(slot),
      resized: (before, reason) => this.#resized(before, reason),
      parked: parked => {
        for (const lane of this.#lanes.all) lane.run.onParkedChange?.(parked, lane)
      },
      onParkingChange: () => this.#flow.parking.parkingChanged(),
      publish: news => this.#publish(news),
    }
  }
}
