import type { FailureKind, TimeoutScope } from './core/failure/failure.js'
import type { ReportedUsage } from './core/failure/usage.js'
import { isInstance } from './core/read-member.js'
import type { RunResult } from './core/results/run-result.js'

/** One problem of an input: where it is (`tasks[3].blockedBy[0]`), what was expected and what was given. */
export interface InputIssue {
  readonly path: string
  readonly message: string
}

/**
 * The codes of a {@link CounterpointError}, each with the type of its `details`.
 * Codes are public API: docs/errors.md has an anchor for each.
 */
export interface ErrorDetails {
  /** A plan, a task, an option or an argument is invalid. Up to 20 `issues`. Thrown before anything is started or changed. */
  INVALID_INPUT: { readonly issues: readonly InputIssue[] }
  /** Tasks depend on each other in a cycle: its ids, the first one repeated at the end. Thrown when a plan is parsed, run or added. */
  CYCLE: { readonly cycle: readonly string[] }
  /** Two tasks of one run have the same id, or a run with the requested `runId` exists already. */
  DUPLICATE_ID: { readonly id: string }
  /** A task depends on a task that does not exist. Thrown when a plan is parsed, run or added. */
  UNKNOWN_DEPENDENCY: { readonly taskId: string; readonly dependency: string }
  /** There is no task, soft dependency or run with that id. */
  NOT_FOUND: { readonly id: string }
  /** No pool was found for a task. `pools` are the best matches, or the pools that it needs together; `confidence` is 0 to 1. */
  NO_POOL: { readonly taskId: string; readonly confidence: number; readonly pools: readonly string[] }
  /** A pool cannot admit `wanted` more tasks within its `queueLimit`. No task of the call was admitted. */
  QUEUE_FULL: { readonly pool: string; readonly queueLimit: number; readonly wanted: number }
  /** A run that has ended was to be changed, or the events of a released run were read. */
  RUN_ENDED: { readonly runId: string }
  /**
   * `run.completed` was awaited, and the run is not `completed`. `result` is what `run.result` resolves with; it is not enumerable, so that
   * an uncaught error is printed without it. The `cause` is the first failure among the root causes: `name`, `message` and `stack` of what
   * was thrown, with `kind` and `taskId`.
   */
  RUN_FAILED: { readonly runId: string; readonly result: RunResult }
  /** The result of a suspended run was awaited, or the run was changed. `orchestrator.resume(runId)` continues it, in any process. */
  RUN_SUSPENDED: { readonly runId: string }
  /** A reader of `run.events({ streamed: true })` was `bytes` of chunks behind, more than 1 MiB: its iteration ended. */
  SLOW_READER: { readonly runId: string; readonly bytes: number }
  /** `runs.delete` was called for a run that is live in this process. */
  RUN_LIVE: { readonly runId: string }
  /** A task that is not held was approved or rejected; `status` is its status. */
  NOT_HELD: { readonly id: string; readonly status: string }
  /** A task that has ended was to be cancelled; `status` is its status. */
  TASK_ENDED: { readonly id: string; readonly status: string }
  /** The orchestrator was drained or closed, and a run was started or resumed. */
  CLOSED: Record<string, never>
  /** `resume` was given another `TaskGraph` than the run was started with, or none where one is required. */
  PLAN_DIFFERS: { readonly runId: string; readonly difference: string }
  /** The journal cannot be read or written: it is damaged, open in another process, or writes fail permanently. See `cause`. */
  JOURNAL: { readonly runId?: string; readonly where?: string }
}

/** The codes of {@link CounterpointError}. */
export type ErrorCode = keyof ErrorDetails

/**
 * What the library throws, for an error that the caller can correct. A failed attempt is not such an error: it is a `Failure`, as data.
 * `code` is stable, and `details` depend on it. The message says what was expected, what was given, where, and what to do.
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

/**
 * True when `error` is a {@link CounterpointError}, with this code if one is given. Narrows the type of `details`; without a code, a check
 * of `error.code` does.
 */
export function isCounterpointError<C extends ErrorCode = ErrorCode>(
  error: unknown,
  code?: C,
): error is { [K in C]: CounterpointError<K> }[C] {
  return isInstance(CounterpointError, error) && (code === undefined || error.code === code)
}

/** Options of an {@link AgentError}. */
export type AgentErrorOptions = ErrorOptions & {
  readonly timeout?: TimeoutScope | undefined
  readonly retryAfterMs?: number | undefined
  readonly status?: number | undefined
  readonly code?: string | undefined
  /** What the attempt used before it failed. It counts towards budgets and limits. */
  readonly usage?: ReportedUsage | undefined
  /** With kind `invalid-output`: what the agent answered, as text. Part of the feedback of the next attempt, cut to 4,000 characters. */
  readonly output?: string | undefined
}

const AGENT_ERROR_OPTIONS: Readonly<Record<keyof AgentErrorOptions, true>> = {
  cause: true,
  timeout: true,
  retryAfterMs: true,
  status: true,
  code: true,
  usage: true,
  output: true,
}

/** The names of {@link AgentErrorOptions}. */
export const agentErrorOptions: readonly string[] = Object.keys(AGENT_ERROR_OPTIONS)

/**
 * Thrown by a backend to state exactly why an attempt failed. Other errors are classified by their name, code, status and message.
 *
 * ```ts
 * throw new AgentError('throttled', 'slow down', { retryAfterMs: 2_000 })
 * ```
 *
 * An unknown kind or option does not throw, which would hide the error: the kind counts as `agent`, and `'error'` is emitted once per backend.
 */
export class AgentError extends Error {
  override readonly name: string = 'AgentError'
  readonly kind: FailureKind
  readonly timeout: TimeoutScope | undefined
  readonly retryAfterMs: number | undefined
  readonly status: number | undefined
  readonly code: string | undefined
  readonly usage: ReportedUsage | undefined
  readonly output: string | undefined
  readonly #unknownOptions: readonly string[]
  constructor(kind: FailureKind, message: string, options: AgentErrorOptions = {}) {
    super(message, options)
    // `null` in JavaScript must not throw.
    const given = Object(options) as AgentErrorOptions
    this.kind = kind
    this.timeout = given.timeout
    this.retryAfterMs = given.retryAfterMs
    this.status = given.status
    this.code = given.code
    this.usage = given.usage
    this.output = given.output
    this.#unknownOptions = Object.keys(given).filter(name => !Object.hasOwn(AGENT_ERROR_OPTIONS, name))
  }

  /** @internal The options that `error` was made with and that do not exist; none for another error. */
  static unknownOptionsOf(error: object): readonly string[] {
    return #unknownOptions in error ? error.#unknownOptions : []
  }
}
