import * as z from 'zod'
import { show, unknownKey } from './error-text.js'
import { CounterpointError, type InputIssue } from './errors.js'

/**
 * The one way in which options are checked: a zod schema made of these rules, and {@link checkOptions}.
 * Invariant: an unknown option is refused everywhere, with the nearest known name.
 */

const LONGEST_MS = Number.MAX_SAFE_INTEGER

/** A duration in milliseconds, 0 or more. */
export const millis: z.ZodNumber = z.number().min(0).max(LONGEST_MS)

/** A duration in milliseconds, above 0. */
export const positiveMs: z.ZodNumber = z.number().positive().max(LONGEST_MS)

const POSITIVE_INTEGER = 'expected a positive integer'

/** A whole number, 1 or more. */
export const positiveInteger: z.ZodNumber = z.int(POSITIVE_INTEGER).min(1, POSITIVE_INTEGER)

/** A function. */
export const fn: z.ZodType = z.custom(value => typeof value === 'function', 'expected a function')

/** A function, or an object with this method. */
export const method = (name: string): z.ZodType =>
  z.custom(
    value =>
      typeof value === 'function' ||
      (typeof value === 'object' && value !== null && typeof Reflect.get(value, name) === 'function'),
    `expected a function, or an object with a method ${name}`,
  )

/** An object with these options and no others. Mark the ones that may be left out with `.optional()`, or all with `.partial()`. */
export function optionsOf<S extends z.ZodRawShape>(shape: S): z.ZodObject<S, z.core.$strict> {
  const known = Object.keys(shape)
  return z.strictObject(shape, {
    // One line for each key: `issuesOf` takes them apart.
    error: issue =>
      issue.code === 'unrecognized_keys' ? issue.keys.map(key => unknownKey(key, known)).join('\n') : undefined,
  })
}

/** How {@link checkOptions} reports what it finds. */
export interface CheckOptions {
  /** What the options belong to, at the start of the message: `httpBackend`. */
  readonly of: string
  /** Where the options were given: the start of each path, such as `pools.writer`. Default: they are all there is. */
  readonly path?: string
  /** Strings may be secrets: a message never shows one. Default false. */
  readonly secret?: boolean
}

/** @throws INVALID_INPUT with one issue for each option that is not as `rule` says, 20 at most. */
export function checkOptions(rule: z.ZodType, value: unknown, { of, path = '', secret = false }: CheckOptions): void {
  const result = rule.safeParse(value, { reportInput: true })
  if (result.success) return
  const issues = result.error.issues.flatMap(issue => issuesOf(issue, path === '' ? [] : [path], secret)).slice(0, 20)
  throw invalidOptions(of, issues)
}

/** Gives the value back. @throws INVALID_INPUT at `path` when it is not as `rule` says. */
export function checkValue<T>(rule: z.ZodType, value: T, path: string): T {
  const result = rule.safeParse(value, { reportInput: true })
  if (result.success) return value
  const issues = result.error.issues.flatMap(issue => issuesOf(issue, [path], false))
  throw invalidInput(issues)
}

/** The error for options of `of` that are not as documented. */
export function invalidOptions(of: string, issues: readonly InputIssue[]): CounterpointError<'INVALID_INPUT'> {
  return new CounterpointError('INVALID_INPUT', `invalid options of ${of}: ${listOf(issues)}`, { issues })
}

function invalidInput(issues: readonly InputIssue[]): CounterpointError<'INVALID_INPUT'> {
  return new CounterpointError('INVALID_INPUT', listOf(issues), { issues })
}

/** The error for one option or argument: `pools.p.queueLimit: expected a whole number, 1 or more, got 0`. */
export function invalid(path: string, expected: string, got: unknown): CounterpointError<'INVALID_INPUT'> {
  return invalidInput([{ path, message: `expected ${expected}, got ${show(got)}` }])
}

function listOf(issues: readonly InputIssue[]): string {
  return issues.map(({ path, message }) => `${path}: ${message}`).join('; ')
}

function issuesOf(issue: z.core.$ZodIssue, above: readonly PropertyKey[], secret: boolean): readonly InputIssue[] {
  const path = [...above, ...issue.path]
  if (issue.code === 'unrecognized_keys') {
    const messages = issue.message.split('\n')
    return issue.keys.map((key, i) => ({ path: pathOf([...path, key]), message: messages[i] ?? 'unknown option' }))
  }
  if (issue.code !== 'invalid_union') return [{ path: pathOf(path), message: described(issue, secret) }]
  // A pool is options or a WorkerPool: what is wrong with it as options is what helps.
  return issue.errors
    .flat()
    .filter(inner => !/WorkerPool/.test(inner.message))
    .flatMap(inner => issuesOf(inner, path, secret))
}

function pathOf(path: readonly PropertyKey[]): string {
  let text = ''
  for (const part of path) text += typeof part === 'number' ? `[${part}]` : `${text === '' ? '' : '.'}${String(part)}`
  return text || 'options'
}

function described(issue: z.core.$ZodIssue, secret: boolean): string {
  // A rule may say itself what it expects.
  const expected = issue.message.startsWith('expected ') ? undefined : expectedBy(issue)
  if (expected === undefined && issue.input !== undefined && typeof issue.input === 'object') return issue.message
  return `${expected === undefined ? issue.message : `expected ${expected}`}, got ${shown(issue.input, secret)}`
}

const TYPES: Readonly<Record<string, string>> = {
  int: 'a whole number',
  number: 'a finite number',
  string: 'a string',
  boolean: 'true or false',
  object: 'an object',
  record: 'an object',
  array: 'a list',
}

/** In the words of the other errors; undefined: the message of the issue says it. */
function expectedBy(issue: z.core.$ZodIssue): string | undefined {
  switch (issue.code) {
    case 'invalid_type':
      return TYPES[issue.expected] ?? issue.expected
    case 'invalid_value':
      return issue.values.map(value => JSON.stringify(value)).join(', ')
    case 'too_small':
      if (issue.origin === 'string' || issue.origin === 'array') return 'at least one'
      return `${issue.inclusive === false ? 'more than' : 'at least'} ${issue.minimum}`
    case 'too_big':
      return `${issue.inclusive === false ? 'less than' : 'at most'} ${issue.maximum}${issue.origin === 'string' ? ' characters' : ''}`
    default:
      return undefined
  }
}

function shown(value: unknown, secret: boolean): string {
  return secret && typeof value === 'string' ? 'a string' : show(value)
}
