import type { Failure, Usage } from './failure.js'
import type { Json } from './json.js'
import type { StopReason, TaskSpec } from './task.js'
import type { Verdict } from './verdict.js'

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

/** How a run ended. `completed`: everything succeeded. `partial`: something did. `failed`: nothing did. `cancelled`: it was called off. */
export type Outcome = 'completed' | 'partial' | 'failed' | 'cancelled'

/** What a run does when one of its tasks is dead. See docs/concepts.md, "Failure modes". */
export type FailureMode = 'continue' | 'no-new' | 'kill'

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
}
/** Nothing starts any more: the run was cancelled, or a failure mode ends it. */
export interface RunStopping extends EventBase {
  readonly type: 'run.stopping'
  readonly because: 'cancelled' | 'fail-fast'
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
/** Terminal: it waited for a task that did not succeed. `rootCause` is where it began, not the neighbour. */
export interface TaskSkipped extends TaskEventBase {
  readonly type: 'task.skipped'
  readonly rootCause: string
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
}
/** The attempt was told to stop; its task waits until it has. */
export interface AttemptStopping extends TaskEventBase {
  readonly type: 'attempt.stopping'
  readonly attempt: number
  readonly because: StopReason
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

/** A fact of a run: journaled, heard and folded. Told apart by `type`. */
export type RunEvent =
  | RunStarted
  | RunStopping
  | RunPaused
  | RunUnpaused
  | RunDraining
  | RunSuspended
  | RunRecovered
  | RunSettled
  | TaskAdded
  | TaskReady
  | TaskDelayed
  | TaskSucceeded
  | TaskDead
  | TaskSkipped
  | TaskCancelled
  | AttemptStarted
  | AttemptStopping
  | AttemptFailed
  | AttemptAbandoned

/** The name of a {@link RunEvent}. */
export type RunEventType = RunEvent['type']

/** The event of one name. */
export type EventOf<T extends RunEventType> = Extract<RunEvent, { readonly type: T }>

/** The events of one signal: journaled as a whole or not at all. */
export type JournalRecord = readonly RunEvent[]
