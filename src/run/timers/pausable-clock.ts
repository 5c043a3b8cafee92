import type { Clock } from '../../clock.js'

interface Timer {
  readonly callback: () => void
  readonly dueAt: number
  callOff: (() => void) | undefined
}

/** A clock that can stand still: its time does not pass then, and what was scheduled waits. */
export class PausableClock implements Clock {
  readonly #clock: Clock
  readonly #timers = new Set<Timer>()
  #elapsedMs = 0
  #goingSince: number | undefined

  /** It goes. */
  constructor(clock: Clock) {
    this.#clock = clock
    this.#goingSince = clock.monotonic()
  }

  now(): number {
    return this.#clock.now()
  }

  monotonic(): number {
    return this.#elapsedMs + (this.#goingSince === undefined ? 0 : this.#clock.monotonic() - this.#goingSince)
  }

  schedule(callback: () => void, delayMs: number): () => void {
    const timer: Timer = { callback, dueAt: this.monotonic() + delayMs, callOff: undefined }
    this.#timers.add(timer)
    if (this.#goingSince !== undefined) this.#arm(timer)
    return () => {
      this.#timers.delete(timer)
      timer.callOff?.()
    }
  }

  /** Goes, or stands still. */
  run(going: boolean): void {
    if (going === (this.#goingSince !== undefined)) return
    this.#elapsedMs = this.monotonic()
    this.#goingSince = going ? this.#clock.monotonic() : undefined
    for (const timer of this.#timers) {
      timer.callOff?.()
      if (going) this.#arm(timer)
    }
  }

  #arm(timer: Timer): void {
    const fire = (): void => {
      this.#timers.delete(timer)
      timer.callback()
    }
    timer.callOff = this.#clock.schedule(fire, Math.max(0, timer.dueAt - this.monotonic()))
  }
}
