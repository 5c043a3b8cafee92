import { FAILURE_KINDS, type Failure, type FailureKind, type Usage } from '../core/failure.js'
import { AgentError } from '../errors.js'

/** The message of a failure, at most. A backend that throws a page of HTML fills no journal with it. */
const MAX_MESSAGE = 4_000
const MAX_WORD = 200

/**
 * What a backend threw, as a failure. Never throws itself, whatever was thrown: null, a symbol, a proxy whose traps throw.
 * An `AgentError` says its kind; else an HTTP-like `status`, a Node system error code, or the name of a timeout error decides; else `agent`.
 */
export function failureOf(thrown: unknown): Failure {
  const message = textOf(member(thrown, 'message')) ?? describe(thrown)
  const status = numberOf(member(thrown, 'status')) ?? numberOf(member(thrown, 'statusCode'))
  const code = textOf(member(thrown, 'code'))
  const retryAfterMs = numberOf(member(thrown, 'retryAfterMs'))
  const cause = textOf(member(member(thrown, 'cause'), 'message'))
  const kind = kindSaid(thrown) ?? kindOf(status, code, textOf(member(thrown, 'name')))
  const timeout = kind === 'timeout' ? SCOPES.find(scope => scope === member(thrown, 'timeout')) : undefined
  return {
    kind,
    message: cut(message, MAX_MESSAGE),
    ...(timeout !== undefined && { timeout }),
    ...(retryAfterMs !== undefined && { retryAfterMs }),
    ...(status !== undefined && { status }),
    ...(code !== undefined && { code: cut(code, MAX_WORD) }),
    ...(cause !== undefined && { cause: cut(cause, MAX_MESSAGE) }),
  }
}

const SCOPES = ['attempt', 'idle', 'queue', 'total'] as const

/** The kind that an AgentError names, if there is such a kind. */
function kindSaid(thrown: unknown): FailureKind | undefined {
  try {
    if (!(thrown instanceof AgentError)) return undefined
  } catch {
    return undefined
  }
  return FAILURE_KINDS.find(kind => kind === member(thrown, 'kind')) ?? 'agent'
}

/** The usage that a failed attempt reported with its error. */
export function usageOf(thrown: unknown): unknown {
  return member(thrown, 'usage')
}

/** Only what can be added up: an agent that reports NaN, or what cannot be read, reports nothing. */
export function cleanUsage(usage: unknown): Usage | undefined {
  if (typeof usage !== 'object' || usage === null) return undefined
  const read = (key: keyof Usage): number | undefined => {
    const value = numberOf(member(usage, key))
    return value !== undefined && value >= 0 ? value : undefined
  }
  const inputTokens = read('inputTokens')
  const outputTokens = read('outputTokens')
  const costUsd = read('costUsd')
  return {
    ...(inputTokens !== undefined && { inputTokens }),
    ...(outputTokens !== undefined && { outputTokens }),
    ...(costUsd !== undefined && { costUsd }),
    ...(member(usage, 'estimated') === true && { estimated: true }),
  }
}

const KIND_OF_STATUS: ReadonlyMap<number, FailureKind> = new Map([
  [400, 'refused'],
  [401, 'refused'],
  [402, 'quota'],
  [403, 'refused'],
  [404, 'refused'],
  [408, 'timeout'],
  [413, 'refused'],
  [422, 'refused'],
  [429, 'throttled'],
  [503, 'overloaded'],
  [504, 'overloaded'],
  [529, 'overloaded'],
])

const KIND_OF_CODE: ReadonlyMap<string, FailureKind> = new Map([
  ['ENOENT', 'refused'],
  ['EACCES', 'refused'],
  ['EMFILE', 'overloaded'],
  ['ENFILE', 'overloaded'],
  ['EAGAIN', 'overloaded'],
  ['ECONNRESET', 'crashed'],
  ['EPIPE', 'crashed'],
  ['ECONNREFUSED', 'overloaded'],
  ['ETIMEDOUT', 'timeout'],
  ['UND_ERR_SOCKET', 'crashed'],
  ['UND_ERR_HEADERS_TIMEOUT', 'timeout'],
  ['UND_ERR_BODY_TIMEOUT', 'timeout'],
])

function kindOf(status: number | undefined, code: string | undefined, name: string | undefined): FailureKind {
  if (status !== undefined) return KIND_OF_STATUS.get(status) ?? 'agent'
  if (code !== undefined) return KIND_OF_CODE.get(code) ?? 'agent'
  return name === 'TimeoutError' ? 'timeout' : 'agent'
}

/** A member of anything; undefined when there is none, or a getter or trap throws. */
function member(value: unknown, key: string): unknown {
  try {
    return value === null || value === undefined ? undefined : (value as Record<string, unknown>)[key]
  } catch {
    return undefined
  }
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined
}

function describe(thrown: unknown): string {
  if (typeof thrown === 'string') return thrown
  if (typeof thrown !== 'object' || thrown === null) return `the agent threw ${String(thrown)}`
  return isError(thrown) ? 'the agent threw an error without a message' : 'the agent threw an object that is no Error'
}

function isError(value: object): boolean {
  try {
    return value instanceof Error
  } catch {
    return false
  }
}

function cut(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length)}…`
}
