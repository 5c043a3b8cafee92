import type { JournalRecord } from '../core/state/events.js'
import type { SharedStream } from './shared-stream.js'

/** The journal of one run, open for writing. */
export interface OpenJournal {
  /** True when `append` never returns a promise. The run then keeps one state instead of two. Default false. */
  readonly synchronous?: boolean
  /**
   * Appends a record, atomically. Returns once it is durable, or a promise of that. Several appends may be in flight; they become durable in
   * the order of the calls. The first `seq` of a record follows the last one of the record before. Once an append has failed, all later
   * ones fail: a journal has no gaps.
   */
  append(record: JournalRecord): void | Promise<void>
  /** All records, from the first on. */
  read(): Iterable<JournalRecord> | AsyncIterable<JournalRecord>
  /**
   * Resolves with the reason when this opener can write nothing more, because another process has taken the journal over. Never after
   * `close`. The run then ends at once, not with its next record. Optional.
   */
  readonly lost?: Promise<unknown>
  /**
   * Closes the journal. What was appended before is durable when this resolves. If that is impossible, it rejects: the journal is closed,
   * and records that were not durable are lost.
   */
  close(): void | Promise<void>
}

/** A problem that a journal can recover from, or has recovered from. */
export interface JournalProblem {
  /** The cause, if there is one. */
  readonly error: unknown
  /** What happened, where, and the consequence. */
  readonly message: string
}

/** What opens a journal. */
export interface JournalHost {
  /** Called when writes have to wait and when they succeed again, when a torn tail was cut off, and for records that were ignored. */
  report(problem: JournalProblem): void
}

/** A port: stores the events of runs. The conformance suite of `counterpoint/testing` checks an implementation. */
export interface Journal {
  /** Opens the journal of a run; that of a new run is empty. Recoverable problems are reported to `host`. */
  open(runId: string, host?: JournalHost): OpenJournal | Promise<OpenJournal>
  /** The records of a run, without opening it for writing: also while another process has it open. An unknown run has no records. */
  read(runId: string): Iterable<JournalRecord> | AsyncIterable<JournalRecord>
  /** The ids of all runs. */
  list(): Iterable<string> | Promise<Iterable<string>>
  /**
   * True while anyone has the run open for writing, in this process or another. Does not open it. Optional: without it, a run that another
   * orchestrator has open is listed as resumable.
   */
  isOpen?(runId: string): boolean | Promise<boolean>
  /** Deletes a run. Does nothing for an unknown one. */
  delete(runId: string): void | Promise<void>
  /**
   * Opens the stream of this name, which all runs share. A new one is empty. It is not a run: `list` and `delete` ignore it. Rejects with
   * JOURNAL while another process has it open, where that must not happen. Recoverable problems are reported to `host`. Optional: without
   * it, limits and the budget of the orchestrator start from zero in each process.
   */
  shared?(name: string, host?: JournalHost): SharedStream | Promise<SharedStream>
}
