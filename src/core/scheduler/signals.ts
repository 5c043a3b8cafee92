import type { BudgetMeasure, Estimate, RunBudget } from '../budget/budget.js'
import type { Failure } from '../failure/failure.js'
import type { Usage } from '../failure/usage.js'
import type { Json } from '../json.js'
import type { FailureMode, RunMode } from '../state/events.js'
import type { HoldReason, TaskSpec } from '../state/task.js'

/** Tasks join the run; the first signal of a run. The specs have been checked: ids are new, dependencies known, no cycle. */
export interface AddSignal {
  readonly type: 'add'
  readonly tasks: readonly TaskSpec[]
  /** When they come from a `TaskGraph`: ids of the tasks with an input function or an output schema. */
  readonly bound?: ReadonlySet<string>
  readonly name?: string
  readonly version?: string
  readonly only?: readonly string[]
  readonly failureMode?: FailureMode
  readonly budget?: RunBudget
  /** How it begins, and why; default parallel, and nothing is said about it. */
  readonly mode?: { readonly mode: RunMode; readonly reason: string }
  readonly autoFallbackToSerial?: boolean
  /** The run was called off before its tasks came: they are added, and end as cancelled. */
  readonly cancelled?: string
}
/** A slot is there for a ready task. `failure` when its input could not be made. */
export interface StartSignal {
  readonly type: 'start'
  readonly index: number
  readonly pool: string
  readonly backend: string
  readonly input: Json
  readonly failure?: Failure
  /** What the attempt is expected to use on this backend. */
  readonly estimate?: Estimate
  /** It was given the cheapest backend because a budget is short. */
  readonly degraded?: boolean
}
/** The attempt answered. */
export interface SucceedSignal {
  readonly type: 'succeed'
  readonly index: number
  readonly attempt: number
  readonly output: Json
  readonly usage?: Usage
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
}
/** The attempt that was told to stop has ended, or (`abandoned`) its grace has. */
export interface StoppedSignal {
  readonly type: 'stopped'
  readonly index: number
  readonly attempt: number
  readonly abandoned: boolean
  readonly usage?: Usage
  /** As of {@link FailSignal}. */
  readonly alternatives?: number
}
/** A limit of time ran out. */
export interface ExpireSignal {
  readonly type: 'expire'
  readonly index: number
  /** 0 for the time in the queue or in total, while none runs. */
  readonly attempt: number
  readonly failure: Failure
}
/** The wait before the next attempt is over. */
export interface WakeSignal {
  readonly type: 'wake'
  readonly index: number
}
/** A ready task must not start before a person says so. */
export interface HoldSignal {
  readonly type: 'hold'
  readonly index: number
  readonly reason: HoldReason
}
/** A held task may go on. */
export interface ApproveSignal {
  readonly type: 'approve'
  readonly taskId: string
  readonly by?: string
}
/** A held task must not go on: it is dead. */
export interface RejectSignal {
  readonly type: 'reject'
  readonly taskId: string
  readonly reason: string
}
/** The run gets another budget: what was held for want of it is ready again. Without one: what another scope's budget held. */
export interface BudgetSignal {
  readonly type: 'budget'
  readonly budget?: RunBudget
}
/** The wall time of the run's budget is over. */
export interface ElapseSignal {
  readonly type: 'elapse'
}
/** A budget that several runs share has no room for this task (`stop`, `hold`), or has come to its soft bound (`tell`, `degrade`). */
export interface ExhaustSignal {
  readonly type: 'exhaust'
  readonly index: number
  readonly level: 'soft' | 'hard'
  readonly measure: BudgetMeasure
  readonly limit: number
  readonly used: number
  readonly action: 'tell' | 'degrade' | 'stop' | 'hold'
}
/** The run goes on in another mode. */
export interface ModeSignal {
  readonly type: 'mode'
  readonly mode: RunMode
  readonly reason: string
}
/** One task (`taskId`), or the whole run, is called off. */
export interface CancelSignal {
  readonly type: 'cancel'
  readonly taskId?: string
  readonly reason: string
}
/** Start nothing until `unpause`. */
export interface PauseSignal {
  readonly type: 'pause'
}
/** Start again. */
export interface UnpauseSignal {
  readonly type: 'unpause'
}
/** Start nothing any more; suspend the run when nothing runs. */
export interface DrainSignal {
  readonly type: 'drain'
}
/** The attempt is to stop because this process ends: the task is tried again when the run is resumed. */
export interface InterruptSignal {
  readonly type: 'interrupt'
  readonly index: number
}
/** This process takes over a run from its journal: what was running was interrupted. */
export interface RecoverSignal {
  readonly type: 'recover'
}

/** Something happened and asks for a decision. */
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
  | ExhaustSignal
  | ModeSignal
  | CancelSignal
  | PauseSignal
  | UnpauseSignal
  | DrainSignal
  | InterruptSignal
  | RecoverSignal
