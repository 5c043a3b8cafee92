import type { AgentFunction } from '../backends/agent-backend.js'
import { memberPath } from '../core/json.js'
import { once } from '../core/once.js'
import { DEFAULT_POOL, type TaskSpec } from '../core/state/task.js'
import { MAX_ISSUES, show } from '../error-text.js'
import type { CounterpointError, InputIssue } from '../errors.js'
import { isRecord } from '../option-issues.js'
import type { TaskBinding } from './bindings.js'
import { invalidPlan } from './invalid-plan.js'
import { canonical, readTaskMember } from './plan.js'
import { taskRules, unknownMember } from './plan-schema.js'
import { isStandardSchema } from './standard-schema.js'
import type { TaskGraph } from './task-graph.js'
import { TaskRef } from './task-ref.js'

const taskOptions = once((): readonly string[] => [
  ...Object.keys(taskRules()).filter(key => key !== 'id'),
  'output',
  'run',
])

type InputFunction = NonNullable<TaskBinding['input']>
type DependencyList = 'after' | 'softAfter' | 'orderAfter'

function isDependencyList(key: string): key is DependencyList {
  return key === 'after' || key === 'softAfter' || key === 'orderAfter'
}

/** Splits the options of a task into its spec and its binding. A spec has only the members that were given: a million must fit in memory. */
export class TaskDraft {
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
    this.#readOptions(options)
    if (this.binding?.run && this.spec.pool === undefined) this.spec.pool = DEFAULT_POOL
  }

  /** In its paths the task has its id, or its index when the id is invalid. */
  error(index: number): CounterpointError<'INVALID_INPUT'> {
    const where = `$.tasks[${this.#isIdValid ? JSON.stringify(this.spec.id) : index}]`
    return invalidPlan(this.issues.map(({ path, message }) => ({ path: where + path, message })))
  }

  #readOptions(options: object): void {
    if (!isRecord(options)) return this.#reject('', `expected an object of options, got ${show(options)}`)
    let entries: readonly (readonly [key: string, value: unknown])[]
    try {
      entries = Object.entries(options)
    } catch {
      return this.#reject('', 'expected plain options, got an object that throws when it is read')
    }
    for (const [key, value] of entries) this.#readOption(key, value)
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
    // A string needs no copy, and a short one no check that a journal can hold it.
    const isShort = typeof value === 'string' && value.length < 10_000
    const data = isShort ? value : canonical(value, `$.tasks[${JSON.stringify(this.spec.id)}].${key}`)
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
