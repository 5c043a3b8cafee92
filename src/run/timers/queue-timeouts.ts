import type { Clock } from '../../clock.js'
import type { Failure } from '../../core/failure/failure.js'
import type { RunState } from '../../core/state/run-state.js'
import type { TaskSpec, TaskState } from '../../core/state/task.js'
import { waitBeforeProcessLoss } from '../../core/state/task-clock.js'
import { type Deadline, type DeadlineList, Deadlines } from './deadlines.js'
import { PausableClock } from './pausable-clock.js'

type Scope = 'queue' | 'total'

/** Called when a task has waited too long: in the queue, or in total. */
export type Expired = (index: number, failure: Failure) => void

/** What {@link QueueTimeouts} work with. */
export interface QueueTimeoutsOptions {
  readonly clock: Clock
  readonly head: RunState
  isParked(pool: string): boolean
  readonly expired: Expired
}

/**
 * The time-outs of tasks that wait: in the queue, and in total from when they were first ready. Their clock stands still while the run
 * is paused or their pool is parked; that of a held task, too. Only tasks that have such a time-out cost anything.
 */
export class QueueTimeouts {
  readonly #setup: QueueTimeoutsOptions
  readonly #pools = new Map<string, PoolTime>()
  readonly #waits: Readonly<Record<Scope, Map<number, Wait>>> = { queue: new Map(), total: new Map() }
  /** What was left of the total time when the task was held. */
  readonly #left = new Map<number, number>()
  /** What was left of the time in the queue when the task got a slot. */
  readonly #queueLeft = new Map<number, number>()
  #going = true

  constructor(setup: QueueTimeoutsOptions) {
    this.#setup = setup
  }

  /** The run goes on, or is paused. */
  run(going: boolean): void {
    this.#going = going
    for (const time of this.#pools.values()) time.clock.run(going && !time.parked)
  }

  /** A pool was parked, or opened. */
  park(pool: string, parked: boolean): void {
    const time = this.#timeOf(pool)
    time.parked = parked
    time.clock.run(this.#going && !parked)
  }

  /** Task `index` waits for a slot. */
  queued(index: number): void {
    const { queueTimeoutMs } = this.#setup.head.specs[index] as TaskSpec
    if (queueTimeoutMs === undefined) return
    const waitedMs = waitBeforeProcessLoss(this.#setup.head, index).queueMs
    this.#go(index, 'queue', this.#queueLeft.get(index) ?? Math.max(0, queueTimeoutMs - waitedMs))
  }

  /** It has one: it waits no longer, unless it has to give it back. */
  claimed(index: number): void {
    const left = this.#stop(index, 'queue')
    if (left !== undefined) this.#queueLeft.set(index, left)
  }

  /** Task `index` has come to this state. */
  moved(index: number, { status }: TaskState): void {
    const spec = this.#setup.head.specs[index] as TaskSpec
    this.#queueLeft.delete(index)
    this.#stop(index, 'queue')
    if (status === 'held') {
      const left = this.#stop(index, 'total')
      if (left !== undefined) this.#left.set(index, left)
    } else if (status === 'ready' || status === 'delayed' || status === 'running') this.#goTotal(index, spec)
    else if (status !== 'blocked' && status !== 'stopping') this.#stop(index, 'total')
  }

  close(): void {
    for (const time of this.#pools.values()) time.deadlines.close()
  }

  #goTotal(index: number, { totalTimeoutMs }: TaskSpec): void {
    if (totalTimeoutMs === undefined || this.#waits.total.has(index)) return
    const waitedMs = waitBeforeProcessLoss(this.#setup.head, index).totalMs
    const left = this.#left.get(index) ?? Math.max(0, totalTimeoutMs - waitedMs)
    this.#go(index, 'total', left)
  }

  #go(index: number, scope: Scope, leftMs: number): void {
    const waits = this.#waits[scope]
    if (waits.has(index)) return
    const time = this.#timeOf((this.#setup.head.specs[index] as TaskSpec).pool ?? '')
    const wait = new Wait(index, scope, time, this.#expire)
    waits.set(index, wait)
    time.deadlines.add(leftMs, wait)
  }

  /** Gives what was left of it. */
  #stop(index: number, scope: Scope): number | undefined {
    const wait = this.#waits[scope].get(index)
    if (wait === undefined) return undefined
    const left = Math.max(0, wait.dueAt - wait.time.clock.monotonic())
    wait.time.deadlines.remove(wait)
    this.#waits[scope].delete(index)
    return left
  }

  readonly #expire = ({ index, scope }: Wait): void => {
    this.#waits[scope].delete(index)
    // It cannot be stopped more than it is: its time is over when its grace is.
    if (this.#setup.head.states[index]?.status === 'stopping') return void this.#left.set(index, 0)
    const { queueTimeoutMs, totalTimeoutMs } = this.#setup.head.specs[index] as TaskSpec
    const message =
      scope === 'queue'
        ? `the task waited longer than ${queueTimeoutMs} ms for a slot`
        : `the task took longer than ${totalTimeoutMs} ms in total`
    this.#setup.expired(index, { kind: 'timeout', timeout: scope, message })
  }

  #timeOf(pool: string): PoolTime {
    const known = this.#pools.get(pool)
    if (known) return known
    const clock = new PausableClock(this.#setup.clock)
    const parked = this.#setup.isParked(pool)
    clock.run(this.#going && !parked)
    const time = { clock, deadlines: new Deadlines(clock), parked }
    this.#pools.set(pool, time)
    return time
  }
}

interface PoolTime {
  readonly clock: PausableClock
  readonly deadlines: Deadlines
  parked: boolean
}

class Wait implements Deadline {
  dueAt = 0
  previous: Deadline | undefined
  next: Deadline | undefined
  list: DeadlineList | undefined
  readonly index: number
  readonly scope: Scope
  readonly time: PoolTime
  readonly #expired: (wait: Wait) => void

  constructor(index: number, scope: Scope, time: PoolTime, expired: (wait: Wait) => void) {
    this.index = index
    this.scope = scope
    this.time = time
    this.#expired = expired
  }

  expire(): void {
    this.#expired(this)
  }
}
