// Every public name, in reading order.
export { Orchestrator } from './orchestrator.js'
export type {
  Aggregate,
  Decide,
  Distribute,
  OrchestratorOptions,
  PoolOptions,
  Pools,
  ResumeOptions,
  RunOptions,
  TaskDefaults,
} from './options.js'
export type { PlanInput } from './intake.js'
export { Run } from './run.js'
export type { HeldTask, ParkedPool, RunningTask, RunProgress } from './run-view.js'
export type { RunReport, Runs, RunSummary } from './runs.js'

// Plans
export { TaskGraph } from './plan/task-graph.js'
export type { PlanSource, TaskBinding, TaskRef } from './plan/task-graph.js'
export type {
  Dependencies,
  HardOutputsOf,
  IdOf,
  JsonInput,
  OutputOf,
  OutputsOf,
  SoftOutputsOf,
  TaskOptions,
  TaskOutputs,
} from './plan/task-options.js'
export { parsePlan } from './plan/plan.js'
export type { ParsePlanOptions, Plan } from './plan/plan.js'
export type { StandardSchemaV1 } from './plan/standard-schema.js'
export type { Backoff, TaskSpec } from './core/task.js'
export { TRIGGER_RULES } from './core/trigger-rule.js'
export type { TriggerRule } from './core/trigger-rule.js'
export { forecast } from './plan/forecast.js'
export type { Forecast, ForecastOptions, ForecastPool } from './plan/forecast.js'
export { chooseMode } from './core/mode.js'
export type { ModeChoice, ModeFigures, ModeOptions } from './core/mode.js'

// Agents
export { reply } from './pools/agent-backend.js'
export type {
  AgentBackend,
  AgentFunction,
  AgentReply,
  AgentRequest,
  AttemptContext,
  Report,
} from './pools/agent-backend.js'
export { httpBackend } from './pools/http-backend.js'
export type { HttpAnswer, HttpBackendOptions, HttpHeaders } from './pools/http-options.js'
export { AgentError, CounterpointError, isCounterpointError } from './errors.js'
export type { AgentErrorOptions, ErrorCode, ErrorDetails, InputIssue } from './errors.js'

// The parts
export { TaskDistributor } from './pools/task-distributor.js'
export type {
  Classification,
  Classifier,
  DistributeRequest,
  Distribution,
  TaskDistributorOptions,
} from './pools/task-distributor.js'
export type { Intent, Weighted } from './pools/intent.js'
export { agentIntents } from './pools/intents.js'
export { WorkerPool } from './pools/worker-pool.js'
export type { PoolStats, WorkerPoolSetup } from './pools/pool-setup.js'
export type { AttemptOutcome, Claimant, ClaimTerms, Lane, Lease } from './pools/lane.js'
export { Limit } from './pools/limit.js'
export type { LimitOptions, LimitSetup, LimitStats } from './pools/limit.js'
export type { WindowLimit } from './pools/rate-window.js'
export type { WindowLoad } from './pools/start-window.js'
export type { AdaptiveConcurrency } from './pools/adaptive-limit.js'
export type { PoolConcurrency } from './pools/concurrency.js'
export type { BackendStats } from './pools/backends.js'
export type { ParkingStats } from './pools/parking.js'
export type { BreakerOptions, BreakerState } from './pools/circuit-breaker.js'
export type { Health, HealthCheck, HealthOptions } from './pools/health.js'
export type { RetryBudgetOptions } from './pools/retry-budget.js'

export { decide } from './core/dag-scheduler.js'
export type { DecideContext, FailureFacts, JudgeFailure } from './core/decision.js'
export { FailureHandler } from './core/failure-handler.js'
export type { FailureHandlerOptions } from './core/failure-handler.js'
export type { Verdict } from './core/verdict.js'
export { ResultAggregator } from './results/result-aggregator.js'
export type { FinishedRun, RootCause, RunResult, RunTimes, TaskResult } from './results/result-aggregator.js'

// Events and state
export type {
  AttemptProgressed,
  CounterpointEvent,
  EventMap,
  EventsByName,
  HostError,
  RunChannelEvent,
  RunEventMap,
} from './emitter.js'
export type {
  ParkReason,
  PoolEvent,
  PoolEventBase,
  PoolHealthy,
  PoolLimitChanged,
  PoolOpened,
  PoolParked,
  PoolUnhealthy,
} from './pools/pool-event.js'
export type {
  AttemptAbandoned,
  AttemptFailed,
  AttemptStarted,
  AttemptStopping,
  BudgetChanged,
  BudgetReached,
  EventBase,
  EventOf,
  FailureMode,
  JournalRecord,
  Outcome,
  RunEvent,
  RunEventType,
  RunDraining,
  RunMode,
  RunModeChosen,
  RunPaused,
  RunRecovered,
  RunSettled,
  RunStarted,
  RunStopping,
  RunSuspended,
  RunUnpaused,
  StopCause,
  TaskAdded,
  TaskCancelled,
  TaskDead,
  TaskDelayed,
  TaskEventBase,
  TaskHeld,
  TaskReady,
  TaskSkipped,
  TaskSucceeded,
} from './core/event.js'
export type {
  Account,
  Accounts,
  Amount,
  Budget,
  BudgetMeasure,
  BudgetScope,
  Estimate,
  RunBudget,
  ScopedAccount,
} from './core/budget.js'
export { FAILURE_KINDS } from './core/failure.js'
export type { Failure, FailureKind, TimeoutScope, Usage } from './core/failure.js'
export { evolve, replay } from './core/evolve.js'
export { emptyState } from './core/new-state.js'
export type { RunPhase, RunState, RunStatus, TaskClock } from './core/run-state.js'
export type { TaskIds } from './core/task-ids.js'
export type { Upstream } from './core/trigger-rule.js'
export type * from './core/signal.js'
export type {
  Feedback,
  HoldReason,
  RunningState,
  StopReason,
  SucceededState,
  Tally,
  TaskState,
  TaskStatus,
} from './core/task.js'

// Ports
export { systemClock } from './clock.js'
export type { Clock } from './clock.js'
export { unknownMachine } from './machine.js'
export type { Machine } from './machine.js'
export { memoryJournal } from './journal/memory-journal.js'
export type { Journal, JournalHost, JournalProblem, OpenJournal } from './journal/journal.js'
export type { SharedStream } from './journal/shared-stream.js'
export { canonicalJson, NotJsonError } from './core/json.js'
export type { Json, JsonLimits } from './core/json.js'
