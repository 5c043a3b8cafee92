/** What follows from a failed attempt. */
export type Verdict =
  /** Another attempt after `delayMs`. */
  | { readonly action: 'retry'; readonly delayMs: number }
  /** The pool, or all pools of its limit key, starts nothing for `delayMs`; then there is another attempt, or after `taskDelayMs` if given. */
  | { readonly action: 'park'; readonly delayMs: number; readonly taskDelayMs?: number }
  /** Another attempt at once, on another backend of the pool. The one that failed rests for `restMs`, if given. */
  | { readonly action: 'failover'; readonly restMs?: number }
  /** Another attempt after `delayMs`, which is told what was wrong (`request.feedback`). */
  | { readonly action: 'repair'; readonly delayMs: number }
  /** Nobody knows how far the attempt came: the task is held until a person says what to do. */
  | { readonly action: 'hold'; readonly reason: string }
  /** No further attempt: the task is dead. `reason` says which bound was reached or why the kind is not retried. */
  | { readonly action: 'dead'; readonly reason: string }

/** What must be with each `action`: milliseconds in all that ends with `Ms`, else a text. */
const MEMBERS: ReadonlyMap<unknown, readonly string[]> = new Map([
  ['retry', ['delayMs']],
  ['park', ['delayMs', 'taskDelayMs?']],
  ['failover', ['restMs?']],
  ['repair', ['delayMs']],
  ['hold', ['reason']],
  ['dead', ['reason']],
])

/** True for a verdict that can be followed: a host's failure handler may answer anything. */
export function isVerdict(value: unknown): value is Verdict {
  if (typeof value !== 'object' || value === null) return false
  const members = MEMBERS.get((value as { action?: unknown }).action)
  return members?.every(member => isFit((value as Record<string, unknown>)[member.replace('?', '')], member)) ?? false
}

function isFit(given: unknown, member: string): boolean {
  if (member === 'reason') return typeof given === 'string'
  if (given === undefined) return member.endsWith('?')
  return typeof given === 'number' && given >= 0 && given < Number.POSITIVE_INFINITY
}
