import type { BudgetNotice } from '../budget/admission.js'
import type { Estimate, RunBudget } from '../budget/budget.js'
import type { Failure } from '../failure/failure.js'
import type { OutputTails } from '../failure/output-tails.js'
import type { Usage } from '../failure/usage.js'
import type { Verdict } from '../failure/verdict.js'
import type { Json } from '../json.js'
import type { TriggerRule } from '../scheduler/trigger-rule.js'
import type { HoldReason, StopReason, TaskSpec } from './task.js'

/** The members of every event. */
export type EventBase = {
  /** 1 for the first event of the run, then consecutive. */
  readonly seq: number
  /** Time of the event, in milliseconds since 1970. Never decreases within a run, even if the wall clock does. */
  readonly at: number
  readonly runId: string
}

/** The members of every event about a task. */
export type TaskEventBase = EventBase & {
  readonly taskId: string
  /** The position of the task in its run: 0 for the first one added. */
  readonly index: number
}

/**
 * How a run ended. `completed`: every task that its trigger rules allowed to run succeeded. `partial`: at least one task succeeded.
 * `failed`: none did. `cancelled`: the run was cancelled.
 */
export type Outcome = 'completed' | 'partial' | 'failed' | 'cancelled'

/** What a run does when one of its tasks is dead. See docs/concepts.md, "Failure modes". */
export type FailureMode = 'continue' | 'no-new' | 'kill'

/** Why a run is stopping. */
export type StopCause = 'cancelled' | 'fail-fast' | 'budget'

/** How the tasks of a run are started: as many at once as the pools allow, or one at a time. */
export type RunMode = 'parallel' | 'serial'

