import * as z from 'zod'
import type { Json } from '../core/json.js'
import { once } from '../core/once.js'
import type { TriggerRule } from '../core/scheduler/trigger-rule.js'
import type { BoundParts } from '../core/state/run-state.js'
import type { TaskSpec } from '../core/state/task.js'
import type { InputIssue } from '../errors.js'
import { checkOptions, optionsOf } from '../options-check.js'
import { partsOf, type TaskBinding } from './bindings.js'
import { duplicateId } from './graph-check.js'
import { invalidPlan } from './invalid-plan.js'
import { readTaskMember } from './plan.js'
import { TaskDraft } from './task-draft.js'
import type { Dependencies, TaskOptions } from './task-options.js'
import { TaskRef } from './task-ref.js'
import type { JsonInputOnly, OutputFor, OutputSchema } from './task-types.js'

const graphOptions = once(() => optionsOf({ version: z.unknown() }).partial())

/** Options of a {@link TaskGraph}. */
export type TaskGraphOptions = {
  /** 1 to 128 characters. A journaled run is resumed only with a graph of the same version. Default: none. */
  readonly version?: string | undefined
}

/**
 * A plan that is built in code: inputs are made from typed outputs, and reading an output that does not exist is a compile error.
 * A graph can be run several times. A run has the tasks that the graph has when it starts; tasks added later do not change it.
 *
 * ```ts
 * const graph = new TaskGraph('restaurant')
 * const schema = graph.task('schema', { pool: 'database', output: z.object({ sql: z.string() }) })
 * graph.task('backend', { pool: 'codegen', after: [schema], input: ({ schema }) => ({ use: schema.sql }) })
 * ```
 */
export class TaskGraph<Pool extends string = string> {
  /** The name of its runs. */
  readonly name: string
  /** Set by its author. A journaled run is resumed only with a graph of the same name and version. */
  readonly version?: string
  /** For the compiler only: absent at run time. */
  declare readonly '~graph': true
  readonly #specs: TaskSpec[] = []
  readonly #ids = new Set<string>()
  readonly #bindings = new Map<string, TaskBinding>()
  #snapshot: readonly TaskSpec[] | undefined

  /**
   * Makes a graph without tasks: add them with {@link TaskGraph.task}, then pass the graph to `orchestrator.run()`.
   *
   * @param name The name of its runs.
   * @param options `version`: a journaled run is resumed only with a graph of the same version.
   * @throws CounterpointError `INVALID_INPUT` when `name` or `version` is not 1 to 128 characters without control characters.
   */
  constructor(name: string, options: TaskGraphOptions = {}) {
    checkOptions(graphOptions(), options, { of: 'TaskGraph' })
    const issues: InputIssue[] = []
    readTaskMember('id', name, '$.name', issues)
    if (options.version !== undefined) readTaskMember('id', options.version, '$.version', issues)
    if (issues.length > 0) throw invalidPlan(issues)
    this.name = name
    if (options.version !== undefined) this.version = options.version
  }

  /** The tasks in the order in which they were added, as a frozen snapshot. */
  get tasks(): readonly TaskSpec[] {
    this.#snapshot ??= Object.freeze(this.#specs.slice())
    return this.#snapshot
  }

  /**
   * Adds a task, checked at once by the rules of `parsePlan`. Unknown ids in `after` and cycles are found when a run starts.
   *
   * @throws CounterpointError `DUPLICATE_ID`; `INVALID_INPUT` for an option that breaks its rule, or a ref of another graph.
   */
  task<
    const Id extends string,
    const After extends Dependencies = readonly [],
    const Soft extends Dependencies = readonly [],
    const Rule extends TriggerRule = 'all_success',
    Schema extends OutputSchema = undefined,
    Input = null,
    Return = Json,
  >(
    id: Id,
    options?: TaskOptions<After, Soft, Rule, Schema, Input, Return, Pool> & JsonInputOnly<Input>,
  ): TaskRef<Id, OutputFor<Schema, Return>> {
    const draft = new TaskDraft(this, id, options === undefined ? {} : options)
    if (draft.issues.length > 0) throw draft.error(this.#specs.length)
    if (this.#ids.has(id)) throw duplicateId(id, `graph "${this.name}": there is a task "${id}" already`)
    this.#ids.add(id)
    this.#specs.push(Object.freeze(draft.spec))
    if (draft.binding !== undefined) this.#bindings.set(id, draft.binding)
    this.#snapshot = undefined
    return new TaskRef(id, this)
  }

  /** @internal Tells which functions and schema a task has. */
  get bound(): BoundParts {
    return {
      get: id => {
        const binding = this.#bindings.get(id)
        return binding && partsOf(binding)
      },
    }
  }

  /** @internal The functions and the schema of a task; undefined when it has none, or does not exist. */
  binding(id: string): TaskBinding | undefined {
    return this.#bindings.get(id)
  }
}
