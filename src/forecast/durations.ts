/** How many of the latest durations of a pool are looked at. */
const KEPT = 101

interface Kept {
  readonly latest: number[]
  next: number
}

/** How long the attempts of each pool have taken: for forecasts. */
export class DurationHistory {
  readonly #pools = new Map<string, Kept>()
  /** The pool of the last note, and what is kept of it. */
  #pool: string | undefined
  #kept: Kept = { latest: [], next: 0 }

  /** An attempt of `pool` succeeded after `ms`. */
  note(pool: string, ms: number): void {
    if (pool !== this.#pool) {
      this.#pool = pool
      this.#kept = this.#pools.get(pool) ?? { latest: [], next: 0 }
      this.#pools.set(pool, this.#kept)
    }
    const kept = this.#kept
    kept.latest[kept.next] = ms
    kept.next = kept.next + 1 === KEPT ? 0 : kept.next + 1
  }

  /** The median of the latest attempts that succeeded, in milliseconds; undefined before the first. */
  median(pool: string): number | undefined {
    const sorted = this.#pools.get(pool)?.latest.toSorted((a, b) => a - b)
    return sorted?.[sorted.length >> 1]
  }
}
