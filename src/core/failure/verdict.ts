import { isAmount } from '../amount.js'

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

/** True for a valid verdict: the failure handler of a host may return anything. */
export function isVerdict(value: unknown): value is Verdict {
  if (typeof value !== 'object' || value === null) return false
  const members = MEMBERS.get((value as { action?: unknown }).action)
  return members?.every(member => isFit((value as Record<string, unknown>)[member.replace('?', '')], member)) ?? false
}

function isFit(given: unknown, member: string): boolean {
  if (member === 'reason') return typeof given === 'string'
  if (given === undefined) return member.endsWith('?')
  return isAmount(given)
}
