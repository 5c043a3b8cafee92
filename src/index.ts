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
export type { RunningTask, RunProgress } from './run-view.js'
export type { RunReport, Runs, RunSummary } from './runs.js'

// Plans
export { TaskGraph } from './plan/task-graph.js'
export type {
  Dependencies,
  IdOf,
  JsonInput,
  OutputOf,
  OutputsOf,
  PlanSource,
  TaskBinding,
  TaskOptions,
  TaskRef,
} from './plan/task-graph.js'
export { parsePlan } from './plan/plan.js'
export type { ParsePlanOptions, Plan } from './plan/plan.js'
export type { StandardSchemaV1 } from './plan/standard-schema.js'
export type { Backoff, TaskSpec } from './core/task.js'

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
export type { PoolStats, WorkerPoolSetup } from './pools/worker-pool.js'
export type { Claimant, Lane, Lease } from './pools/lane.js'
export { decide } from './core/dag-scheduler.js'
export type { DecideContext, FailureFacts, JudgeFailure } from './core/decision.js'
export { FailureHandler } from './core/failure-handler.js'
export type { FailureHandlerOptions } from './core/failure-handler.js'
export type { Verdict } from './core/verdict.js'
export { ResultAggregator } from './results/result-aggregator.js'
export type { FinishedRun, RootCause, RunResult, RunTimes, TaskResult } from './results/result-aggregator.js'

// Events and state
export type { AttemptProgressed, CounterpointEvent, EventMap, HostError } from './emitter.js'
export type {
  AttemptAbandoned,
  AttemptFailed,
  AttemptStarted,
  AttemptStopping,
  EventBase,
  EventOf,
  FailureMode,
  JournalRecord,
  Outcome,
  RunEvent,
  RunEventType,
  RunDraining,
  RunPaused,
  RunRecovered,
  RunSettled,
  RunStarted,
  RunStopping,
  RunSuspended,
  RunUnpaused,
  TaskAdded,
  TaskCancelled,
  TaskDead,
  TaskDelayed,
  TaskEventBase,
  TaskReady,
  TaskSkipped,
  TaskSucceeded,
} from './core/event.js'
export { FAILURE_KINDS } from './core/failure.js'
export type { Failure, FailureKind, TimeoutScope, Usage } from './core/failure.js'
export { evolve, replay } from './core/evolve.js'
export { emptyState } from './core/run-state.js'
export type { RunPhase, RunState, RunStatus } from './core/run-state.js'
export type * from './core/signal.js'
export type { RunningState, StopReason, SucceededState, Tally, TaskState, TaskStatus } from './core/task.js'

// Ports
export { systemClock } from './clock.js'
export type { Clock } from './clock.js'
export { memoryJournal } from './journal/memory-journal.js'
export type { Journal, JournalHost, JournalProblem, OpenJournal } from './journal/journal.js'
export { canonicalJson, NotJsonError } from './core/json.js'
export type { Json, JsonLimits } from './core/json.js'
