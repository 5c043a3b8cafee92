import { FAILURE_KINDS, type Failure, type FailureKind, isThrottling } from '../core/failure/failure.js'
import { readUsage } from '../core/failure/usage.js'
import { isInstance, readMember, readPath } from '../core/read-member.js'
import { cutText } from '../core/text.js'
import { AgentError } from '../errors.js'
import { kindOfStatus, kindOfWord } from './error-tables.js'
import { cleanText, type Redact } from './redact.js'
import { bodiesOf, firstOf, headersIn, requestedWaitMs } from './reset-times/requested-wait.js'
import { finiteNumber, nonEmptyString } from './safe-read.js'

/** The longest code or name. */
const MAX_WORD = 200

/**
 * Converts what a backend threw to a failure. Never throws, whatever was thrown: null, a symbol, a proxy whose traps throw.
 *
 * An `AgentError` has its kind and all other facts itself. For any other error, the first one along the chain of its causes (`cause`,
 * `lastError` of a retry wrapper, `errors` of an AggregateError) that has a known kind decides: by the provider's error code, a system error code, the name of its
 * class, or its HTTP status. If none has one, the kind is `crashed` for a lost connection or an aborted call, else `agent`.
 * `retryAfterMs` is what its headers, its body or its text say, not clamped.
 *
 * @param now The wall time, in milliseconds since 1970. Without it, a `retry-after` that is a date needs a `date` header.
 * @param redact Applied to every text of the failure, before it is cut. Default: hides known keys, and keeps 4,000 characters.
 */
export function failureOf(thrown: unknown, now?: number, redact: Redact = cleanText): Failure {
  const chain = causeChain(thrown)
  const { error, kind, word } = classify(chain)
  const status = statusOf(error)
  const cleanWord: Redact = text => cutText(redact(text), MAX_WORD)
  const code = firstOf([readMember(error, 'code'), word, readMember(thrown, 'code')], text => cleaned(text, cleanWord))
  const retryAfterMs = firstOf(chain.slice(chain.indexOf(error)), each => requestedWaitMs(each, kind, now))
  const timeout = kind === 'timeout' ? SCOPES.find(scope => scope === readMember(error, 'timeout')) : undefined
  const cause = cleaned(causeText(chain[1]), redact)
  // A class or function that is thrown has a name, but is no error of that name.
  const name = typeof thrown === 'function' ? undefined : cleaned(readMember(thrown, 'name'), cleanWord)
  const output =
    kind === 'invalid-output' && isAgentError(error) ? cleaned(readMember(error, 'output'), redact) : undefined
  const stack = isThrottling({ kind }) ? undefined : cleaned(readMember(thrown, 'stack'), redact)
  return {
    kind,
    message: redact(nonEmptyString(readMember(thrown, 'message')) ?? describe(thrown)) || NO_MESSAGE,
    ...(timeout !== undefined && { timeout }),
    ...(retryAfterMs !== undefined && { retryAfterMs }),
    ...(status !== undefined && { status }),
    ...(code !== undefined && { code }),
    ...(cause !== undefined && { cause }),
    ...(name !== undefined && { name }),
    ...(stack !== undefined && { stack }),
    ...(output !== undefined && { output }),
  }
}

/** Undefined when nothing is left. */
function cleaned(text: unknown, clean: Redact): string | undefined {
  return nonEmptyString(clean(nonEmptyString(text) ?? ''))
}

/** What a failed attempt reported as its usage, with its error or with one of its causes: the first that can be read, else the first. */
export function usageOf(thrown: unknown): object | undefined {
  // A foreign error may have a text of that name: how to use a program.
  const usages = causeChain(thrown).flatMap(error => {
    const usage = readMember(error, 'usage')
    return typeof usage === 'object' && usage !== null ? [usage] : []
  })
  return usages.find(usage => readUsage(usage) !== undefined) ?? usages[0]
}

/** The first `AgentError` among what was thrown and its causes. */
export function agentErrorIn(thrown: unknown): object | undefined {
  return causeChain(thrown).find(isAgentError)
}

const SCOPES = ['attempt', 'idle', 'queue', 'total'] as const

/** Causes may form a circle, and an AggregateError may have thousands. */
const MAX_CAUSES = 32

/** The error and its causes, outermost first; each one before those of its successors in a list. */
function causeChain(thrown: unknown): readonly unknown[] {
  const chain: unknown[] = []
  const rest = [thrown]
  while (rest.length > 0 && chain.length < MAX_CAUSES) {
    const error = rest.shift()
    chain.push(error)
    rest.unshift(...causesOf(error))
  }
  return chain
}

function causesOf(error: unknown): readonly unknown[] {
  const lastError = readMember(error, 'lastError') ?? undefined
  // A retry wrapper has all of its errors, of which the last one counts.
  if (lastError !== undefined) return [lastError]
  const cause = readMember(error, 'cause') ?? undefined
  return cause === undefined ? errorsIn(error) : [cause, ...errorsIn(error)]
}

