import { FAILURE_KINDS, type Failure, type FailureKind } from '../core/failure/failure.js'
import { AgentError } from '../errors.js'
import { kindOfStatus, kindOfWord } from './error-tables.js'
import { resetAfterOf, retryAfterOf, retryInfoOf } from './retry-after.js'
import { finiteNumber, nonEmptyString, readHeaders, readMember, readPath } from './safe-read.js'

/** The message of a failure, at most. A backend that throws a page of HTML fills no journal with it. */
const MAX_MESSAGE = 4_000
const MAX_WORD = 200

/**
 * What a backend threw, as a failure. Never throws itself, whatever was thrown: null, a symbol, a proxy whose traps throw.
 *
 * An `AgentError` says its kind, and all else, itself. Of any other error, and of what lies behind it (`cause`, the
 * `lastError` of who has tried several times), the first that tells a kind counts: by the provider's word for it, a
 * system error code or the name of its class, or by its HTTP status. When none does, it is `crashed` if a connection was
 * lost or the call was aborted, else `agent`. `retryAfterMs` is what its headers say, not clamped.
 *
 * @param now The wall time, in milliseconds since 1970: without it a `retry-after` that is a date needs a `date` header.
 */
export function failureOf(thrown: unknown, now?: number): Failure {
  const links = linksOf(thrown)
  const { link, kind, word } = decided(links)
  const status = statusOf(link)
  const code = nonEmptyString(readMember(link, 'code')) ?? word ?? nonEmptyString(readMember(thrown, 'code'))
  const retryAfterMs = firstOf(links.slice(links.indexOf(link)), each => waitAsked(each, kind, now))
  const timeout = kind === 'timeout' ? SCOPES.find(scope => scope === readMember(link, 'timeout')) : undefined
  const behind = links[1]
  const cause =
    nonEmptyString(readMember(behind, 'message')) ??
    nonEmptyString(behind) ??
    nonEmptyString(readMember(behind, 'code'))
  return {
    kind,
    message: cut(nonEmptyString(readMember(thrown, 'message')) ?? describe(thrown), MAX_MESSAGE),
    ...(timeout !== undefined && { timeout }),
    ...(retryAfterMs !== undefined && { retryAfterMs }),
    ...(status !== undefined && { status }),
    ...(code !== undefined && { code: cut(code, MAX_WORD) }),
    ...(cause !== undefined && { cause: cut(cause, MAX_MESSAGE) }),
  }
}

const SCOPES = ['attempt', 'idle', 'queue', 'total'] as const

/** Causes may go round. */
const DEEPEST = 8

/** What was thrown, and what lies behind it, one behind the other. */
function linksOf(thrown: unknown): readonly unknown[] {
  const links = [thrown]
  for (let link = behind(thrown); link !== undefined && links.length < DEEPEST; link = behind(link)) links.push(link)
  return links
}

function behind(link: unknown): unknown {
  return readMember(link, 'lastError') ?? readMember(link, 'cause') ?? undefined
}

interface Decided {
  /** Where it is said: its status and headers count. */
  readonly link: unknown
  readonly kind: FailureKind
  /** The word that said it, if one did. */
  readonly word?: string | undefined
}

function decided(links: readonly unknown[]): Decided {
  for (const link of links) {
    const found = kindSaid(link) ?? kindTold(link)
    if (found !== undefined) return found
  }
  // An abort that is none of ours (of ours nothing is asked any more): somebody ended the call from outside, as when a
  // connection is lost. The agent has not said that it failed.
  return { link: links[0], kind: links.some(isCutOff) ? 'crashed' : 'agent' }
}

/** The kind that an AgentError names, if there is such a kind. One of another copy of this library is an AgentError, too. */
function kindSaid(link: unknown): Decided | undefined {
  if (readMember(link, 'name') !== 'AgentError' && !isA(AgentError, link)) return undefined
  return { link, kind: FAILURE_KINDS.find(kind => kind === readMember(link, 'kind')) ?? 'agent' }
}

function kindTold(link: unknown): Decided | undefined {
  const status = statusOf(link)
  const ofStatus = kindOfStatus(status ?? 0)
  const known = wordsOf(link).filter(each => kindOfWord(each) !== undefined)
  const word = known.find(each => kindOfWord(each) !== 'refused') ?? known[0]
  const ofWord = kindOfWord(word ?? '')
  // `invalid_request_error` is said of nearly everything, an empty account (402) included: there the status knows more.
  const kind = ofWord === 'refused' ? (ofStatus ?? ofWord) : (ofWord ?? ofStatus)
  if (kind === undefined)
    return nonEmptyString(readMember(link, 'signal'))?.startsWith('SIG') ? { link, kind: 'crashed' } : undefined
  if (status === 429 && kind === 'throttled' && isFinal(link)) return { link, kind: 'quota', word }
  // The model stopped at its longest answer: what does not match the schema is half of one.
  if (kind === 'invalid-output' && readMember(link, 'finishReason') === 'length')
    return { link, kind: 'incomplete-output' }
  return { link, kind, word }
}

