import { type Json, memberPath } from '../core/json.js'
import { markChecked } from '../core/scheduler/prepared-plan.js'
import type { TriggerRule } from '../core/scheduler/trigger-rule.js'
import type { TaskSpec } from '../core/state/task.js'
import { show, unknownKey } from '../error-text.js'
import type { CounterpointError, InputIssue } from '../errors.js'
import { duplicateId, MAX_ISSUES } from './graph-check.js'
import { invalidInput } from './json-text.js'
import { canonical, type Plan, readTaskMember, TASK_WORDS } from './plan.js'
import { isStandardSchema, type StandardSchemaV1 } from './standard-schema.js'
import type { Dependencies, TaskOptions } from './task-options.js'

/** What can be run: a {@link Plan}, or a {@link TaskGraph} with its functions and schemas. */
export interface PlanSource extends Plan {
  /** What a task has besides its data; undefined when it has nothing. */
  binding?(id: string): TaskBinding | undefined
}

/** What a task has besides its data, and no journal can keep. */
export interface TaskBinding {
  /** Makes the input from the outputs of the tasks in `after` and `softAfter`, by id. */
  readonly input?: (outputs: Readonly<Record<string, Json>>) => unknown
  /** Says whether a person must approve it, once it is ready. */
  readonly approval?: (outputs: Readonly<Record<string, Json>>) => unknown
  /** Checks the output before it is kept. */
  readonly output?: StandardSchemaV1
}

const OPTIONS: ReadonlySet<string> = new Set([...TASK_WORDS.filter(word => word !== 'id'), 'output'])

/** A task of a {@link TaskGraph}, to be named in the `after` of others. `Output` is the type of what it delivers. */
export class TaskRef<Id extends string = string, Output = unknown> {
  readonly id: Id
  /** For the compiler only: holds nothing at run time. */
  declare readonly '~output'?: Output
  readonly #graph: TaskGraph

  /** @internal `graph.task()` makes them. */
  constructor(id: Id, graph: TaskGraph) {
    this.id = id
    this.#graph = graph
  }

  /** @internal True for a task of this graph, false for one of another, undefined for anything else. */
  static isOf(value: unknown, graph: TaskGraph): boolean | undefined {
    return typeof value === 'object' && value !== null && #graph in value ? value.#graph === graph : undefined
  }
}

/**
 * A plan that is built in code: inputs are made from typed outputs, and wrong wiring does not compile.
 * A graph can be run several times. A run takes the tasks that are there when it starts: what is added later does not change it.
 *
 * ```ts
 * const graph = new TaskGraph('restaurant')
 * const schema = graph.task('schema', { pool: 'database', output: z.object({ sql: z.string() }) })
 * graph.task('backend', { pool: 'codegen', after: [schema], input: ({ schema }) => ({ use: schema.sql }) })
 * ```
 */
export class TaskGraph implements PlanSource {
  /** What runs of it are called. */
  readonly name: string
  /** As its author numbers it; undefined when not given. */
  readonly version?: string
  readonly #specs: TaskSpec[] = []
  readonly #ids = new Set<string>()
  readonly #bindings = new Map<string, TaskBinding>()
  #snapshot: readonly TaskSpec[] | undefined
  /** Invariant: while true, every task waits only for tasks that were there before it. */
  #looksBack = true

  /**
   * A journaled run is resumed only with a graph of the same `name` and `version`.
   *
   * @throws CounterpointError `INVALID_INPUT` when one of them is not 1 to 128 characters without control characters.
   */
  constructor(name: string, options: { readonly version?: string } = {}) {
    const issues: InputIssue[] = []
    readTaskMember('id', name, '$.name', issues)
    if (options.version !== undefined) readTaskMember('id', options.version, '$.version', issues)
    if (issues.length > 0) throw invalidInput(issues)
    this.name = name
    if (options.version !== undefined) this.version = options.version
  }

