import type { TaskSpec } from '../core/state/task.js'
import { CounterpointError } from '../errors.js'

/** How many tasks are to be admitted, per pool. */
export type Demand = ReadonlyMap<string, number>

/** Who requests the admission of tasks. */
export interface AdmissionRequest {
  readonly demand: Demand
  /** All of them are admitted. */
  onAdmit(): void
  /** The limit of a pool was lowered meanwhile, so that it could never hold them. */
  onRefuse(error: CounterpointError<'QUEUE_FULL'>): void
}

/**
 * Enforces `queueLimit`: at most that many tasks of a pool are admitted and have not started. Nothing is dropped.
 *
 * Invariants: a request is admitted as a whole, when all its pools have room. In each pool, requests that it has no room for are admitted
 * in the order in which they came. One that waits for another pool takes no room here and delays no other request: otherwise an agent in a
 * full pool that adds tasks to another one could wait for itself.
 */
export class Admission {
  readonly #limits = new Map<string, number>()
  /** Pools that have, or have had, a limit: their admitted tasks are counted. */
  readonly #counted = new Set<string>()
  readonly #admitted = new Map<string, number>()
  /** Called with a pool that gets its first limit. */
  readonly #listeners = new Set<(pool: string) => void>()
  /** By pool, in the order in which they came. A request waits in each of its pools. */
  readonly #waiting = new Map<string, AdmissionRequest[]>()

  /**
   * Sets or removes the limit of a pool. Admitted tasks stay, and count, also when the pool had no limit before; waiting requests are
   * admitted as soon as there is room.
   */
  setLimit(pool: string, limit: number | undefined): void {
    if (limit === undefined) this.#limits.delete(pool)
    else {
      this.#limits.set(pool, limit)
      if (!this.#counted.has(pool)) this.#beginCounting(pool)
      for (const request of [...this.#waitingIn(pool)])
        if (this.#need(request, pool) > limit) {
          this.#cancel(request)
          request.onRefuse(this.#tooMany(pool, request))
        }
    }
    this.#admitWaiting(pool)
  }

  /** `onFirstLimit` is called with a pool whose tasks are counted from now on. Returns a function that ends it. */
  subscribe(onFirstLimit: (pool: string) => void): () => void {
    this.#listeners.add(onFirstLimit)
    return () => this.#listeners.delete(onFirstLimit)
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
  request(request: AdmissionRequest, whenFull: 'wait' | 'reject'): () => void {
    const { demand } = request
    for (const pool of demand.keys())
      if (this.#need(request, pool) > this.#limitOf(pool)) throw this.#tooMany(pool, request)
    const full = this.#fullPool(request)
    if (full === undefined) {
      this.admit(demand)
      request.onAdmit()
      return () => {}
    }
    if (whenFull === 'reject') throw this.#full(full, request)
    for (const pool of demand.keys()) this.#waitingIn(pool).push(request)
    return () => this.#cancel(request)
  }

  /** Admits regardless of limits: for tasks that were admitted before a restart, or are only added to be cancelled. */
  admit(demand: Demand): void {
    for (const [pool, count] of demand)
      if (this.#counted.has(pool)) this.#admitted.set(pool, (this.#admitted.get(pool) ?? 0) + count)
  }

  /** A task of `pool` has started, or ended without starting. */
  leave(pool: string): void {
    if (!this.#counted.has(pool)) return
    // A task is not counted that was admitted before its pool had a limit, and was not in its run yet then.
    this.#admitted.set(pool, Math.max(0, (this.#admitted.get(pool) ?? 0) - 1))
    this.#admitWaiting(pool)
  }

  #beginCounting(pool: string): void {
    this.#counted.add(pool)
    for (const onFirstLimit of this.#listeners) onFirstLimit(pool)
  }

  #limitOf(pool: string): number {
    return this.#limits.get(pool) ?? Number.POSITIVE_INFINITY
  }

  #roomIn(pool: string): number {
    return Math.max(0, this.#limitOf(pool) - (this.#admitted.get(pool) ?? 0))
  }

  #need({ demand }: AdmissionRequest, pool: string): number {
    return demand.get(pool) ?? 0
  }

  /** The pool has more room, or a request no longer waits for it. */
  #admitWaiting(pool: string): void {
    let at = 0
    for (let request = this.#nth(pool, at); request !== undefined; request = this.#nth(pool, at)) {
      // It delays those behind it, in this pool.
      if (this.#need(request, pool) > this.#roomIn(pool)) return
      if (this.#fullPool(request) !== undefined) {
        at++
        continue
      }
      this.#remove(request)
      this.admit(request.demand)
      request.onAdmit()
    }
  }

  #cancel(request: AdmissionRequest): void {
    if (this.#remove(request)) for (const pool of request.demand.keys()) this.#admitWaiting(pool)
  }

  /** False when it does not wait. */
  #remove(request: AdmissionRequest): boolean {
    let wasWaiting = false
    for (const pool of request.demand.keys()) {
      const waiting = this.#waitingIn(pool)
      const position = waiting.indexOf(request)
      if (position !== -1) waiting.splice(position, 1)
      wasWaiting ||= position !== -1
    }
    return wasWaiting
  }

  #waitingIn(pool: string): AdmissionRequest[] {
    const known = this.#waiting.get(pool)
    if (known) return known
    const waiting: AdmissionRequest[] = []
    this.#waiting.set(pool, waiting)
    return waiting
  }

  #nth(pool: string, at: number): AdmissionRequest | undefined {
    return this.#waitingIn(pool)[at]
  }

  /** The first of its pools that has no room for the request, or for an earlier one. */
  #fullPool(request: AdmissionRequest): string | undefined {
    for (const pool of request.demand.keys()) {
      const room = this.#roomIn(pool)
      if (this.#need(request, pool) > room || this.#isBehind(request, pool, room)) return pool
    }
    return undefined
  }

  #isBehind(request: AdmissionRequest, pool: string, room: number): boolean {
    for (const other of this.#waitingIn(pool)) {
      if (other === request) return false
      if (this.#need(other, pool) > room) return true
    }
    return false
  }

  #tooMany(pool: string, request: AdmissionRequest): CounterpointError<'QUEUE_FULL'> {
    const what = `can never take ${this.#need(request, pool)} at once; none was admitted. Add fewer at a time, or raise queueLimit`
    return this.#error(pool, request, what)
  }

  #full(pool: string, request: AdmissionRequest): CounterpointError<'QUEUE_FULL'> {
    const [room, wanted] = [this.#roomIn(pool), this.#need(request, pool)]
    const why =
      wanted > room
        ? `has room for ${room} now, not for ${wanted} more`
        : 'has others that came before and wait for room'
    return this.#error(
      pool,
      request,
      `${why}; none was admitted. Try later, raise queueLimit, or run with whenFull: 'wait'`,
    )
  }

  #error(pool: string, request: AdmissionRequest, what: string): CounterpointError<'QUEUE_FULL'> {
    const queueLimit = this.#limitOf(pool)
    const message = `pool ${JSON.stringify(pool)} admits at most ${queueLimit} waiting tasks and ${what}`
    return new CounterpointError('QUEUE_FULL', message, { pool, queueLimit, wanted: this.#need(request, pool) })
  }
}

/** How many tasks go to each pool. */
export function demandOf(tasks: readonly TaskSpec[]): Demand {
  const demand = new Map<string, number>()
  for (const { pool = '' } of tasks) demand.set(pool, (demand.get(pool) ?? 0) + 1)
  return demand
}
