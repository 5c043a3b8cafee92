import type { FailureMode } from '../core/state/events.js'
import type { TaskSpec } from '../core/state/task.js'
import type { TaskGraph } from './task-graph.js'

/** For the compiler only: nothing has this member at run time. */
declare const PARSED: unique symbol

/** What plans have in common. */
interface PlanHead {
  /** The name of its runs. */
  readonly name?: string | undefined
  /** Set by its author: a run is resumed only with a graph of the same version. */
  readonly version?: string | undefined
  /** Default `continue`. */
  readonly failureMode?: FailureMode | undefined
}

/** A plan that `parsePlan` made: checked, in one spelling, deeply frozen. The names of its pools are checked when it is run. */
export interface Plan extends PlanHead {
  readonly [PARSED]: true
  readonly tasks: readonly TaskSpec[]
}

/** A plan as data, as it is written in code. `Pool` is the names of its pools. Other spellings (`blocked_by`) are for `parsePlan`. */
export interface PlanData<Pool extends string = string> extends PlanHead {
  /** The address of a JSON Schema, for editors: ignored. */
  readonly $schema?: string | undefined
  readonly tasks: readonly TaskData<Pool>[]
  /** For the compiler only: a graph is not data. */
  readonly '~graph'?: never
}

/** A task of a {@link PlanData}: a {@link TaskSpec} of which only the `id` is required. */
export interface TaskData<Pool extends string = string>
  extends Omit<TaskSpec, 'description' | 'pool' | 'input' | 'context'> {
  /** What the agent is asked to do. Default: the id. */
  readonly description?: string | undefined
  /** The name of its pool. Default: the `TaskDistributor` chooses one. */
  readonly pool?: Pool | undefined
  /** The input: any JSON. Default `null`. */
  readonly input?: unknown
  /** Further information for the agent, passed on unchanged: any JSON. */
  readonly context?: unknown
}

/**
 * What can be run: a `TaskGraph`, a plan of `parsePlan`, or a plan as data. `Pool` is the names of the pools that there are, `Name` those
 * that the data has. A name that the compiler does not know, a `string`, is checked when the plan is run.
 */
export type PlanInput<Pool extends string = string, Name extends string = string> =
  | TaskGraph<Pool | 'default'>
  // Without its tasks: where there is one list of tasks to compare with, the compiler shows the member that is wrong.
  | Pick<Plan, typeof PARSED>
  | DataFor<Name, Pool | 'default'>

/** The data as it is; where it names a pool that there is not, data with those that there are, for the error of the compiler. */
type DataFor<Name extends string, Pool extends string> = [Name] extends [Pool]
  ? PlanData<Name>
  : string extends Name
    ? PlanData<Name>
    : PlanData<Pool>
