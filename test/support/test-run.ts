import { type Lease, type TaskQueue, type TaskSource, WorkerPool } from 'counterpoint'
import type { VirtualClock } from 'counterpoint/testing'
import type { AttemptOutcome } from '../../src/core/failure/attempt-outcome.js'
import type { PoolEvent } from '../../src/pools/pool-events.js'
import type { WorkerPoolOptions } from '../../src/pools/pool-options.js'
import type { AttemptRequirements } from '../../src/pools/run-queue.js'

/** A run as a pool sees it: it records what it starts and releases slots on request. */
export class TestRun implements TaskSource {
  readonly name: string
  readonly queue: TaskQueue
  /** What it has claimed, in order. */
  readonly claimed: number[] = []
  readonly leases = new Map<number, Lease>()
  readonly paths = new Map<number, number>()
  /** Tasks that are no longer ready: their claims come to nothing. */
  readonly notReady = new Set<number>()
  /** What the next attempt of each task asks for; nothing special where it is not set. */
  readonly required = new Map<number, Partial<AttemptRequirements>>()
  /** What it was told of parkings, in order. */
  readonly parkedChanges: boolean[] = []
  /** Gives each slot back at once. */
  instant = false
  /** Called with each claim. */
  onClaim: (index: number, lease: Lease) => void = () => {}
  readonly #log: string[]

  constructor(pool: WorkerPool, name: string, log: string[] = [], weight = 1) {
    this.name = name
    this.#log = log
    this.queue = pool.open(this, weight)
  }

  start(index: number, lease: Lease): boolean {
    if (this.notReady.has(index)) return false
    this.claimed.push(index)
    this.#log.push(`${this.name}${index}`)
    this.leases.set(index, lease)
    lease.started()
    this.onClaim(index, lease)
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

  /** Tasks `from` to `to`, of one priority, ready now. */
  push(from: number, to: number, priority = 3, since = 0): void {
    for (let index = from; index <= to; index++) this.queue.add(index, priority, since)
    this.queue.dispatch()
  }

  /** Their attempts end, and nothing is said of how. */
  release(...indexes: readonly number[]): void {
    for (const index of indexes) {
      const lease = this.leases.get(index)
      this.leases.delete(index)
      lease?.release()
    }
  }

  /** Their attempts succeed. */
  succeed(...indexes: readonly number[]): void {
    for (const index of indexes) this.end(index, { ok: true })
  }

  /** The attempts end like this. */
  end(index: number, outcome: AttemptOutcome): void {
    this.leases.get(index)?.ended(outcome)
    this.release(index)
  }

  /** The provider turns it away, for so long. */
  throttle(index: number, delayMs: number): void {
    this.end(index, throttled(delayMs))
  }
}

/** Turned away: the pool is to be parked for `delayMs`. */
export function throttled(delayMs: number): AttemptOutcome {
  return { ok: false, failure: { kind: 'throttled', message: 'slow down' }, verdict: { action: 'park', delayMs } }
}

/** A pool under a virtual clock, whose jitter is always nothing, with what it has told. */
export function poolWith(
  clock: VirtualClock,
  setup: Partial<WorkerPoolOptions> = {},
): { readonly pool: WorkerPool; readonly heard: PoolEvent[] } {
  const backend = setup.backends ? {} : { backend: { run: () => null } }
  const pool = new WorkerPool({ name: 'p', ...backend, concurrency: 4, clock, random: () => 0, ...setup })
  const heard: PoolEvent[] = []
  pool.subscribe({ onEvent: event => void heard.push(event) })
  return { pool, heard }
}
