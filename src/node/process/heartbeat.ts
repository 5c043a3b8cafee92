import type { Report } from 'counterpoint'

/** Less often than this nothing is said of output, in milliseconds: an idle time-out may come so much too early. */
const BEAT_MS = 50

/** Tells that a program is alive: by what it reports, and by any output besides. */
export class Heartbeat {
  readonly #report: (report: Report) => void
  #lastAt = Number.NEGATIVE_INFINITY

  constructor(report: (report: Report) => void) {
    this.#report = report
  }

  /** What it says. */
  report(report: Report): void {
    this.#lastAt = performance.now()
    this.#report(report)
  }

  /** It has written something. */
  beat(): void {
    if (performance.now() - this.#lastAt >= BEAT_MS) this.report({})
  }
}
