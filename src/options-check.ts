import * as z from 'zod'
import { MAX_AMOUNT } from './core/amount.js'
import { FAILURE_KINDS, type FailureKind } from './core/failure/failure.js'
import { readMember } from './core/read-member.js'
import { show, unknownKey } from './error-text.js'
import { CounterpointError, type InputIssue } from './errors.js'
import { isRecord, problemsOf } from './option-issues.js'

/**
 * How options are checked everywhere: a zod schema built from these rules, passed to {@link checkOptions}. Input that is a plan is
 * checked in `plan/`.
 *
 * The annotations let a bundler drop zod from a program that checks no options.
 *
 * Invariant: an unknown option is an error that suggests the nearest known name. No value, however odd, makes a check throw anything
 * but `INVALID_INPUT`.
 */

/** A duration in milliseconds, 0 or more. */
export const millis: z.ZodNumber = /* @__PURE__ */ z.number().min(0).max(MAX_AMOUNT)

/** A duration in milliseconds, above 0. */
export const positiveMs: z.ZodNumber = /* @__PURE__ */ z.number().positive().max(MAX_AMOUNT)

const POSITIVE_INTEGER = 'expected a positive integer'

/** A whole number, 1 or more. */
export const positiveInteger: z.ZodNumber = /* @__PURE__ */ z.int(POSITIVE_INTEGER).min(1, POSITIVE_INTEGER)

/** A number, 0 or more. `Infinity` means no limit. */
export const nonNegative: z.ZodType = /* @__PURE__ */ z.union([
  /* @__PURE__ */ z.number().min(0),
  /* @__PURE__ */ z.literal(Number.POSITIVE_INFINITY),
])

/** What is done with a number of a JSON text that would be rounded. */
export const bigIntegersRule = (): z.ZodType => z.enum(['refuse', 'text'])

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

/** A port (a journal, a clock): an object with these methods. */
export const port = (...names: readonly string[]): z.ZodType =>
  z.custom(value => names.every(name => has(value, name)), {
    error: ({ input }) => `expected an object with a method ${names.find(name => !has(input, name))}`,
  })

/** A clock. */
export const clockPort: z.ZodType = /* @__PURE__ */ port('schedule').refine(
  clock => ['now', 'monotonic'].every(name => Number.isFinite((clock as Record<string, () => unknown>)[name]?.())),
  'expected a clock whose now() and monotonic() return finite numbers',
)

/**
 * An object with arbitrary keys. Unlike `z.record`, it accepts any object whose members are its content (`process.env` is not a plain one,
 * but no `Map`), checks an own key `__proto__`, and ignores symbols.
 */
export function record<T>(key: z.ZodType<string>, value: z.ZodType<T>, expected?: string): z.ZodType<Map<string, T>> {
  const entries = z.preprocess(input => new Map(Object.entries(input as object)), z.map(key, value))
  return z.custom(isRecord, expected ?? 'expected an object').pipe(entries)
}

/** An object with these options and no others. Mark optional ones with `.optional()`, or all of them with `.partial()`. */
export function optionsOf<S extends z.ZodRawShape>(shape: S): z.ZodObject<S, z.core.$strict> {
  checkMembers(shape, {}, 'shape')
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
  /** An object with methods of these names. */
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
export function checkOptions(rule: z.ZodType, value: unknown, options: CheckOptions): void {
  checkMembers(rule, { safeParse: 'function' }, 'rule')
  checkMembers(options, { of: 'string' }, 'options')
  const { of, path = '', secret = false } = options
  const isObject = typeof value !== 'object' || value === null || isRecord(value)
  const none = { path: path || 'options', message: `expected an object, got ${show(value)}` }
  const issues = isObject ? problemsOf(rule, value, path, secret) : [none]
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

/** The argument `name` of a call. @throws INVALID_INPUT unless it is a string. */
export function checkText(name: string, value: unknown): string {
  if (typeof value !== 'string') throw invalid(name, 'a string', value)
  return value
}

/** The most issues that a message shows; `details` has them all. */
const SHOWN_ISSUES = 10

function listOf(issues: readonly InputIssue[]): string {
  const shown = issues.slice(0, SHOWN_ISSUES).map(({ path, message }) => `${path}: ${message}`)
  const more = issues.length - shown.length
  return shown.join('; ') + (more > 0 ? ` (and ${more} more, see details.issues)` : '')
}

/** The types of the members of an argument, for {@link checkMembers}. */
export type MemberTypes = Readonly<Record<string, 'string' | 'number' | 'object' | 'function' | 'list'>>

const ARTICLES = { string: 'a string', number: 'a number', object: 'an object', function: 'a function', list: 'a list' }

/**
 * Checks what a public method reads of its argument, where a call is too frequent for a rule. Other members are not looked at.
 *
 * @throws CounterpointError `INVALID_INPUT` for the first one that is missing or has another type.
 */
export function checkMembers(value: unknown, types: MemberTypes, path: string): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid(path, 'an object', value)
  for (const name in types) {
    const type = types[name] as keyof typeof ARTICLES
    const member = readMember(value, name)
    const isRight = type === 'list' ? Array.isArray(member) : typeof member === type && member !== null
    if (!isRight) throw invalid(`${path}.${name}`, ARTICLES[type], member)
  }
}
