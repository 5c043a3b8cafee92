import * as z from 'zod'
import type { AgentFunction, AttemptContext } from '../backends/agent-backend.js'
import { type Json, memberPath } from '../core/json.js'
import { once } from '../core/once.js'
import type { RunResult } from '../core/results/run-result.js'
import type { TriggerRule } from '../core/scheduler/trigger-rule.js'
import type { BoundParts } from '../core/state/run-state.js'
import { DEFAULT_POOL, type TaskSpec } from '../core/state/task.js'
import { MAX_ISSUES, show } from '../error-text.js'
import type { CounterpointError, InputIssue } from '../errors.js'
import { checkOptions, invalidInput, optionsOf } from '../options-check.js'
import { partsOf } from './bindings.js'
import { duplicateId } from './graph-check.js'
import { invalidPlan } from './invalid-plan.js'
import { canonical, readTaskMember } from './plan.js'
import { taskRules, unknownMember } from './plan-schema.js'
import { isStandardSchema, type StandardSchemaV1 } from './standard-schema.js'
import type { Dependencies, TaskOptions } from './task-options.js'
import type { JsonInputOnly, OutputFor, OutputSchema } from './task-types.js'

/** The parts of a task that cannot be journaled. */
export interface TaskBinding {
  /** Makes the input from the outputs of the tasks in `after` and `softAfter`, by id. */
  readonly input?:
    | ((outputs: Readonly<Record<string, Json>>, context: Pick<AttemptContext, 'locals'>) => unknown)
    | undefined
  /** Says whether a person must approve the task, once it is ready. */
  readonly approval?:
    | ((outputs: Readonly<Record<string, Json>>, context: Pick<AttemptContext, 'locals'>) => unknown)
    | undefined
  /** Checks the output before it is journaled. */
  readonly output?: StandardSchemaV1 | undefined
  /** Runs the attempts, in place of a backend. */
  readonly run?: AgentFunction | undefined
}

const taskOptions = once((): readonly string[] => [
  ...Object.keys(taskRules()).filter(key => key !== 'id'),
  'output',
  'run',
])
const graphOptions = once(() => optionsOf({ version: z.unknown() }).partial())

/** A task of a {@link TaskGraph}, for the `after` of other tasks. `Output` is the type of its output. */
export class TaskRef<Id extends string = string, Output = unknown> {
  readonly id: Id
  readonly #graph: TaskGraph

  /** @internal Made by `graph.task()`. */
  constructor(id: Id, graph: TaskGraph) {
    this.id = id
    this.#graph = graph
  }

  /**
   * The output of this task in the result of a run; undefined unless it succeeded.
   *
   * @throws CounterpointError `INVALID_INPUT` for what is no result, as a run or the promise of a result.
   */
  outputIn(result: Pick<RunResult, 'outputs'>): Output | undefined {
    if (typeof result?.outputs !== 'object' || result.outputs === null) throw noResult(result)
    return Object.hasOwn(result.outputs, this.id) ? (result.outputs[this.id] as Output) : undefined
  }

  /** @internal True for a task of this graph, false for one of another, undefined for anything else. */
  static isOf(value: unknown, graph: TaskGraph): boolean | undefined {
    return typeof value === 'object' && value !== null && #graph in value ? value.#graph === graph : undefined
  }
}

/** For JavaScript, where an `await` that was forgotten compiles. */
function noResult(value: unknown): CounterpointError<'INVALID_INPUT'> {
  const got = isPromise(value) ? 'a promise' : isPromise(Object(value).result) ? 'a Run' : show(value)
  const message = `expected a result: \`await run.result\` or \`await run.completed\`, got ${got}`
  return invalidInput([{ path: 'result', message }])
}

function isPromise(value: unknown): boolean {
  return typeof Object(value).then === 'function'
}

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

type InputFunction = NonNullable<TaskBinding['input']>
type DependencyList = 'after' | 'softAfter' | 'orderAfter'

function isDependencyList(key: string): key is DependencyList {
  return key === 'after' || key === 'softAfter' || key === 'orderAfter'
}

