import { type Clock, delayUntil } from '../clock.js'

/**
 * One timer for several deadlines: it fires once, at the earliest. It may fire early for the others and does not fire again for them, so
 * the callback rechecks what is due.
 */
export class OneShotTimer {
  readonly #clock: Clock
  readonly #callback: () => void
  #dueAt = Number.POSITIVE_INFINITY
  #cancel: () => void = () => {}

  constructor(clock: Clock, callback: () => void) {
    this.#clock = clock
    this.#callback = callback
  }

  /** Fires at `at` (ms of the clock's `monotonic`) or earlier. `Infinity` sets nothing. */
  fireBy(at: number): void {
    if (at >= this.#dueAt) return
    this.#cancel()
    this.#dueAt = at
    this.#cancel = this.#clock.schedule(
      () => {
        this.#dueAt = Number.POSITIVE_INFINITY
        this.#callback()
      },
      delayUntil(at, this.#clock.monotonic()),
    )
  }

  cancel(): void {
    if (this.#dueAt === Number.POSITIVE_INFINITY) return
    this.#dueAt = Number.POSITIVE_INFINITY
    this.#cancel()
    this.#cancel = () => {}
  }
}
