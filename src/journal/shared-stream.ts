import type { Json } from '../core/json.js'

/**
 * A port: records that the runs of one orchestrator share and that must outlive the process, in order. Small: a few records a second where
 * limits or a budget are in use. One orchestrator at a time has it open.
 */
export interface SharedStream {
  /** All records, from the first on, without a last one that a crash has cut off. Called before the first `append`, and again if it fails. */
  read(): Iterable<Json> | AsyncIterable<Json>
  /**
   * Appends a record, atomically. Returns once it is durable, or a promise of that; the next call comes only after it. A record whose append
   * failed may be in the stream nevertheless. Later appends may succeed.
   */
  append(record: Json): void | Promise<void>
  /**
   * Replaces all records by these, atomically: after a crash at any moment the stream has either the old ones or the new ones. Returns once
   * that is durable, or a promise of that. Optional: a stream without it grows as long as it is used.
   */
  replace?(records: readonly Json[]): void | Promise<void>
  /** Closes the stream. */
  close(): void | Promise<void>
}
