import { DEFAULT_PRIORITY } from '../core/scheduler/order.js'
import type { TaskSpec } from '../core/state/task.js'
import type { OpenPool } from '../pools/pool-options.js'
import type { TaskQueue, TaskSource } from '../pools/run-queue.js'

/** The queues of a run: one in each pool in which a task of it has been ready or waits for a retry. */
export class RunQueues {
  readonly #source: TaskSource
  readonly #pools: ReadonlyMap<string, OpenPool>
  readonly #weight: number
  readonly #queues = new Map<string, TaskQueue>()
  /** Queues to which tasks were added, or from which they were withdrawn, since the last `dispatch`. */
  readonly #changed: TaskQueue[] = []
  /** By the index of the task: whether it waits in its queue. */
  readonly #isWaiting: boolean[] = []
  #isHeld = false

  constructor(source: TaskSource, pools: ReadonlyMap<string, OpenPool>, weight: number) {
    this.#source = source
    this.#pools = pools
    this.#weight = weight
  }

  /** The pools in which there is a queue. */
  get pools(): readonly string[] {
    return [...this.#queues.keys()]
  }

  poolOf(queue: TaskQueue): string | undefined {
    for (const [pool, own] of this.#queues) if (own === queue) return pool
    return undefined
  }

  /** Opens the queue of the pool, so that the run is notified when the pool is parked or opens. */
  isParked(pool: string): boolean {
    return this.open(pool)?.isParked === true
  }

  /** Queues a ready task. It can be claimed from the next `dispatch` on. False when its pool does not exist. */
  add(index: number, { pool = '', priority = DEFAULT_PRIORITY }: TaskSpec, since: number): boolean {
    const queue = this.open(pool)
    if (queue === undefined) return false
    queue.add(index, priority, since)
    this.#isWaiting[index] = true
    this.#onChange(queue)
    return true
  }

  /** True for a task that waits for a slot: it has been queued, and neither claimed nor withdrawn since. */
  isWaiting(index: number): boolean {
    return this.#isWaiting[index] === true
  }

  /** The task has got a slot. */
  claimed(index: number): void {
    this.#isWaiting[index] = false
  }

  /** Lets the pools claim what has been added, all of which has been put in order, and what waited behind tasks that were withdrawn. */
  dispatch(): void {
    for (let queue = this.#changed.shift(); queue; queue = this.#changed.shift()) queue.dispatch()
  }

  /** Lets all its pools start what they can. */
  dispatchAll(): void {
    for (const queue of this.#queues.values()) queue.dispatch()
  }

  /** The remaining path of a task is longer than when it was added. Does nothing for one that does not wait here. */
  update(index: number, { pool = '', priority = DEFAULT_PRIORITY }: TaskSpec, since: number): void {
    if (this.isWaiting(index)) this.#queues.get(pool)?.update(index, priority, since)
  }

  /** A task is no longer ready. Does nothing for one that does not wait here: it has a slot, or was never queued. */
  withdraw(index: number, { pool = '' }: TaskSpec): void {
    const queue = this.isWaiting(index) ? this.#queues.get(pool) : undefined
    if (queue === undefined) return
    this.#isWaiting[index] = false
    queue.withdraw()
    this.#onChange(queue)
  }

  /** While they are held, no task is claimed. */
  setHeld(held: boolean): void {
    if (held === this.#isHeld) return
    this.#isHeld = held
    // A queue that is released may claim a task at once, which may hold all queues again.
    for (const queue of this.#queues.values()) queue.setHeld(this.#isHeld)
  }

  /** The queue of a pool; undefined when the pool does not exist. */
  open(pool: string): TaskQueue | undefined {
    return this.#queues.get(pool) ?? this.#newQueue(pool)
  }

  close(): void {
    for (const queue of this.#queues.values()) queue.close()
  }

  #onChange(queue: TaskQueue): void {
    if (!this.#changed.includes(queue)) this.#changed.push(queue)
  }

  #newQueue(pool: string): TaskQueue | undefined {
    const queue = this.#pools.get(pool)?.pool.open(this.#source, this.#weight)
    if (queue === undefined) return undefined
    queue.setHeld(this.#isHeld)
    this.#queues.set(pool, queue)
    return queue
  }
}
