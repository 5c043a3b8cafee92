import type { Locals, LocalsInput } from '../backends/agent-backend.js'
import type { SharedBudget } from '../budget/shared-budget.js'
import type { Clock } from '../clock.js'
import type { JudgeFailure } from '../core/failure/failure-facts.js'
import { type Order, orderOf } from '../core/scheduler/order.js'
import type { JournalRecord } from '../core/state/events.js'
import type { RunState } from '../core/state/run-state.js'
import { type Emitter, JOURNAL_REPORT } from '../events/emitter.js'
import { FailureHandler } from '../failure/failure-handler.js'
import type { JournalHost, OpenJournal } from '../journal/journal.js'
import type { OrchestratorOptions } from '../options.js'
import { invalidInput } from '../options-check.js'
import type { Admission } from '../pools/admission.js'
import type { OpenPool } from '../pools/pool-options.js'
import { checkResult } from '../results/check-result.js'
import { type Aggregate, ResultAggregator } from '../results/result-aggregator.js'
import type { PlanAdmission } from './admission-ticket.js'

/** The locals of a run that was given none. */
export const NO_LOCALS: Locals = Object.freeze({})

/** What an orchestrator gives each of its runs. */
export interface RunContext {
  readonly clock: Clock
  readonly random: () => number
  /** Orders the ready tasks; undefined: by priority and age. */
  readonly order: Order | undefined
  readonly judge: JudgeFailure
  readonly aggregate: Aggregate
  readonly pools: ReadonlyMap<string, OpenPool>
  readonly admission: Admission
  readonly emitter: Emitter
  /** The journal is the orchestrator's own, in memory: a released run is deleted from it. */
  readonly ownsJournal: boolean
  /** The budget that all runs share. */
  readonly budget: SharedBudget | undefined
  /** What has been reported on `error` and is not reported again: by group, each `where`. */
  readonly reportedOnce: Map<string, Set<string>>
  /** An attempt of a pool succeeded after this many milliseconds. */
  recordDuration(pool: string, ms: number): void
  /** The run has ended in this process: it has settled, or can be resumed. */
  onEnded(runId: string, settled: boolean): void
  onReleased(runId: string): void
}

/** What differs between the runs of an orchestrator. */
export interface RunEngineOptions {
  /** Empty, or replayed from `records`. */
  readonly state: RunState
  /** What the journal holds. */
  readonly records: readonly JournalRecord[]
  readonly journal: OpenJournal
  /** The share of its pools that the run gets, relative to other runs. */
  readonly weight: number
  readonly planAdmission: PlanAdmission
  /** Passed to backends and functions. */
  readonly locals: LocalsInput
}

/** The parts that a host may replace by a function or an object with one method, each as a function. */
export function partsOf(options: OrchestratorOptions): Pick<RunContext, 'order' | 'judge' | 'aggregate'> {
  const { scheduler, failureHandler = new FailureHandler(), aggregator } = options
  return {
    order: orderOf(scheduler),
    judge: judgeOf(failureHandler),
    aggregate: aggregateOf(aggregator),
  }
}

/** @throws INVALID_INPUT for an asynchronous function, whose promises would be no verdicts. */
function judgeOf(handler: NonNullable<OrchestratorOptions['failureHandler']>): JudgeFailure {
  const judge = typeof handler === 'function' ? handler : handler.verdict
  if (Object.prototype.toString.call(judge) === '[object AsyncFunction]') {
    const message = 'expected a function that returns a verdict at once, got an async function'
    throw invalidInput([{ path: 'failureHandler', message }])
  }
  return judge.bind(handler)
}

function aggregateOf(aggregator: OrchestratorOptions['aggregator']): Aggregate {
  if (aggregator === undefined) {
    const standard = new ResultAggregator()
    return run => standard.aggregate(run)
  }
  const aggregate = typeof aggregator === 'function' ? aggregator : aggregator.aggregate.bind(aggregator)
  return run => checkResult(aggregate(run))
}

/** What a journal gets: its problems are reported as `error` events, with the id of the run if they are those of one. */
export function journalHost(emitter: Emitter, runId?: string): JournalHost {
  return {
    report: ({ error, message }) => {
      const where = JOURNAL_REPORT + message
      emitter.report(runId === undefined ? { type: 'error', error, where } : { type: 'error', error, where, runId })
    },
  }
}
