import type { Estimate, RunBudget } from '../budget/budget.js'
import type { Failure } from '../failure/failure.js'
import type { OutputTails } from '../failure/output-tails.js'
import type { RefusalCounts } from '../failure/refusals.js'
import type { Usage } from '../failure/usage.js'
import type { Json } from '../json.js'
import type { FailureMode, RunMode } from '../state/events.js'
import type { BoundParts } from '../state/run-state.js'
import type { HoldReason, TaskSpec } from '../state/task.js'

/** Adds tasks to the run; the first signal of a run. The specs have been checked: ids are new, dependencies exist, no cycle. */
export interface AddSignal {
  readonly type: 'add'
  readonly tasks: readonly TaskSpec[]
  /** With a `TaskGraph`: the functions and schemas of its tasks, by id. */
  readonly bound?: BoundParts
  /** With a `TaskGraph` whose tasks got pools or defaults: the tasks as they are in it, in the same order. */
  readonly planned?: readonly TaskSpec[]
  readonly name?: string
  readonly version?: string
  readonly only?: readonly string[]
  readonly failureMode?: FailureMode
  readonly budget?: RunBudget
  /** The first mode of the run, and why. Default: parallel, without an event. */
  readonly mode?: { readonly mode: RunMode; readonly reason: string }
  readonly autoFallbackToSerial?: boolean
  /** The run was cancelled before its tasks were added, for this reason: they are added and end as cancelled. */
  readonly cancelled?: string
}
/** A ready task has a slot. `failure`: its input could not be made. */
export interface StartSignal {
  readonly type: 'start'
  readonly index: number
  readonly pool: string
  readonly backend: string
  readonly input: Json
  readonly failure?: Failure
  /** The expected usage of the attempt on this backend. */
  readonly estimate?: Estimate
  /** True when it got the cheapest backend because a budget is short. */
  readonly degraded?: boolean
}
/** The attempt succeeded. */
export interface SucceedSignal {
  readonly type: 'succeed'
  readonly index: number
  readonly attempt: number
  readonly output: Json
  readonly usage?: Usage
  readonly tails?: OutputTails
}
/** The attempt failed. */
export interface FailSignal {
  readonly type: 'fail'
  readonly index: number
  readonly attempt: number
  readonly failure: Failure
  readonly usage?: Usage
  /** How many other backends of the pool could take the next attempt. Default 0. */
  readonly alternatives?: number
  /** As in `FailureFacts`. */
  readonly refusals?: RefusalCounts
}
/** The aborted attempt has ended or, if `abandoned`, its grace period has. */
export interface StoppedSignal {
  readonly type: 'stopped'
  readonly index: number
  readonly attempt: number
  readonly abandoned: boolean
  readonly usage?: Usage
  readonly tails?: OutputTails
  /** As in {@link FailSignal}. */
  readonly alternatives?: number
  /** As in {@link FailSignal}. */
  readonly refusals?: RefusalCounts
}
/** A timeout expired. */
export interface ExpireSignal {
  readonly type: 'expire'
  readonly index: number
  /** 0 for the queue or total timeout while no attempt is in flight. */
  readonly attempt: number
  readonly failure: Failure
}
/** The delay before the next attempt is over. */
export interface WakeSignal {
  readonly type: 'wake'
  readonly index: number
}
/** A ready task must wait for a person. */
export interface HoldSignal {
  readonly type: 'hold'
  readonly index: number
  readonly reason: HoldReason
}
/** A held task is approved. */
export interface ApproveSignal {
  readonly type: 'approve'
  readonly taskId: string
  readonly by?: string
}
/** A held task is rejected: it is dead. */
export interface RejectSignal {
  readonly type: 'reject'
  readonly taskId: string
  readonly reason: string
}
/** The run gets another budget; tasks held for budget are ready again. Without `budget`: the budget of another scope has changed. */
export interface BudgetSignal {
  readonly type: 'budget'
  readonly budget?: RunBudget
}
/** The `wallMs` of the run's budget are over. */
export interface ElapseSignal {
  readonly type: 'elapse'
}
/** Attempts of other runs have ended in a budget that they share: tasks that wait for their reservations may fit now. */
export interface RetryHeldSignal {
  readonly type: 'retry-held'
}
/** Changes the mode of the run. */
export interface ModeSignal {
  readonly type: 'mode'
  readonly mode: RunMode
  readonly reason: string
}
/** Cancels one task (`taskId`), or the whole run. */
export interface CancelSignal {
  readonly type: 'cancel'
  readonly taskId?: string
  readonly reason: string
}
/** Starts no task until `unpause`. */
export interface PauseSignal {
  readonly type: 'pause'
}
/** Starts tasks again. */
export interface UnpauseSignal {
  readonly type: 'unpause'
}
/** Starts no further task; suspends the run once no attempt is in flight. */
export interface DrainSignal {
  readonly type: 'drain'
}
/** Aborts the current attempt of a task because this process ends: it is retried when the run is resumed. */
export interface InterruptSignal {
  readonly type: 'interrupt'
  readonly index: number
}
/** This process takes over a run from its journal: attempts that were in flight were interrupted. */
export interface RecoverSignal {
  readonly type: 'recover'
}

/** Input to the scheduler: something happened that needs a decision. */
export type Signal =
  | AddSignal
  | StartSignal
  | SucceedSignal
  | FailSignal
  | StoppedSignal
  | ExpireSignal
  | WakeSignal
  | HoldSignal
  | ApproveSignal
  | RejectSignal
  | BudgetSignal
  | ElapseSignal
  | RetryHeldSignal
  | ModeSignal
  | CancelSignal
  | PauseSignal
  | UnpauseSignal
  | DrainSignal
  | InterruptSignal
  | RecoverSignal
