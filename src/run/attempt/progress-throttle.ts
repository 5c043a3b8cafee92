import type { Report } from '../../backends/agent-backend.js'
import type { Clock } from '../../clock.js'

/** At most one report of an attempt is published in this time, in milliseconds. */
const WINDOW_MS = 100

interface Window {
  latest: Report
  isPublished: boolean
  cancelTimer: (() => void) | undefined
}

/**
 * Limits how often reports of attempts are published: the first report at once, then at most one per window, merged of all that came
 * since, and the last one before the attempt ends. Bounded: one report and one timer per running attempt, however many reports come.
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
    const window = this.#windows.get(index) ?? { latest: report, isPublished: false, cancelTimer: undefined }
    this.#windows.set(index, window)
    window.latest = { ...window.latest, ...report }
    window.isPublished = false
    if (window.cancelTimer === undefined) this.#flush(index, window)
  }

  /** The attempt is about to end: publishes its last report, whatever the window. */
  flush(index: number): void {
    const window = this.#windows.get(index)
    if (window === undefined || window.isPublished) return
    window.isPublished = true
    this.#publish(index, window.latest)
  }

  /** The attempt has ended. */
  end(index: number): void {
    this.#windows.get(index)?.cancelTimer?.()
    this.#windows.delete(index)
  }

  #flush(index: number, window: Window): void {
    window.cancelTimer = undefined
    if (window.isPublished) return
    window.isPublished = true
    window.cancelTimer = this.#clock.schedule(() => this.#flush(index, window), WINDOW_MS)
    this.#publish(index, window.latest)
  }
}
