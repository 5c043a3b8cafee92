import type { FailureMode } from './event.js'
import type { Failure, Usage } from './failure.js'
import type { Json } from './json.js'
import type { TaskSpec } from './task.js'

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
}
/** The attempt that was told to stop has ended, or (`abandoned`) its grace has. */
export interface StoppedSignal {
  readonly type: 'stopped'
  readonly index: number
  readonly attempt: number
  readonly abandoned: boolean
  readonly usage?: Usage
}
/** A limit of time ran out. */
export interface ExpireSignal {
  readonly type: 'expire'
  readonly index: number
  readonly attempt: number
  readonly failure: Failure
}
/** The wait before the next attempt is over. */
export interface WakeSignal {
  readonly type: 'wake'
  readonly index: number
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
  | CancelSignal
  | PauseSignal
  | UnpauseSignal
  | DrainSignal
  | InterruptSignal
  | RecoverSignal
