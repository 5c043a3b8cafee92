import { isAmount } from '../amount.js'
import { shortText } from '../scheduler/short-text.js'

/** What follows from a failed attempt. */
export type Verdict =
  /** Another attempt after `delayMs`. */
  | { readonly action: 'retry'; readonly delayMs: number }
  /** The pool, or all pools of its limit key, starts nothing for `delayMs`. Another attempt after `taskDelayMs`, default `delayMs`. */
  | { readonly action: 'park'; readonly delayMs: number; readonly taskDelayMs?: number | undefined }
  /** Another attempt at once, on another backend of the pool. The failed backend gets no attempts for `restMs`, if given. */
  | { readonly action: 'failover'; readonly restMs?: number | undefined }
  /** Another attempt after `delayMs`, with the failure as `request.feedback`. */
  | { readonly action: 'repair'; readonly delayMs: number }
  /** The attempt may have had effects: the task is held until a person decides. */
  | { readonly action: 'hold'; readonly reason: string }
  /** No further attempt: the task is dead. `reason` says which bound was reached or why the kind is not retried. */
  | { readonly action: 'dead'; readonly reason: string }

/** The members of each `action`: numbers of milliseconds where the name ends with `Ms`, otherwise strings. `?`: optional. */
const MEMBERS: ReadonlyMap<unknown, readonly string[]> = new Map([
  ['retry', ['delayMs']],
  ['park', ['delayMs', 'taskDelayMs?']],
  ['failover', ['restMs?']],
  ['repair', ['delayMs']],
  ['hold', ['reason']],
  ['dead', ['reason']],
])

/** The verdict that `judge` returns, at once. If it throws or returns anything else, the task is dead, and `onFailed` gets the error. */
export function verdictBy(judge: () => unknown, onFailed: ((error: unknown) => void) | undefined): Verdict {
  const dead = (what: string, error: unknown): Verdict => {
    onFailed?.(error)
    return { action: 'dead', reason: `the failure handler ${what}` }
  }
  try {
    const given = judge()
    const verdict = verdictOf(given)
    if (verdict) return verdict
    const isPromise = given instanceof Promise
    // An asynchronous function: its rejection must not go unhandled.
    if (isPromise) given.catch(() => {})
    const got = isPromise ? 'a promise' : 'no valid verdict'
    return dead(`returned ${got}`, new TypeError(`expected a verdict from the failure handler, at once, got ${got}`))
  } catch (error) {
    return dead('threw', error)
  }
}

/** A copy of a valid verdict, with its own members only; undefined for anything else. */
function verdictOf(value: unknown): Verdict | undefined {
  const action = Object(value).action as unknown
  const members = MEMBERS.get(action)
  if (members === undefined) return undefined
  const verdict: Record<string, unknown> = { action }
  for (const member of members) {
    const name = member.replace('?', '')
    const given = Object(value)[name] as unknown
    if (!isFit(given, member)) return undefined
    if (given !== undefined) verdict[name] = typeof given === 'string' ? shortText(given) : given
  }
  return verdict as Verdict
}

function isFit(given: unknown, member: string): boolean {
  if (member === 'reason') return typeof given === 'string'
  if (given === undefined) return member.endsWith('?')
  return isAmount(given)
}