/** What may name a kind: codes before types before the names of classes, from the particular to the general. */
function wordsOf(link: unknown): readonly string[] {
  const bodies = [link, ...bodiesOf(link)]
  const said = ['code', 'type', 'status'].flatMap(key => bodies.map(body => readMember(body, key)))
  const words = [...said, readMember(link, 'name'), readPath(link, 'constructor', 'name')]
  return words.filter(word => typeof word === 'string')
}

/** Where the error is kept that the provider has sent: by the SDKs of OpenAI and Anthropic, the AI SDK, and axios. */
function bodiesOf(link: unknown): readonly unknown[] {
  const error = readMember(link, 'error')
  const data = readMember(link, 'data') ?? readPath(link, 'response', 'data')
  const text = parsed(readMember(link, 'responseBody')) ?? parsed(readMember(link, 'message'))
  return [error, readMember(error, 'error'), data, readMember(data, 'error'), text, readMember(text, 'error')]
}

const LONGEST_BODY = 100_000

/** The AI SDK keeps the whole body only as text, and Google's SDK makes it the message. */
function parsed(text: unknown): unknown {
  if (typeof text !== 'string' || !text.startsWith('{') || text.length > LONGEST_BODY) return undefined
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** The provider says that to ask again is no use. */
function isFinal(link: unknown): boolean {
  return readMember(link, 'isRetryable') === false || headersIn(link).get('x-should-retry') === 'false'
}

const CUT_OFF: readonly unknown[] = ['AbortError', 'APIUserAbortError', 'APIConnectionError']
/** What fetch says in Node, Chromium, Firefox and WebKit; browsers say no more than that. */
const NO_CONNECTION = /^(fetch failed|terminated|failed to fetch|networkerror when|load failed)/i

/** Errors that say no more than that the call was cut off. */
function isCutOff(link: unknown): boolean {
  const name = readMember(link, 'name')
  if (CUT_OFF.includes(name) || CUT_OFF.includes(readPath(link, 'constructor', 'name'))) return true
  if (name === 'AI_APICallError') return statusOf(link) === undefined && readMember(link, 'isRetryable') === true
  return name === 'TypeError' && NO_CONNECTION.test(nonEmptyString(readMember(link, 'message')) ?? '')
}

function statusOf(link: unknown): number | undefined {
  return (
    finiteNumber(readMember(link, 'status')) ??
    finiteNumber(readMember(link, 'statusCode')) ??
    finiteNumber(readPath(link, 'response', 'status')) ??
    finiteNumber(readPath(link, '$metadata', 'httpStatusCode'))
  )
}

function headersIn(link: unknown): ReadonlyMap<string, string> {
  return readHeaders(
    readMember(link, 'headers') ?? readMember(link, 'responseHeaders') ?? readPath(link, 'response', 'headers'),
  )
}

function waitAsked(link: unknown, kind: FailureKind, now: number | undefined): number | undefined {
  const said = finiteNumber(readMember(link, 'retryAfterMs'))
  if (said !== undefined) return said >= 0 ? Math.min(said, Number.MAX_SAFE_INTEGER) : undefined
  const headers = headersIn(link)
  const asked = retryAfterOf(headers, now)
  if (asked !== undefined || (kind !== 'throttled' && kind !== 'quota')) return asked
  return firstOf(bodiesOf(link), retryInfoOf) ?? resetAfterOf(headers, now)
}

function firstOf<T, R>(items: readonly T[], find: (item: T) => R | undefined): R | undefined {
  for (const item of items) {
    const found = find(item)
    if (found !== undefined) return found
  }
  return undefined
}

/** The usage that a failed attempt reported with its error, or with one behind it. */
export function usageOf(thrown: unknown): unknown {
  return firstOf(linksOf(thrown), link => readMember(link, 'usage') ?? undefined)
}

function describe(thrown: unknown): string {
  if (typeof thrown === 'string') return thrown || 'the agent threw an empty string'
  // Never String() of a function: its toString may throw.
  if (typeof thrown === 'function') return 'the agent threw a function'
  if (typeof thrown !== 'object' || thrown === null) return `the agent threw ${String(thrown)}`
  return isA(Error, thrown)
    ? 'the agent threw an error without a message'
    : 'the agent threw an object that is no Error'
}

/** `instanceof` throws for a proxy whose traps do. */
function isA(type: typeof Error | typeof AgentError, value: unknown): boolean {
  try {
    return value instanceof type
  } catch {
    return false
  }
}

function cut(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length)}…`
}
