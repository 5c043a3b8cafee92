import type { Json } from '../core/json.js'
import type { TriggerRule } from '../core/scheduler/trigger-rule.js'
import type { TaskSpec } from '../core/state/task.js'
import type { StandardSchemaV1 } from './standard-schema.js'
import type { TaskRef } from './task-graph.js'

/** The type of the output that a {@link TaskRef} stands for: `OutputOf<typeof schema>`. */
export type OutputOf<Ref extends TaskRef> = Ref extends TaskRef<string, infer Output> ? Output : never

/** The entries of an `after`. */
export type Dependencies = readonly (TaskRef | string)[]

/** The outputs of the tasks in an `after`, by id: typed where it names a {@link TaskRef}, `Json` where it names an id. */
export type OutputsOf<After extends Dependencies> = {
  readonly [Dependency in After[number] as IdOf<Dependency>]: Dependency extends TaskRef ? OutputOf<Dependency> : Json
}

/** The outputs of soft dependencies, by id: each may be missing. */
export type SoftOutputsOf<Soft extends Dependencies> = Partial<OutputsOf<Soft>>

/** The outputs that the functions of a task get. All hard ones are present only where its trigger rule is `all_success`. */
export type TaskOutputs<After extends Dependencies, Soft extends Dependencies, Rule extends TriggerRule> = [
  Soft[number],
] extends [never]
  ? HardOutputsOf<After, Rule>
  : HardOutputsOf<After, Rule> & SoftOutputsOf<Soft>

/** The outputs of hard dependencies, by id: each may be missing unless the trigger rule is `all_success`. */
export type HardOutputsOf<After extends Dependencies, Rule extends TriggerRule> = [Rule] extends ['all_success']
  ? OutputsOf<After>
  : Partial<OutputsOf<After>>

/** The id that a member of an `after` stands for. */
export type IdOf<Dependency> =
  Dependency extends TaskRef<infer Id> ? Id : Dependency extends string ? Dependency : never

/** Like `Json`, but members may be undefined; those are dropped. */
export type JsonInput = Json | readonly JsonInput[] | { readonly [key: string]: JsonInput | undefined }

/** The options of `graph.task()`. Those not listed here are as in a {@link TaskSpec}. */
export interface TaskOptions<
  After extends Dependencies = Dependencies,
  Schema extends StandardSchemaV1 = StandardSchemaV1,
  Soft extends Dependencies = Dependencies,
  Rule extends TriggerRule = TriggerRule,
> extends Omit<
    TaskSpec,
    'id' | 'description' | 'after' | 'softAfter' | 'orderAfter' | 'triggerRule' | 'input' | 'approval'
  > {
  /** What the agent is asked to do. Default: the id. */
  readonly description?: string | undefined
  /** The tasks that must have succeeded before this one starts: refs of `graph.task()`, or ids (also of tasks that are added later). */
  readonly after?: After | undefined
  /** Soft dependencies: the task gets the outputs of those that have ended when it starts, and later ones through `context.softOutput(id)`. */
  readonly softAfter?: Soft | undefined
  /** Order-only dependencies: the task waits until they have ended, in whatever status. */
  readonly orderAfter?: Dependencies | undefined
  /** How the tasks in `after` must have ended. Default `all_success`. */
  readonly triggerRule?: Rule | undefined
  /** The input, or a function that makes it from the outputs of the dependencies; it may return a promise. Default `null`. */
  readonly input?:
    | JsonInput
    | ((outputs: NoInfer<TaskOutputs<After, Soft, Rule>>) => JsonInput | PromiseLike<JsonInput>)
    | undefined
  /** Whether a person must approve the task once it is ready, or a function that decides it then; if that throws, the task fails with `bad-input`. Default false. */
  readonly approval?:
    | boolean
    | ((outputs: NoInfer<TaskOutputs<After, Soft, Rule>>) => boolean | PromiseLike<boolean>)
    | undefined
  /** Checks the output, and types it for the tasks that depend on it: any Standard Schema. Default: any JSON. */
  readonly output?: Schema | undefined
}
