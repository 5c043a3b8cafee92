import type { FailureKind, TimeoutScope } from './core/failure/failure.js'
import type { Usage } from './core/failure/usage.js'

/** One thing that is wrong with an input: where (`tasks[3].blockedBy[0]`) and what was expected. */
export interface InputIssue {
  readonly path: string
  readonly message: string
}

/**
 * Every code of a {@link CounterpointError}, with what it carries in `details`.
 * Codes are public API: docs/errors.md has an anchor for each.
 */
export interface ErrorDetails {
  /** A plan, task or option that is not as documented. */
  INVALID_INPUT: { readonly issues: readonly InputIssue[] }
  /** Tasks wait for each other: `cycle` is the way round, its first id repeated at the end. */
  CYCLE: { readonly cycle: readonly string[] }
  /** Two tasks of one run, or two runs of one journal, have one id. */
  DUPLICATE_ID: { readonly id: string }
  /** A task waits for one that is not there. */
  UNKNOWN_DEPENDENCY: { readonly taskId: string; readonly dependency: string }
  /** A task, run or pool of that name is not there. */
  NOT_FOUND: { readonly id: string }
  /** No pool is known for a task; `pools` are the nearest, or those that it needs together. */
  NO_POOL: { readonly taskId: string; readonly confidence: number; readonly pools: readonly string[] }
  /** A pool admits no more: its `queueLimit` is reached. Nothing of what was asked has been taken. */
  QUEUE_FULL: { readonly pool: string; readonly queueLimit: number; readonly wanted: number }
  /** The run is over, or was let go: it takes nothing more and has nothing more to tell. */
  RUN_ENDED: { readonly runId: string }
  /** The run was suspended: `orchestrator.resume(runId)` goes on with it, here or in another process. */
  RUN_SUSPENDED: { readonly runId: string }
  /** The run is live: what was asked can only be done to one that is not. */
  RUN_LIVE: { readonly runId: string }
  /** The task is not held: there is nothing to approve or reject. */
  NOT_HELD: { readonly id: string; readonly status: string }
  /** The orchestrator was closed. */
  CLOSED: Record<string, never>
  /** `resume` was given another plan than the journal holds. */
  PLAN_DIFFERS: { readonly runId: string; readonly difference: string }
  /** The journal cannot be read or written as it stands. */
  JOURNAL: { readonly runId?: string; readonly where?: string }
}

/** The codes of {@link CounterpointError}. */
export type ErrorCode = keyof ErrorDetails

/**
 * What the library throws: always for a misuse that the caller can mend, never for an agent that failed (that is a `Failure`, as data).
 * `code` is stable, `details` depend on it, the message says what was expected, what came, where, and what to do.
 */
export class CounterpointError<C extends ErrorCode = ErrorCode> extends Error {
  override readonly name: string = 'CounterpointError'
  readonly code: C
  readonly details: ErrorDetails[C]
  constructor(code: C, message: string, details: ErrorDetails[C], options?: ErrorOptions) {
    super(message, options)
    this.code = code
    this.details = details
  }
}

/** True when `error` is a {@link CounterpointError}, of this code if one is given; narrows `details` with it. */
export function isCounterpointError<C extends ErrorCode = ErrorCode>(
  error: unknown,
  code?: C,
): error is CounterpointError<C> {
  return error instanceof CounterpointError && (code === undefined || error.code === code)
}

/** What an {@link AgentError} may carry besides kind and message. */
export interface AgentErrorOptions extends ErrorOptions {
  readonly timeout?: TimeoutScope
  readonly retryAfterMs?: number
  readonly status?: number
  readonly code?: string
  /** What the attempt used before it failed: it is counted. */
  readonly usage?: Usage
}

/**
 * What a backend throws to say exactly why an attempt failed. Anything else it throws is classified as well as it can be.
 *
 * ```ts
 * throw new AgentError('throttled', 'slow down', { retryAfterMs: 2_000 })
 * ```
 */
export class AgentError extends Error {
  override readonly name: string = 'AgentError'
  readonly kind: FailureKind
  readonly timeout: TimeoutScope | undefined
  readonly retryAfterMs: number | undefined
  readonly status: number | undefined
  readonly code: string | undefined
  readonly usage: Usage | undefined
  constructor(kind: FailureKind, message: string, options: AgentErrorOptions = {}) {
    super(message, options)
    this.kind = kind
    this.timeout = options.timeout
    this.retryAfterMs = options.retryAfterMs
    this.status = options.status
    this.code = options.code
    this.usage = options.usage
  }
}
