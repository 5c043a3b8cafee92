import { jsonBytes } from './json-bytes.js'

/** A JSON value (RFC 8259). Inputs and outputs of tasks are JSON values. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json }

/** Bounds of {@link canonicalJson}. */
export type JsonLimits = {
  /** Deepest nesting of arrays and objects. Default 256. */
  readonly maxDepth?: number | undefined
  /** Most characters in all strings and keys together. Default 100,000,000. */
  readonly maxChars?: number | undefined
  /**
   * Most bytes of its JSON text in UTF-8, which is what a journal writes: escapes count (six bytes for a control character), and so do
   * numbers. Default 100,000,000: V8 holds no string past about 512 MB.
   */
  readonly maxBytes?: number | undefined
}

/**
 * Thrown by {@link canonicalJson}. `path` is the path of the invalid part (`$.items[3].price`). `tooLarge`: the value exceeds a limit; otherwise it has a
 * wrong type.
 */
export class NotJsonError extends Error {
  override readonly name: string = 'NotJsonError'
  readonly path: string
  readonly tooLarge: boolean
  constructor(path: string, message: string, tooLarge = false) {
    super(`${path}: ${message}`)
    this.path = path
    this.tooLarge = tooLarge
  }
}

/** The error as an issue: the message without the path. */
export function issueOf({ path, message }: NotJsonError): { readonly path: string; readonly message: string } {
  return { path, message: message.slice(path.length + 2) }
}

const PRIMITIVE = 'a JSON value is a string, finite number, boolean, null, array or plain object'

/**
 * A frozen copy of `value` in its canonical form, which is the same live, in the journal and after a restart.
 * `undefined` at the top is `null`; undefined members are left out; `-0` is `0`. Each getter is read once.
 * Invariant: canonicalJson(JSON.parse(JSON.stringify(canonicalJson(v)))) deep-equals canonicalJson(v).
 *
 * @throws NotJsonError for anything that JSON would lose or change: NaN, BigInt, functions, symbols, Dates, Maps,
 * class instances, cycles, holes, a key `__proto__`, a getter or proxy that throws, more depth, characters or bytes than the limits.
 */
export function canonicalJson(value: unknown, limits?: JsonLimits): Json {
  if (value === undefined || value === null) return null
  if (typeof value === 'boolean') return value
  const state: CopyState = {
    depth: limits?.maxDepth ?? 256,
    chars: limits?.maxChars ?? 100_000_000,
    bytes: limits?.maxBytes ?? 100_000_000,
    leastBytes: 0,
    mostBytes: 0,
    open: [],
    keys: [],
  }
  const json = copy(value, state)
  // Counting exactly takes a look at each character: only where the bounds leave it open.
  if (state.mostBytes > state.bytes && jsonBytes(json, state.bytes) > state.bytes) throw tooManyBytes('$', state)
  return json
}

interface CopyState {
  depth: number
  chars: number
  /** The most bytes, and bounds of those of what has been copied. */
  readonly bytes: number
  leastBytes: number
  mostBytes: number
  /** The containers around the current value: a value that is one of them is a cycle. */
  readonly open: object[]
  /** The current key in each of them, from which the path is built for an error. */
  readonly keys: (string | number)[]
}

function copy(value: unknown, state: CopyState): Json {
  switch (typeof value) {
    case 'string':
      return spend(value, state)
    case 'number':
      if (!Number.isFinite(value)) throw new NotJsonError(here(state), `expected a finite number, got ${value}`)
      count(state, 1, LONGEST_NUMBER)
      return value === 0 ? 0 : value
    case 'boolean':
      count(state, 4, 5)
      return value
    case 'object':
      if (value !== null) return copyContainer(value, state)
      count(state, 4, 4)
      return null
    default:
      throw new NotJsonError(here(state), `got a ${typeof value}; ${PRIMITIVE}`)
  }
}

function copyContainer(value: object, state: CopyState): Json {
  if (state.open.length >= state.depth)
    throw new NotJsonError(here(state), `nested deeper than ${state.depth} levels`, true)
  if (state.open.includes(value)) throw new NotJsonError(here(state), 'the value contains itself')
  state.open.push(value)
  // The brackets: each member counts a comma or the closing one.
  count(state, 1, 2)
  try {
    return Array.isArray(value) ? copyArray(value, state) : copyObject(value, state)
  } catch (error) {
    if (error instanceof NotJsonError) throw error
    throw new NotJsonError(around(state), 'reading it threw an error')
  } finally {
    state.open.pop()
  }
}

function copyArray(value: readonly unknown[], state: CopyState): Json {
  const { length } = value
  const depth = state.open.length - 1
  const result: Json[] = []
  for (let i = 0; i < length; i++) {
    const item = value[i]
    state.keys[depth] = i
    if (item === undefined) throw new NotJsonError(here(state), `got undefined in an array; ${PRIMITIVE}`)
    count(state, 1, 1)
    result.push(copy(item, state))
  }
  return Object.freeze(result)
}

function copyObject(value: object, state: CopyState): Json {
  const prototype = Object.getPrototypeOf(value)
  if (prototype !== null && Object.getPrototypeOf(prototype) !== null)
    throw new NotJsonError(around(state), `got an instance of ${className(prototype)}; turn it into plain data first`)
  const depth = state.open.length - 1
  const result: Record<string, Json> = {}
  for (const key of Object.keys(value)) {
    if (key === '__proto__') throw new NotJsonError(around(state), 'has a key "__proto__"')
    const member = (value as Record<string, unknown>)[key]
    if (member === undefined) continue
    state.keys[depth] = key
    spend(key, state)
    count(state, 1, 2)
    result[key] = copy(member, state)
  }
  if (Object.getOwnPropertySymbols(value).length > 0) throw new NotJsonError(around(state), 'has a symbol as a key')
  return Object.freeze(result)
}

function spend(text: string, state: CopyState): string {
  state.chars -= text.length
  if (state.chars < 0)
    throw new NotJsonError(here(state), 'the value is too large: it has more characters than the limit', true)
  count(state, text.length + 2, 6 * text.length + 2)
  return text
}

/** `-1.2345678901234567e-100` */
const LONGEST_NUMBER = 24

function count(state: CopyState, least: number, most: number): void {
  state.leastBytes += least
  state.mostBytes += most
  if (state.leastBytes > state.bytes) throw tooManyBytes(here(state), state)
}

function tooManyBytes(path: string, { bytes }: CopyState): NotJsonError {
  return new NotJsonError(path, `the value is too large: its JSON has more than ${bytes} bytes, escapes included`, true)
}

/** The path of the current value. */
function here({ open, keys }: CopyState): string {
  return pathOf(keys, open.length)
}

/** The path of its container. */
function around({ open, keys }: CopyState): string {
  return pathOf(keys, open.length - 1)
}

/** The path of a value by the keys and indexes that lead to it; `depth`: by the first ones only. */
export function pathOf(keys: readonly (string | number)[], depth: number = keys.length): string {
  let path = '$'
  for (const key of keys.slice(0, depth)) path = typeof key === 'number' ? `${path}[${key}]` : memberPath(path, key)
  return path
}

function className(prototype: object): string {
  const name: unknown = (prototype as { constructor?: { name?: unknown } }).constructor?.name
  return typeof name === 'string' && name !== '' ? name : 'a class'
}

/** The path of a member: `$.a` and `b-c` give `$.a["b-c"]`. */
export function memberPath(path: string, key: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(key) ? `${path}.${key}` : `${path}[${JSON.stringify(key)}]`
}
