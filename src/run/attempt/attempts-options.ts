import type { Locals } from '../../backends/agent-backend.js'
import type { RunShare } from '../../budget/run-share.js'
import type { Clock } from '../../clock.js'
import type { InContext } from '../../core/async-context.js'
import type { Signal } from '../../core/scheduler/signals.js'
import type { InputIssue } from '../../errors.js'
import type { AttemptProgressed, AttemptStreamed } from '../../events/event-map.js'
import type { TaskBinding } from '../../plan/bindings.js'
import type { OpenPool } from '../../pools/pool-options.js'
import type { ProblemSource } from './backend-problems.js'

/** What `Attempts` work with. */
export interface AttemptsOptions {
  readonly clock: Clock
  readonly pools: ReadonlyMap<string, OpenPool>
  /** The budget that all runs of the orchestrator share. */
  readonly budget: RunShare | undefined
  /** The functions and the schema of task `index`; undefined when it has none. */
  binding(index: number): TaskBinding | undefined
  send(signal: Signal): void
  /** The time of an event that happens now. */
  now(): number
  /** Calls a function in the async context of the run. */
  readonly inContext: InContext
  /** Passed to backends and functions. */
  readonly locals: () => Locals
  onReport(event: AttemptProgressed): void
  /** Gives a promise for the listeners that returned one. */
  onChunk(event: AttemptStreamed, bytes: number): Promise<unknown> | undefined
  /** A chunk of a task could not be published. */
  onChunkFailed(taskId: string, error: unknown): void
  /** The input function of a task did not return in time. */
  onInputTimeout(index: number): void
  /** Reports what a backend does wrong, once. */
  onBackendProblem(source: ProblemSource, issues: () => readonly InputIssue[]): void
  /** Calls that were withheld may be made again, as far as this run is concerned. */
  onCallsAllowed(): void
  /** An attempt of a pool succeeded after this many milliseconds. */
  recordDuration(pool: string, ms: number): void
}
