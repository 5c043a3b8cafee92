import type { Clock } from '../../clock.js'
import type { RunEventType } from '../../core/state/events.js'
import type { History } from '../../core/state/history.js'
import type { RunState } from '../../core/state/run-state.js'

/** Events after which the time that is left may be another. */
const RESETS: readonly RunEventType[] = ['run.started', 'budget.changed', 'run.recovered']

/** Fires when the `wallMs` of a run's budget is used up. Time during which no process has the run does not count. */
export class RunTimeLimit {
  readonly #clock: Clock
  readonly #onElapsed: () => void
  #cancelTimer: (() => void) | undefined

  constructor(clock: Clock, onElapsed: () => void) {
    this.#clock = clock
    this.#onElapsed = onElapsed
  }

  /** Starts the timer again when one of the events from `from` to `to` set, changed or resumed the budget. */
  onDecided(state: RunState, history: History, from: number, to: number): void {
    if (state.accounts === undefined) return
    let isReset = false
    for (let seq = from; seq <= to; seq++) isReset ||= RESETS.includes(history.typeOf(seq))
    if (!isReset) return
    this.close()
    const { wallMs } = state.accounts.run.budget
    if (wallMs === undefined) return
    const leftMs = wallMs - (state.at - state.startedAt - state.downtimeMs)
    if (leftMs <= 0) return this.#onElapsed()
    this.#cancelTimer = this.#clock.schedule(this.#onElapsed, leftMs)
  }

  close(): void {
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
  }
}
