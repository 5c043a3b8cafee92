import type { DurableWindow, Grants } from './ledger/grants.js'
import { RateWindow, type WindowEntry, type WindowLimit, wholeWeight } from './rate-window.js'

/** How full a window is. */
export interface WindowLoad extends WindowLimit {
  /** What has started in the last `perMs`, with what is about to start. */
  readonly used: number
}

/**
 * A window for attempts that do not start when they are claimed: the cause of a start must be durable first, and its input made.
 * Invariant: what is claimed and has not started counts as if it started in a moment, so that no window is ever exceeded, whenever the
 * backends are called. What is kept over a restart starts only as far as a durable grant covers it.
 */
export class ReservingWindow {
  readonly #window: RateWindow
  readonly #grants: Grants | undefined
  #claimed = 0

  /**
   * `grantsFor` finds the grants of a window that is kept.
   * @throws INVALID_INPUT as `RateWindow` does.
   */
  constructor(limit: WindowLimit, grantsFor?: (window: DurableWindow) => Grants) {
    this.#window = new RateWindow(limit)
    this.#grants = grantsFor?.(this.#window)
  }

  get limit(): WindowLimit {
    return this.#window.limit
  }

  /** @throws INVALID_INPUT as `RateWindow` does. */
  set limit(limit: WindowLimit) {
    this.#window.limit = limit
  }

  /**
   * When something of this weight may be claimed: `now`, a later moment, or `Infinity`: once something that is claimed has started, or
   * a grant is there, of which somebody tells.
   */
  nextAt(now: number, weight: number): number {
    const wanted = this.#claimed + wholeWeight(weight)
    if (this.#claimed > 0 && wanted > this.limit.limit) return Number.POSITIVE_INFINITY
    const at = this.#window.nextAt(now, wanted)
    return at > now || this.#grants === undefined || this.#grants.covers(wanted) ? at : Number.POSITIVE_INFINITY
  }

  reserve(weight: number): void {
    this.#claimed += wholeWeight(weight)
  }

  /** What was claimed with this weight never starts. */
  release(weight: number): void {
    this.#claimed -= wholeWeight(weight)
  }

  /** What was claimed with this weight starts now. */
  start(now: number, weight: number): WindowEntry {
    this.release(weight)
    this.#grants?.use(weight)
    return this.#window.add(now, weight)
  }

  /** What has started with the weight `before` weighs something else. */
  correct(entry: WindowEntry, before: number, weight: number): void {
    if (weight > before) this.#grants?.use(weight - before)
    this.#window.correct(entry, weight)
  }

  load(now: number): WindowLoad {
    return { used: this.#window.load(now) + this.#claimed, ...this.limit }
  }
}
