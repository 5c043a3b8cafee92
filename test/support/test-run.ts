import { WorkerPool } from 'counterpoint'
import type { VirtualClock } from 'counterpoint/testing'
import type { AttemptOutcome } from '../../src/core/failure/attempt-outcome.js'
import type { PoolEvent } from '../../src/pools/pool-events.js'
import type { WorkerPoolOptions } from '../../src/pools/pool-options.js'
import type { AttemptRequirements, Lease, TaskQueue, TaskSource } from '../../src/pools/run-queue.js'

/** A run as a pool sees it: it records what it starts and releases slots on request. */
export class TestRun implements TaskSource {
  readonly name: string
  readonly queue: TaskQueue
  /** The started tasks, in order. */
  readonly started: number[] = []
  readonly leases = new Map<number, Lease>()
  readonly paths = new Map<number, number>()
  /** Tasks that are no longer ready: `start` returns false. */
  readonly notReady = new Set<number>()
  /** The requirements of the next attempt of each task; none if not set. */
  readonly required = new Map<number, Partial<AttemptRequirements>>()
  /** The parking notifications, in order. */
  readonly parkedChanges: boolean[] = []
  /** Releases each slot inside `start`. */
  instant = false
  /** Called for each start. */
  onStart: (index: number, lease: Lease) => void = () => {}
  readonly #log: string[]

  constructor(pool: WorkerPool, name: string, log: string[] = [], weight = 1) {
    this.name = name
    this.#log = log
    this.queue = pool.open(this, weight)
  }

  start(index: number, lease: Lease): boolean {
    if (this.notReady.has(index)) return false
    this.started.push(index)
    this.#log.push(`${this.name}${index}`)
    this.leases.set(index, lease)
    lease.started()
    this.onStart(index, lease)
    if (this.instant) this.release(index)
    return true
  }

  remainingPath(index: number): number {
    return this.paths.get(index) ?? 0
  }

  requirements(index: number): AttemptRequirements {
    return { isRetry: false, tokens: 0, ...this.required.get(index) }
  }

  onParkedChange(parked: boolean): void {
    this.parkedChanges.push(parked)
  }

  /** Makes tasks `from` to `to` ready, with the same priority. */
  push(from: number, to: number, priority = 3, since = 0): void {
    for (let index = from; index <= to; index++) this.queue.add(index, priority, since)
    this.queue.dispatch()
  }

  /** Ends their attempts without an outcome. */
  release(...indexes: readonly number[]): void {
    for (const index of indexes) {
      const lease = this.leases.get(index)
      this.leases.delete(index)
      lease?.release()
    }
  }

  /** Ends their attempts with success. */
  succeed(...indexes: readonly number[]): void {
    for (const index of indexes) this.end(index, { ok: true })
  }

  /** Ends their attempts with this outcome. */
  end(index: number, outcome: AttemptOutcome, usedTokens?: number): void {
    const lease = this.leases.get(index)
    lease?.ended(outcome)
    this.leases.delete(index)
    lease?.release(usedTokens)
  }

  /** Ends the attempt as throttled, for this time. */
  throttle(index: number, delayMs: number): void {
    this.end(index, throttled(delayMs))
  }
}

/** A throttled attempt: the pool is to be parked for `delayMs`. */
export function throttled(delayMs: number): AttemptOutcome {
  return { ok: false, failure: { kind: 'throttled', message: 'slow down' }, verdict: { action: 'park', delayMs } }
}

/** A pool with a virtual clock and without jitter, and its events. */
export function poolWith(
  clock: VirtualClock,
  setup: Partial<WorkerPoolOptions> = {},
): { readonly pool: WorkerPool; readonly events: PoolEvent[] } {
  const backend = setup.backends ? {} : { backend: { run: () => null } }
  const pool = new WorkerPool({ name: 'p', ...backend, concurrency: 4, clock, random: () => 0, ...setup })
  const events: PoolEvent[] = []
  pool.subscribe({ onEvent: event => void events.push(event) })
  return { pool, events }
}
