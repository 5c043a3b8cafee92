import type { JournalRecord } from '../core/event.js'

/** The journal of one run, open for writing. */
export interface OpenJournal {
  /** True when `append` never gives a promise. The run then keeps one state instead of two. Default false. */
  readonly synchronous?: boolean
  /**
   * Adds a record, whole or not at all. Returns when it is durable, or a promise of that; several may be under way,
   * and they become durable in the order in which they were given.
   */
  append(record: JournalRecord): void | Promise<void>
  /** What has been written, from the first record on. */
  read(): Iterable<JournalRecord> | AsyncIterable<JournalRecord>
  /** Lets go of it. What was appended before is durable when this resolves. */
  close(): void | Promise<void>
}

/** A port: where the events of runs are kept. The conformance suite of `counterpoint/testing` checks one. */
export interface Journal {
  /** Opens the journal of a run; a new one is empty. */
  open(runId: string): OpenJournal | Promise<OpenJournal>
  /** The ids of the runs it holds. */
  list(): Iterable<string> | Promise<Iterable<string>>
  /** Forgets a run. One that it does not know is forgotten already. */
  delete(runId: string): void | Promise<void>
}
