import type { Clock } from '../../clock.js'
import type { RunEventType } from '../../core/state/events.js'
import type { History } from '../../core/state/history.js'
import type { RunState } from '../../core/state/run-state.js'

const SETS: readonly RunEventType[] = ['run.started', 'budget.changed', 'run.recovered']

/** Tells when the wall time of a run's budget is over. The time in which no process had the run does not count. */
export class RunTimeLimit {
  readonly #clock: Clock
  readonly #elapsed: () => void
  #callOff: (() => void) | undefined

  constructor(clock: Clock, elapsed: () => void) {
    this.#clock = clock
    this.#elapsed = elapsed
  }

  /** What has been decided may have set, changed or resumed the budget. */
  decided(state: RunState, history: History, from: number, to: number): void {
    if (state.accounts === undefined) return
    let isSet = false
    for (let seq = from; seq <= to; seq++) isSet ||= SETS.includes(history.typeOf(seq))
    if (!isSet) return
    this.close()
    const { wallMs } = state.accounts.run.budget
    if (wallMs === undefined) return
    const leftMs = wallMs - (state.at - state.startedAt - state.downtimeMs)
    if (leftMs <= 0) return this.#elapsed()
    this.#callOff = this.#clock.schedule(this.#elapsed, leftMs)
  }

  close(): void {
    this.#callOff?.()
    this.#callOff = undefined
  }
}
