import type { AgentBackend, AgentFunction } from '../backends/agent-backend.js'
import type { AttemptOutcome } from '../core/failure/attempt-outcome.js'
import type { RefusalCounts } from '../core/failure/refusals.js'
import { priorityOrder } from '../core/scheduler/order.js'
import type { Aging } from './aging.js'
import { AgingQueue } from './aging-queue.js'
import type { FairShare } from './fair-share.js'
import { ReadyQueue } from './ready-queue.js'

/** What the next attempt of a task needs from its pool. */
export interface AttemptRequirements {
  /** False for a first attempt. Retries are limited by the retry budget of the pool. */
  readonly isRetry: boolean
  /** The provider refused the attempt before. This one counts neither as a first attempt nor as a retry. */
  readonly wasRefused?: true
  /** How many tokens it is expected to use; 0 when unknown. Corrected by what {@link Lease.release} is given. */
  readonly tokens: number
  /** Fail-over: the next available backend after the one of this name, wrapping around. Default: the first available one. */
  readonly after?: string
  /** Degraded by a budget: the last available backend, which is the cheapest. */
  readonly cheapest?: true
  /** The function of the task, called in place of a backend of the pool: their health, breakers and order do not matter. */
  readonly run?: AgentFunction
}

/** A slot of a pool and a backend, for one attempt. */
export interface Lease {
  /** Runs the attempt. */
  readonly backend: AgentBackend
  /** Its name in the pool, for events. */
  readonly backendName: string
  /** How many other backends of the pool could take the next attempt now. */
  readonly alternatives: number
  /** How often, and since when, the provider has refused attempts in a row until now: of the backend alone where others could take over. */
  readonly refusals: RefusalCounts
  /**
   * False when the backend may not be called, although the slot was claimed: since then the pool, or its limit, was paused, parked or
   * lowered. Then call `withhold`.
   */
  readonly mayCall: boolean
  /**
   * Gives the slot back until the backend may be called and `isHeld` returns false, then calls `onSlot` with a slot. Ask `mayCall` again
   * there. It waits before all tasks that are queued.
   */
  withhold(isHeld: () => boolean, onSlot: () => void): void
  /** Call it when the backend is called: this is what the limits of the pool count. */
  started(): void
  /**
   * Call it with how the attempt ended, and how long one took that succeeded (ms), before `release`. Further calls are ignored. Without a
   * call the attempt (cancelled, interrupted, or never sent to its backend) says nothing about the pool.
   */
  ended(outcome: AttemptOutcome, durationMs?: number): void
  /**
   * Frees the slot, however the attempt ended; `usedTokens` replace what it was expected to use. Undefined: unknown. Further calls are
   * ignored.
   */
  release(usedTokens?: number): void
}

/** Where a pool gets its tasks from: a run. */
export interface TaskSource {
  /** Starts the next attempt of task `index`. Returns false when the task is no longer ready: then the lease is void. */
  start(index: number, lease: Lease): boolean
  /** The length of the longest chain of tasks that starts with this one, as far as it is known now. */
  remainingPath(index: number): number
  /** Called right before `start`. Undefined when the task is no longer ready. */
  requirements(index: number): AttemptRequirements | undefined
  /**
   * The number by which task `index` is ordered among the ready tasks of its run, lowest first; undefined, where it could not be had: by
   * its priority and age. Missing where the host has no order of its own: then `AgingQueue` orders them.
   */
  readonly order?:
    | ((index: number, readyAt: number, agingMs: number, remainingPath: number) => number | undefined)
    | undefined
  /** The pool of `queue` was parked, or has opened again: the queue timeouts of its tasks stop meanwhile. */
  onParkedChange?(isParked: boolean, queue: TaskQueue): void
}

/** The ready tasks of one run in one pool. */
export interface TaskQueue {
  /** True while the pool starts nothing because of a cooldown. */
  readonly isParked: boolean
  /** A task became ready at `since` (ms). It starts after the next `dispatch`, so that tasks that become ready together are ordered first. */
  add(index: number, priority: number, since: number): void
  /** To be called after `add` and `withdraw`: starts what can start, here or in another pool of the limit. */
  dispatch(): void
  /** A task in the queue has got a longer remaining path. */
  update(index: number, priority: number, since: number): void
  /** A task in the queue is no longer ready, and has not started here. */
  withdraw(): void
  /** While the queue is held, none of its tasks starts. */
  setHeld(isHeld: boolean): void
  /** The run is over. */
  close(): void
}

/** What a {@link RunQueue} is made of. */
export interface RunQueueOptions {
  readonly source: TaskSource
  /** Twice the weight gets twice the slots. */
  readonly weight: number
  readonly aging: Aging
  readonly runs: FairShare
  isParked(): boolean
  onDispatch(): void
  onClose(): void
}

/** The queue of one run in one pool, with its place in the {@link FairShare} of the pool. */
export class RunQueue implements TaskQueue {
  readonly source: TaskSource
  isHeld = false
  /** Its position in stride scheduling: the queue with the lowest pass is next. */
  pass = 0
  /** Tasks that wait for a slot. Withdrawn ones are not counted, though their entries remain until they are reached. */
  waiting = 0
  readonly #options: RunQueueOptions
  readonly #ready: AgingQueue | ReadyQueue

  constructor(options: RunQueueOptions) {
    const { aging, source } = options
    this.source = source
    this.#options = options
    this.#ready = source.order === undefined ? new AgingQueue(() => aging.ms) : new ReadyQueue()
  }

  get isParked(): boolean {
    return this.#options.isParked()
  }

  get isEmpty(): boolean {
    return this.#ready.size === 0
  }

  add(index: number, priority: number, since: number): void {
    this.waiting++
    this.update(index, priority, since)
  }

  /** The old entry of the task stays: it is skipped once the task has started. */
  update(index: number, priority: number, since: number): void {
    if (this.isEmpty) {
      this.#catchUp()
      this.#options.runs.add(this)
    }
    const path = this.source.remainingPath(index)
    if (this.#ready instanceof AgingQueue) return this.#ready.push(index, priority, since, path)
    const { ms } = this.#options.aging
    const number = this.source.order?.(index, since, ms, path) ?? priorityOrder(priority, since, ms)
    this.#ready.push(index, number, path)
  }

  dispatch(): void {
    this.#options.onDispatch()
  }

  withdraw(): void {
    this.waiting--
  }

  setHeld(isHeld: boolean): void {
    if (this.isHeld && !isHeld) this.#catchUp()
    this.isHeld = isHeld
    this.dispatch()
  }

  close(): void {
    this.#options.onClose()
  }

  /** The most urgent task; -1 when there is none. */
  peek(): number {
    return this.#ready.peek()
  }

  /** Removes what `peek` returns. */
  take(): number {
    const index = this.#ready.pop()
    if (this.isEmpty) this.#options.runs.remove(this)
    return index
  }

  /** A task of this queue has started. */
  charge(): void {
    this.waiting--
    this.pass += 1 / this.#options.weight
  }

  /** A queue that was empty or held has not saved up any turns. */
  #catchUp(): void {
    this.pass = Math.max(this.pass, this.#options.runs.pass)
  }
}
