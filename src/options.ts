import type { Clock } from './clock.js'
import type { Budget, RunBudget } from './core/budget/budget.js'
import type { Decide, JudgeFailure } from './core/scheduler/decision.js'
import type { FailureMode, RunMode } from './core/state/events.js'
import type { Distribute } from './distributor/task-distributor.js'
import type { ModeOptions } from './forecast/choose-mode.js'
import type { Journal } from './journal/journal.js'
import type { TaskGraph } from './plan/task-graph.js'
import type { PoolsOptions } from './pools/pool-options.js'
import type { Aggregate } from './results/result-aggregator.js'

/** Options of an `Orchestrator`. Only `pools` is needed. Each part may be replaced by an object with the one method, or by a function. */
export interface OrchestratorOptions extends PoolsOptions {
  /** Default: a `TaskDistributor` over the `intent` of the pools; with one pool, everything goes there. */
  readonly distributor?: Distribute | { distribute: Distribute }
  /** Default: a `FailureHandler` with its defaults. */
  readonly failureHandler?: JudgeFailure | { verdict: JudgeFailure }
  /** Default: `decide`, the DAG scheduler. */
  readonly scheduler?: Decide | { decide: Decide }
  /** Default: a `ResultAggregator`. */
  readonly aggregator?: Aggregate | { aggregate: Aggregate }
  /** Default: a `memoryJournal`, which ends with the process. */
  readonly journal?: Journal
  /** Default: `systemClock`. */
  readonly clock?: Clock
  /** Gives numbers in [0, 1), for jitter. Default: `Math.random`. */
  readonly random?: () => number
  /** Gives the ids of runs. Default: `run-` and 128 random bits. */
  readonly newId?: () => string
  /** What all its runs together may use. With a journal that keeps it, over restarts too. Default: no bound. */
  readonly budget?: Budget
  /** How many settled runs are kept, with their events; the oldest is released first. Default 100. */
  readonly retain?: number
}

/** Options of one run. */
export interface RunOptions {
  /** Default: a new id. */
  readonly runId?: string
  /** Default: the plan's, else `continue`. */
  readonly failureMode?: FailureMode
  /** Runs these tasks of the plan, with all that they need, and no others. */
  readonly only?: readonly string[]
  /** Cancels the run. One that is aborted already cancels it before anything starts. */
  readonly signal?: AbortSignal
  /** With a pool that is full: `wait` for room, or `reject` with QUEUE_FULL. Default `wait`. */
  readonly whenFull?: 'wait' | 'reject'
  /** Its share of the pools it has in common with other runs: one of weight 2 gets twice the slots. Default 1. */
  readonly weight?: number
  /** What the run may use, and what of each pool. Default: no bound. */
  readonly budget?: RunBudget
  /**
   * `parallel`: as many tasks side by side as its pools allow. `serial`: one at a time. `auto`: a forecast of both decides, see `auto`.
   * The choice and its reason are an event, `run.mode-chosen`. Default: parallel, without an event.
   */
  readonly mode?: RunMode | 'auto'
  /** When `mode: 'auto'` takes parallel to be worth it. */
  readonly auto?: ModeOptions
  /** When half of what was tried of late was turned away (throttled, overloaded, quota): go on one at a time. Default false. */
  readonly autoFallbackToSerial?: boolean
}

/** Options of `resume`. */
export interface ResumeOptions extends Pick<RunOptions, 'signal' | 'whenFull' | 'weight'> {
  /** The `TaskGraph` that the run was started with; then those that joined it live. Not needed for plans that are data. */
  readonly graph?: TaskGraph | readonly TaskGraph[]
}
