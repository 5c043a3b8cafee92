import type { GrantRecord } from './records.js'

/** So much started at this time, at the latest. */
export interface Used {
  /** In milliseconds, on the time line of whoever asks. */
  readonly at: number
  readonly weight: number
  /** For how long that matters. */
  readonly perMs: number
}

/**
 * What is durable of one limit key and kind: what has started, and when at the latest.
 *
 * Invariant: no start is forgotten that may still be in a window, none is set too early, and none counts for less than it was.
 */
export class GrantHistory {
  #used: Used[] = []
  /** What a process that has ended may have started after its last record. */
  #open = 0
  #life = 0
  #perMs = 0
  #pruneAt = 64

  /** What is kept, in the order of time. */
  get all(): readonly Used[] {
    return this.#used
  }

  /** A record is read. What the life before could have started after its own last one, it has: by now. */
  read(at: number, life: number, { used, open, perMs }: GrantRecord): void {
    this.add(at, life === this.#life ? used : used + this.#open, perMs)
    this.#life = life
    this.#open = open
  }

  /** The last record has been read, and it is `at`: whoever wrote it has ended. From now on time is `shiftMs` later. */
  end(at: number, shiftMs: number): void {
    this.add(at, this.#open, this.#perMs)
    this.#open = 0
    this.#used = this.#used.map(used => ({ ...used, at: used.at + shiftMs }))
  }

  /** This has started by now. Times do not go back. */
  add(at: number, weight: number, perMs: number): void {
    // What started before a window was made shorter matters for as long as the longer one did.
    if (weight > 0) this.#used.push({ at, weight, perMs: Math.max(perMs, this.#perMs) })
    this.#perMs = perMs
    if (this.#used.length < this.#pruneAt) return
    this.#used = [...this.recent(at)]
    this.#pruneAt = 2 * this.#used.length + 64
  }

  /** What may still be in a window. */
  recent(now: number): readonly Used[] {
    return this.#used.filter(({ at, perMs }) => now - at <= Math.max(perMs, this.#perMs))
  }
}
