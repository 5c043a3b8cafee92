import { readPath } from '../core/read-member.js'
import { nonEmptyString } from './safe-read.js'

/**
 * The wait that a response requests, in milliseconds: `retry-after-ms` (OpenAI, Azure; `x-ms-retry-after-ms`), else `retry-after` in seconds or
 * as a date (RFC 9110, 10.2.3), or, as some send it, as `20s`. Never negative, at most 2^53 - 1. Undefined when there is none, or it is invalid, negative, or a past date.
 *
 * @param headers By names in lower case.
 * @param now The wall time, in milliseconds since 1970. A date is compared with the `date` header of the response if there is one, so
 * that a wrong clock of ours does not matter; with neither of both the result is undefined.
 */
export function retryAfterOf(headers: ReadonlyMap<string, string>, now?: number): number | undefined {
  const ms = plainNumber(headers.get('retry-after-ms') ?? headers.get('x-ms-retry-after-ms'))
  if (ms !== undefined) return waitMs(ms)
  const retryAfter = headers.get('retry-after')
  const seconds = plainNumber(retryAfter)
  if (seconds !== undefined) return waitMs(seconds * 1_000)
  return durationOf(retryAfter ?? '') ?? msUntil(dateOf(retryAfter), headers, now)
}

/**
 * The time until the limits of a refused request reset, in milliseconds, from the rate limit headers of the provider:
 * `x-ratelimit-reset-tokens`, `anthropic-ratelimit-requests-reset`, `x-codex-primary-reset-after-seconds`, `ratelimit-reset`, `ratelimit` (IETF)
 * and the like. Of several limits, the {@link decisive} one counts.
 */
export function resetAfterOf(headers: ReadonlyMap<string, string>, now?: number): number | undefined {
  const found: FoundReset[] = []
  for (const [name, value] of headers) {
    const combined = name === 'ratelimit' ? combinedLimitsIn(value) : []
    found.push(...combined)
    if (!/rate-?limit|^x-codex-|quota/.test(name) || !/(^|-)resets?(-|$)/.test(name)) continue
    const wait = /-ms$/.test(name) ? waitMs(plainNumber(value) ?? Number.NaN) : resetOf(value, now, headers)
    if (wait !== undefined) found.push({ waitMs: wait, isUsedUp: isHeaderUsedUp(name, headers) })
  }
  return decisive(found)
}

/** The reset of one limit. */
export interface FoundReset {
  readonly waitMs: number
  /** The provider says that nothing is left of it. */
  readonly isUsedUp: boolean
}

/**
 * The wait for several limits: until the last of those that are used up, as a request needs all of them. If none is, until the first of
 * all: too short a wait costs one more refusal, too long a wait stops a whole pool.
 */
export function decisive(found: readonly FoundReset[]): number | undefined {
  const usedUp = found.filter(({ isUsedUp }) => isUsedUp)
  const [first = undefined, ...others] = (usedUp.length > 0 ? usedUp : found).map(({ waitMs: ms }) => ms)
  if (first === undefined) return undefined
  return usedUp.length > 0 ? Math.max(first, ...others) : Math.min(first, ...others)
}

/** What providers say of a limit that is used up (`status`). */
export const USED_UP: readonly string[] = ['rejected', 'exceeded', 'exhausted', 'blocked']

/** By the other header of the same limit: `remaining`, or the used share, or the status. */
function isHeaderUsedUp(name: string, headers: ReadonlyMap<string, string>): boolean {
  const other = (part: string): string | undefined =>
    headers.get(name.replace(/resets?(-after)?(-seconds|-at|-ms)?/, part))
  if (plainNumber(other('remaining')) === 0) return true
  if ((plainNumber(other('used-percent')) ?? 0) >= 100 || (plainNumber(other('utilization')) ?? 0) >= 1) return true
  return USED_UP.includes(other('status') ?? '')
}

