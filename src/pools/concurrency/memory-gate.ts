import type { Machine } from '../../machine.js'
import { freeMemoryOf, PROCESS_BYTES } from './auto-concurrency.js'

/** What a {@link MemoryGate} is made of. */
export interface MemoryGateOptions {
  readonly machine: Machine
  /** The memory that one process takes once it has grown, in bytes. Default 200 MiB. */
  readonly memoryBytes?: number | undefined
  /** No further process starts while less than this is free, in bytes. Default 512 MiB. */
  readonly minFreeBytes?: number | undefined
}

const MIN_FREE_BYTES = 512 * 1024 * 1024
/** How long a reading of the machine is used. */
const READING_MS = 1_000
/** How long a process takes to grow. Until then, readings of the machine do not include all that it will take. */
const GROWING_MS = 5_000

/**
 * Keeps a pool of processes from making the machine swap: no process starts while free memory, less what recently started ones will
 * still take, is below `minFreeBytes`. With nothing in flight one starts as soon as there is room for itself, so that a machine with
 * less memory than the bound can work, too. Where free memory is unknown, every process may start.
 *
 * Pure but for the machine, which is read at most once a second: time is an argument, in monotonic milliseconds.
 */
export class MemoryGate {
  readonly #machine: Machine
  readonly #memoryBytes: number
  readonly #minFreeBytes: number
  #freeBytes = Number.POSITIVE_INFINITY
  #readAt = Number.NEGATIVE_INFINITY
  /** The fewest in flight in this span and in the previous one: any above that number were started recently. */
  #spanStartedAt = Number.NEGATIVE_INFINITY
  #fewest = 0
  #previousFewest = 0

  constructor({ machine, memoryBytes = PROCESS_BYTES, minFreeBytes = MIN_FREE_BYTES }: MemoryGateOptions) {
    this.#machine = machine
    this.#memoryBytes = memoryBytes
    this.#minFreeBytes = minFreeBytes
  }

  /** True when one more process may start while `inFlight` are running. */
  canStart(now: number, inFlight: number): boolean {
    const growing = inFlight - this.#grown(now, inFlight)
    const minFree = inFlight === 0 ? Math.min(this.#memoryBytes, this.#minFreeBytes) : this.#minFreeBytes
    return this.#read(now) - growing * this.#memoryBytes >= minFree
  }

  #read(now: number): number {
    if (now - this.#readAt >= READING_MS) {
      this.#freeBytes = freeMemoryOf(this.#machine)
      this.#readAt = now
    }
    return this.#freeBytes
  }

  /** How many have run long enough to show in a reading. After a longer time without a call, all have. */
  #grown(now: number, inFlight: number): number {
    if (now - this.#spanStartedAt >= GROWING_MS) {
      const isNextSpan = now - this.#spanStartedAt < 2 * GROWING_MS
      this.#previousFewest = isNextSpan ? this.#fewest : inFlight
      this.#fewest = inFlight
      this.#spanStartedAt = now
    }
    this.#fewest = Math.min(this.#fewest, inFlight)
    return Math.min(this.#fewest, this.#previousFewest)
  }
}
