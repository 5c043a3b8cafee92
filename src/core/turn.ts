/** How many steps are made before the event loop gets a turn ... */
const MAX_STEPS = 256
/** ... and for how long, in milliseconds. */
const MAX_MS = 4

/**
 * What is done without giving the event loop a turn. A million instant tasks, or chunks that no listener holds, would starve every timer: after a
 * number of steps, or some time, the rest waits for the next turn (trap 9).
 */
export class Turn {
  #steps = 0
  #startedAt = 0

  /** True before the first step. */
  get isNew(): boolean {
    return this.#steps === 0
  }

  /** Counts a step made at `now` (ms of the clock's `monotonic`). True when no other may follow in this turn. */
  step(now: number): boolean {
    if (this.#steps++ === 0) this.#startedAt = now
    return this.#steps >= MAX_STEPS || now - this.#startedAt > MAX_MS
  }

  /** The event loop had a turn. */
  begin(): void {
    this.#steps = 0
  }
}
