import type { AgentBackend, AgentFunction } from './backends/agent-backend.js'
import type { BreakerOptions } from './backends/circuit-breaker.js'
import type { HealthOptions } from './backends/health-check.js'
import type { Clock } from './clock.js'
import type { Budget, RunBudget } from './core/budget/budget.js'
import type { DecideContext, JudgeFailure } from './core/scheduler/decision.js'
import type { Signal } from './core/scheduler/signals.js'
import type { FailureMode, RunEvent, RunMode } from './core/state/events.js'
import type { RunState } from './core/state/run-state.js'
import type { TaskSpec } from './core/state/task.js'
import type { Intent } from './distributor/intent.js'
import type { DistributeRequest, Distribution } from './distributor/task-distributor.js'
import type { ModeOptions } from './forecast/choose-mode.js'
import type { Journal } from './journal/journal.js'
import type { LimitOptions } from './limits/limit.js'
import type { WindowLimit } from './limits/rate-window.js'
import type { Machine } from './machine.js'
import type { TaskGraph } from './plan/task-graph.js'
import type { PoolConcurrency } from './pools/concurrency.js'
import type { RetryBudgetOptions } from './pools/retry-budget.js'
import type { WorkerPool } from './pools/worker-pool.js'
import type { FinishedRun, RunResult } from './results/result-aggregator.js'

/** Options of a task that a pool may set for all its tasks; a task's own go first. */
export type TaskDefaults = Pick<
  TaskSpec,
  | 'priority'
  | 'retries'
  | 'backoff'
  | 'timeoutMs'
  | 'idleTimeoutMs'
  | 'queueTimeoutMs'
  | 'totalTimeoutMs'
  | 'durationMs'
  | 'estimate'
  | 'budget'
  | 'replay'
  | 'approval'
>

/** A pool: agents of one kind behind limits. */
export interface PoolOptions {
  /** What runs its attempts: a function, or an object with `run`. Either this or `backends`. */
  readonly backend?: AgentBackend | AgentFunction
  /**
   * A ladder of backends that can do the same: the most wanted first, the cheapest last. While one is ill or its quota is used up, the
   * next one takes its attempts. Each has a name of its own, or gets one: that of the pool, with `#2`, `#3` and so on.
   */
  readonly backends?: readonly (AgentBackend | AgentFunction)[]
  /**
   * How many attempts run at once: a number; bounds (`{ min: 1, max: 64 }`) between which the pool finds it by trying; or `auto`:
   * bounds that fit the machine, which must be known (`machine`). Default 4.
   */
  readonly concurrency?: PoolConcurrency
  /** How many attempts may start in any span of `perMs`, wherever it begins. Default: no bound. With a `limitKey`: of all its pools. */
  readonly requests?: WindowLimit
  /**
   * How many tokens the attempts that start in any span of `perMs` may use: by the estimates of their tasks, corrected as they end.
   * Default: no bound. With a `limitKey`: of all its pools.
   */
  readonly tokens?: WindowLimit
  /** The account that it shares with other pools that name the same one: its limits, and its parkings. Default: none. */
  readonly limitKey?: string
  /** How many tasks may be admitted that have not started yet (`run` and `add`; what a plan has ready does not matter). Default: no limit. */
  readonly queueLimit?: number
  /** How the health of its backends is watched, of those that have a `health()`. Default: every 5 s while the pool has runs. */
  readonly health?: HealthOptions
  /** When a backend is taken for ill and left alone. Default: after 20 failures in a row (overloaded, timeout, crashed), for 10 s and more. */
  readonly breaker?: BreakerOptions
  /** How many retries there may be. Default: 100 and a fifth of the first attempts, over each minute; then the pool is parked. */
  readonly retryBudget?: RetryBudgetOptions
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
  /** What the pools of each `limitKey` may do together. Default: what their pools say. */
  readonly limits?: Readonly<Record<string, LimitOptions>>
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
  /** What is known of the machine, for `concurrency: 'auto'`: `nodeMachine` of `counterpoint/node`. Default: nothing. */
  readonly machine?: Machine
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