/** Splits the options of a task into its spec and its binding. A spec has only the members that were given: a million must fit in memory. */
class TaskDraft {
  readonly spec: { -readonly [Key in keyof TaskSpec]: TaskSpec[Key] }
  binding: TaskBinding | undefined
  /** With paths that start at the task: `.timeoutMs`. */
  readonly issues: InputIssue[] = []
  readonly #graph: TaskGraph
  readonly #isIdValid: boolean

  constructor(graph: TaskGraph, id: string, options: object) {
    this.#graph = graph
    this.spec = { id, description: id }
    readTaskMember('id', id, '.id', this.issues)
    this.#isIdValid = this.issues.length === 0
    if (!this.#isIdValid) return
    if (typeof options !== 'object' || options === null)
      this.#reject('', `expected an object of options, got ${show(options)}`)
    else for (const key of Object.keys(options)) this.#readOption(key, (options as Record<string, unknown>)[key])
    if (this.binding?.run && this.spec.pool === undefined) this.spec.pool = DEFAULT_POOL
  }

  /** In its paths the task has its id, or its index when the id is invalid. */
  error(index: number): CounterpointError<'INVALID_INPUT'> {
    const where = `$.tasks[${this.#isIdValid ? JSON.stringify(this.spec.id) : index}]`
    return invalidPlan(this.issues.map(({ path, message }) => ({ path: where + path, message })))
  }

  #readOption(key: string, value: unknown): void {
    if (value === undefined) return
    if (isDependencyList(key)) this.#readIds(key, value)
    else if (key === 'output') this.#readOutput(value)
    else if (key === 'run') this.#readRun(value)
    else if (key === 'input' && typeof value === 'function') this.#bind({ input: value as InputFunction })
    else if (key === 'approval' && typeof value === 'function') this.#bind({ approval: value as InputFunction })
    else if (taskOptions().includes(key)) this.#readData(key as keyof TaskSpec, value)
    else this.#reject(memberPath('', key), unknownMember(key, taskOptions(), false))
  }

  #readIds(key: DependencyList, value: unknown): void {
    if (!Array.isArray(value)) {
      const isOne = typeof value === 'string' || TaskRef.isOf(value, this.#graph) !== undefined
      const got = isOne ? 'one task: put it in [ ]' : show(value)
      return this.#reject(`.${key}`, `expected a list of tasks or ids, got ${got}`)
    }
    const ids = value.map((item, i) => this.#idOf(item, `.${key}[${i}]`))
    if (ids.length > 0) this.spec[key] = Object.freeze(ids.length > 1 ? [...new Set(ids)] : ids)
  }

  #idOf(item: unknown, path: string): string {
    const own = TaskRef.isOf(item, this.#graph)
    if (own) return (item as TaskRef).id
    if (own === false) this.#reject(path, 'expected a task of this graph, got one of another graph')
    else readTaskMember('id', item, path, this.issues)
    return item as string
  }

  #readOutput(value: unknown): void {
    if (isStandardSchema(value)) this.#bind({ output: value })
    else this.#reject('.output', `expected a Standard Schema (of zod, valibot, arktype, ...), got ${show(value)}`)
  }

  #readRun(value: unknown): void {
    if (typeof value !== 'function') return this.#reject('.run', `expected a function, got ${show(value)}`)
    this.#bind({ run: value as AgentFunction })
  }

  #readData(key: keyof TaskSpec, value: unknown): void {
    // A string needs no copy.
    const data = typeof value === 'string' ? value : canonical(value, `$.tasks[${JSON.stringify(this.spec.id)}].${key}`)
    const spec = this.spec as unknown as Record<string, unknown>
    spec[key] = readTaskMember(key, data, `.${key}`, this.issues)
  }

  #bind(part: TaskBinding): void {
    this.binding = { ...this.binding, ...part }
  }

  #reject(path: string, message: string): void {
    if (this.issues.length < MAX_ISSUES) this.issues.push({ path, message })
  }
}
