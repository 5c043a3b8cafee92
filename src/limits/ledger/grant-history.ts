import type { GrantRecord } from './records.js'

/** This weight has started, at this time or before. */
export interface PastUse {
  /** In milliseconds, on the time line of the caller. */
  readonly at: number
  readonly weight: number
  /** How long it may matter. */
  readonly perMs: number
}

/**
 * What has started in the windows of one limit key and kind, as far as it is durable.
 * Invariant: no start that may still be in a window is forgotten, dated too early, or counted for less than it was.
 */
export class GrantHistory {
  /** In the order of time. */
  #uses: PastUse[] = []
  /** What the process that wrote the last record may have started after it. */
  #open = 0
  #life = 0
  #perMs = 0
  #pruneAt = 64

  /** In the order of time. */
  get all(): readonly PastUse[] {
    return this.#uses
  }

  /** Reads a record. What an earlier process may have started after its last record counts as started by now. */
  replay(at: number, life: number, { used, open, perMs }: GrantRecord): void {
    this.add(at, life === this.#life ? used : used + this.#open, perMs)
    this.#life = life
    this.#open = open
  }

  /** The last record has been read: its process has ended by `at`. Shifts all times by `shiftMs`. */
  endReplay(at: number, shiftMs: number): void {
    this.add(at, this.#open, this.#perMs)
    this.#open = 0
    this.#uses = this.#uses.map(use => ({ ...use, at: use.at + shiftMs }))
  }

  /** This weight has started by now. Times must not decrease. */
  add(at: number, weight: number, perMs: number): void {
    // A start before the window was made shorter matters as long as in the longer one.
    if (weight > 0) this.#uses.push({ at, weight, perMs: Math.max(perMs, this.#perMs) })
    this.#perMs = perMs
    if (this.#uses.length < this.#pruneAt) return
    this.#uses = [...this.recent(at)]
    this.#pruneAt = 2 * this.#uses.length + 64
  }

  /** What may still be in a window. */
  recent(now: number): readonly PastUse[] {
    return this.#uses.filter(({ at, perMs }) => now - at <= Math.max(perMs, this.#perMs))
  }
}
