import { once } from '../../core/once.js'
import { dateOf, UNIT_MS, waitMs } from '../retry-after.js'

/**
 * The wait that a text of a provider or an agent names, in milliseconds: "try again in 20s", "Please retry after 30 seconds", "reset after
 * 1h30m", "resets in 4:59:30", "resets 10:20pm (Europe/Berlin)", "try again at Oct 8th, 2026 2:40 PM", "resets at 2026-12-01T22:20:00Z", "limit
 * reached|1764627600". Undefined when it names none, or one in the past.
 *
 * @param now The wall time, in milliseconds since 1970. Without it, only durations are read.
 */
export function textResetOf(text: string, now?: number): number | undefined {
  const end = text.length <= MAX_LENGTH ? text : text.slice(-MAX_LENGTH)
  const read = end.replace(ARTICLE, '1 ').replace(THOUSANDS, '')
  return durationIn(read) ?? (now === undefined ? undefined : momentIn(read, now))
}

/** Of a longer text the end is read: programs write what ended them last. */
const MAX_LENGTH = 8_192

/** "in an hour", "1,200 seconds". */
const ARTICLE = /\ban?\s(?=(?:second|minute|hour|day|week)\b)/gi
const THOUSANDS = /(?<=\d),(?=\d{3}(?!\d))/g

const NUMBER = '\\d{1,9}(?:\\.\\d{1,9})?'
const UNIT = '(?:milliseconds?|msecs?|ms|seconds?|secs?|s|minutes?|mins?|m|hours?|hrs?|h|days?|d|weeks?|w)(?![a-z])'
/** Words after which a reset time follows, and what may stand between. "resets every 5 hours" names no time. */
const BEFORE =
  '\\b(?:again|retry|retrying|resets?|wait|available|until|refreshes|renews|back|resumes?|cool-?down)\\b(?:(?!\\bevery\\b|\\bper\\b)[^\\d.\\n]){0,40}?'
