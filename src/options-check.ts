import * as z from 'zod'
import { FAILURE_KINDS, type FailureKind } from './core/failure/failure.js'
import { kindOf, MAX_ISSUES, pathText, show, unknownKey } from './error-text.js'
import { CounterpointError, type InputIssue } from './errors.js'

/**
 * How options are checked everywhere: a zod schema built from these rules, passed to {@link checkOptions}. Input that is a plan is
 * checked in `plan/`.
 *
 * The annotations let a bundler drop zod from a program that checks no options.
 *
 * Invariant: an unknown option is an error that suggests the nearest known name. No value, however odd, makes a check throw anything
 * but `INVALID_INPUT`.
 */

const MAX_MS = Number.MAX_SAFE_INTEGER

/** A duration in milliseconds, 0 or more. */
export const millis: z.ZodNumber = /* @__PURE__ */ z.number().min(0).max(MAX_MS)

/** A duration in milliseconds, above 0. */
export const positiveMs: z.ZodNumber = /* @__PURE__ */ z.number().positive().max(MAX_MS)

const POSITIVE_INTEGER = 'expected a positive integer'

/** A whole number, 1 or more. */
export const positiveInteger: z.ZodNumber = /* @__PURE__ */ z.int(POSITIVE_INTEGER).min(1, POSITIVE_INTEGER)

/** A number, 0 or more. `Infinity` means no limit. */
export const nonNegative: z.ZodType = /* @__PURE__ */ z.union([
  /* @__PURE__ */ z.number().min(0),
  /* @__PURE__ */ z.literal(Number.POSITIVE_INFINITY),
])

/** A list of failure kinds. */
export const failureKinds: z.ZodType = /* @__PURE__ */ z.array(
  /* @__PURE__ */ z.enum(FAILURE_KINDS as [FailureKind, ...FailureKind[]]),
)

/** A function. */
export const fn: z.ZodType = /* @__PURE__ */ z.custom(value => typeof value === 'function', 'expected a function')

const has = (value: unknown, name: string): boolean =>
  typeof value === 'object' && value !== null && typeof Reflect.get(value, name) === 'function'

/** A function, or an object with this method. */
export const method = (name: string): z.ZodType =>
  z.custom(
    value => typeof value === 'function' || has(value, name),
    `expected a function, or an object with a method ${name}`,
  )

/** A port (a journal, a clock): an object with this method. */
export const port = (name: string): z.ZodType =>
  z.custom(value => has(value, name), `expected an object with a method ${name}`)

/**
 * An object with arbitrary keys. Unlike `z.record`, it accepts any object whose members are its content (`process.env` is not a plain one,
 * but no `Map`), checks an own key `__proto__`, and ignores symbols.
 */
export function record<T>(key: z.ZodType<string>, value: z.ZodType<T>, expected?: string): z.ZodType<Map<string, T>> {
  const entries = z.preprocess(input => new Map(Object.entries(input as object)), z.map(key, value))
  return z.custom(isRecord, expected ?? 'expected an object').pipe(entries)
}

/** False for lists, and for objects whose content is not in their members, such as a `Map`: they would count as empty. */
function isRecord(value: unknown): value is object {
  return typeof value === 'object' && value !== null && kindOf(value) === undefined
}

/** An object with these options and no others. Mark optional ones with `.optional()`, or all of them with `.partial()`. */
export function optionsOf<S extends z.ZodRawShape>(shape: S): z.ZodObject<S, z.core.$strict> {
  const known = Object.keys(shape)
  return z.strictObject(shape, {
    // One line for each key: `issuesOf` splits them again.
    error: issue =>
      issue.code === 'unrecognized_keys' ? issue.keys.map(key => unknownKey(key, known)).join('\n') : undefined,
  })
}

