import type { BudgetMeasure, BudgetScope, Estimate, RunBudget } from '../budget/budget.js'
import type { Failure } from '../failure/failure.js'
import type { Usage } from '../failure/usage.js'
import type { Verdict } from '../failure/verdict.js'
import type { Json } from '../json.js'
import type { TriggerRule } from '../scheduler/trigger-rule.js'
import type { HoldReason, StopReason, TaskSpec } from './task.js'

/** What every event of a run has. */
export interface EventBase {
  /** 1 for the first event of the run, then without a gap. */
  readonly seq: number
  /** When, in milliseconds since 1970. Never goes back within a run, whatever the wall clock does. */
  readonly at: number
  readonly runId: string
}

/** What every event about a task has. */
export interface TaskEventBase extends EventBase {
  readonly taskId: string
  /** The task's place in its run: 0 for the first one added. */
  readonly index: number
}

/** How a run ended. `completed`: all that its trigger rules let run succeeded. `partial`: something did. `failed`: nothing did. `cancelled`: it was called off. */
export type Outcome = 'completed' | 'partial' | 'failed' | 'cancelled'

/** What a run does when one of its tasks is dead. See docs/concepts.md, "Failure modes". */
export type FailureMode = 'continue' | 'no-new' | 'kill'

/** Why a run starts nothing any more. */
export type StopCause = 'cancelled' | 'fail-fast' | 'budget'

/** How the tasks of a run are started: as many side by side as the pools allow, or one after the other. */
export type RunMode = 'parallel' | 'serial'

