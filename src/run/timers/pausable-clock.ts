import { type Clock, delayUntil } from '../../clock.js'

interface Timer {
  readonly callback: () => void
  readonly dueAt: number
  cancel: (() => void) | undefined
}

/** A clock that can be stopped: while it is, `monotonic()` does not advance and no timer fires. `now()` is not affected. */
export class PausableClock implements Clock {
  readonly #clock: Clock
  readonly #timers = new Set<Timer>()
  #elapsedMs = 0
  /** Undefined while the clock is stopped. */
  #runningSince: number | undefined

  /** The clock is running. */
  constructor(clock: Clock) {
    this.#clock = clock
    this.#runningSince = clock.monotonic()
  }

  now(): number {
    return this.#clock.now()
  }

  monotonic(): number {
    return this.#elapsedMs + (this.#runningSince === undefined ? 0 : this.#clock.monotonic() - this.#runningSince)
  }

  schedule(callback: () => void, delayMs: number): () => void {
    const timer: Timer = { callback, dueAt: this.monotonic() + delayMs, cancel: undefined }
    this.#timers.add(timer)
    if (this.#runningSince !== undefined) this.#start(timer)
    return () => {
      this.#timers.delete(timer)
      timer.cancel?.()
    }
  }

  /** Lets the clock run, or stops it. */
  setRunning(running: boolean): void {
    if (running === (this.#runningSince !== undefined)) return
    this.#elapsedMs = this.monotonic()
    this.#runningSince = running ? this.#clock.monotonic() : undefined
    for (const timer of this.#timers) {
      timer.cancel?.()
      if (running) this.#start(timer)
    }
  }

  #start(timer: Timer): void {
    const fire = (): void => {
      this.#timers.delete(timer)
      timer.callback()
    }
    timer.cancel = this.#clock.schedule(fire, delayUntil(timer.dueAt, this.monotonic()))
  }
}
