import type { LocalsInput } from './backends/agent-backend.js'
import type { Clock } from './clock.js'
import type { Budget, RunBudget } from './core/budget/budget.js'
import type { JudgeFailure } from './core/failure/failure-facts.js'
import type { Order } from './core/scheduler/order.js'
import type { FailureMode, RunMode } from './core/state/events.js'
import type { Distribute } from './distributor/task-distributor.js'
import type { ModeOptions } from './forecast/choose-mode.js'
import type { Journal } from './journal/journal.js'
import type { TaskGraph } from './plan/task-graph.js'
import type { PoolsOptions } from './pools/pool-options.js'
import type { Aggregate } from './results/result-aggregator.js'

/** Options of an `Orchestrator`. A part can be replaced by an object with its one method, or by a function. */
export interface OrchestratorOptions<Pool extends string = string> extends PoolsOptions<Pool> {
  /** Finds a pool for a task that names none. Default: a `TaskDistributor` over the `intent` of the pools; with one pool, that pool. */
  readonly distributor?: Distribute | { distribute: Distribute } | undefined
  /** Decides what follows from a failed attempt. Default: a `FailureHandler` with its defaults. */
  readonly failureHandler?: JudgeFailure | { verdict: JudgeFailure } | undefined
  /** Orders the ready tasks of a run. Default: as a `DagScheduler`: by priority and age, then by the longest remaining path. */
  readonly scheduler?: Order | { order: Order } | undefined
  /** Makes the result of a settled run. Default: a `ResultAggregator`. */
  readonly aggregator?: Aggregate | { aggregate: Aggregate } | undefined
  /** Where runs are persisted. Default: a `memoryJournal`, which is lost with the process. */
  readonly journal?: Journal | undefined
  /** Default: `systemClock`. */
  readonly clock?: Clock | undefined
  /** Returns a number in [0, 1), for jitter. Default: `Math.random`. */
  readonly random?: (() => number) | undefined
  /** Returns the id of a new run. Default: `run-` and a random UUID. */
  readonly newId?: (() => string) | undefined
  /** What all runs together may use; across restarts too, if the journal persists it. Default: no limit. */
  readonly budget?: Budget | undefined
  /** How many settled runs are retained, with their events; the oldest is released first. Default 100. */
  readonly retain?: number | undefined
}

/** Options of one run. */
export interface RunOptions<Pool extends string = string> {
  /** 1 to 128 characters, unique in the journal. Default: a new id. */
  readonly runId?: string | undefined
  /** What a failed task means for the other tasks. Default: that of the plan, else `continue`. */
  readonly failureMode?: FailureMode | undefined
  /** Runs only these tasks of the plan and their dependencies. Default: all tasks. */
  readonly only?: readonly string[] | undefined
  /** Cancels the run when it is aborted. If it is aborted already, no task starts. */
  readonly signal?: AbortSignal | undefined
  /**
   * What the backends and functions of the run get as `context.locals`, the same object: a tenant, a logger, a database handle. Not
   * journaled: pass it to `resume` again. Default: empty.
   */
  readonly locals?: LocalsInput | undefined
  /** When a pool has reached its `queueLimit`: `wait` for room, or `reject` with QUEUE_FULL. Default `wait`. */
  readonly whenFull?: 'wait' | 'reject' | undefined
  /** Its share of the pools that it has in common with other runs: a run of weight 2 gets twice the slots of one of weight 1. Default 1. */
  readonly weight?: number | undefined
  /** What the run may use in total, and of each pool. Default: no limit. */
  readonly budget?: RunBudget<Pool> | undefined
  /**
   * `parallel`: as many tasks at once as its pools allow. `serial`: one at a time. `auto`: decided by a forecast of both, see `auto`.
   * The choice and its reason are emitted as `run.mode-chosen`. Default: parallel, without that event.
   */
  readonly mode?: RunMode | 'auto' | undefined
  /** When `mode: 'auto'` chooses parallel. */
  readonly auto?: ModeOptions | undefined
  /** Continues one task at a time once half of the last attempts were throttled, overloaded or out of quota. Default false. */
  readonly autoFallbackToSerial?: boolean | undefined
}

/** Options of `resume`. */
export interface ResumeOptions extends Pick<RunOptions, 'signal' | 'locals' | 'whenFull' | 'weight'> {
  /**
   * The `TaskGraph` that the run was started with, then those that were added to it live. Default: none, for plans that are data, and where
   * the tasks with functions and schemas have ended.
   */
  readonly graph?: TaskGraph | readonly TaskGraph[] | undefined
}
