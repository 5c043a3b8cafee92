/** The ticket of an attempt that started while nothing was bounded. */
const UNBOUNDED = -1

/**
 * Limits the attempts in flight after a cooldown: one at first, twice as many with each answer, until the normal limit is reached.
 *
 * An answer to an attempt from before the cooldown raises the limit by one. So after a short cooldown with many attempts in flight, starts
 * follow answers at once; after a long one they begin slowly. Attempts from before are not counted as in flight: some may hang for an hour.
 */
export class SlowStart {
  #limit = Number.POSITIVE_INFINITY
  #inFlight = 0
  /** The number of this slow start, which identifies its attempts. */
  #round = 0

  get hasRoom(): boolean {
    return this.#inFlight < this.#limit
  }

  /** A cooldown has ended. */
  begin(): void {
    this.#round++
    this.#limit = 1
    this.#inFlight = 0
  }

  /** An attempt starts. Returns the ticket for `answered` and `released`. */
  started(): number {
    if (this.#limit === Number.POSITIVE_INFINITY) return UNBOUNDED
    this.#inFlight++
    return this.#round
  }

  /** The backend has answered an attempt. `normalLimit`: how many may be in flight when no cooldown has ended lately. */
  answered(ticket: number, normalLimit: number): void {
    const limit = ticket === this.#round ? 2 * this.#limit : this.#limit + 1
    this.#limit = limit >= normalLimit ? Number.POSITIVE_INFINITY : limit
  }

  /** The attempt holds no slot any more. */
  released(ticket: number): void {
    if (ticket === this.#round) this.#inFlight--
  }
}
