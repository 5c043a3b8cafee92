import type { BudgetMeasure, Estimate } from '../core/budget/budget.js'
import type { RunState } from '../core/state/run-state.js'

/** What a run has to know of a budget that it shares: it has no room (`hard`), or has come to its soft bound. */
export interface BudgetNotice {
  readonly level: 'soft' | 'hard'
  readonly measure: BudgetMeasure
  readonly limit: number
  readonly used: number
  readonly action: 'tell' | 'degrade' | 'stop' | 'hold'
}

/** An attempt that wants to start. */
export interface ReservationRequest {
  readonly state: RunState
  readonly index: number
  readonly estimate: Estimate | undefined
  /** It goes to the cheapest backend already. */
  readonly degraded: boolean
  /** What it wants is set aside. */
  goOn(): void
  hear(notice: BudgetNotice): void
}
