import type { OutputTails } from './output-tails.js'

/**
 * Why an attempt failed. The kind, not the message, decides what happens next (see `FailureHandler`).
 *
 * - `throttled`: the provider asks to slow down (HTTP 429, a rate limit).
 * - `overloaded`: the provider has no capacity (HTTP 503, 529).
 * - `quota`: an allowance is used up until a known or unknown time.
 * - `timeout`: one of our timeouts expired; `timeout` says which one.
 * - `invalid-output`: the output does not match its schema, is not JSON, or is too large.
 * - `incomplete-output`: the output was truncated: incomplete JSON, or a missing final record.
 * - `bad-input`: the task cannot be sent: its input function threw, or no pool fits it.
 * - `crashed`: the agent died: a signal, a lost connection, an exit code without an answer.
 * - `interrupted`: our own process ended while the attempt ran.
 * - `refused`: a retry cannot help: no access, unknown model, missing program.
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

/** Which timeout expired. */
export type TimeoutScope = 'attempt' | 'idle' | 'queue' | 'total'

/** A failed attempt as data: in the journal, in events, and as the input of verdicts. */
export interface Failure {
  readonly kind: FailureKind
  readonly message: string
  /** With kind `timeout`: which timeout. */
  readonly timeout?: TimeoutScope
  /** The delay that the provider asks for, in milliseconds, not yet clamped. */
  readonly retryAfterMs?: number
  /** HTTP status or process exit code, if there is one. */
  readonly status?: number
  /** A finer, machine-readable reason, e.g. `ENOENT` or `BACKEND_NOT_FOUND`. */
  readonly code?: string
  /** The underlying cause, in one line. */
  readonly cause?: string
  /** The `name` of the error that was thrown, at most 200 characters: `TypeError` is most likely a bug of the backend. */
  readonly name?: string
  /** The `stack` of that error, cut to 4,000 characters. Left out when the attempt was throttled, which is no bug, and may happen often. */
  readonly stack?: string
  /** With kind `invalid-output`: the output of the agent as text, cut to 4,000 characters. */
  readonly output?: string
  /** The ends of what the program of the attempt printed, at most 2,000 characters each. */
  readonly tails?: OutputTails
}

/** Code of a timeout while the input was made: no backend was called. */
export const INPUT_TIMEOUT = 'INPUT_TIMEOUT'

/** True when the provider did not accept the attempt (throttled, overloaded, quota): it does not count as a failure of the task. */
export function isThrottling({ kind }: { readonly kind: FailureKind }): boolean {
  return kind === 'throttled' || kind === 'overloaded' || kind === 'quota'
}

/**
 * Why a pool, or all pools of a limit key, start no attempts.
 *
 * - `throttled`, `overloaded`, `quota`: the failure of a backend.
 * - `unhealthy`: no backend may be used: circuit breakers are open, or health checks failed.
 * - `retry-budget`: too many retries in proportion to first attempts.
 * - `host`: the host called `park`.
 */
export type ParkReason = 'throttled' | 'overloaded' | 'quota' | 'unhealthy' | 'retry-budget' | 'host'

/** The failure with the ends of the output of its attempt, if there are any. */
export function withTails(failure: Failure, tails: OutputTails | undefined): Failure {
  return tails ? { ...failure, tails } : failure
}
