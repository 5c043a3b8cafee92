import type { Clock } from '../../clock.js'
import type { Signal } from '../../core/scheduler/signals.js'
import type { RunState } from '../../core/state/run-state.js'
import type { TaskSpec, TaskState } from '../../core/state/task.js'
import { waitBeforeProcessLoss } from '../../core/state/task-clock.js'
import { type Deadline, Deadlines } from './deadlines.js'
import { PausableClock } from './pausable-clock.js'

/** What {@link QueueTimeouts} work with. */
export interface QueueTimeoutsOptions {
  readonly clock: Clock
  readonly head: RunState
  isParked(pool: string): boolean
  send(signal: Signal): void
}

type Scope = 'queue' | 'total'

/** The clock of the tasks that wait for one pool. */
interface PoolClock {
  readonly clock: PausableClock
  readonly deadlines: Deadlines
  isParked: boolean
}

interface PendingTimeout {
  readonly deadline: Deadline
  readonly pool: PoolClock
}

/**
 * The queue timeouts of tasks, and their total timeouts, which count from when a task was first ready. Their clock is stopped while the
 * run is paused or their pool is parked; the total time of a task also while it is held. Does nothing for a task without such a timeout.
 */
export class QueueTimeouts {
  readonly #options: QueueTimeoutsOptions
  readonly #head: RunState
  readonly #timed = new Set<number>()
  readonly #pools = new Map<string, PoolClock>()
  readonly #pending: Readonly<Record<Scope, Map<number, PendingTimeout>>> = { queue: new Map(), total: new Map() }
  /** The queue time that was left when the task got a slot, in milliseconds. */
  readonly #queueLeft = new Map<number, number>()
  /** The total time that was left when the task was held, in milliseconds. */
  readonly #totalLeft = new Map<number, number>()
  #isRunning = true

  constructor(options: QueueTimeoutsOptions) {
    this.#options = options
    this.#head = options.head
  }

  /** A task was added to the run. */
  onAdded(index: number): void {
    const { queueTimeoutMs, totalTimeoutMs } = this.#spec(index)
    if (queueTimeoutMs !== undefined || totalTimeoutMs !== undefined) this.#timed.add(index)
  }

  /** The run was paused, or runs again. */
  setRunning(running: boolean): void {
    if (running === this.#isRunning) return
    this.#isRunning = running
    for (const pool of this.#pools.values()) this.#updateClock(pool)
  }

  /** A pool was parked, or opened. */
  setParked(name: string, parked: boolean): void {
    if (this.#timed.size === 0) return
    const pool = this.#poolOf(name)
    pool.isParked = parked
    this.#updateClock(pool)
  }

  /** The task waits for a slot. */
  onQueued(index: number): void {
    if (!this.#timed.has(index)) return
    const { queueTimeoutMs } = this.#spec(index)
    if (queueTimeoutMs === undefined) return
    const waitedMs = waitBeforeProcessLoss(this.#head, index).queueMs
    this.#start(index, 'queue', this.#queueLeft.get(index) ?? Math.max(0, queueTimeoutMs - waitedMs))
  }

  /** The task got a slot. Its queue timeout continues if it has to give the slot back. */
  onClaimed(index: number): void {
    if (!this.#timed.has(index)) return
    const leftMs = this.#stop(index, 'queue')
    if (leftMs !== undefined) this.#queueLeft.set(index, leftMs)
  }

  /** The task has changed to this state. */
  onState(index: number, { status }: TaskState): void {
    if (!this.#timed.has(index)) return
    this.#queueLeft.delete(index)
    this.#stop(index, 'queue')
    if (status === 'held') {
      const leftMs = this.#stop(index, 'total')
      if (leftMs !== undefined) this.#totalLeft.set(index, leftMs)
    } else if (status === 'ready' || status === 'delayed' || status === 'running') this.#startTotal(index)
    else if (status !== 'blocked' && status !== 'stopping') this.#stop(index, 'total')
  }

  close(): void {
    for (const { deadlines } of this.#pools.values()) deadlines.close()
  }

  #startTotal(index: number): void {
    const { totalTimeoutMs } = this.#spec(index)
    if (totalTimeoutMs === undefined) return
    const waitedMs = waitBeforeProcessLoss(this.#head, index).totalMs
    this.#start(index, 'total', this.#totalLeft.get(index) ?? Math.max(0, totalTimeoutMs - waitedMs))
  }

  #start(index: number, scope: Scope, leftMs: number): void {
    const pending = this.#pending[scope]
    if (pending.has(index)) return
    const pool = this.#poolOf(this.#spec(index).pool ?? '')
    const deadline = pool.deadlines.add(leftMs, { onDeadline: () => this.#expire(index, scope) })
    pending.set(index, { deadline, pool })
  }

  /** Gives the time that was left, in milliseconds; undefined when the timeout was not running. */
  #stop(index: number, scope: Scope): number | undefined {
    const pending = this.#pending[scope].get(index)
    if (pending === undefined) return undefined
    const { deadline, pool } = pending
    pool.deadlines.remove(deadline)
    this.#pending[scope].delete(index)
    return Math.max(0, deadline.dueAt - pool.clock.monotonic())
  }

  #expire(index: number, scope: Scope): void {
    this.#pending[scope].delete(index)
    // An attempt that is being stopped cannot be stopped again: the timeout expires when the task is ready or delayed next.
    const state = this.#head.states[index] as TaskState
    if (state.status === 'stopping') return void this.#totalLeft.set(index, 0)
    const { queueTimeoutMs, totalTimeoutMs } = this.#spec(index)
    const message =
      scope === 'queue'
        ? `the task waited longer than ${queueTimeoutMs} ms for a slot`
        : `the task took longer than ${totalTimeoutMs} ms in total`
    const attempt = state.status === 'running' ? state.attempt : 0
    this.#options.send({ type: 'expire', index, attempt, failure: { kind: 'timeout', timeout: scope, message } })
  }

  #poolOf(name: string): PoolClock {
    const known = this.#pools.get(name)
    if (known) return known
    const clock = new PausableClock(this.#options.clock)
    const pool = { clock, deadlines: new Deadlines(clock), isParked: this.#options.isParked(name) }
    this.#updateClock(pool)
    this.#pools.set(name, pool)
    return pool
  }

  #updateClock({ clock, isParked }: PoolClock): void {
    clock.setRunning(this.#isRunning && !isParked)
  }

  #spec(index: number): TaskSpec {
    return this.#head.specs[index] as TaskSpec
  }
}
