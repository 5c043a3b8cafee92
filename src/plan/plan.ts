import type * as z from 'zod'
import { canonicalJson, issueOf, type Json, memberPath, NotJsonError } from '../core/json.js'
import { once } from '../core/once.js'
import { markChecked } from '../core/scheduler/prepared-plan.js'
import type { TaskSpec } from '../core/state/task.js'
import { MAX_ISSUES, show } from '../error-text.js'
import type { InputIssue } from '../errors.js'
import { bigIntegersRule, checkOptions, optionsOf, positiveInteger } from '../options-check.js'
import { checkGraph } from './graph-check.js'
import { invalidPlan } from './invalid-plan.js'
import type { Plan } from './plan-input.js'
import { id, type Members, NESTED, ourName, planMembers, taskMembers, taskRules, unknownMember } from './plan-schema.js'
import { MAX_RECORD_BYTES } from './record-size.js'
import { readJsonText } from './text/read-json-text.js'

/** Bounds of {@link parsePlan}. */
export interface ParsePlanOptions {
  /**
   * The longest text, in bytes of UTF-8; for a value that is parsed already, the most characters in all its strings and keys.
   * Default 67,108,864 (64 MiB).
   */
  readonly maxBytes?: number | undefined
  /** The most tasks. Default 1,000,000. */
  readonly maxTasks?: number | undefined
  /** The deepest nesting of arrays and objects, those of the plan itself included; at most 1,000. Default 64. */
  readonly maxDepth?: number | undefined
  /**
   * What is done with a number of the text that would be rounded: an integer beyond 2^53 - 1, or a number beyond 1.8e308. `refuse`: it is an
   * error. `text`: it becomes a string, as it is written. Default `refuse`.
   */
  readonly bigIntegers?: 'refuse' | 'text' | undefined
}

const parseOptions = once(() =>
  optionsOf({
    maxBytes: positiveInteger,
    maxTasks: positiveInteger,
    maxDepth: positiveInteger.max(1000),
    bigIntegers: bigIntegersRule(),
  }).partial(),
)

const MAX_BYTES = 64 * 1024 * 1024
const MAX_TASKS = 1_000_000
const MAX_DEPTH = 64

/** The plans that `parsePlan` made, which it returns as they are. Invariant: they are deeply frozen. */
const parsed = new WeakSet<object>()

/**
 * Reads a plan: JSON text (a string, or UTF-8 in a `Uint8Array`), or a value that is parsed already. Names may be in camel or
 * snake case, times in `...Ms` or `...Sec`, dependencies in `after` or `blockedBy`; the result has one spelling (`after`, `...Ms`).
 * Nothing is coerced, and an unknown member is an error. A plan that `parsePlan` returned before is returned as it is.
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
 * Reads a plan that is written in code, or one of `parsePlan`: in our spelling only. `isKnown` says which tasks a live run has: the new
 * ones may depend on those and must not repeat them.
 *
 * @throws CounterpointError as `parsePlan` does.
 */
export function readPlanData(source: unknown, isKnown?: (id: string) => boolean): Plan {
  const isParsed = parsed.has(source as object)
  const plan = isParsed ? (source as Plan) : readPlan(canonical(source, '$', MAX_DEPTH, MAX_BYTES), MAX_TASKS, false)
  if (isKnown || !isParsed) checkGraph(plan.tasks, isKnown)
  if (!isKnown) markChecked(plan.tasks)
  return plan
}

function readSource(source: unknown, options: ParsePlanOptions = {}): Plan {
  checkOptions(parseOptions(), options, { of: 'parsePlan', path: 'options' })
  const { maxBytes = MAX_BYTES, maxTasks = MAX_TASKS, maxDepth = MAX_DEPTH, bigIntegers } = options
  const isText = typeof source === 'string' || isBytes(source)
  const value = isText ? readJsonText(source, { maxBytes, maxDepth, bigIntegers }) : source
  return readPlan(canonical(value, '$', maxDepth, maxBytes), maxTasks, true)
}

/** Reads one member of a task, given as JSON, by its rule. What breaks the rule is added to `issues`. */
export function readTaskMember(key: keyof TaskSpec, value: unknown, path: string, issues: InputIssue[]): unknown {
  return readMember(taskRules()[key], value, path, { issues, anySpelling: false })
}

/** How a plan is read, and what was found. */
interface Reading {
  readonly issues: InputIssue[]
  /** True when members may have names that are not ours: `blocked_by`. */
  readonly anySpelling: boolean
}

/** {@link canonicalJson} that throws `INVALID_INPUT`, with a path that starts with `where`. With `maxChars`, of a whole plan. */
export function canonical(value: unknown, where: string, maxDepth?: number, maxChars?: number): Json {
  try {
    const maxBytes = maxChars && Math.max(maxChars, MAX_RECORD_BYTES)
    return canonicalJson(value, { maxDepth, maxChars, maxBytes })
  } catch (error) {
    if (!(error instanceof NotJsonError)) throw error
    const { path, message } = issueOf(error)
    throw invalidPlan([{ path: where + path.slice(1), message }])
  }
}

