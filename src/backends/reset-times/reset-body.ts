import { once } from '../../core/once.js'
import { keysOf, readMember } from '../../core/read-member.js'
import { decisive, type FoundReset, plainNumber, resetOf, UNIT_MS, USED_UP, waitMs } from '../retry-after.js'
import { finiteNumber, nonEmptyString } from '../safe-read.js'
import { textResetOf } from './reset-text.js'

/**
 * The wait that the body of an answer names, in milliseconds: in members such as `resets_in_seconds`, `retry_after`, `resetsAt` or
 * `quotaResetDelay`, on any level. Undefined when there is none, or it is in the past.
 *
 * Of the limits that are used up (`used_percent: 100`, `remaining: 0`), the last to reset counts, else the first of all, as in headers.
 * Of a limit with both, the time left counts more than the date: a wrong clock does not matter to it.
 *
 * @param now The wall time, in milliseconds since 1970. Without it, dates are not read.
 * @param maxDepth How many levels below the first are read.
 */
export function bodyResetOf(body: unknown, now?: number, maxDepth: number = MAX_DEPTH): number | undefined {
  const found: FoundReset[] = []
  const rest = [{ value: body, depth: 0 }]
  for (let seen = 0; seen < MAX_OBJECTS; seen++) {
    const next = rest.shift()
    if (next === undefined) break
    if (typeof next.value !== 'object' || next.value === null) continue
    const waitMs = resetIn(next.value, now)
    if (waitMs !== undefined) found.push({ waitMs, isUsedUp: isUsedUp(next.value) })
    if (next.depth === maxDepth) continue
    for (const key of keysOf(next.value).slice(0, MAX_KEYS))
      rest.push({ value: readMember(next.value, key), depth: next.depth + 1 })
  }
  return decisive(found)
}

/** More than any error has. */
const MAX_OBJECTS = 200
const MAX_KEYS = 50
const MAX_DEPTH = 6

const SUBJECT = '(?:quota|ratelimit|usage|limit|window)?'
/** Names of members, in lower case and without separators. */
const leftPattern = once(() => {
  const unit = '(ms|millis|milliseconds|s|secs?|seconds|mins?|minutes|hours)?'
  return new RegExp(`^${SUBJECT}(?:retry|resets?|tryagain|wait)(?:in|after|delay)${unit}$`)
})
const atPattern = once(() => new RegExp(`^${SUBJECT}(?:retry|resets?|tryagain|available)(?:at|time|timestamp|date)?$`))

/** The members of one object. */
function resetIn(body: object, now: number | undefined): number | undefined {
  let at: number | undefined
  for (const key of keysOf(body).slice(0, MAX_KEYS)) {
    const name = key.toLowerCase().replace(/[^a-z]/g, '')
    const left = leftPattern().exec(name)
    const waitMs = left ? leftIn(readMember(body, key), left[1], now) : undefined
    if (waitMs !== undefined) return waitMs
    if (at === undefined && atPattern().test(name)) at = untilDate(readMember(body, key), now)
  }
  return at
}

function leftIn(value: unknown, unit = 's', now?: number): number | undefined {
  // A protobuf duration is an object in some clients.
  const number = finiteNumber(value) ?? finiteNumber(readMember(value, 'seconds'))
  if (/^m(?:s|illi)/.test(unit)) return number === undefined ? undefined : waitMs(number)
  if (number !== undefined) return waitMs(number * (UNIT_MS[unit.slice(0, 1)] as number))
  const text = nonEmptyString(value)
  if (text === undefined) return undefined
  const digits = plainNumber(text)
  return digits === undefined ? (resetOf(text, now) ?? textResetOf(`wait ${text}`, now)) : leftIn(digits, unit)
}

/** A small number is no date: "retry: 3" says how often, not when. */
function untilDate(value: unknown, now: number | undefined): number | undefined {
  const text = typeof value === 'number' ? `${value}` : nonEmptyString(value)
  return text === undefined || Number(text) < 1e9 ? undefined : resetOf(text, now)
}

/** True for a limit of which the body says that nothing is left. */
function isUsedUp(limit: object): boolean {
  const number = (name: string): number | undefined => finiteNumber(readMember(limit, name))
  const percent = number('used_percent') ?? number('usedPercent') ?? 0
  if (number('remaining') === 0 || percent >= 100 || (number('utilization') ?? 0) >= 1) return true
  return USED_UP.includes(readMember(limit, 'status') as string)
}