/** Rules for the options of backends and journals: zod schemas for {@link optionsOf} and {@link checkOptions}. */
export const rules: {
  /** A duration in milliseconds, 0 or more. */
  readonly millis: typeof millis
  /** A duration in milliseconds, above 0. */
  readonly positiveMs: typeof positiveMs
  /** A number, 0 or more. `Infinity` means no limit. */
  readonly nonNegative: typeof nonNegative
  /** A function. */
  readonly fn: typeof fn
  /** A function, or an object with a method of this name. */
  readonly method: typeof method
  /** An object with a method of this name. */
  readonly port: typeof port
  /** An object with arbitrary keys, which is checked as a Map: the rule of its keys, then that of its values. */
  readonly record: typeof record
} = { millis, positiveMs, nonNegative, fn, method, port, record }

/** How {@link checkOptions} reports what it finds. */
export type CheckOptions = {
  /** What the options belong to, for the start of the message: `httpBackend`. */
  readonly of: string
  /** Where the options were given, for the start of each path: `pools.writer`. Default: paths start with the option. */
  readonly path?: string | undefined
  /** True when strings may be secrets: then no message shows a string, or a value given in place of one. Default false. */
  readonly secret?: boolean | undefined
}

/**
 * Checks options before they are used.
 *
 * @throws CounterpointError `INVALID_INPUT` with one issue for each option that does not satisfy `rule`, at most 20.
 */
export function checkOptions(rule: z.ZodType, value: unknown, { of, path = '', secret = false }: CheckOptions): void {
  const issues = problemsOf(rule, value, path, secret)
  if (issues.length > 0) throw invalidOptions(of, issues)
}

/**
 * Checks one value, and returns it.
 *
 * @throws CounterpointError `INVALID_INPUT` with its issues at `path` when it does not satisfy `rule`.
 */
export function checkValue<T>(rule: z.ZodType, value: T, path: string): T {
  const issues = problemsOf(rule, value, path, false)
  if (issues.length > 0) throw invalidInput(issues)
  return value
}

/** The error for invalid options of `of`. */
export function invalidOptions(of: string, issues: readonly InputIssue[]): CounterpointError<'INVALID_INPUT'> {
  return new CounterpointError('INVALID_INPUT', `invalid options of ${of}: ${listOf(issues)}`, { issues })
}

/** The error for an invalid plan, argument or option. `issues` must not be empty. */
export function invalidInput(issues: readonly InputIssue[]): CounterpointError<'INVALID_INPUT'> {
  return new CounterpointError('INVALID_INPUT', listOf(issues), { issues })
}

/** The error for one option or argument: `pools.p.queueLimit: expected a whole number, 1 or more, got 0`. */
export function invalid(path: string, expected: string, got: unknown): CounterpointError<'INVALID_INPUT'> {
  return invalidInput([{ path, message: `expected ${expected}, got ${show(got)}` }])
}

/** The most issues that a message shows; `details` has them all. */
const SHOWN_ISSUES = 10

function listOf(issues: readonly InputIssue[]): string {
  const shown = issues.slice(0, SHOWN_ISSUES).map(({ path, message }) => `${path}: ${message}`)
  const more = issues.length - shown.length
  return shown.join('; ') + (more > 0 ? ` (and ${more} more, see details.issues)` : '')
}

function problemsOf(rule: z.ZodType, value: unknown, path: string, secret: boolean): readonly InputIssue[] {
  try {
    if (typeof value === 'object' && value !== null && !isRecord(value))
      return [{ path: path || 'options', message: `expected an object, got ${show(value)}` }]
    const result = rule.safeParse(value, { reportInput: true })
    const issues = result.error?.issues ?? []
    return issues
      .flatMap(issue => issuesOf(issue, { root: value, start: path, parts: [], secret }))
      .slice(0, MAX_ISSUES)
  } catch {
    // A getter or a proxy of the caller threw.
    return [{ path: path || 'options', message: 'expected a plain value, got one that throws when it is read' }]
  }
}

/** Where an issue is, and whether its message may show strings. */
interface Place {
  /** The value that was checked. */
  readonly root: unknown
  readonly start: string
  readonly parts: readonly PropertyKey[]
  readonly secret: boolean
}

