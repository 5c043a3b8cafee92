import type { DurableWindow, Grants } from './ledger/grants.js'
import { RateWindow, type WindowEntry, type WindowLimit, wholeWeight } from './rate-window.js'

/** How full a window is. */
export type WindowLoad = WindowLimit & {
  /** What has started in the last `perMs`, and what is about to start. */
  readonly used: number
}

/**
 * A {@link RateWindow} with reservations. An attempt is claimed before it starts: its start must be durable, and its input prepared.
 * Invariant: a reservation counts as if it started at any moment, so the window is never exceeded, whenever the backends are called. What
 * is durable starts only as far as a durable grant covers it.
 */
export class ReservingWindow {
  readonly #window: RateWindow
  readonly #grants: Grants | undefined
  #reserved = 0

  /** `grantsFor` returns the grants of a durable window. */
  constructor(limit: WindowLimit, grantsFor?: (window: DurableWindow) => Grants) {
    this.#window = new RateWindow(limit)
    this.#grants = grantsFor?.(this.#window)
  }

  get limit(): WindowLimit {
    return this.#window.limit
  }

  set limit(limit: WindowLimit) {
    this.#window.limit = limit
  }

  /** When this weight may be reserved: `now`, later, or `Infinity` (after a reserved attempt has started, or once there is a grant). */
  nextAt(now: number, weight: number): number {
    const total = this.#reserved + wholeWeight(weight)
    if (this.#reserved > 0 && total > this.limit.limit) return Number.POSITIVE_INFINITY
    const at = this.#window.nextAt(now, total)
    return at > now || this.#grants === undefined || this.#grants.covers(total) ? at : Number.POSITIVE_INFINITY
  }

  /** True when this weight, which is reserved, may start now beside what has started. */
  fits(now: number, weight: number): boolean {
    return this.#window.nextAt(now, weight) <= now
  }

  reserve(weight: number): void {
    this.#reserved += wholeWeight(weight)
  }

  /** An attempt with this reservation will not start. */
  release(weight: number): void {
    this.#reserved -= wholeWeight(weight)
  }

  /** An attempt with this reservation starts. */
  start(now: number, weight: number): WindowEntry {
    this.release(weight)
    this.#grants?.use(weight)
    return this.#window.add(now, weight)
  }

  /** Replaces the weight `previous` of a start. */
  correct(entry: WindowEntry, previous: number, weight: number): void {
    if (weight > previous) this.#grants?.use(weight - previous)
    this.#window.correct(entry, weight)
  }

  load(now: number): WindowLoad {
    return { used: this.#window.load(now) + this.#reserved, ...this.limit }
  }
}
