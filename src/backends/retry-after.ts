import { nonEmptyString, readMember } from './safe-read.js'

/**
 * What a reply asks a client to wait, in milliseconds: `retry-after-ms` (OpenAI, Azure), else `retry-after` in seconds or
 * as a date (RFC 9110, 10.2.3). Never negative, at most 2^53 - 1. Undefined when there is none that can be trusted: an
 * unparsable one, a negative one, a date that has passed.
 *
 * @param headers By names in lower case.
 * @param now The wall time, in milliseconds since 1970. A date is held against the reply's own `date` header first,
 * which no wrong clock of ours can spoil; with neither it cannot be understood.
 */
export function retryAfterOf(headers: ReadonlyMap<string, string>, now?: number): number | undefined {
  const millis = plainNumber(headers.get('retry-after-ms'))
  if (millis !== undefined) return waitOf(millis)
  const asked = headers.get('retry-after')
  const seconds = plainNumber(asked)
  return seconds === undefined ? until(dateOf(asked), headers, now) : waitOf(seconds * 1_000)
}

/**
 * When the limits of a refused request open again, in milliseconds from now, by the headers in which a provider tells how
 * its limits stand: `x-ratelimit-reset-tokens`, `anthropic-ratelimit-requests-reset`, `ratelimit-reset` and their like.
 *
 * Of the limits with nothing remaining the last to open counts: it takes all of them. When none says that it is used up,
 * the first to open counts: to wait too short costs one more refusal, to wait too long holds up a whole pool.
 */
export function resetAfterOf(headers: ReadonlyMap<string, string>, now?: number): number | undefined {
  const usedUp: number[] = []
  const others: number[] = []
  for (const [name, value] of headers) {
    if (!/rate-?limit/.test(name) || !/(^|-)reset(-|$)/.test(name)) continue
    const wait = resetOf(value, headers, now)
    if (wait === undefined) continue
    const isUsedUp = plainNumber(headers.get(name.replace('reset', 'remaining'))) === 0
    ;(isUsedUp ? usedUp : others).push(wait)
  }
  if (usedUp.length > 0) return usedUp.reduce((a, b) => Math.max(a, b))
  return others.length === 0 ? undefined : others.reduce((a, b) => Math.min(a, b))
}

/**
 * The wait that Google puts into the body of a refusal instead of a header: the `retryDelay` of a `google.rpc.RetryInfo`
 * among the `details` of the error, a protobuf duration (`45.837906927s`).
 */
export function retryInfoOf(body: unknown): number | undefined {
  const details = readMember(body, 'details')
  if (!isList(details)) return undefined
  for (let i = 0; i < 20; i++) {
    const delay = nonEmptyString(readMember(readMember(details, i), 'retryDelay'))
    if (delay !== undefined) return durationOf(delay)
  }
  return undefined
}

/** `Array.isArray` throws for a revoked proxy. */
function isList(value: unknown): boolean {
  try {
    return Array.isArray(value)
  } catch {
    return false
  }
}

/** A span (`17ms`, `6m0s`), a date, or a number that is one or the other: no span in seconds is as long as 30 years. */
function resetOf(text: string, headers: ReadonlyMap<string, string>, now: number | undefined): number | undefined {
  const number = plainNumber(text)
  if (number === undefined) return durationOf(text) ?? until(dateOf(text), headers, now)
  if (number >= 1e12) return until(number, headers, now)
  return number >= 1e9 ? until(number * 1_000, headers, now) : waitOf(number * 1_000)
}

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }
/** Nothing longer is a header that we understand. */
const LONGEST_TEXT = 100

function durationOf(text: string): number | undefined {
  if (text.length > LONGEST_TEXT || !/^(?:\d+(?:\.\d+)?(?:ms|[smhd]))+$/.test(text)) return undefined
  let total = 0
  for (const [, number, unit] of text.matchAll(/([\d.]+)(ms|[smhd])/g))
    total += Number(number) * UNIT_MS[unit as string]!
  return waitOf(total)
}

/** Digits, perhaps with a fraction, as RFC 9110 has them and some go beyond it: `Number` would take ' ', '0x10' and '1e9', too. */
function plainNumber(text: string | undefined): number | undefined {
  return text !== undefined && text.length <= LONGEST_TEXT && /^\d+(?:\.\d+)?$/.test(text) ? Number(text) : undefined
}

const HTTP_DATE = /^(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?,? .*\d/i
const RFC_3339 = /^\d{4}-\d\d-\d\d[t ]\d\d:\d\d:\d\d(?:\.\d+)?(?:z|[+-]\d\d:\d\d)$/i

/** A date of HTTP in its three forms, or of RFC 3339. `Date.parse` alone would make a date of `-1` and of `abc 5`. */
function dateOf(text: string | undefined): number | undefined {
  if (text === undefined || text.length > LONGEST_TEXT) return undefined
  // The form of asctime names no zone, and `Date.parse` would take it for our own.
  const zoned = HTTP_DATE.test(text) && !/gmt$/i.test(text) ? `${text} GMT` : text
  const date = HTTP_DATE.test(text) || RFC_3339.test(text) ? Date.parse(zoned) : Number.NaN
  return Number.isNaN(date) ? undefined : date
}

function until(
  date: number | undefined,
  headers: ReadonlyMap<string, string>,
  now: number | undefined,
): number | undefined {
  const since = dateOf(headers.get('date')) ?? now
  return date === undefined || since === undefined ? undefined : waitOf(date - since)
}

/** What has passed is no promise: undefined. A part of a millisecond is waited for whole. */
function waitOf(ms: number): number | undefined {
  return ms >= 0 ? Math.min(Math.ceil(ms), Number.MAX_SAFE_INTEGER) : undefined
}
