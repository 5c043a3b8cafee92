import type { JournalRecord, RunEvent } from '../core/event.js'

/**
 * Records, one after the other, for as long as a run is held. A record of one event stands there as that event: a list of one for each
 * would be an eighth of all that is kept of a task.
 */
export class RecordList implements Iterable<JournalRecord> {
  readonly #entries: (RunEvent | JournalRecord)[] = []

  get length(): number {
    return this.#entries.length
  }

  push(record: JournalRecord): void {
    this.#entries.push(record.length === 1 ? (record[0] as RunEvent) : record)
  }

  /** Record `place`, from 0; undefined past the last one. */
  at(place: number): JournalRecord | undefined {
    const entry = this.#entries[place]
    return entry === undefined || isRecord(entry) ? entry : [entry]
  }

  *[Symbol.iterator](): Generator<JournalRecord, void, undefined> {
    for (const entry of this.#entries) yield isRecord(entry) ? entry : [entry]
  }
}

function isRecord(entry: RunEvent | JournalRecord): entry is JournalRecord {
  return Array.isArray(entry)
}
