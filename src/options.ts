import type { Clock } from './clock.js'
import type { DecideContext, JudgeFailure } from './core/decision.js'
import type { FailureMode, RunEvent } from './core/event.js'
import type { RunState } from './core/run-state.js'
import type { Signal } from './core/signal.js'
import type { Backoff } from './core/task.js'
import type { Journal } from './journal/journal.js'
import type { TaskGraph } from './plan/task-graph.js'
import type { AgentBackend, AgentFunction } from './pools/agent-backend.js'
import type { Intent } from './pools/intent.js'
import type { DistributeRequest, Distribution } from './pools/task-distributor.js'
import type { WorkerPool } from './pools/worker-pool.js'
import type { FinishedRun, RunResult } from './results/result-aggregator.js'

/** Options of a task that a pool may set for all its tasks; a task's own go first. */
export interface TaskDefaults {
  readonly priority?: number
  readonly retries?: number
  readonly backoff?: Backoff
  /** In milliseconds. */
  readonly timeoutMs?: number
  readonly durationMs?: number
}

/** A pool: agents of one kind behind limits. */
export interface PoolOptions {
  /** What runs its attempts: a function, or an object with `run`. */
  readonly backend: AgentBackend | AgentFunction
  /** How many attempts run at once. Default 4. */
  readonly concurrency?: number
  /** How many tasks may be admitted that have not started yet (`run` and `add`; what a plan has ready does not matter). Default: no limit. */
  readonly queueLimit?: number
  /** Options for its tasks that do not have their own. */
  readonly defaults?: TaskDefaults
  /** By what words, phrases and examples tasks without a `pool` are recognised as its own. */
  readonly intent?: Intent
  /** How long an attempt may go on after it was told to stop before it is abandoned, in milliseconds. Default 5,000. */
  readonly graceMs?: number
  /** A waiting task gains one step of priority for each such span, in milliseconds. Default 60,000. */
  readonly agingMs?: number
}

/** The pools of an orchestrator, by name: options, or a `WorkerPool` of your own. */
export type Pools = Readonly<Record<string, PoolOptions | WorkerPool>>

/** Finds the pool of a task that names none. `TaskDistributor` is the default. */
export type Distribute = (task: DistributeRequest) => Distribution | Promise<Distribution>

/** What follows from a signal, as events. `decide` is the default. */
export type Decide = (state: RunState, signal: Signal, context: DecideContext) => RunEvent[]

/** Brings together what a settled run left. `ResultAggregator` is the default. */
export type Aggregate = (run: FinishedRun) => RunResult

/** Options of an `Orchestrator`. Only `pools` is needed. Each part may be replaced by an object with the one method, or by a function. */
export interface OrchestratorOptions {
  readonly pools: Pools
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
}

/** Options of `resume`. */
export interface ResumeOptions extends Pick<RunOptions, 'signal' | 'whenFull' | 'weight'> {
  /** The `TaskGraph` that the run was started with; then those that joined it live. Not needed for plans that are data. */
  readonly graph?: TaskGraph | readonly TaskGraph[]
}
