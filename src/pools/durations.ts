/** How many of the latest durations of a pool are looked at. */
const KEPT = 101

/** How long the attempts of each pool have taken: for forecasts. */
export class Durations {
  readonly #pools = new Map<string, { readonly latest: number[]; next: number }>()

  /** An attempt of `pool` succeeded after `ms`. */
  note(pool: string, ms: number): void {
    let kept = this.#pools.get(pool)
    if (kept === undefined) {
      kept = { latest: [], next: 0 }
      this.#pools.set(pool, kept)
    }
    kept.latest[kept.next] = ms
    kept.next = (kept.next + 1) % KEPT
  }

  /** The median of the latest attempts that succeeded, in milliseconds; undefined before the first. */
  median(pool: string): number | undefined {
    const sorted = this.#pools.get(pool)?.latest.toSorted((a, b) => a - b)
    return sorted?.[sorted.length >> 1]
  }
}