/** The run exists: its plan is in the next events of the same record. */
export interface RunStarted extends EventBase {
  readonly type: 'run.started'
  readonly name?: string
  /** The plan's, as its author numbers it. */
  readonly version?: string
  readonly failureMode: FailureMode
  /** How many tasks its plan has: they come next. Later ones joined the live run. */
  readonly tasks: number
  /** It was a `TaskGraph`. */
  readonly graph?: true
  /** When only these tasks of the plan were asked for, with what they need. */
  readonly only?: readonly string[]
  readonly budget?: RunBudget
  readonly autoFallbackToSerial?: true
}
/** Nothing starts any more: the run was cancelled, a failure mode ends it, or its budget is used up. */
export interface RunStopping extends EventBase {
  readonly type: 'run.stopping'
  readonly cause: StopCause
  readonly reason: string
}
/** How the run goes on from here, and why in one sentence: as was asked for, by a forecast, or because throttling left nothing of running in parallel. */
export interface RunModeChosen extends EventBase {
  readonly type: 'run.mode-chosen'
  readonly mode: RunMode
  readonly reason: string
}
/** Nothing starts until `run.unpaused`; what runs goes on. */
export interface RunPaused extends EventBase {
  readonly type: 'run.paused'
}
/** Tasks start again. */
export interface RunUnpaused extends EventBase {
  readonly type: 'run.unpaused'
}
/** Nothing starts any more; what runs may end, then the run is suspended. */
export interface RunDraining extends EventBase {
  readonly type: 'run.draining'
}
/** Nothing runs. The last event in this process of a run that another one can resume. */
export interface RunSuspended extends EventBase {
  readonly type: 'run.suspended'
}
/** Another process goes on with the run. */
export interface RunRecovered extends EventBase {
  readonly type: 'run.recovered'
  /** 1 for the first process, one more for each that recovered it. */
  readonly epoch: number
}
/** Every task has ended. The last event of a run. */
export interface RunSettled extends EventBase {
  readonly type: 'run.settled'
  readonly outcome: Outcome
}
/** A task belongs to the run. */
export interface TaskAdded extends TaskEventBase {
  readonly type: 'task.added'
  readonly spec: TaskSpec
  /** It has an input function or an output schema, which no journal can hold: to resume the run takes its `TaskGraph`. */
  readonly bound?: true
}
/** All that the task waited for is there: it waits for a slot of its pool. */
export interface TaskReady extends TaskEventBase {
  readonly type: 'task.ready'
  /** It was held, and a person approved it; `by` says who. */
  readonly approved?: true
  readonly by?: string
}
/** It would start, and must wait for a person (`approve`, `reject`), or for more budget. */
export interface TaskHeld extends TaskEventBase {
  readonly type: 'task.held'
  readonly reason: HoldReason
  /** With `interrupted`: of the attempt of which nobody knows how far it came. */
  readonly failure?: Failure
  /** With `reserved`: what its next attempt is expected to use. */
  readonly estimate?: Estimate
}
/** The next attempt waits until `until` (same clock as `at`). */
export interface TaskDelayed extends TaskEventBase {
  readonly type: 'task.delayed'
  readonly until: number
  readonly failure: Failure
}
/** Terminal: the task has its output. */
export interface TaskSucceeded extends TaskEventBase {
  readonly type: 'task.succeeded'
  readonly attempt: number
  readonly output: Json
  readonly usage?: Usage
}
/** Terminal: its attempts are spent, or its failure is of a kind that is not retried. */
export interface TaskDead extends TaskEventBase {
  readonly type: 'task.dead'
  readonly failure: Failure
}
/** Terminal: what it waited for failed, or its trigger rule cannot be met any more. `rootCause` is where it began, not the neighbour. */
export interface TaskSkipped extends TaskEventBase {
  readonly type: 'task.skipped'
  readonly rootCause: string
  /** The rule that cannot be met any more; not there when what it waited for failed. */
  readonly rule?: TriggerRule
}
/** Terminal: it was called off. */
export interface TaskCancelled extends TaskEventBase {
  readonly type: 'task.cancelled'
  readonly reason: string
  /** What its last attempt used, if one had to be stopped. */
  readonly usage?: Usage
}
/** An attempt begins: its backend is called once this is durable. */
export interface AttemptStarted extends TaskEventBase {
  readonly type: 'attempt.started'
  readonly attempt: number
  readonly pool: string
  readonly backend: string
  readonly key: string
  readonly input: Json
  /** What is set aside of the budgets until it ends. */
  readonly reserved?: Estimate
}
/** The attempt was told to stop; its task waits until it has. */
export interface AttemptStopping extends TaskEventBase {
  readonly type: 'attempt.stopping'
  readonly attempt: number
  readonly reason: StopReason
}
/** One try failed; `verdict` is what follows from it. */
export interface AttemptFailed extends TaskEventBase {
  readonly type: 'attempt.failed'
  readonly attempt: number
  readonly failure: Failure
  readonly verdict: Verdict
  readonly usage?: Usage
}
/** The attempt goes on although it was told to stop: its slot is free again, what it still says changes nothing. */
export interface AttemptAbandoned extends TaskEventBase {
  readonly type: 'attempt.abandoned'
  readonly attempt: number
}

/** A budget is used up to its soft bound, or an attempt does not fit any more (`hard`): then `action` follows. */
export interface BudgetReached extends EventBase {
  readonly type: 'budget.reached'
  readonly scope: BudgetScope
  readonly level: 'soft' | 'hard'
  readonly measure: BudgetMeasure
  readonly limit: number
  /** Settled and reserved. */
  readonly used: number
  readonly action: 'tell' | 'degrade' | 'stop' | 'hold'
  /** With scope `pool`. */
  readonly pool?: string
  /** With scope `task`; else the task that did not fit. */
  readonly taskId?: string
}
/** The run may use this from now on; what it had used is kept. */
export interface BudgetChanged extends EventBase {
  readonly type: 'budget.changed'
  readonly budget: RunBudget
}

/** A fact of a run: journaled, heard and folded. Told apart by `type`. */
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

/** The event of one name. */
export type EventOf<T extends RunEventType> = Extract<RunEvent, { readonly type: T }>

/** The events of one signal: journaled as a whole or not at all. */
export type JournalRecord = readonly RunEvent[]
