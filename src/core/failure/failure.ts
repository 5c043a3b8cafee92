/**
 * Why an attempt failed. The kind, not the message, decides what happens next (see `FailureHandler`).
 *
 * - `throttled`: the provider asks to slow down (HTTP 429, a rate limit).
 * - `overloaded`: the provider has no capacity at the moment (HTTP 503, 529).
 * - `quota`: an allowance is used up until a known or unknown time.
 * - `timeout`: a limit of time of ours ran out; `timeout` says which one.
 * - `invalid-output`: the output does not match its schema, is not JSON, or is too large.
 * - `incomplete-output`: the output was cut: a half JSON, a missing final record.
 * - `bad-input`: the task cannot be asked as it stands: its input function threw, or no pool fits it.
 * - `crashed`: the agent died: a signal, a lost connection, an exit code without an answer.
 * - `interrupted`: our own process ended while the attempt ran.
 * - `refused`: the backend will not do it however often it is asked: no access, unknown model, missing program.
 * - `agent`: the agent itself reports that it failed, or threw an error of no known kind.
 */
export type FailureKind =
  | 'throttled'
  | 'overloaded'
  | 'quota'
  | 'timeout'
  | 'invalid-output'
  | 'incomplete-output'
  | 'bad-input'
  | 'crashed'
  | 'interrupted'
  | 'refused'
  | 'agent'

/** Every {@link FailureKind}. */
export const FAILURE_KINDS: readonly FailureKind[] = [
  'throttled',
  'overloaded',
  'quota',
  'timeout',
  'invalid-output',
  'incomplete-output',
  'bad-input',
  'crashed',
  'interrupted',
  'refused',
  'agent',
]

/** Which clock ran out. */
export type TimeoutScope = 'attempt' | 'idle' | 'queue' | 'total'

/** A failed attempt as data: what the journal keeps, events carry and verdicts are made from. */
export interface Failure {
  readonly kind: FailureKind
  readonly message: string
  /** With kind `timeout`: which limit. */
  readonly timeout?: TimeoutScope
  /** How long the provider asks us to wait, in milliseconds, as it said it: not yet clamped. */
  readonly retryAfterMs?: number
  /** HTTP status or process exit code, where there is one. */
  readonly status?: number
  /** A finer, machine-readable reason, e.g. `ENOENT` or `BACKEND_NOT_FOUND`. */
  readonly code?: string
  /** What lay behind it, in one line. */
  readonly cause?: string
  /** With kind `invalid-output`: what the agent had answered, as text, cut at 4,000 characters. */
  readonly output?: string
}

/** Code of an input that took too long to make: no agent was asked. */
export const INPUT_TIMEOUT = 'INPUT_TIMEOUT'

/** True for a failure that says nothing against the task: the provider turned it away (throttled, overloaded, quota). */
export function isThrottling({ kind }: { readonly kind: FailureKind }): boolean {
  return kind === 'throttled' || kind === 'overloaded' || kind === 'quota'
}

/**
 * Why a pool, or all pools of a limit key, start nothing for a while.
 *
 * - `throttled`, `overloaded`, `quota`: a backend said so.
 * - `unhealthy`: none of its backends may be used: circuit breakers are open, or health checks failed.
 * - `retry-budget`: there were too many retries for the first attempts that there were.
 * - `host`: it was asked to, by `park`.
 */
export type ParkReason = 'throttled' | 'overloaded' | 'quota' | 'unhealthy' | 'retry-budget' | 'host'
