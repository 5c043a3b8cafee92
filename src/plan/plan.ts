import type * as z from 'zod'
import { canonicalJson, type Json, memberPath, NotJsonError } from '../core/json.js'
import { markChecked } from '../core/scheduler/prepared-plan.js'
import type { FailureMode } from '../core/state/events.js'
import type { TaskSpec } from '../core/state/task.js'
import { show, unknownKey } from '../error-text.js'
import type { InputIssue } from '../errors.js'
import { checkGraph, MAX_ISSUES } from './graph-check.js'
import { invalidInput, readJsonText } from './json-text.js'
import { id, MAX, NESTED, PLAN, SAME_AS, type Shape, TASK, TASK_SHAPE } from './shapes.js'

/** Tasks and their dependencies, as data. {@link parsePlan} makes one: checked, in one spelling, frozen to its depth. */
export interface Plan {
  readonly name?: string
  /** As its author numbers it: a run is resumed only with a graph of the same version. */
  readonly version?: string
  /** Default `continue`. */
  readonly failureMode?: FailureMode
  readonly tasks: readonly TaskSpec[]
}

/** Bounds of {@link parsePlan}. */
export interface ParsePlanOptions {
  /**
   * Longest text, in bytes of UTF-8; for a value that is parsed already, most characters in all its strings and keys.
   * Default 67,108,864 (64 MiB).
   */
  readonly maxBytes?: number
  /** Most tasks. Default 1,000,000. */
  readonly maxTasks?: number
  /** Deepest nesting of arrays and objects, those of the plan itself included; at most 1,000. Default 64. */
  readonly maxDepth?: number
}

/** Plans that were made here, to be taken as they are the second time. Invariant: they are frozen to their depth. */
const parsed = new WeakSet<object>()

/**
 * Reads a plan: JSON text (a string, or UTF-8 in a `Uint8Array`), or a value that is parsed already. Names may be in camel or
 * snake case, times in `...Ms` or `...Sec`, dependencies in `after` or `blockedBy`; the plan has them in one spelling (`after`, `...Ms`).
 * Nothing is coerced, and nothing that is not understood is passed over. A plan that `parsePlan` made is given back as it is.
 *
 * @throws CounterpointError `INVALID_INPUT` with up to 20 `issues`, each with its path; `DUPLICATE_ID`, `UNKNOWN_DEPENDENCY`, `CYCLE`.
 */
export function parsePlan(source: unknown, options?: ParsePlanOptions): Plan {
  if (options === undefined && parsed.has(source as object)) return source as Plan
  const plan = readSource(source, options)
  checkGraph(plan.tasks)
  markChecked(plan.tasks)
  parsed.add(plan)
  return plan
}

/**
 * Reads tasks that join a live run, which has the tasks that are `known`: they may wait for those and must not repeat them.
 *
 * @throws CounterpointError as `parsePlan` does.
 */
export function parseAddition(source: unknown, known: (id: string) => boolean): Plan {
  const plan = parsed.has(source as object) ? (source as Plan) : readSource(source, undefined)
  checkGraph(plan.tasks, known)
  return plan
}

function readSource(source: unknown, options: ParsePlanOptions | undefined): Plan {
  const limits = {
    maxBytes: limit('maxBytes', options?.maxBytes ?? 64 * 1024 * 1024, MAX),
    maxTasks: limit('maxTasks', options?.maxTasks ?? 1_000_000, MAX),
    maxDepth: limit('maxDepth', options?.maxDepth ?? 64, 1000),
  }
  const value = typeof source === 'string' || isBytes(source) ? readJsonText(source, limits) : source
  return readPlan(canonical(value, '$', limits.maxDepth, limits.maxBytes), limits.maxTasks)
}

/** The words that a task has in our own spelling. */
export const TASK_WORDS: readonly string[] = Object.keys(TASK_SHAPE)

/** One member of a task by its rule, given as JSON; what breaks it becomes an issue. */
export function readTaskMember(key: keyof TaskSpec, value: unknown, path: string, issues: InputIssue[]): unknown {
  const nested = NESTED.get(TASK_SHAPE[key])
  return nested ? readMembers(nested, value as Json, path, issues) : readMember(TASK_SHAPE[key], value, path, issues)
}

/** {@link canonicalJson} with the error of an input: its path starts with `where`. */
export function canonical(value: unknown, where: string, maxDepth?: number, maxChars?: number): Json {
  try {
    return canonicalJson(value, { ...(maxDepth && { maxDepth }), ...(maxChars && { maxChars }) })
  } catch (error) {
    if (!(error instanceof NotJsonError)) throw error
    const message = error.message.slice(error.path.length + 2)
    throw invalidInput([{ path: where + error.path.slice(1), message }])
  }
}

