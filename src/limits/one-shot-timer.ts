import type { Clock } from '../clock.js'

/**
 * One timer for whatever is due first.
 * Invariant: it rings at the earliest time it was set to since it was last off, or not at all; it may ring early for who came later,
 * so who hears it looks again.
 */
export class OneShotTimer {
  readonly #clock: Clock
  readonly #ring: () => void
  #dueAt = Number.POSITIVE_INFINITY
  #callOff: () => void = () => {}

  constructor(clock: Clock, ring: () => void) {
    this.#clock = clock
    this.#ring = ring
  }

  /** Rings at `at` (ms of the clock's `monotonic`), unless it rings before. `Infinity` sets nothing. */
  fireBy(at: number): void {
    if (at >= this.#dueAt) return
    this.#callOff()
    this.#dueAt = at
    this.#callOff = this.#clock.schedule(() => {
      this.#dueAt = Number.POSITIVE_INFINITY
      this.#ring()
    }, at - this.#clock.monotonic())
  }

  cancel(): void {
    if (this.#dueAt === Number.POSITIVE_INFINITY) return
    this.#dueAt = Number.POSITIVE_INFINITY
    this.#callOff()
  }
}
