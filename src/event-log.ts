import type { JournalRecord, RunEvent } from './core/event.js'
import { CounterpointError } from './errors.js'
import { RecordList } from './journal/record-list.js'

/**
 * The published events of one run, and the cursors that read them. A cursor is a place, not a subscription: it holds nothing up,
 * misses nothing and copies nothing, however slowly it is read. Events are kept until `release`.
 */
export class EventLog {
  readonly #runId: string
  #records = new RecordList()
  #size = 0
  #ended = false
  #released = false
  #bells: (() => void)[] = []

  constructor(runId: string) {
    this.#runId = runId
  }

  push(record: JournalRecord): void {
    this.#records.push(record)
    this.#size++
    if (record[record.length - 1]?.type === 'run.settled') this.#ended = true
    if (this.#bells.length > 0) this.#ring()
  }

  /** Every event so far. */
  *all(): Generator<RunEvent, void, undefined> {
    for (const record of this.#records) yield* record
  }

  /** There will be no more events in this process. */
  end(): void {
    this.#ended = true
    this.#ring()
  }

  release(): void {
    this.#released = true
    this.#records = new RecordList()
    this.#ring()
  }

  /**
   * Every event from `from` (a `seq`, default 1) on, until the run has settled.
   * @throws RUN_ENDED when the run has been released.
   */
  async *read(from = 1): AsyncGenerator<RunEvent, void, undefined> {
    if (this.#released) throw this.#gone()
    let place = this.#find(from)
    for (;;) {
      // Who has had everything is told so, and not that the rest is gone.
      if (this.#ended && place >= this.#size) return
      if (this.#released) throw this.#gone()
      const record = this.#records.at(place)
      if (record === undefined) {
        await new Promise<void>(ring => this.#bells.push(ring))
        continue
      }
      place++
      for (const event of record) if (event.seq >= from) yield event
    }
  }

  /** The place of the record that holds `seq`, by bisection. */
  #find(seq: number): number {
    let low = 0
    let high = this.#records.length
    while (low < high) {
      const middle = (low + high) >> 1
      const record = this.#records.at(middle) as JournalRecord
      if ((record[record.length - 1] as RunEvent).seq < seq) low = middle + 1
      else high = middle
    }
    return low
  }

  #ring(): void {
    const bells = this.#bells
    this.#bells = []
    for (const ring of bells) ring()
  }

  #gone(): CounterpointError<'RUN_ENDED'> {
    return new CounterpointError('RUN_ENDED', `run ${this.#runId} was released: its events are gone`, {
      runId: this.#runId,
    })
  }
}
