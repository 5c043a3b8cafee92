import type { Clock } from '../clock.js'

/** The time as it was when somebody last looked: a look costs more than all else that a claim needs, and few need it exactly. */
export class CoarseClock {
  readonly #clock: Clock
  /** In milliseconds of the clock's `monotonic`. A little old. */
  latest: number

  constructor(clock: Clock) {
    this.#clock = clock
    this.latest = clock.monotonic()
  }

  /** The time now. */
  look(): number {
    this.latest = this.#clock.monotonic()
    return this.latest
  }
}
