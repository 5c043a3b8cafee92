// Every public name of the main entry, in the order in which a reader needs them.
export { Orchestrator } from './orchestrator.js'
export type {
  OrchestratorOptions,
  ResumeOptions,
  RunOptions,
} from './options.js'
export type { EventsOptions } from './run/event-reader.js'
export { Run } from './run/run.js'
export type { HeldTask, ParkedPool, RunningTask, RunProgress } from './run/progress.js'
export { readRun } from './run/read-run.js'
export type { RunReport, RunSummary } from './run/read-run.js'
export type { Runs } from './run/run-registry.js'

// Plans
export { TaskGraph } from './plan/task-graph.js'
export type { PlanSource, TaskBinding, TaskRef } from './plan/task-graph.js'
export type {
  Dependencies,
  OutputOf,
  TaskOptions,
} from './plan/task-options.js'
export { parsePlan } from './plan/plan.js'
export type { ParsePlanOptions, Plan } from './plan/plan.js'
export type { PlanInput } from './plan/check-plan.js'
export type { StandardSchemaV1 } from './plan/standard-schema.js'
export type { Backoff, TaskDefaults, TaskSpec } from './core/state/task.js'
export { TRIGGER_RULES } from './core/scheduler/trigger-rule.js'
export type { TriggerRule } from './core/scheduler/trigger-rule.js'
export { forecast } from './forecast/forecast.js'
export type { Forecast, ForecastOptions, ForecastPool } from './forecast/forecast.js'
export { chooseMode } from './forecast/choose-mode.js'
export type { ModeChoice, ModeFigures, ModeOptions } from './forecast/choose-mode.js'

// Agents
export { reply } from './backends/agent-backend.js'
export type {
  AgentBackend,
  AgentFunction,
  AgentReply,
  AgentRequest,
  AttemptContext,
  Report,
} from './backends/agent-backend.js'
export { httpBackend } from './backends/http/http-backend.js'
export type { HttpAnswer, HttpBackendOptions, HttpHeaders } from './backends/http/options.js'
export { redactor } from './backends/redact.js'
export type { Redact, RedactorOptions } from './backends/redact.js'
export { AgentError, CounterpointError, isCounterpointError } from './errors.js'
export type { AgentErrorOptions, ErrorCode, ErrorDetails, InputIssue } from './errors.js'
export type { AttemptOutcome } from './core/failure/attempt-outcome.js'

// For authors of backends and journals: rules for options, and their check
export {
  checkOptions,
  fn as functionRule,
  method as methodRule,
  millis as millisRule,
  optionsOf,
  nonNegative as nonNegativeRule,
  positiveMs as positiveMsRule,
  record as recordRule,
} from './options-check.js'
export type { CheckOptions } from './options-check.js'

// The parts
export { TaskDistributor } from './distributor/task-distributor.js'
export type {
  Classification,
  Classifier,
  Distribute,
  DistributeRequest,
  Distribution,
  TaskDistributorOptions,
} from './distributor/task-distributor.js'
export type { Intent, Weighted } from './pools/pool-intent.js'
export { WorkerPool } from './pools/worker-pool.js'
export type { PoolOptions, Pools, PoolStats, WorkerPoolOptions } from './pools/pool-options.js'
export type { AttemptRequirements, Lease, TaskQueue, TaskSource } from './pools/run-queue.js'
export { Limit } from './limits/limit.js'
export type { LimitOptions, LimitInit, LimitStats } from './limits/limit-options.js'
export type { WindowLimit } from './limits/rate-window.js'
export type { WindowLoad } from './limits/reserving-window.js'
export type { AdaptiveConcurrency } from './pools/concurrency/adaptive-limit.js'
export type { PoolConcurrency } from './pools/concurrency/concurrency.js'
export type { BackendStats } from './backends/backend-set.js'
export type { CooldownStats as ParkingStats } from './limits/cooldown.js'
export type { BreakerOptions, BreakerState } from './backends/circuit-breaker.js'
export type { Health, HealthCheck, HealthOptions } from './backends/health-check.js'
export type { RetryBudgetOptions } from './pools/retry-budget.js'
export { DagScheduler } from './forecast/dag-scheduler.js'
export type { Order, OrderFacts } from './core/scheduler/order.js'
export { decide } from './core/scheduler/decide.js'
export type { DecideContext, FailureFacts, JudgeFailure } from './core/scheduler/decision.js'
export { FailureHandler } from './core/failure/failure-handler.js'
export type { FailureHandlerOptions } from './core/failure/failure-handler.js'
export type { Verdict } from './core/failure/verdict.js'
export { ResultAggregator } from './results/result-aggregator.js'
export type { Aggregate, FinishedRun } from './results/result-aggregator.js'
export type { RootCause, RunResult, RunTimes, TaskResult } from './core/results/run-result.js'

// Events and state
export type {
  AttemptProgressed,
  AttemptStreamed,
  CounterpointEvent,
  EventMap,
  EventsByName,
  HostError,
  RunChannelEvent,
  RunEventMap,
} from './emitter.js'
export type {
  PoolEvent,
  PoolEventBase,
  PoolHealthy,
  PoolLimitChanged,
  PoolOpened,
  PoolParked,
  PoolUnhealthy,
} from './pools/pool-events.js'
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
} from './core/state/events.js'
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
} from './core/budget/budget.js'
export { FAILURE_KINDS } from './core/failure/failure.js'
export type { Failure, FailureKind, ParkReason, TimeoutScope } from './core/failure/failure.js'
export type { ReportedUsage, Usage } from './core/failure/usage.js'
export { evolve, replay } from './core/state/evolve.js'
export { emptyState } from './core/state/new-state.js'
export type { RunPhase, RunState, RunStatus, TaskClock } from './core/state/run-state.js'
export type { TaskIds } from './core/state/task-ids.js'
export type { Upstream } from './core/scheduler/trigger-rule.js'
export type * from './core/scheduler/signals.js'
export type {
  Feedback,
  HoldReason,
  RunningState,
  StoppingState,
  StopReason,
  SucceededState,
  Tally,
  TaskState,
  TaskStatus,
} from './core/state/task.js'

// Ports
export { systemClock } from './clock.js'
export type { Clock } from './clock.js'
export { unknownMachine } from './machine.js'
export type { Machine } from './machine.js'
export { memoryJournal } from './journal/memory-journal.js'
export { RetryLoop } from './journal/retry-loop.js'
export type { Journal, JournalHost, JournalProblem, OpenJournal } from './journal/journal.js'
export type { SharedStream } from './journal/shared-stream.js'
export { canonicalJson, NotJsonError } from './core/json.js'
export type { Json, JsonLimits } from './core/json.js'
