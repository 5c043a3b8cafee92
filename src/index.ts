// Every public name of the main entry, in the order in which a reader needs them. A type that is reached through a member of another one
// (`RunProgress['held']`, `PoolOptions['breaker']`, `EventOf<'task.dead'>`) has no name of its own here. Such a type is an alias and no
// interface, so that the compiler can write it out in the declarations of a host.
export { Orchestrator } from './orchestrator.js'
export type { OrchestratorOptions, ResumeOptions, RunOptions } from './options.js'
export type { Run } from './run/run.js'
export type { EventsOptions } from './run/events/event-reader.js'
export type { RunProgress } from './run/progress.js'
export type { Outcome, FailureMode } from './core/state/events.js'
export type { RunResult, TaskResult } from './core/results/run-result.js'
export { readRun } from './run/read-run.js'
export type { RunReport, RunSummary } from './run/read-run.js'
export type { Runs } from './run/run-registry.js'
export type { RunStatus } from './core/state/run-state.js'
export type { TaskStatus } from './core/state/task.js'

// Plans
export { TaskGraph } from './plan/task-graph.js'
export type { TaskRef } from './plan/task-ref.js'
export type { OutputOf, TaskOptions } from './plan/task-options.js'
export type { StandardSchemaV1 } from './plan/standard-schema.js'
export { parsePlan } from './plan/plan.js'
export type { ParsePlanOptions } from './plan/plan.js'
export type { Plan, PlanData, PlanInput, TaskData } from './plan/plan-input.js'
export type { TaskSpec } from './core/state/task.js'
export type { TriggerRule } from './core/scheduler/trigger-rule.js'
export { forecast } from './forecast/forecast.js'
export type { Forecast, ForecastOptions } from './forecast/forecast.js'
export { chooseMode } from './forecast/choose-mode.js'
export type { Budget, Estimate, RunBudget } from './core/budget/budget.js'

// Agents
export { reply } from './backends/agent-backend.js'
export type {
  AgentBackend,
  AgentFunction,
  AgentReply,
  AgentRequest,
  AttemptContext,
  Locals,
  Report,
} from './backends/agent-backend.js'
export { httpBackend } from './backends/http/http-backend.js'
export type { HttpBackendOptions } from './backends/http/options.js'
export { AgentError, CounterpointError, isCounterpointError } from './errors.js'
export type { ErrorCode, ErrorDetails, InputIssue } from './errors.js'
export { FAILURE_KINDS } from './core/failure/failure.js'
export type { Failure, FailureKind } from './core/failure/failure.js'
export type { OutputTails } from './core/failure/output-tails.js'
export type { ReportedUsage, Usage } from './core/failure/usage.js'

// The five parts
export { TaskDistributor } from './distributor/task-distributor.js'
export type { DistributeRequest, Distribution, TaskDistributorOptions } from './distributor/task-distributor.js'
export type { Intent } from './pools/pool-intent.js'
export { WorkerPool } from './pools/worker-pool.js'
export type { PoolOptions, PoolStats, WorkerPoolOptions } from './pools/pool-options.js'
export { Limit } from './limits/limit.js'
export type { LimitOptions } from './limits/limit-options.js'
export { DagScheduler } from './forecast/dag-scheduler.js'
export type { Order, OrderFacts } from './core/scheduler/order.js'
export { FailureHandler } from './failure/failure-handler.js'
export type { FailureHandlerOptions } from './failure/failure-handler.js'
export type { FailureFacts } from './core/failure/failure-facts.js'
export type { Verdict } from './core/failure/verdict.js'
export { ResultAggregator } from './results/result-aggregator.js'
export type { FinishedRun, ResultAggregatorOptions } from './results/result-aggregator.js'

// Events
export type { CounterpointEvent, EventOf, HostError } from './events/event-map.js'
export type { JournalRecord, RunEvent } from './core/state/events.js'

// Ports, and what authors of backends and journals need
export { systemClock } from './clock.js'
export type { Clock } from './clock.js'
export type { Machine } from './machine.js'
export { memoryJournal } from './journal/memory-journal.js'
export type { Journal, JournalHost, JournalProblem, OpenJournal } from './journal/journal.js'
export type { SharedStream } from './journal/shared-stream.js'
export { RetryLoop } from './journal/retry-loop.js'
export { canonicalJson, NotJsonError } from './core/json.js'
export type { Json } from './core/json.js'
export { parseAnswer } from './backends/json-answer.js'
export type { ParseAnswerOptions } from './backends/json-answer.js'
export { redactor } from './backends/redact.js'
export { readRetryAfter } from './backends/reset-times/requested-wait.js'
export { checkOptions, optionsOf, rules } from './options-check.js'
