import type { AgentBackend } from '../backends/agent-backend.js'
import type { AttemptOutcome } from '../core/failure/attempt-outcome.js'
import { ReadyQueue } from './ready-queue.js'

/** What the next attempt of a task asks of its pool. */
export interface AttemptRequirements {
  /** False for a first attempt. Retries are bounded by the retry budget of the pool. */
  readonly isRetry: boolean
  /** How many tokens it is expected to use; 0 when that is unknown. Corrected by the usage that `ended` tells. */
  readonly tokens: number
  /** Fail over: a backend that comes after the one of this name in the ladder, wrapping round. Default: the first that is available. */
  readonly after?: string
  /** Money is short: the last backend of the ladder that is available, which is the cheapest. */
  readonly cheapest?: true
}

/** A slot of a pool, lent for one attempt. */
export interface Lease {
  /** What runs the attempt: the first available backend of the pool, or the one that the claim asked for. */
  readonly backend: AgentBackend
  /** Its name in the pool, for events. */
  readonly backendName: string
  /** How many other backends of the pool could take the next attempt now. */
  readonly alternatives: number
  /** Tells that the backend is called now: what the limits of the pool count. */
  started(): void
  /**
   * Tells how the attempt ended, before `release`. Only the first call counts. An attempt of which nothing is told (it was cancelled or
   * interrupted, or never reached its backend) says nothing about the pool.
   */
  ended(outcome: AttemptOutcome): void
  /** Gives the slot back. Only the first call counts. */
  release(): void
}

/** Whose tasks a pool starts: a run. */
export interface TaskSource {
  /** Starts the attempt of task `index` on this slot. False when the task is no longer ready: the slot is still free. */
  start(index: number, lease: Lease): boolean
  /** The task's longest remaining path as it is known now. */
  remainingPath(index: number): number
  /** What the next attempt of task `index` asks of the pool; undefined when the task is no longer ready. Asked right before the claim. */
  requirements(index: number): AttemptRequirements | undefined
  /** The pool of `lane` was parked, or has opened again: the clocks of tasks that wait in it stand still meanwhile. */
  onParkedChange?(parked: boolean, lane: TaskQueue): void
}

/** The ready tasks of one run in one pool. */
export interface TaskQueue {
  /** True while the pool is parked: it starts nothing for a while, by itself. */
  readonly isParked: boolean
  /** A task became ready at `since` (ms). It is claimed after the next `offer`: all that becomes ready together is put in order first. */
  add(index: number, priority: number, since: number): void
  /** What has been pushed may be claimed now. */
  dispatch(): void
  /** A task of the lane has a longer path than when it was pushed. */
  update(index: number, priority: number, since: number): void
  /** A task of the lane is no longer ready, without having been claimed. */
  withdraw(): void
  /** The run claims nothing while its lane is held. */
  setHeld(held: boolean): void
  /** The run is over. */
  close(): void
}

/** A place in a pool for one attempt at a time. */
export interface Slot {
  readonly end: () => void
}

/** What a lane needs of its pool. */
export interface RunQueueHost {
  readonly parked: boolean
  filled(lane: RunQueue): void
  /** It is no longer held. */
  letGo(lane: RunQueue): void
  /** Something may be claimed. */
  offered(): void
  closed(lane: RunQueue): void
}

/** One run in one pool. */
export class RunQueue implements TaskQueue {
  readonly run: TaskSource
  readonly stride: number
  pass = 0
  joined = false
  held = false
  /** Without those that were dropped: they stay in the queue until they are met. */
  waiting = 0
  readonly #agingMs: number
  readonly #queue = new ReadyQueue()
  readonly #pool: RunQueueHost

  constructor(run: TaskSource, stride: number, agingMs: number, pool: RunQueueHost) {
    this.run = run
    this.stride = stride
    this.#agingMs = agingMs
    this.#pool = pool
  }

  get size(): number {
    return this.#queue.size
  }

  get isParked(): boolean {
    return this.#pool.parked
  }

  add(index: number, priority: number, since: number): void {
    this.waiting++
    this.update(index, priority, since)
  }

  update(index: number, priority: number, since: number): void {
    this.#queue.push(index, priority + Math.floor(since / this.#agingMs), this.run.remainingPath(index))
    this.#pool.filled(this)
  }

  dispatch(): void {
    if (this.size > 0 && !this.held) this.#pool.offered()
  }

  withdraw(): void {
    this.waiting--
  }

  setHeld(held: boolean): void {
    if (this.held && !held) this.#pool.letGo(this)
    this.held = held
    this.dispatch()
  }

  close(): void {
    this.#pool.closed(this)
  }

  /** The most urgent task; -1 when there is none. */
  take(): number {
    return this.#queue.pop()
  }

  /** What was taken last goes back to its place: it cannot be started now. */
  putBack(index: number): void {
    this.#queue.putBack(index)
  }
}