const durationPattern = once(() => new RegExp(`${BEFORE}((?:${NUMBER}\\s{0,2}${UNIT}(?:,|\\sand)?\\s{0,2}){1,5})`, 'i'))
const countdownPattern = once(
  () => new RegExp(`${BEFORE}\\bin\\s(\\d{1,3}(?::\\d\\d){1,2})(?![\\d:])(?!\\s?[ap]\\.?m\\b)`, 'i'),
)
const partPattern = once(() => new RegExp(`(${NUMBER})\\s{0,2}(${UNIT})`, 'gi'))
/** A number without a unit is in seconds, as in the header of this name. */
const SECONDS = /\bretry[-_ ]after\b["']?\s{0,2}[:=]?\s{0,2}(\d{1,9}(?:\.\d{1,9})?)(?![\d.:]*[\w:])/i

function durationIn(text: string): number | undefined {
  const [, parts] = durationPattern().exec(text) ?? []
  if (parts === undefined) {
    const [, left = SECONDS.exec(text)?.[1]] = countdownPattern().exec(text) ?? []
    return left === undefined
      ? undefined
      : waitMs(left.split(':').reduce((sum, part) => sum * 60 + Number(part), 0) * 1_000)
  }
  let total = 0
  for (const [, number, unit] of parts.matchAll(partPattern()))
    total += Number(number) * (UNIT_MS[shortUnit(unit as string)] as number)
  return waitMs(total)
}

function shortUnit(unit: string): string {
  const lower = unit.toLowerCase()
  return /^m(?:s|illi)/.test(lower) ? 'ms' : lower.slice(0, 1)
}

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']
const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat']
const EPOCH = /\b(?:limit reached\||resets?\b[^\d\n]{0,30})(\d{13}|\d{10})(?!\d)/i
const dateTimePattern = once(() => {
  const zone = '(z|utc|gmt|[+-]\\d\\d:?\\d\\d)?'
  return new RegExp(`${BEFORE}(\\d{4}-\\d\\d-\\d\\d)[T ](\\d\\d:\\d\\d)(:\\d\\d)?(?:\\.\\d{1,9})?\\s?${zone}`, 'i')
})
const httpDatePattern = once(
  () => new RegExp(`${BEFORE}((?:${DAYS.join('|')}), \\d\\d [a-z]{3} \\d{4} \\d\\d:\\d\\d:\\d\\d gmt)`, 'i'),
)
const clockPattern = once(() => {
  const at = ',?\\s{1,3}(?:at\\s{1,3})?'
  const weekday = `(?:(${DAYS.join('|')})[a-z]{0,6}${at})?`
  const date = `(?:(${MONTHS.join('|')})[a-z]{0,6}\\.?\\s{1,3}(\\d{1,2})(?:st|nd|rd|th)?(?:,?\\s{1,3}(\\d{4}))?${at})?`
  const time = '(\\d{1,2})(?::(\\d\\d)(?::\\d\\d)?)?\\s?(?:([ap])\\.?m\\b)?\\.?'
  const zone = '\\s{0,2}(?:\\(([a-z_]+(?:/[a-z0-9_+-]+){0,2})\\)|(utc|gmt|z)\\b)?'
  return new RegExp(BEFORE + weekday + date + time + zone, 'i')
})

function momentIn(text: string, now: number): number | undefined {
  const [, epoch] = EPOCH.exec(text) ?? []
  if (epoch !== undefined) return waitMs(Number(epoch) * (epoch.length === 10 ? 1_000 : 1) - now)
  const [all, day, time, seconds = ':00', zone = 'z'] = dateTimePattern().exec(text) ?? []
  if (all !== undefined) {
    const offset = /\d/.test(zone) ? zone.replace(/(\d\d):?(\d\d)/, '$1:$2') : 'Z'
    const date = dateOf(`${day}T${time}${seconds}${offset}`)
    return date === undefined ? undefined : waitMs(date - now)
  }
  const httpDate = dateOf(httpDatePattern().exec(text)?.[1])
  if (httpDate !== undefined) return waitMs(httpDate - now)
  const clock = clockPattern().exec(text)
  return clock === null ? undefined : untilClock(clock, now)
}

/** A clock time that has passed by less is meant as now, not as tomorrow. */
const JUST_PASSED_MS = 300_000

function untilClock(found: RegExpExecArray, now: number): number | undefined {
  const [, weekday, month, day, year, hour, minute, half, zone, utc] = found
  const hours = hourOf(Number(hour), half)
  if ((minute === undefined && half === undefined) || hours === undefined || Number(minute ?? 0) > 59) return undefined
  const today = wallTimeOf(now, utc ? 'UTC' : zone)
  if (today === undefined) return undefined
  const date = new Date(today.wall)
  if (month !== undefined) date.setUTCMonth(MONTHS.indexOf(month.toLowerCase()), Number(day))
  if (year !== undefined) date.setUTCFullYear(Number(year))
  date.setUTCHours(hours, Number(minute ?? 0), 0, 0)
  if (weekday !== undefined && month === undefined) {
    const days = DAYS.indexOf(weekday.toLowerCase()) - date.getUTCDay()
    date.setUTCDate(date.getUTCDate() + ((days + 7) % 7))
  }
  const hasPassed = date.getTime() < today.wall - JUST_PASSED_MS
  if (hasPassed && month === undefined) date.setUTCDate(date.getUTCDate() + (weekday === undefined ? 1 : 7))
  else if (hasPassed && year === undefined) date.setUTCFullYear(date.getUTCFullYear() + 1)
  return waitMs(date.getTime() - today.offset - now)
}

function hourOf(hour: number, half: string | undefined): number | undefined {
  if (half === undefined) return hour < 24 ? hour : undefined
  if (hour < 1 || hour > 12) return undefined
  return (hour % 12) + (half.toLowerCase() === 'p' ? 12 : 0)
}

/** `now` as a clock in the time zone shows it, as if that were UTC; and by how much it differs. Undefined for an unknown zone. */
function wallTimeOf(now: number, timeZone: string | undefined): { wall: number; offset: number } | undefined {
  try {
    const numeric = { year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric' } as const
    const format = new Intl.DateTimeFormat('en-US', { ...numeric, second: 'numeric', hourCycle: 'h23', timeZone })
    const parts = new Map(format.formatToParts(now).map(({ type, value }) => [type, Number(value)]))
    const [year, month, day, hour, minute, second] = ['year', 'month', 'day', 'hour', 'minute', 'second'].map(type =>
      parts.get(type as Intl.DateTimeFormatPartTypes),
    ) as [number, number, number, number, number, number]
    const wall = Date.UTC(year, month - 1, day, hour, minute, second)
    return { wall, offset: wall - Math.floor(now / 1_000) * 1_000 }
  } catch {
    return undefined
  }
}
