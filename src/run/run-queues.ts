import type { TaskSpec } from '../core/state/task.js'
import type { OpenPool } from '../pools/pool-options.js'
import type { TaskQueue, TaskSource } from '../pools/run-queue.js'

const DEFAULT_PRIORITY = 3

/** The lanes of a run: one in each pool in which it has had something ready. */
export class RunQueues {
  readonly #run: TaskSource
  readonly #pools: ReadonlyMap<string, OpenPool>
  readonly #weight: number
  readonly #lanes = new Map<string, TaskQueue>()
  /** The pool of the last push, and its lane. */
  #pool: string | undefined
  #lane: TaskQueue | undefined
  /** Those with tasks that may not have been claimed yet. */
  readonly #pushed: TaskQueue[] = []
  #held = false

  constructor(run: TaskSource, pools: ReadonlyMap<string, OpenPool>, weight: number) {
    this.#run = run
    this.#pools = pools
    this.#weight = weight
  }

  /** The pools in which there is one. */
  get pools(): readonly string[] {
    return [...this.#lanes.keys()]
  }

  /** The pool of a lane. */
  poolOf(lane: TaskQueue): string | undefined {
    for (const [pool, own] of this.#lanes) if (own === lane) return pool
    return undefined
  }

  isParked(pool: string): boolean {
    return this.#lanes.get(pool)?.isParked === true
  }

  /** A task became ready. It is claimed after the next `offer`. False when its pool is not there. */
  push(index: number, { pool = '', priority = DEFAULT_PRIORITY }: TaskSpec, since: number): boolean {
    if (pool !== this.#pool) {
      this.#pool = pool
      this.#lane = this.#lanes.get(pool) ?? this.#open(pool)
    }
    const lane = this.#lane
    if (lane === undefined) return false
    lane.add(index, priority, since)
    if (!this.#pushed.includes(lane)) this.#pushed.push(lane)
    return true
  }

  /** What has been pushed may be claimed now: all of it has its place in the order. */
  offer(): void {
    // Mostly there is one. `pop` keeps the room for the next one, which `length = 0` gives back.
    if (this.#pushed.length < 2) return this.#pushed.pop()?.dispatch()
    for (const lane of this.#pushed) lane.dispatch()
    this.#pushed.length = 0
  }

  /** A ready task has a longer path than when it was pushed. */
  raise(index: number, { pool = '', priority = DEFAULT_PRIORITY }: TaskSpec, since: number): void {
    this.#lanes.get(pool)?.update(index, priority, since)
  }

  /** A task is no longer ready, without having been claimed. */
  drop({ pool = '' }: TaskSpec): void {
    this.#lanes.get(pool)?.withdraw()
  }

  /** Nothing is claimed while they are held. */
  hold(held: boolean): void {
    if (held === this.#held) return
    this.#held = held
    // A lane that is let go may claim, and have all of them held again.
    for (const lane of this.#lanes.values()) lane.setHeld(this.#held)
  }

  close(): void {
    for (const lane of this.#lanes.values()) lane.close()
  }

  #open(pool: string): TaskQueue | undefined {
    const lane = this.#pools.get(pool)?.pool.open(this.#run, this.#weight)
    if (lane === undefined) return undefined
    lane.setHeld(this.#held)
    this.#lanes.set(pool, lane)
    return lane
  }
}
