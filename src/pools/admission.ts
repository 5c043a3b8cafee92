import type { TaskSpec } from '../core/state/task.js'
import { CounterpointError } from '../errors.js'

/** How many tasks are to enter each pool. */
export type Demand = ReadonlyMap<string, number>

/**
 * Who may come in: a pool with a `queueLimit` holds at most that many tasks that have been admitted and have not started.
 * Those that wait enter in the order in which they came. Nothing is dropped.
 */
export class Admission {
  readonly #limits: Map<string, number>
  /** Pools that have, or have had, a limit: of these it is counted who is inside. */
  readonly #counted: Set<string>
  readonly #inside = new Map<string, number>()
  #waiting: { readonly demand: Demand; readonly enter: () => void }[] = []

  constructor(limits: ReadonlyMap<string, number>) {
    this.#limits = new Map(limits)
    this.#counted = new Set(limits.keys())
  }

  /**
   * Another limit from now on, or none. Who is inside stays, and who waits enters as there is room. Of a pool that had none, those that are
   * inside already are not counted.
   */
  setLimit(pool: string, limit: number | undefined): void {
    if (limit === undefined) this.#limits.delete(pool)
    else {
      this.#limits.set(pool, limit)
      this.#counted.add(pool)
    }
    this.#admitWaiting()
  }

  /** False when no pool has had a limit: then there is nothing to count. */
  get limited(): boolean {
    return this.#counted.size > 0
  }

  /** True for a pool that counts its tasks. */
  counts(pool: string): boolean {
    return this.#counted.has(pool)
  }

  /**
   * Enters at once; without room it waits its turn (`whenFull: 'wait'`), and `enter` is called then.
   * Gives a function that gives up the wait.
   * @throws QUEUE_FULL when it may not wait, or asks for more than the pool ever holds.
   */
  request(demand: Demand, whenFull: 'wait' | 'reject', enter: () => void): () => void {
    const never = this.#tooSmall(demand, pool => this.#limits.get(pool) as number)
    if (never !== undefined) throw this.#full(never, demand)
    const full = this.#waiting.length > 0 ? this.#firstLimited(demand) : this.#fullPool(demand)
    if (full === undefined) {
      this.#enter(demand)
      enter()
      return () => {}
    }
    if (whenFull === 'reject') throw this.#full(full, demand)
    const waiter = { demand, enter }
    this.#waiting.push(waiter)
    return () => {
      this.#waiting = this.#waiting.filter(other => other !== waiter)
      this.#admitWaiting()
    }
  }

  /** Enters whatever the limits: for tasks that were admitted before a restart, or are only added to be cancelled. */
  occupy(demand: Demand): void {
    this.#enter(demand)
  }

  /** One task of `pool` has started or ended. */
  leave(pool: string): void {
    if (!this.#counted.has(pool)) return
    // One that came in before its pool had a limit was not counted.
    this.#inside.set(pool, Math.max(0, (this.#inside.get(pool) ?? 0) - 1))
    if (this.#waiting.length > 0) this.#admitWaiting()
  }

  #admitWaiting(): void {
    for (
      let next = this.#waiting[0];
      next !== undefined && this.#fullPool(next.demand) === undefined;
      next = this.#waiting[0]
    ) {
      this.#waiting.shift()
      this.#enter(next.demand)
      next.enter()
    }
  }

  #enter(demand: Demand): void {
    for (const [pool, count] of demand)
      if (this.#counted.has(pool)) this.#inside.set(pool, (this.#inside.get(pool) ?? 0) + count)
  }

  #fullPool(demand: Demand): string | undefined {
    return this.#tooSmall(demand, pool => (this.#limits.get(pool) as number) - (this.#inside.get(pool) ?? 0))
  }

  /** Whoever comes while others wait does not overtake them. */
  #firstLimited(demand: Demand): string | undefined {
    return this.#tooSmall(demand, () => 0)
  }

  #tooSmall(demand: Demand, room: (pool: string) => number): string | undefined {
    for (const [pool, count] of demand) if (this.#limits.has(pool) && count > room(pool)) return pool
    return undefined
  }

  #full(pool: string, demand: Demand): CounterpointError<'QUEUE_FULL'> {
    const queueLimit = this.#limits.get(pool) as number
    const wanted = demand.get(pool) ?? 0
    const message = `pool ${JSON.stringify(pool)} admits at most ${queueLimit} waiting tasks and cannot take ${wanted} more now; nothing was taken. Try later, raise queueLimit, or run with whenFull: 'wait'`
    return new CounterpointError('QUEUE_FULL', message, { pool, queueLimit, wanted })
  }
}

/** How many tasks go to each pool. */
export function demandOf(tasks: readonly TaskSpec[]): Demand {
  const demand = new Map<string, number>()
  for (const { pool = '' } of tasks) demand.set(pool, (demand.get(pool) ?? 0) + 1)
  return demand
}
