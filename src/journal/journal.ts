import type { JournalRecord } from '../core/state/events.js'
import type { SharedStream } from './shared-stream.js'

/** The journal of one run, open for writing. */
export interface OpenJournal {
  /** True when `append` never gives a promise. The run then keeps one state instead of two. Default false. */
  readonly synchronous?: boolean
  /**
   * Adds a record, whole or not at all. Returns when it is durable, or a promise of that; several may be under way,
   * and they become durable in the order in which they were given. Each goes on where the one before it ended: its
   * first `seq` is the next one. Once an append has failed, all further ones fail: a journal has no gap.
   */
  append(record: JournalRecord): void | Promise<void>
  /** What has been written, from the first record on. */
  read(): Iterable<JournalRecord> | AsyncIterable<JournalRecord>
  /**
   * Lets go of it. What was appended before is durable when this resolves. It rejects when that cannot be: then the
   * journal has been let go of all the same, and what was not durable is lost.
   */
  close(): void | Promise<void>
}

/** Something that a host should know about a journal, which goes on all the same. */
export interface JournalProblem {
  /** What lay behind it, where there is something. */
  readonly error: unknown
  /** What happened, where, and what has become of it. */
  readonly message: string
}

/** Who opens a journal. */
export interface JournalHost {
  /** Told of a write that has to wait, of one that goes on again, of a tail that was cut and of records that were ignored. */
  report(problem: JournalProblem): void
}

/** A port: where the events of runs are kept. The conformance suite of `counterpoint/testing` checks one. */
export interface Journal {
  /** Opens the journal of a run; a new one is empty. Problems that it can live with are told to `host`. */
  open(runId: string, host?: JournalHost): OpenJournal | Promise<OpenJournal>
  /**
   * What it holds of a run, to look at: without opening it for writing, so also while another process has it open.
   * A run that it does not know has no records.
   */
  read(runId: string): Iterable<JournalRecord> | AsyncIterable<JournalRecord>
  /** The ids of the runs it holds. */
  list(): Iterable<string> | Promise<Iterable<string>>
  /** Forgets a run. One that it does not know is forgotten already. */
  delete(runId: string): void | Promise<void>
  /**
   * Opens the stream of this name, which all runs share: what an orchestrator has to know of the time before it. A new one is empty. It is no
   * run: `list` does not show it, `delete` does not touch it. Where it must not be used twice at once it rejects with JOURNAL while
   * another has it open; problems that it can live with are told to `host`. A journal without it forgets limits and budgets with its process.
   */
  shared?(name: string, host?: JournalHost): SharedStream | Promise<SharedStream>
}
