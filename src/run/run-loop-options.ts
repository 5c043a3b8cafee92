import type { SharedBudget } from '../budget/shared-budget.js'
import type { Clock } from '../clock.js'
import type { InContext } from '../core/async-context.js'
import type { JudgeFailure } from '../core/failure/failure-facts.js'
import type { Signal } from '../core/scheduler/signals.js'
import type { JournalRecord } from '../core/state/events.js'
import type { RunState } from '../core/state/run-state.js'
import type { OpenJournal } from '../journal/journal.js'

/** What a `RunLoop` works with. */
export interface RunLoopOptions {
  /** The state to start in: empty, or replayed from `records`. */
  readonly state: RunState
  /** What the journal holds. */
  readonly records: readonly JournalRecord[]
  readonly clock: Clock
  readonly random: () => number
  readonly judge: JudgeFailure
  /** The failure handler threw, or returned no valid verdict. */
  onJudgeFailed(error: unknown): void
  /** The budget that all runs of the orchestrator share. */
  readonly budget: SharedBudget | undefined
  readonly journal: OpenJournal
  /** The journal is the orchestrator's own, in memory: a released run is deleted from it. */
  readonly ownsJournal: boolean
  /** Calls a function in the async context of the run. */
  readonly inContext: InContext
  /** A signal has been decided: the events from `from` to `to`, or none. They may not be durable: no backend or listener may be called yet. */
  onDecided(signal: Signal, from: number, to: number): void
  /** The events from `from` to `to` are durable. */
  onPublished(from: number, to: number): void
  /** Nothing more is decided in this process. */
  onFailed(failure: LoopFailure): void
}

/**
 * Called once what was decided on a signal is durable: without an error when the signal did what it says, or that was so already; else with
 * what was found instead, or with the reason why the run takes no signals.
 */
export type OnDurable = (refusal?: unknown) => void

/** Why a loop decides nothing more. */
export interface LoopFailure {
  /** What the host gets: every call that is not answered yet, and every later one, is rejected with it. */
  readonly error: unknown
  /** What failed, and how. Undefined when the run has not started: then its result says all. */
  readonly source?: { readonly where: 'journal' | 'scheduler'; readonly cause: unknown }
}
