import type { Report } from '../../backends/agent-backend.js'
import type { Clock } from '../../clock.js'

/** At most one report per attempt is published in such a span, in milliseconds. */
const WINDOW_MS = 100

interface Window {
  latest: Report
  unheard: boolean
  callOff: (() => void) | undefined
}

/**
 * Thins out what attempts report: the first report is heard at once, of those that follow within the window only the last, at its end.
 * Bounded: one report and one timer per running attempt, however many come.
 */
export class ProgressThrottle {
  readonly #clock: Clock
  readonly #publish: (index: number, report: Report) => void
  readonly #windows = new Map<number, Window>()

  constructor(clock: Clock, publish: (index: number, report: Report) => void) {
    this.#clock = clock
    this.#publish = publish
  }

  /** What task `index` reported last, while its attempt runs. */
  latest(index: number): Report | undefined {
    return this.#windows.get(index)?.latest
  }

  report(index: number, report: Report): void {
    const window = this.#windows.get(index) ?? { latest: report, unheard: false, callOff: undefined }
    this.#windows.set(index, window)
    window.latest = { ...window.latest, ...report }
    window.unheard = true
    if (window.callOff === undefined) this.#hear(index, window)
  }

  /** The attempt is over. */
  end(index: number): void {
    if (this.#windows.size === 0) return
    this.#windows.get(index)?.callOff?.()
    this.#windows.delete(index)
  }

  #hear(index: number, window: Window): void {
    window.callOff = undefined
    if (!window.unheard) return
    window.unheard = false
    window.callOff = this.#clock.schedule(() => this.#hear(index, window), WINDOW_MS)
    this.#publish(index, window.latest)
  }
}