function isBytes(value: unknown): value is Uint8Array {
  // Not instanceof: bytes may come from another realm.
  return ArrayBuffer.isView(value) && Object.prototype.toString.call(value) === '[object Uint8Array]'
}

function readPlan(raw: Json, maxTasks: number, anySpelling: boolean): Plan {
  const issues: InputIssue[] = []
  const reading: Reading = { issues, anySpelling }
  const { tasks, $schema: _, ...head } = readMembers(planMembers(), raw, '$', reading, 'tasks')
  const rawTasks = (tasks ?? []) as readonly Json[]
  if (rawTasks.length > maxTasks) {
    const message = `expected at most ${maxTasks} tasks, got ${rawTasks.length}; split the plan, or raise maxTasks`
    throw invalidPlan([{ path: '$.tasks', message }])
  }
  const specs: TaskSpec[] = []
  for (let i = 0; i < rawTasks.length && issues.length < MAX_ISSUES; i++)
    specs.push(readTask(rawTasks[i]!, `$.tasks[${i}]`, reading))
  if (issues.length > 0) throw invalidPlan(issues)
  return Object.freeze({ ...head, tasks: Object.freeze(specs) }) as Plan
}

/** Invariant: a task has only the members that were given, and a description. */
function readTask(raw: Json, path: string, reading: Reading): TaskSpec {
  const members = readMembers(taskMembers(), raw, path, reading, 'id') as unknown as TaskSpec
  const { id, description = id, after, softAfter, orderAfter, ...rest } = members
  return Object.freeze({
    id,
    description,
    ...dependencies('after', after),
    ...dependencies('softAfter', softAfter),
    ...dependencies('orderAfter', orderAfter),
    ...rest,
  })
}

/** The member for a list of dependencies: each id once; no member for an empty list. */
function dependencies(key: keyof TaskSpec, ids: readonly string[] | undefined): object | undefined {
  return ids === undefined || ids.length === 0 ? undefined : { [key]: Object.freeze([...new Set(ids)]) }
}

/** The members of `raw`, in our spelling. A member that breaks its rule, is given twice or is unknown is added to `issues`. */
function readMembers(
  members: Members,
  raw: unknown,
  at: string,
  reading: Reading,
  required?: string,
): Record<string, unknown> {
  const { issues, anySpelling } = reading
  const read: Record<string, unknown> = {}
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) {
    const meant = at === '$' && Array.isArray(raw) ? ' (did you mean { tasks: [...] }?)' : ''
    issues.push({ path: at, message: `expected an object, got ${show(raw)}${meant}` })
    return read
  }
  for (const [key, value] of Object.entries(raw)) {
    if (issues.length >= MAX_ISSUES) break
    const ours = ourName(key)
    const rule = anySpelling || ours === key ? members.get(key) : undefined
    if (rule === undefined)
      issues.push({ path: memberPath(at, key), message: unknownMember(key, [...members.keys()], anySpelling) })
    else if (Object.hasOwn(read, ours)) issues.push({ path: memberPath(at, key), message: repeated(ours, raw) })
    else read[ours] = readMember(rule, value, `${at}.${key}`, reading)
  }
  if (required !== undefined && !Object.hasOwn(read, required) && issues.length < MAX_ISSUES)
    issues.push({ path: `${at}.${required}`, message: expected(members.get(required)!, undefined) })
  return Object.freeze(read)
}

function readMember(rule: z.ZodType, value: unknown, path: string, reading: Reading): unknown {
  const nested = NESTED.get(rule)
  if (nested) return readMembers(nested, value, path, reading)
  const { issues } = reading
  const result = safeParse(rule, value)
  if (result === undefined)
    issues.push({ path, message: 'expected a plain value, got one that throws when it is read' })
  if (result === undefined || result.success) return result?.data
  // Several rules broken by one value are one issue. Only a list of ids has entries with issues of their own.
  const entries = new Set(result.error.issues.map(issue => issue.path[0] as number | undefined))
  for (const entry of [...entries].slice(0, MAX_ISSUES - issues.length)) {
    if (entry === undefined) issues.push({ path, message: expected(rule, value) })
    else issues.push({ path: `${path}[${entry}]`, message: expected(id(), (value as unknown[])[entry]) })
  }
  return undefined
}

function expected(rule: z.ZodType, value: unknown): string {
  return `expected ${rule.description}, got ${show(value)}`
}

function repeated(ours: string, raw: object): string {
  const first = Object.keys(raw).find(key => ourName(key) === ours)
  return `means the same as "${first}"; keep one of the two`
}

/** Undefined when a getter or a proxy of the caller throws. */
function safeParse(rule: z.ZodType, value: unknown): z.ZodSafeParseResult<unknown> | undefined {
  try {
    return rule.safeParse(value)
  } catch {
    return undefined
  }
}
