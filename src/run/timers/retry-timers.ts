import type { Clock } from '../../clock.js'

/** The tasks that wait for their next attempt, each with its timer. */
export class RetryTimers {
  readonly #clock: Clock
  readonly #wake: (index: number) => void
  readonly #timers = new Map<number, () => void>()

  constructor(clock: Clock, wake: (index: number) => void) {
    this.#clock = clock
    this.#wake = wake
  }

  set(index: number, delayMs: number): void {
    const fire = (): void => {
      this.#timers.delete(index)
      this.#wake(index)
    }
    this.#timers.set(index, this.#clock.schedule(fire, Math.max(0, delayMs)))
  }

  callOff(index: number): void {
    this.#timers.get(index)?.()
    this.#timers.delete(index)
  }

  close(): void {
    for (const callOff of this.#timers.values()) callOff()
    this.#timers.clear()
  }
}
