import type { Json } from '../core/json.js'

/**
 * A port: what the runs of one orchestrator have in common and a restart may not forget, in the order in which it was written. Small:
 * a few records a second where limits are in use, nothing where none are. An orchestrator has it to itself, as long as it is open.
 */
export interface SharedStream {
  /**
   * What is in it, from the first record on. Called before the first `append`, and again if it fails. A last record that was cut in
   * two by a crash is left out.
   */
  read(): Iterable<Json> | AsyncIterable<Json>
  /**
   * Adds a record, whole or not at all. Returns when it is durable, or a promise of that; the next one comes only after. One that
   * failed may be in the stream all the same; after it a later append may succeed.
   */
  append(record: Json): void | Promise<void>
  /**
   * Puts these records in the place of all that were there, whole or not at all: after a crash at any moment there are the old ones or
   * the new ones. Returns when that is durable, or a promise of it. A stream that cannot do this grows for as long as it is used.
   */
  replace?(records: readonly Json[]): void | Promise<void>
  /** Lets go of it. */
  close(): void | Promise<void>
}