function issuesOf(issue: z.core.$ZodIssue, around: Place): readonly InputIssue[] {
  const at = { ...around, parts: [...around.parts, ...issue.path] }
  if (issue.code === 'invalid_union') return unionIssuesOf(issue, at)
  const path = pathText(at.parts, at.start) || 'options'
  if (issue.code !== 'unrecognized_keys') return [{ path, message: messageOf(issue, at) }]
  const messages = issue.message.split('\n')
  // zod reports inherited keys, too, such as those that a polyfill adds to `Object.prototype`.
  return issue.keys.flatMap((key, i) =>
    Object.hasOwn(Object(issue.input), key)
      ? [{ path: pathText([...at.parts, key], at.start), message: messages[i] ?? 'unknown key' }]
      : [],
  )
}

/** The issues of the one alternative that matches best, if there is one; else what each alternative expects. */
function unionIssuesOf(issue: z.core.$ZodIssueInvalidUnion, at: Place): readonly InputIssue[] {
  const meant = issue.errors.find(issues => !issues.some(isAboutWhole))
  if (meant) return meant.flatMap(inner => issuesOf(inner, at))
  const wholes = issue.errors.flat().filter(isAboutWhole)
  const stated = wholes.find(statesExpectation)
  const expected = stated?.message ?? `expected ${[...new Set(wholes.map(expectedBy))].join(' or ')}`
  return [
    { path: pathText(at.parts, at.start) || 'options', message: `${expected}, got ${shown(issue.input, at.secret)}` },
  ]
}

/** True when the value as a whole is wrong, and not one of its members. */
function isAboutWhole(issue: z.core.$ZodIssue): boolean {
  return issue.path.length === 0 && issue.code !== 'unrecognized_keys'
}

function messageOf(issue: z.core.$ZodIssue, { root, parts, secret }: Place): string {
  const { input } = issue
  // A secret of the wrong type is still a secret.
  const isHidden = secret && issue.code === 'invalid_type' && issue.expected === 'string' && typeof input === 'number'
  const got = isHidden ? 'a number' : shown(input, secret)
  if (!statesExpectation(issue)) return `expected ${expectedBy(issue)}, got ${got}`
  // The input of a rule about several members is the object that has them, and not the member at the path.
  const isAboutSeveral = typeof input === 'object' && input !== memberAt(root, parts)
  return isAboutSeveral || issue.message.includes(', got ') ? issue.message : `${issue.message}, got ${got}`
}

function memberAt(root: unknown, parts: readonly PropertyKey[]): unknown {
  return parts.reduce<unknown>((value, part) => Object(value)[part], root)
}

/** True when the rule has a message of its own. */
function statesExpectation(issue: z.core.$ZodIssue): boolean {
  return issue.message.startsWith('expected ')
}

const TYPES: Readonly<Record<string, string>> = {
  int: 'a whole number',
  number: 'a finite number',
  string: 'a string',
  boolean: 'true or false',
  object: 'an object',
  record: 'a plain object',
  map: 'an object',
  array: 'a list',
}

/** In the words of our other errors. */
function expectedBy(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return TYPES[issue.expected] ?? `a ${issue.expected}`
    case 'invalid_value':
      return issue.values.map(show).join(', ')
    case 'too_small':
      return `${issue.inclusive === false ? 'more than' : 'at least'} ${amount(issue.minimum, issue.origin)}`
    case 'too_big':
      return `${issue.inclusive === false ? 'less than' : 'at most'} ${amount(issue.maximum, issue.origin)}`
    case 'invalid_key':
      return `a key of ${issue.issues.map(expectedBy).join(', ')}`
    default:
      return issue.message
  }
}

function amount(count: number | bigint, origin: string): string {
  if (origin === 'string') return `${count} ${count === 1 ? 'character' : 'characters'}`
  return origin === 'array' ? `${count} ${count === 1 ? 'entry' : 'entries'}` : `${count}`
}

function shown(value: unknown, secret: boolean): string {
  return secret && typeof value === 'string' ? 'a string' : show(value)
}
