import { amountOf } from '../../core/amount.js'
import { type FailureKind, isThrottling } from '../../core/failure/failure.js'
import { readMember, readPath } from '../../core/read-member.js'
import { resetAfterOf, retryAfterOf, retryInfoOf } from '../retry-after.js'
import { finiteNumber, nonEmptyString, readHeaders, readJson } from '../safe-read.js'
import { bodyResetOf } from './reset-body.js'
import { textResetOf } from './reset-text.js'

/** The only reader of the time for which a provider or an agent asks: of errors, of HTTP answers, and of what programs write. */

/**
 * The wait that an error requests, in milliseconds, not clamped: its own `retryAfterMs`, else that of its headers. When the provider did not
 * accept the attempt, also that of its body, of the rate limit headers, or of its text.
 *
 * @param now The wall time, in milliseconds since 1970. Without it, dates are not read, except in headers with a `date`.
 */
export function requestedWaitMs(error: unknown, kind: FailureKind, now: number | undefined): number | undefined {
  const own = finiteNumber(readMember(error, 'retryAfterMs'))
  if (own !== undefined) return amountOf(own)
  const headers = headersIn(error)
  const retryAfterMs = retryAfterOf(headers, now)
  if (retryAfterMs !== undefined || !isThrottling({ kind })) return retryAfterMs
  const bodies = bodiesOf(error)
  return (
    firstOf(bodies, retryInfoOf) ??
    bodyResetOf(error, now, 0) ??
    firstOf(bodies, body => bodyResetOf(body, now)) ??
    // An overloaded provider sends the state of its limits, too: they are not the reason.
    (kind === 'overloaded' ? undefined : resetAfterOf(headers, now)) ??
    firstOf([error, ...bodies], body => waitInText(readMember(body, 'message') ?? body, now))
  )
}

/**
 * Reads for how long a provider asks to wait, in milliseconds; undefined when it does not say. For backends that read an error as data
 * or as text, such as the output of a program; an error that a backend throws is read in the same way by itself.
 *
 * Understood are members such as `retryAfterMs`, `resets_in_seconds`, `resetsAt` or `retryDelay` on any level, `headers`, and texts such as
 * "try again in 20s", "reset after 1h30m" or "resets 10:20pm (Europe/Berlin)".
 *
 * @param source A text, or an object: an error, a parsed body.
 * @param now The wall time, in milliseconds since 1970. Without it, dates and times of day are not read.
 */
export function readRetryAfter(source: unknown, now?: number): number | undefined {
  return typeof source === 'string'
    ? waitInText(source, now)
    : (requestedWaitMs(source, 'quota', now) ?? bodyResetOf(source, now))
}

/** Where the SDKs of OpenAI and Anthropic, the AI SDK, and axios keep the error body of the provider. */
export function bodiesOf(error: unknown): readonly unknown[] {
  const body = readMember(error, 'error')
  const data = readMember(error, 'data') ?? readPath(error, 'response', 'data')
  // The AI SDK keeps the whole body only as text, and Google's SDK makes it the message.
  const text = jsonIn(readMember(error, 'responseBody')) ?? jsonIn(readMember(error, 'message'))
  return [body, readMember(body, 'error'), data, readMember(data, 'error'), text, readMember(text, 'error')]
}

export function headersIn(error: unknown): ReadonlyMap<string, string> {
  return readHeaders(
    readMember(error, 'headers') ?? readMember(error, 'responseHeaders') ?? readPath(error, 'response', 'headers'),
  )
}

/** The first result that is not undefined. */
export function firstOf<T, R>(items: readonly T[], find: (item: T) => R | undefined): R | undefined {
  for (const item of items) {
    const found = find(item)
    if (found !== undefined) return found
  }
  return undefined
}

/** Some clients put the body of the answer behind words of their own. */
function waitInText(text: unknown, now: number | undefined): number | undefined {
  const read = nonEmptyString(text)
  if (read === undefined) return undefined
  const body = read.length > MAX_BODY ? undefined : readJson(read.slice(read.indexOf('{'), read.lastIndexOf('}') + 1))
  return bodyResetOf(body, now) ?? textResetOf(read, now) ?? bodyResetOf(pairsIn(read), now)
}

/** Names with numbers, as other languages print them: `{'resets_in_seconds': 20}`, `retry_delay { seconds: 45 }`, `retry-after-ms=500`. */
const PAIR =
  /\b([a-z][\w-]{3,40})["']?\s{0,2}(?:[:=]|\{\s{0,10}seconds:)\s{0,2}["']?(\d{1,13}(?:\.\d{1,9})?)(?![\w.:])/gi

function pairsIn(text: string): Readonly<Record<string, number>> {
  const pairs = [...text.slice(0, MAX_BODY).matchAll(PAIR)].map(([, name, value]) => [name, Number(value)] as const)
  // Of two of a name, the first counts.
  return Object.fromEntries(pairs.toReversed())
}

const MAX_BODY = 100_000

function jsonIn(text: unknown): unknown {
  return typeof text === 'string' && text.startsWith('{') && text.length <= MAX_BODY ? readJson(text) : undefined
}
