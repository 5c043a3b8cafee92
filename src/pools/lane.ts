import { ReadyQueue } from './ready-queue.js'

/** A slot of a pool, lent for one attempt. */
export interface Lease {
  /** Gives the slot back. Only the first call counts. */
  release(): void
}

/** Whose tasks a pool starts: a run. */
export interface Claimant {
  /** Starts the attempt of task `index` on this slot. False when the task is no longer ready: the slot is still free. */
  claim(index: number, lease: Lease): boolean
  /** The task's longest remaining path as it is known now. */
  path(index: number): number
}

/** The ready tasks of one run in one pool. */
export interface Lane {
  /** A task became ready at `since` (ms). */
  push(index: number, priority: number, since: number): void
  /** A task of the lane has a longer path than when it was pushed. */
  raise(index: number, priority: number, since: number): void
  /** A task of the lane is no longer ready, without having been claimed. */
  drop(): void
  /** The run claims nothing while its lane is held. */
  hold(held: boolean): void
  /** The run is over. */
  close(): void
}

/** A place in a pool for one attempt at a time. */
export interface Slot {
  readonly end: () => void
}

/** The lease of a slot for one attempt: a late release must not touch the next one's. */
export class SlotLease implements Lease {
  #slot: Slot | undefined
  readonly #release: (slot: Slot) => void

  constructor(slot: Slot, release: (slot: Slot) => void) {
    this.#slot = slot
    this.#release = release
  }

  release(): void {
    const slot = this.#slot
    this.#slot = undefined
    if (slot !== undefined) this.#release(slot)
  }

  /** The claim came to nothing: the slot was never lent. */
  revoke(): void {
    this.#slot = undefined
  }
}

/** One run in one pool. */
export class RunLane implements Lane {
  readonly run: Claimant
  readonly stride: number
  pass = 0
  joined = false
  held = false
  /** Without those that were dropped: they stay in the queue until they are met. */
  waiting = 0
  readonly #agingMs: number
  readonly #queue = new ReadyQueue()
  readonly #pool: { readonly filled: () => void; readonly closed: () => void }

  constructor(
    run: Claimant,
    stride: number,
    agingMs: number,
    pool: { readonly filled: () => void; readonly closed: () => void },
  ) {
    this.run = run
    this.stride = stride
    this.#agingMs = agingMs
    this.#pool = pool
  }

  get size(): number {
    return this.#queue.size
  }

  push(index: number, priority: number, since: number): void {
    this.waiting++
    this.raise(index, priority, since)
  }

  raise(index: number, priority: number, since: number): void {
    this.#queue.push(index, priority + Math.floor(since / this.#agingMs), this.run.path(index))
    this.#pool.filled()
  }

  drop(): void {
    this.waiting--
  }

  hold(held: boolean): void {
    this.held = held
    if (!held && this.size > 0) this.#pool.filled()
  }

  close(): void {
    this.#pool.closed()
  }

  /** The most urgent task; -1 when there is none. */
  take(): number {
    return this.#queue.pop()
  }
}