/** The header `ratelimit` of the drafts of the IETF: `limit=100, remaining=0, reset=30`, or `"default";r=0;t=30, "daily";r=9;t=600`. */
function combinedLimitsIn(text: string): readonly FoundReset[] {
  if (text.length > 10 * MAX_LENGTH) return []
  const limits = /(^|[\s,;])reset=/.test(text) ? [text] : text.split(',')
  return limits.flatMap(limit => {
    const [, seconds] = /(?:^|[\s,;])(?:reset|t)=(\d{1,9})/.exec(limit) ?? []
    const isUsedUp = /(?:^|[\s,;])(?:remaining|r)=0(?!\d)/.test(limit)
    return seconds === undefined ? [] : [{ waitMs: Number(seconds) * 1_000, isUsedUp }]
  })
}

/**
 * The wait in the error body of Google's APIs, in milliseconds: the `retryDelay` of a `google.rpc.RetryInfo` among the `details` of the
 * error, a protobuf duration (`45.837906927s`).
 */
export function retryInfoOf(body: unknown): number | undefined {
  for (let i = 0; i < MAX_DETAILS; i++) {
    const delay = nonEmptyString(readPath(body, 'details', i, 'retryDelay'))
    if (delay !== undefined) return durationOf(delay)
  }
  return undefined
}

/** More than any error has. */
const MAX_DETAILS = 20

const NO_HEADERS: ReadonlyMap<string, string> = new Map()

/** A duration (`17ms`, `6m0s`), a date, or a number. Numbers from 1e9 on are dates: as seconds they would be 30 years. */
export function resetOf(
  text: string,
  now?: number,
  headers: ReadonlyMap<string, string> = NO_HEADERS,
): number | undefined {
  const number = plainNumber(text)
  if (number === undefined) return durationOf(text) ?? msUntil(dateOf(text), headers, now)
  if (number >= 1e12) return msUntil(number, headers, now)
  return number >= 1e9 ? msUntil(number * 1_000, headers, now) : waitMs(number * 1_000)
}

/** The units of durations in headers, bodies and texts. */
export const UNIT_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
}
/** Longer header values are ignored. */
const MAX_LENGTH = 100

function durationOf(text: string): number | undefined {
  if (text.length > MAX_LENGTH || !/^(?:\d+(?:\.\d+)?(?:ms|[smhd]))+$/.test(text)) return undefined
  let total = 0
  for (const [, number, unit] of text.matchAll(/([\d.]+)(ms|[smhd])/g))
    total += Number(number) * UNIT_MS[unit as string]!
  return waitMs(total)
}

/** Digits (RFC 9110), or digits with a fraction, as some providers send. `Number` would also accept ' ', '0x10' and '1e9'. */
export function plainNumber(text: string | undefined): number | undefined {
  return text !== undefined && text.length <= MAX_LENGTH && /^\d+(?:\.\d+)?$/.test(text) ? Number(text) : undefined
}

const HTTP_DATE = /^(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?,? .*\d/i
const RFC_3339 = /^\d{4}-\d\d-\d\d[t ]\d\d:\d\d:\d\d(?:\.\d+)?(?:z|[+-]\d\d:\d\d)$/i

/** A date in one of the three forms of HTTP, or of RFC 3339. `Date.parse` alone would also accept `-1` and `abc 5`. */
export function dateOf(text: string | undefined): number | undefined {
  if (text === undefined || text.length > MAX_LENGTH) return undefined
  // The asctime form has no time zone; `Date.parse` would assume the local one.
  const zoned = HTTP_DATE.test(text) && !/gmt$/i.test(text) ? `${text} GMT` : text
  const date = HTTP_DATE.test(text) || RFC_3339.test(text) ? Date.parse(zoned) : Number.NaN
  return Number.isNaN(date) ? undefined : date
}

function msUntil(
  date: number | undefined,
  headers: ReadonlyMap<string, string>,
  now: number | undefined,
): number | undefined {
  const since = dateOf(headers.get('date')) ?? now
  return date === undefined || since === undefined ? undefined : waitMs(date - since)
}

/** Rounded up to whole milliseconds; undefined for a time in the past. */
export function waitMs(ms: number): number | undefined {
  return ms >= 0 ? Math.min(Math.ceil(ms), Number.MAX_SAFE_INTEGER) : undefined
}