function limit(option: string, value: number, most: number): number {
  if (Number.isInteger(value) && value >= 1 && value <= most) return value
  const message = `expected a whole number from 1 to ${most}, got ${show(value)}`
  throw invalidInput([{ path: `$.options.${option}`, message }])
}

function isBytes(value: unknown): value is Uint8Array {
  // Not instanceof: bytes may come from another realm.
  return ArrayBuffer.isView(value) && Object.prototype.toString.call(value) === '[object Uint8Array]'
}

function readPlan(raw: Json, maxTasks: number): Plan {
  const issues: InputIssue[] = []
  const { tasks, $schema: _, ...head } = readMembers(PLAN, raw, '$', issues, 'tasks')
  const raws = (tasks ?? []) as readonly Json[]
  if (raws.length > maxTasks) {
    const message = `expected at most ${maxTasks} tasks, got ${raws.length}; split the plan, or raise maxTasks`
    throw invalidInput([{ path: '$.tasks', message }])
  }
  const specs: TaskSpec[] = []
  for (let i = 0; i < raws.length && issues.length < MAX_ISSUES; i++)
    specs.push(readTask(raws[i]!, `$.tasks[${i}]`, issues))
  if (issues.length > 0) throw invalidInput(issues)
  return Object.freeze({ ...(head as Omit<Plan, 'tasks'>), tasks: Object.freeze(specs) })
}

/** Invariant: only members that were given are there, but for the description. */
function readTask(raw: Json, where: string, issues: InputIssue[]): TaskSpec {
  const members = readMembers(TASK, raw, where, issues, 'id') as unknown as TaskSpec
  const { id, description = id, after, softAfter, orderAfter, ...rest } = members
  return Object.freeze({
    id,
    description,
    ...list('after', after),
    ...list('softAfter', softAfter),
    ...list('orderAfter', orderAfter),
    ...rest,
  })
}

/** A list of dependencies: each once, and none when there are none. */
function list(key: keyof TaskSpec, ids: readonly string[] | undefined): object | undefined {
  return ids === undefined || ids.length === 0 ? undefined : { [key]: Object.freeze([...new Set(ids)]) }
}

/** What `raw` has, under our own names. Every member that breaks its rule, says something twice or is not known becomes an issue. */
function readMembers(
  shape: Shape,
  raw: Json,
  at: string,
  issues: InputIssue[],
  required?: string,
): Record<string, unknown> {
  const draft: Record<string, unknown> = {}
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) {
    issues.push({ path: at, message: `expected an object, got ${show(raw)}` })
    return draft
  }
  for (const [key, value] of Object.entries(raw)) {
    if (issues.length >= MAX_ISSUES) break
    const schema = shape.get(key)
    const ours = SAME_AS.get(key) ?? key
    if (schema === undefined) issues.push({ path: memberPath(at, key), message: unknownKey(key, [...shape.keys()]) })
    else if (Object.hasOwn(draft, ours)) issues.push({ path: memberPath(at, key), message: saidTwice(ours, raw) })
    else draft[ours] = readValue(schema, value, `${at}.${key}`, issues)
  }
  if (required !== undefined && !Object.hasOwn(draft, required) && issues.length < MAX_ISSUES)
    issues.push({ path: `${at}.${required}`, message: expected(shape.get(required)!, undefined) })
  return Object.freeze(draft)
}

function readValue(schema: z.ZodType, value: Json, path: string, issues: InputIssue[]): unknown {
  const nested = NESTED.get(schema)
  return nested ? readMembers(nested, value, path, issues) : readMember(schema, value, path, issues)
}

function readMember(schema: z.ZodType, value: unknown, path: string, issues: InputIssue[]): unknown {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  // A value may break two rules: it is one thing that is wrong. Only a list of ids has places inside.
  const places = new Set(result.error.issues.map(issue => issue.path[0] as number | undefined))
  for (const place of [...places].slice(0, MAX_ISSUES - issues.length)) {
    if (place === undefined) issues.push({ path, message: expected(schema, value) })
    else issues.push({ path: `${path}[${place}]`, message: expected(id, (value as unknown[])[place]) })
  }
  return undefined
}

function expected(schema: z.ZodType, value: unknown): string {
  return `expected ${schema.description}, got ${show(value)}`
}

function saidTwice(ours: string, raw: object): string {
  const first = Object.keys(raw).find(other => (SAME_AS.get(other) ?? other) === ours)
  return `says the same as "${first}"; keep one of the two`
}
