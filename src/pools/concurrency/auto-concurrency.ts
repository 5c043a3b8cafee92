import type { Machine } from '../../machine.js'
import type { AdaptiveConcurrency } from './adaptive-limit.js'

/** What the attempts of a backend do with the machine that we run on. */
export interface WorkHint {
  /**
   * `cpu`: they compute here. `wait`: they wait for somebody else (HTTP). `process`: each is a process here, which mostly waits for somebody
   * else. Default `wait`.
   */
  readonly work?: 'cpu' | 'wait' | 'process'
  /** With `process`: the memory that one attempt takes, in bytes. Default 200 MiB, what the command line agents take. */
  readonly memoryBytes?: number
}

const MIB = 1024 * 1024
const PROCESS_BYTES = 200 * MIB
const FREE_BOUND_BYTES = 512 * MIB

const MOST = 64
/** Of a machine of which nothing is known. */
const UNKNOWN = { start: 4, max: 32 } as const
/** In cores. */
const PER_CORE = {
  cpu: { start: 1, max: 2 },
  wait: { start: 4, max: Number.POSITIVE_INFINITY },
  process: { start: 4, max: 8 },
} as const

/**
 * What `concurrency: 'auto'` stands for: where a pool starts, and its bounds. From there it adapts.
 *
 * - `cpu`: starts with the cores, at most twice as many.
 * - `wait`: starts with 4 for each core, at most 64.
 * - `process`: starts with 4 for each core, at most 8 for each, 64, and as many as the free memory has room for.
 * - Of an unknown machine: starts with 4, at most 32.
 *
 * The least is 1 always.
 */
export function autoConcurrency(
  machine: Machine,
  hint: WorkHint = {},
): AdaptiveConcurrency & { readonly start: number } {
  const { work = 'wait', memoryBytes = PROCESS_BYTES } = hint
  const { start, max } = byCores(machine.cores(), work)
  const free = work === 'process' ? freeMemory(machine) : Number.POSITIVE_INFINITY
  const room = Math.floor(free / memoryBytes)
  const bound = Math.max(1, Math.min(max, room))
  return { min: 1, max: bound, start: Math.min(bound, start) }
}

function byCores(cores: number | undefined, work: keyof typeof PER_CORE): { start: number; max: number } {
  if (cores === undefined || !(cores >= 1 && cores < Number.POSITIVE_INFINITY)) return UNKNOWN
  const { start, max } = PER_CORE[work]
  const most = work === 'cpu' ? Number.POSITIVE_INFINITY : MOST
  return { start: Math.floor(start * cores), max: Math.floor(Math.min(max * cores, most)) }
}

/** Unlimited where it is unknown, or where a host's machine gives no sensible number. */
function freeMemory(machine: Machine): number {
  const free = machine.freeMemory()
  return free !== undefined && free >= 0 ? free : Number.POSITIVE_INFINITY
}

/** What a {@link ProcessAdmission} goes by. */
export interface ProcessAdmissionOptions {
  readonly machine: Machine
  /** The memory that one process takes once it has grown, in bytes. Default 200 MiB. */
  readonly memoryBytes?: number
  /** No new process while less than this is free, in bytes. Default 512 MiB. */
  readonly freeBoundBytes?: number
}

/** How long a reading of the machine is good for. */
const READING_MS = 1_000
/** How long a process takes to grow: until then the machine's reading does not show what it will take. */
const GROWING_MS = 5_000

/**
 * Keeps a pool of processes from making the machine swap: no new process while free memory is under the bound, less what those that were
 * started lately will still take. With nothing in flight one is admitted as soon as there is room for itself: a machine that is
 * smaller than the bound must get something done too. Where free memory is unknown, everything is admitted.
 *
 * Pure but for the machine, which is read at most once a second: time is an argument, in milliseconds, monotonic.
 */
export class ProcessAdmission {
  readonly #machine: Machine
  readonly #memoryBytes: number
  readonly #freeBoundBytes: number
  #free = Number.POSITIVE_INFINITY
  #readAt = Number.NEGATIVE_INFINITY
  /** The fewest that were in flight in this span and in the one before: what is above them is young. */
  #spanBegan = Number.NEGATIVE_INFINITY
  #fewest = 0
  #fewestBefore = 0

  constructor({ machine, memoryBytes = PROCESS_BYTES, freeBoundBytes = FREE_BOUND_BYTES }: ProcessAdmissionOptions) {
    this.#machine = machine
    this.#memoryBytes = memoryBytes
    this.#freeBoundBytes = freeBoundBytes
  }

  /** May one more process start, with `inFlight` running? When not, ask again in a second. */
  admits(now: number, inFlight: number): boolean {
    const young = inFlight - this.#grown(now, inFlight)
    const bound = inFlight === 0 ? Math.min(this.#memoryBytes, this.#freeBoundBytes) : this.#freeBoundBytes
    return this.#reading(now) - young * this.#memoryBytes >= bound
  }

  #reading(now: number): number {
    if (now - this.#readAt >= READING_MS) {
      this.#free = freeMemory(this.#machine)
      this.#readAt = now
    }
    return this.#free
  }

  /** How many have been there long enough to show in a reading. After a longer silence all have. */
  #grown(now: number, inFlight: number): number {
    if (now - this.#spanBegan >= GROWING_MS) {
      const isNext = now - this.#spanBegan < 2 * GROWING_MS
      this.#fewestBefore = isNext ? this.#fewest : inFlight
      this.#fewest = inFlight
      this.#spanBegan = now
    }
    this.#fewest = Math.min(this.#fewest, inFlight)
    return Math.min(this.#fewest, this.#fewestBefore)
  }
}
