import type { TaskSpec } from '../core/state/task.js'
import { CounterpointError } from '../errors.js'

/** How many tasks are to be admitted, per pool. */
export type Demand = ReadonlyMap<string, number>

/**
 * Enforces `queueLimit`: at most that many tasks of a pool are admitted and have not started. Requests that have to wait are admitted in
 * the order in which they came. Nothing is dropped.
 */
export class Admission {
  readonly #limits = new Map<string, number>()
  /** Pools that have, or have had, a limit: their admitted tasks are counted. */
  readonly #counted = new Set<string>()
  readonly #admitted = new Map<string, number>()
  #waiting: { readonly demand: Demand; readonly onAdmit: () => void }[] = []

  /**
   * Sets or removes the limit of a pool. Admitted tasks stay; waiting requests are admitted as soon as there is room. In a pool that had
   * no limit before, tasks that are already admitted are not counted.
   */
  setLimit(pool: string, limit: number | undefined): void {
    if (limit === undefined) this.#limits.delete(pool)
    else {
      this.#limits.set(pool, limit)
      this.#counted.add(pool)
    }
    this.#admitWaiting()
  }

  /** False when no pool has had a limit: there is nothing to count. */
  get hasLimits(): boolean {
    return this.#counted.size > 0
  }

  /** True for a pool whose tasks are counted. */
  counts(pool: string): boolean {
    return this.#counted.has(pool)
  }

  /**
   * Admits the tasks and calls `onAdmit`, now if there is room, otherwise when there is (`whenFull: 'wait'`).
   * Returns a function that cancels the wait.
   * @throws QUEUE_FULL when it may not wait, or a pool could never hold as many.
   */
  request(demand: Demand, whenFull: 'wait' | 'reject', onAdmit: () => void): () => void {
    const never = this.#tooSmall(demand, pool => this.#limits.get(pool) as number)
    if (never !== undefined) throw this.#full(never, demand)
    const full = this.#waiting.length > 0 ? this.#firstLimited(demand) : this.#fullPool(demand)
    if (full === undefined) {
      this.admit(demand)
      onAdmit()
      return () => {}
    }
    if (whenFull === 'reject') throw this.#full(full, demand)
    const waiter = { demand, onAdmit }
    this.#waiting.push(waiter)
    return () => {
      this.#waiting = this.#waiting.filter(other => other !== waiter)
      this.#admitWaiting()
    }
  }

  /** Admits regardless of limits: for tasks that were admitted before a restart, or are only added to be cancelled. */
  admit(demand: Demand): void {
    for (const [pool, count] of demand)
      if (this.#counted.has(pool)) this.#admitted.set(pool, (this.#admitted.get(pool) ?? 0) + count)
  }

  /** A task of `pool` has started, or ended without starting. */
  leave(pool: string): void {
    if (!this.#counted.has(pool)) return
    // A task that was admitted before its pool had a limit is not counted.
    this.#admitted.set(pool, Math.max(0, (this.#admitted.get(pool) ?? 0) - 1))
    if (this.#waiting.length > 0) this.#admitWaiting()
  }

  #admitWaiting(): void {
    for (
      let next = this.#waiting[0];
      next !== undefined && this.#fullPool(next.demand) === undefined;
      next = this.#waiting[0]
    ) {
      this.#waiting.shift()
      this.admit(next.demand)
      next.onAdmit()
    }
  }

  #fullPool(demand: Demand): string | undefined {
    return this.#tooSmall(demand, pool => (this.#limits.get(pool) as number) - (this.#admitted.get(pool) ?? 0))
  }

  /** A new request does not overtake waiting ones, so a pool with a limit counts as full. */
  #firstLimited(demand: Demand): string | undefined {
    return this.#tooSmall(demand, () => 0)
  }

  /** The first pool with a limit whose room is too small. */
  #tooSmall(demand: Demand, room: (pool: string) => number): string | undefined {
    for (const [pool, count] of demand) if (this.#limits.has(pool) && count > room(pool)) return pool
    return undefined
  }

  #full(pool: string, demand: Demand): CounterpointError<'QUEUE_FULL'> {
    const queueLimit = this.#limits.get(pool) as number
    const wanted = demand.get(pool) ?? 0
    const message = `pool ${JSON.stringify(pool)} admits at most ${queueLimit} waiting tasks and cannot take ${wanted} more now; none was admitted. Try later, raise queueLimit, or run with whenFull: 'wait'`
    return new CounterpointError('QUEUE_FULL', message, { pool, queueLimit, wanted })
  }
}

/** How many tasks go to each pool. */
export function demandOf(tasks: readonly TaskSpec[]): Demand {
  const demand = new Map<string, number>()
  for (const { pool = '' } of tasks) demand.set(pool, (demand.get(pool) ?? 0) + 1)
  return demand
}
