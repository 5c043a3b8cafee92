import type { Locals, Report } from '../../backends/agent-backend.js'
import type { Clock } from '../../clock.js'
import type { Failure } from '../../core/failure/failure.js'
import type { Json } from '../../core/json.js'
import type { Signal } from '../../core/scheduler/signals.js'
import type { StopReason, TaskSpec } from '../../core/state/task.js'
import type { InputIssue } from '../../errors.js'
import type { StandardSchemaV1 } from '../../plan/standard-schema.js'
import type { Deadlines } from '../timers/deadlines.js'
import type { BackendProblem } from './backend-problems.js'
import type { MeasuredChunk } from './chunk-stream.js'

/** An hour. */
const DEFAULT_TIMEOUT_MS = 3_600_000

/** The longest time of one attempt of a task, in milliseconds. */
export function timeoutOf(spec: TaskSpec): number {
  return spec.timeoutMs ?? DEFAULT_TIMEOUT_MS
}

/** What the attempts of a run share. */
export interface AttemptServices {
  readonly clock: Clock
  readonly deadlines: Deadlines
  /** The last report of the attempt is published before. */
  send(signal: Signal): void
  readonly locals: () => Locals
  onReport(index: number, report: Report): void
  /** Gives a promise for the listeners that returned one. */
  onChunk(index: number, chunk: MeasuredChunk): Promise<unknown> | undefined
  /** A chunk could not be published. */
  onChunkFailed(index: number, error: unknown): void
  /** The input function of a task did not return in time. */
  onInputTimeout(index: number): void
  idempotencyKey(index: number, round: number): string
  softOutput(index: number, id: string): Json | undefined
  /** What the backend gave as usage or output is most likely a mistake. It changes nothing. */
  onBackendProblem(index: number, of: BackendProblem, issues: () => readonly InputIssue[]): void
}

/** What is known of an attempt once its start has been decided. */
export interface AttemptTerms {
  /** From 1. */
  readonly attempt: number
  /** The round of the request, from 1: each repair starts a new one. */
  readonly round: number
  readonly timeoutMs: number
  readonly idleTimeoutMs: number | undefined
  readonly graceMs: number
  readonly schema: StandardSchemaV1 | undefined
}

/** The failure of an attempt that took too long, or whose agent reported nothing for too long. */
export function timedOut(timeout: 'attempt' | 'idle', { timeoutMs, idleTimeoutMs }: AttemptTerms): Failure {
  const message =
    timeout === 'idle'
      ? `the agent reported nothing for ${idleTimeoutMs} ms`
      : `the attempt took longer than ${timeoutMs} ms`
  return { kind: 'timeout', timeout, message }
}

/** What the signal of an attempt is aborted with. */
export function abortReason(reason: StopReason): DOMException {
  if (reason.kind === 'timeout') return new DOMException(reason.failure.message, 'TimeoutError')
  return new DOMException(reason.kind === 'cancel' ? reason.reason : 'the run is being suspended', 'AbortError')
}
