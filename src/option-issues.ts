import type * as z from 'zod'
import { kindOf, MAX_ISSUES, pathText, show } from './error-text.js'
import type { InputIssue } from './errors.js'

/** False for lists, and for objects whose content is not in their members, such as a `Map`: they would count as empty. */
export function isRecord(value: unknown): value is object {
  return typeof value === 'object' && value !== null && kindOf(value) === undefined
}

/**
 * What is wrong with a value, by a zod rule: at most 20 issues, in the words of our other errors. Paths begin with `path`.
 * With `secret`, no message shows a string.
 */
export function problemsOf(rule: z.ZodType, value: unknown, path: string, secret: boolean): readonly InputIssue[] {
  try {
    const result = rule.safeParse(value, { reportInput: true })
    const issues = result.error?.issues ?? []
    const around = { root: value, start: path, parts: [], secret }
    return [...emptyLooking(rule, value, around), ...issues.flatMap(issue => issuesOf(issue, around))].slice(
      0,
      MAX_ISSUES,
    )
  } catch {
    // A getter or a proxy of the caller threw.
    return [{ path: path || 'options', message: 'expected a plain value, got one that throws when it is read' }]
  }
}

/** Objects with options whose content is not in their members, such as a `Map` (see {@link isRecord}): zod finds no unknown key in them. */
function emptyLooking(rule: z.core.$ZodType, value: unknown, at: Place): readonly InputIssue[] {
  if (typeof value !== 'object' || value === null) return []
  const def = rule._zod.def as z.core.$ZodTypeDef as z.core.$ZodOptionalDef | z.core.$ZodObjectDef
  if (def.type === 'optional') return emptyLooking(def.innerType, value, at)
  if (def.type !== 'object') return []
  if (!isRecord(value))
    return [{ path: pathText(at.parts, at.start) || 'options', message: `expected an object, got ${show(value)}` }]
  return Object.entries(def.shape).flatMap(([key, member]) =>
    emptyLooking(member, Reflect.get(value, key), { ...at, parts: [...at.parts, key] }),
  )
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
