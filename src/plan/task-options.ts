import type { AgentRequest, AttemptContext } from '../backends/agent-backend.js'
import type { Json } from '../core/json.js'
import type { TriggerRule } from '../core/scheduler/trigger-rule.js'
import type { TaskSpec } from '../core/state/task.js'
import type { TaskRef } from './task-ref.js'
import type { OutputSchema, Returned } from './task-types.js'

/** The type of the output that a {@link TaskRef} stands for: `OutputOf<typeof schema>`. */
export type OutputOf<Ref extends TaskRef> = Ref extends TaskRef<string, infer Output> ? Output : never

/** The entries of an `after`. */
export type Dependencies = readonly (TaskRef | string)[]

/**
 * The outputs of the tasks in an `after`, by id: typed where it names a {@link TaskRef}, `Json` where it names an id. Those that are known
 * by a literal id may be missing where `after` may lack them (`condition ? [a] : []`, an array of refs).
 */
export type OutputsOf<After extends Dependencies> =
  IsCertain<After> extends true ? OutputsById<After> : Partial<OutputsById<After>>

type OutputsById<After extends Dependencies> = {
  readonly [Dependency in After[number] as IdOf<Dependency>]: Dependency extends TaskRef ? OutputOf<Dependency> : Json
}

/** False for lists that may lack a task of a literal id: alternatives, and arrays. Ids that are a `string` are looked up anyway. */
type IsCertain<After extends Dependencies> =
  Record<never, never> extends Record<IdOf<After[number]>, 1>
    ? true
    : [After] extends [readonly [unknown, ...unknown[]] | readonly [...unknown[], unknown]]
      ? IsOne<After>
      : After['length'] extends 0
        ? true
        : false

/** True unless it is a union. */
type IsOne<T, All = T> = T extends All ? ([All] extends [T] ? true : false) : never

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

/**
 * The options of `graph.task()`. Those not listed here are as in a {@link TaskSpec}. Where `input` is a function of the outputs, write it
 * before `run`: TypeScript infers the types of functions in the order in which they are written.
 */
export interface TaskOptions<
  After extends Dependencies = Dependencies,
  Soft extends Dependencies = Dependencies,
  Rule extends TriggerRule = TriggerRule,
  Schema extends OutputSchema = OutputSchema,
  Input = Json,
  Return = Json,
  Pool extends string = string,
> extends Omit<
    TaskSpec,
    'id' | 'description' | 'pool' | 'after' | 'softAfter' | 'orderAfter' | 'triggerRule' | 'input' | 'approval'
  > {
  /** What the agent is asked to do. Default: the id. */
  readonly description?: string | undefined
  /** The name of its pool. Default: the `TaskDistributor` chooses one; for a task with `run` it is `default`. */
  readonly pool?: Pool | undefined
  /** The tasks that must have succeeded before this one starts: refs of `graph.task()`, or ids (also of tasks that are added later). */
  readonly after?: After | undefined
  /** Soft dependencies: the task gets the outputs of those that have ended when it starts, and later ones through `context.softOutput(id)`. */
  readonly softAfter?: Soft | undefined
  /** Order-only dependencies: the task waits until they have ended, in whatever status. */
  readonly orderAfter?: Dependencies | undefined
  /** How the tasks in `after` must have ended. Default `all_success`. */
  readonly triggerRule?: Rule | undefined
  /** The input, or a function that makes it from the outputs of the dependencies; it may return a promise. Its second argument has the `locals` of the run. Default `null`. */
  readonly input?:
    | Input
    | ((
        outputs: NoInfer<TaskOutputs<After, Soft, Rule>>,
        context: Pick<AttemptContext, 'locals'>,
      ) => Input | PromiseLike<Input>)
    | undefined
  /** Whether a person must approve the task once it is ready, or a function that decides it then; if that throws, the task fails with `bad-input`. Its second argument has the `locals` of the run. Default false. */
  readonly approval?:
    | boolean
    | ((
        outputs: NoInfer<TaskOutputs<After, Soft, Rule>>,
        context: Pick<AttemptContext, 'locals'>,
      ) => boolean | PromiseLike<boolean>)
    | undefined
  /** Checks the output, and types it for the tasks that depend on it: any Standard Schema. Default: any JSON. */
  readonly output?: Schema | undefined
  /**
   * Runs the attempts of the task, in place of a backend of its pool: slots, limits, parking, retries, timeouts and budgets apply as to any
   * task. It is not checked, does not fail over and opens no breaker; but while a pool with backends is parked because none of them may be
   * used, its functions wait, too: give them a pool without a backend, or `default`, and share limits through `limitKey`. Returns the output, or a promise of it, or a `reply()`; `undefined` is the output
   * `null`. The output has the type of `output`, else the type that is returned. Called once per attempt, with the contract of
   * `AgentBackend.run`. Default: none, a backend runs them.
   */
  readonly run?:
    | ((
        request: AgentRequest<NoInfer<Input>, NoInfer<TaskOutputs<After, Soft, Rule>>>,
        context: AttemptContext,
      ) => Returned<Schema, Return>)
    | undefined
}