/** The errors of an AggregateError, such as that of `Promise.any`. */
function errorsIn(error: unknown): readonly unknown[] {
  const errors = readMember(error, 'errors')
  const list: unknown[] = []
  if (typeof errors !== 'object') return list
  while (list.length < MAX_CAUSES) {
    const each = readMember(errors, String(list.length))
    if (each === undefined) break
    list.push(each)
  }
  return list
}

function causeText(cause: unknown): string | undefined {
  return firstOf([readMember(cause, 'message'), cause, readMember(cause, 'code')], nonEmptyString)
}

interface Classification {
  /** The error of the chain that decided: its status and headers count. */
  readonly error: unknown
  readonly kind: FailureKind
  /** The word that decided, if it was one. */
  readonly word?: string | undefined
}

function classify(chain: readonly unknown[]): Classification {
  const found = firstOf(chain, error => classifyAgentError(error) ?? classifyForeignError(error))
  // An abort that is not ours: the result of an attempt that we aborted is not used. As with a lost connection, the call was cut off
  // from outside, and the agent did not say that it failed.
  return found ?? { error: chain[0], kind: chain.some(isCutOff) ? 'crashed' : 'agent' }
}

function classifyAgentError(error: unknown): Classification | undefined {
  if (!isAgentError(error)) return undefined
  return { error, kind: FAILURE_KINDS.find(kind => kind === readMember(error, 'kind')) ?? 'agent' }
}

/** Recognises an AgentError of another copy of this library, too. */
function isAgentError(error: unknown): error is object {
  if (typeof error !== 'object' || error === null) return false
  return readMember(error, 'name') === 'AgentError' || isInstance(AgentError, error)
}

function classifyForeignError(error: unknown): Classification | undefined {
  const status = statusOf(error)
  const kindByStatus = kindOfStatus(status ?? 0)
  const known = wordsOf(error).filter(each => kindOfWord(each) !== undefined)
  const word = known.find(each => kindOfWord(each) !== 'refused') ?? known[0]
  const kindByWord = kindOfWord(word ?? '')
  // `invalid_request_error` is used for nearly everything, including an empty account (402): the status is more precise.
  const kind = kindByWord === 'refused' ? (kindByStatus ?? kindByWord) : (kindByWord ?? kindByStatus)
  if (kind === undefined)
    return nonEmptyString(readMember(error, 'signal'))?.startsWith('SIG') ? { error, kind: 'crashed' } : undefined
  if (status === 429 && kind === 'throttled' && isFinal(error)) return { error, kind: 'quota', word }
  // The model reached its maximum length: an output that does not match the schema is incomplete.
  if (kind === 'invalid-output' && readMember(error, 'finishReason') === 'length')
    return { error, kind: 'incomplete-output' }
  return { error, kind, word }
}

/** Words that may name a kind, from specific to general: codes, types, names of classes. */
function wordsOf(error: unknown): readonly string[] {
  const bodies = [error, ...bodiesOf(error)]
  const words = ['code', 'type', 'status'].flatMap(key => bodies.map(body => readMember(body, key)))
  return [...words, readMember(error, 'name'), readPath(error, 'constructor', 'name')].filter(
    word => typeof word === 'string',
  )
}

/** True when the provider says that a retry is useless. */
function isFinal(error: unknown): boolean {
  return readMember(error, 'isRetryable') === false || headersIn(error).get('x-should-retry') === 'false'
}

const CUT_OFF: readonly unknown[] = ['AbortError', 'APIUserAbortError', 'APIConnectionError']
/** Messages of fetch in Node, Chromium, Firefox and WebKit. Browsers give no other information. */
const NO_CONNECTION = /^(fetch failed|terminated|failed to fetch|networkerror when|load failed)/i

/** True for errors that say only that the call was cut off. */
function isCutOff(error: unknown): boolean {
  const name = readMember(error, 'name')
  if (CUT_OFF.includes(name) || CUT_OFF.includes(readPath(error, 'constructor', 'name'))) return true
  if (name === 'AI_APICallError') return statusOf(error) === undefined && readMember(error, 'isRetryable') === true
  return name === 'TypeError' && NO_CONNECTION.test(nonEmptyString(readMember(error, 'message')) ?? '')
}

function statusOf(error: unknown): number | undefined {
  return (
    finiteNumber(readMember(error, 'status')) ??
    finiteNumber(readMember(error, 'statusCode')) ??
    finiteNumber(readPath(error, 'response', 'status')) ??
    finiteNumber(readPath(error, '$metadata', 'httpStatusCode'))
  )
}

const NO_MESSAGE = 'the agent threw an error without a message'

function describe(thrown: unknown): string {
  if (typeof thrown === 'string') return thrown || 'the agent threw an empty string'
  // Not String(): the toString of a function may throw.
  if (typeof thrown === 'function') return 'the agent threw a function'
  if (typeof thrown !== 'object' || thrown === null) return `the agent threw ${String(thrown)}`
  return isInstance(Error, thrown) ? NO_MESSAGE : 'the agent threw an object that is not an Error'
}