  /** The tasks in the order in which they were added. A frozen snapshot: later tasks are in the next one. */
  get tasks(): readonly TaskSpec[] {
    if (this.#snapshot === undefined) {
      this.#snapshot = Object.freeze(this.#specs.slice())
      if (this.#looksBack) markChecked(this.#snapshot)
    }
    return this.#snapshot
  }

  /**
   * Adds a task, checked at once by the rules of `parsePlan`. That ids in `after` exist, and that there is no cycle, is checked when a run starts.
   *
   * @throws CounterpointError `DUPLICATE_ID`; `INVALID_INPUT` for a member that is not as documented, or a ref of another graph.
   */
  task<
    const Id extends string,
    const After extends Dependencies = readonly [],
    Schema extends StandardSchemaV1 = StandardSchemaV1<unknown, Json>,
    const Soft extends Dependencies = readonly [],
    const Rule extends TriggerRule = 'all_success',
  >(id: Id, options: TaskOptions<After, Schema, Soft, Rule> = {}): TaskRef<Id, StandardSchemaV1.InferOutput<Schema>> {
    const draft = new Draft(this, id, options)
    if (draft.issues.length > 0) throw draft.error(this.#specs.length)
    this.#looksBack &&= this.#areThere(draft.spec)
    // One look-up a task: the size tells whether it was new.
    if (this.#ids.add(id).size === this.#specs.length)
      throw duplicateId(id, `graph "${this.name}": there is a task "${id}" already`)
    this.#specs.push(Object.freeze(draft.spec))
    if (draft.binding !== undefined) this.#bindings.set(id, draft.binding)
    this.#snapshot = undefined
    return new TaskRef(id, this)
  }

  #areThere({ after, softAfter, orderAfter }: TaskSpec): boolean {
    const known = (ids: readonly string[] | undefined): boolean =>
      ids === undefined || ids.every(id => this.#ids.has(id))
    return known(after) && known(softAfter) && known(orderAfter)
  }

  /** The ids of the tasks that have a function or a schema. */
  get bound(): ReadonlySet<string> {
    return new Set(this.#bindings.keys())
  }

  /** The functions and the schema of a task; undefined when it has none, or is not there. */
  binding(id: string): TaskBinding | undefined {
    return this.#bindings.get(id)
  }
}

type InputFunction = NonNullable<TaskBinding['input']>
type DependencyList = 'after' | 'softAfter' | 'orderAfter'

function isList(key: string): key is DependencyList {
  return key === 'after' || key === 'softAfter' || key === 'orderAfter'
}

/** A task on its way from options to spec and binding. Members that are not given are not there: a million specs must be lean. */
class Draft {
  readonly spec: { -readonly [Key in keyof TaskSpec]: TaskSpec[Key] }
  binding: TaskBinding | undefined
  /** Their paths start at the task: `.timeoutMs`. */
  readonly issues: InputIssue[] = []
  readonly #graph: TaskGraph
  readonly #idIsGood: boolean

  constructor(graph: TaskGraph, id: string, options: object) {
    this.#graph = graph
    this.spec = { id, description: id }
    readTaskMember('id', id, '.id', this.issues)
    this.#idIsGood = this.issues.length === 0
    if (!this.#idIsGood) return
    if (typeof options !== 'object' || options === null)
      this.#reject('', `expected an object of options, got ${show(options)}`)
    else for (const key of Object.keys(options)) this.#readOption(key, (options as Record<string, unknown>)[key])
  }

  /** The task is named by its id; by its place when it is the id that is wrong. */
  error(place: number): CounterpointError<'INVALID_INPUT'> {
    const where = `$.tasks[${this.#idIsGood ? JSON.stringify(this.spec.id) : place}]`
    return invalidInput(this.issues.map(({ path, message }) => ({ path: where + path, message })))
  }

  #readOption(key: string, value: unknown): void {
    if (value === undefined) return
    if (isList(key) && Array.isArray(value)) this.#readIds(key, value)
    else if (key === 'output') this.#readOutput(value)
    else if (key === 'input' && typeof value === 'function') this.#bind({ input: value as InputFunction })
    else if (key === 'approval' && typeof value === 'function') this.#bind({ approval: value as InputFunction })
    else if (OPTIONS.has(key)) this.#readData(key as keyof TaskSpec, value)
    else this.#reject(memberPath('', key), unknownKey(key, [...OPTIONS]))
  }

  #readIds(key: DependencyList, value: readonly unknown[]): void {
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

  #readData(key: keyof TaskSpec, value: unknown): void {
    // A string is canonical JSON as it stands.
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
