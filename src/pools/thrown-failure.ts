import type { Failure, FailureKind, Usage } from '../core/failure.js'
import { AgentError, agentErrorFailure } from '../errors.js'

/** Message of a failure, at most. A backend that throws a page of HTML fills no journal with it. */
const MAX_MESSAGE = 4_000

/**
 * What a backend threw, as a failure. Never throws itself, whatever was thrown: null, a symbol, a proxy whose traps throw.
 * An `AgentError` says its kind; else an HTTP-like `status`, a Node system error code, or the name of an abort or timeout error decides; else `agent`.
 */
export function failureOf(thrown: unknown): Failure {
  try {
    if (thrown instanceof AgentError) return cut(agentErrorFailure(thrown))
  } catch {
    return { kind: 'agent', message: 'the agent threw a value that cannot be inspected' }
  }
  const message = textOf(member(thrown, 'message')) ?? describe(thrown)
  const status = numberOf(member(thrown, 'status')) ?? numberOf(member(thrown, 'statusCode'))
  const code = textOf(member(thrown, 'code'))
  const retryAfterMs = numberOf(member(thrown, 'retryAfterMs'))
  const cause = textOf(member(member(thrown, 'cause'), 'message'))
  return cut({
    kind: kindOf(status, code, textOf(member(thrown, 'name'))),
    message,
    ...(status !== undefined && { status }),
    ...(code !== undefined && { code }),
    ...(retryAfterMs !== undefined && { retryAfterMs }),
    ...(cause !== undefined && { cause }),
  })
}

/** The usage that a failed attempt reported with its error. */
export function usageOf(thrown: unknown): Usage | undefined {
  try {
    return thrown instanceof AgentError ? thrown.usage : undefined
  } catch {
    return undefined
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
  try {
    return `the agent threw ${typeof thrown === 'object' ? (thrown === null ? 'null' : 'an object that is no Error') : String(thrown)}`
  } catch {
    return 'the agent threw a value that cannot be described'
  }
}

function cut(failure: Failure): Failure {
  return failure.message.length <= MAX_MESSAGE
    ? failure
    : { ...failure, message: `${failure.message.slice(0, MAX_MESSAGE)}…` }
}
