import type { Claimant, Lane, Lease, WorkerPool } from 'counterpoint'

/** A run as a pool sees it: it notes what it is given, and gives slots back when it is told. */
export class TestRun implements Claimant {
  readonly name: string
  readonly lane: Lane
  /** What it has claimed, in order. */
  readonly claimed: number[] = []
  readonly leases = new Map<number, Lease>()
  readonly paths = new Map<number, number>()
  /** Tasks that are no longer ready: their claims come to nothing. */
  readonly gone = new Set<number>()
  /** Gives each slot back at once. */
  instant = false
  readonly #log: string[]

  constructor(pool: WorkerPool, name: string, log: string[] = [], weight = 1) {
    this.name = name
    this.#log = log
    this.lane = pool.open(this, weight)
  }

  claim(index: number, lease: Lease): boolean {
    if (this.gone.has(index)) return false
    this.claimed.push(index)
    this.#log.push(`${this.name}${index}`)
    if (this.instant) lease.release()
    else this.leases.set(index, lease)
    return true
  }

  path(index: number): number {
    return this.paths.get(index) ?? 0
  }

  /** Tasks `from` to `to`, of one priority, ready now. */
  push(from: number, to: number, priority = 3, since = 0): void {
    for (let index = from; index <= to; index++) this.lane.push(index, priority, since)
  }

  release(...indexes: readonly number[]): void {
    for (const index of indexes) {
      this.leases.get(index)?.release()
      this.leases.delete(index)
    }
  }
}