/** The run exists. The tasks of its plan are added by the next events of the same record. */
export type RunStarted = EventBase & {
  readonly type: 'run.started'
  readonly name?: string
  /** The version of the plan, as given by its author. */
  readonly version?: string
  readonly failureMode: FailureMode
  /** How many tasks the plan has. Tasks after these were added to the live run. */
  readonly tasks: number
  /** The plan was a `TaskGraph`. */
  readonly graph?: true
  /** The tasks that were selected, if only a part of the plan is run: these and their dependencies. */
  readonly only?: readonly string[]
  readonly budget?: RunBudget
  readonly autoFallbackToSerial?: true
}
/** No further task starts: the run was cancelled, its failure mode ends it, or its budget is used up. */
export type RunStopping = EventBase & {
  readonly type: 'run.stopping'
  readonly cause: StopCause
  readonly reason: string
}
/** The mode of the run from here on. `reason` is one sentence: as requested, by a forecast, or because most attempts were throttled. */
export type RunModeChosen = EventBase & {
  readonly type: 'run.mode-chosen'
  readonly mode: RunMode
  readonly reason: string
}
/** No task starts until `run.unpaused`; attempts in flight continue. */
export type RunPaused = EventBase & {
  readonly type: 'run.paused'
}
/** Tasks start again. */
export type RunUnpaused = EventBase & {
  readonly type: 'run.unpaused'
}
/** No further task starts; the run is suspended once the attempts in flight have ended. */
export type RunDraining = EventBase & {
  readonly type: 'run.draining'
}
/** No attempt is in flight. The last event of the run in this process; another process can resume it. */
export type RunSuspended = EventBase & {
  readonly type: 'run.suspended'
}
/** Another process has taken over the run. */
export type RunRecovered = EventBase & {
  readonly type: 'run.recovered'
  /** 1 for the first process of the run; each process that recovers it adds 1. */
  readonly epoch: number
}
/** Every task has ended. The last event of the run. */
export type RunSettled = EventBase & {
  readonly type: 'run.settled'
  readonly outcome: Outcome
}
/** A part of a task that no journal can store: its input function, its approval function, its output schema, its function. */
export type BoundPart = 'input' | 'approval' | 'output' | 'run'
/** A task was added to the run. */
export type TaskAdded = TaskEventBase & {
  readonly type: 'task.added'
  readonly spec: TaskSpec
  /** Its functions and its output schema. A journal cannot store these: until it has ended, the run is resumed only with its `TaskGraph`. */
  readonly bound?: readonly BoundPart[]
  /** The members of `spec` that its `TaskGraph` left open: its pool, which the distributor chose, and the defaults of the pool. */
  readonly assigned?: readonly string[]
}
/** The dependencies of the task are met: it waits for a slot of its pool. */
export type TaskReady = TaskEventBase & {
  readonly type: 'task.ready'
  /** The task was held and a person, `by`, approved it. */
  readonly approved?: true
  readonly by?: string
}
/** The task is ready but must wait for a person (`approve`, `reject`), or for budget. */
export type TaskHeld = TaskEventBase & {
  readonly type: 'task.held'
  readonly reason: HoldReason
  /** With `interrupted`: the failure of the attempt whose effects are unknown. */
  readonly failure?: Failure
  /** With `reserved`: the estimate of its next attempt. */
  readonly estimate?: Estimate
}
/** The next attempt waits until `until`, in milliseconds since 1970. */
export type TaskDelayed = TaskEventBase & {
  readonly type: 'task.delayed'
  readonly until: number
  readonly failure: Failure
}
/** Terminal: the task succeeded. */
export type TaskSucceeded = TaskEventBase & {
  readonly type: 'task.succeeded'
  readonly attempt: number
  readonly output: Json
  readonly usage?: Usage
  /** The ends of what the program of the attempt printed. */
  readonly tails?: OutputTails
}
/** Terminal: no attempts are left, or the failure is of a kind that is not retried. */
export type TaskDead = TaskEventBase & {
  readonly type: 'task.dead'
  readonly failure: Failure
}
/** Terminal: a dependency failed, or the trigger rule can no longer be met. `rootCause` is the task where that began, not the direct dependency. */
export type TaskSkipped = TaskEventBase & {
  readonly type: 'task.skipped'
  readonly rootCause: string
  /** The rule that can no longer be met; absent when a dependency failed. */
  readonly rule?: TriggerRule
}
/** Terminal: the task was cancelled. */
export type TaskCancelled = TaskEventBase & {
  readonly type: 'task.cancelled'
  readonly reason: string
  /** The usage of its last attempt, if one was stopped. */
  readonly usage?: Usage
  /** The ends of what the program of that attempt printed. */
  readonly tails?: OutputTails
}
/** An attempt starts. Its backend is called once this event is durable. */
export type AttemptStarted = TaskEventBase & {
  readonly type: 'attempt.started'
  readonly attempt: number
  readonly pool: string
  readonly backend: string
  readonly key: string
  readonly input: Json
  /** The estimate that is reserved in the budgets until the attempt ends. */
  readonly reserved?: Estimate
}
/** The attempt was aborted; the task waits until it has ended. */
export type AttemptStopping = TaskEventBase & {
  readonly type: 'attempt.stopping'
  readonly attempt: number
  readonly reason: StopReason
}
/** An attempt failed; `verdict` says what follows. */
export type AttemptFailed = TaskEventBase & {
  readonly type: 'attempt.failed'
  readonly attempt: number
  readonly failure: Failure
  readonly verdict: Verdict
  readonly usage?: Usage
}
/** The attempt did not end within its grace period after the abort. Its slot is free again; a later result is ignored. */
export type AttemptAbandoned = TaskEventBase & {
  readonly type: 'attempt.abandoned'
  readonly attempt: number
}

/** A budget has reached its soft bound (`soft`), or has no room for an attempt (`hard`). `action` says what follows. */
export type BudgetReached = EventBase &
  BudgetNotice & {
    readonly type: 'budget.reached'
    /** With scope `pool`. */
    readonly pool?: string
    /** With scope `task`: the task; otherwise the task whose attempt did not fit. */
    readonly taskId?: string
  }
/** The run has this budget from now on; what it has used so far still counts. */
export type BudgetChanged = EventBase & {
  readonly type: 'budget.changed'
  readonly budget: RunBudget
}

/** A fact about a run: journaled, emitted and folded into its state. Discriminated by `type`. */
export type RunEvent =
  | RunStarted
  | RunStopping
  | RunModeChosen
  | RunPaused
  | RunUnpaused
  | RunDraining
  | RunSuspended
  | RunRecovered
  | RunSettled
  | TaskAdded
  | TaskReady
  | TaskHeld
  | TaskDelayed
  | TaskSucceeded
  | TaskDead
  | TaskSkipped
  | TaskCancelled
  | AttemptStarted
  | AttemptStopping
  | AttemptFailed
  | AttemptAbandoned
  | BudgetReached
  | BudgetChanged

/** The name of a {@link RunEvent}. */
export type RunEventType = RunEvent['type']

/** The event of a run with one name. */
export type RunEventOf<T extends RunEventType> = Extract<RunEvent, { readonly type: T }>

/** The events of one signal: journaled all together or not at all. */
export type JournalRecord = readonly RunEvent[]
