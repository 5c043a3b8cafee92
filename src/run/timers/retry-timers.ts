import type { Clock } from '../../clock.js'

/** One timer per delayed task: it fires when the next attempt may start. */
export class RetryTimers {
  readonly #clock: Clock
  readonly #onDue: (index: number) => void
  readonly #cancels = new Map<number, () => void>()

  constructor(clock: Clock, onDue: (index: number) => void) {
    this.#clock = clock
    this.#onDue = onDue
  }

  schedule(index: number, delayMs: number): void {
    const fire = (): void => {
      this.#cancels.delete(index)
      this.#onDue(index)
    }
    this.#cancels.set(index, this.#clock.schedule(fire, Math.max(0, delayMs)))
  }

  cancel(index: number): void {
    this.#cancels.get(index)?.()
    this.#cancels.delete(index)
  }

  close(): void {
    for (const cancel of this.#cancels.values()) cancel()
    this.#cancels.clear()
  }
}
