import type { SharedBudget } from '../budget/shared-budget.js'
import type { Clock } from '../clock.js'
import type { JudgeFailure } from '../core/scheduler/decision.js'
import type { JournalRecord } from '../core/state/events.js'
import type { RunState } from '../core/state/run-state.js'
import type { Emitter } from '../emitter.js'
import type { OpenJournal } from '../journal/journal.js'
import type { Admission } from '../pools/admission.js'
import type { OpenPool } from '../pools/pool-options.js'
import type { Aggregate } from '../results/result-aggregator.js'
import type { PlanAdmission } from './admission-ticket.js'
import type { Scheduler } from './parts.js'

/** What an orchestrator gives each of its runs. */
export interface RunContext {
  readonly clock: Clock
  readonly random: () => number
  readonly decide: Scheduler
  readonly judge: JudgeFailure
  readonly aggregate: Aggregate
  readonly pools: ReadonlyMap<string, OpenPool>
  readonly admission: Admission
  readonly emitter: Emitter
  /** The journal ends with the orchestrator, which lets go of a run there, too. */
  readonly ownsJournal: boolean
  /** What all runs together may use. */
  readonly budget: SharedBudget | undefined
  /** An attempt of a pool succeeded after so many milliseconds. */
  took(pool: string, ms: number): void
  /** The run is over in this process: it has settled, or another one may resume it. */
  ended(runId: string, settled: boolean): void
  released(runId: string): void
}

/** What makes one run different from another. */
export interface RunStart {
  /** Empty, or replayed from the journal. */
  readonly state: RunState
  /** What the journal holds. */
  readonly records: readonly JournalRecord[]
  readonly journal: OpenJournal
  readonly weight: number
  readonly door: PlanAdmission
}
