import type { Clock } from './clock.js'
import type { JournalRecord } from './core/event.js'
import type { RunState } from './core/run-state.js'

/** Tells when the wall time of a run's budget is over. The time in which no process had the run does not count. */
export class WallBudget {
  readonly #clock: Clock
  readonly #elapsed: () => void
  #callOff: (() => void) | undefined

  constructor(clock: Clock, elapsed: () => void) {
    this.#clock = clock
    this.#elapsed = elapsed
  }

  /** What has been decided may have set, changed or resumed the budget. */
  decided(state: RunState, record: JournalRecord): void {
    if (state.accounts === undefined) return
    if (!record.some(({ type }) => type === 'run.started' || type === 'budget.changed' || type === 'run.recovered'))
      return
    this.close()
    const { wallMs } = state.accounts.run.budget
    if (wallMs === undefined) return
    const leftMs = wallMs - (state.at - state.startedAt - state.awayMs)
    if (leftMs <= 0) return this.#elapsed()
    this.#callOff = this.#clock.schedule(this.#elapsed, leftMs)
  }

  close(): void {
    this.#callOff?.()
    this.#callOff = undefined
  }
}
