import { type Clock, isCounterpointError, type Json, type SharedStream } from 'counterpoint'
import { JournalLost, journalError, unusable } from './files/journal-error.js'
import type { FolderLock } from './files/lock.js'
import type { RunFolder } from './files/run-folder.js'
import { passOver } from './record-reader.js'
import { FrameBatch } from './segments/framing.js'
import type { Link } from './segments/header.js'
import type { History } from './segments/segment-history.js'
import { readBodies } from './segments/segment-reader.js'
import { SegmentWriter } from './segments/segment-writer.js'
import { SerialQueue } from './serial-queue.js'

/** What an {@link OpenStream} is made of. */
export interface OpenStreamSetup {
  readonly place: RunFolder
  readonly lock: FolderLock
  readonly history: History
  readonly clock: Clock
}

/** The body of a record of a shared stream: {"s":value}, and {"c":number} before it as in the journal of a run. */
interface StreamBody {
  readonly s?: Json
  readonly critical?: boolean
}

/**
 * A shared stream, while it is open: the segments of a journal, with other records in them. What fails is not tried again here. With
 * durability 'none' it is written as with 'os': a few records a second hold nobody up.
 * Invariant: one thing at a time, in the order in which it was asked for.
 */
export class OpenStream implements SharedStream {
  readonly #place: RunFolder
  readonly #lock: FolderLock
  readonly #writer: SegmentWriter
  #turn: Promise<unknown> = Promise.resolve()
  #closed: Promise<void> | undefined

  constructor({ place, lock, history, clock }: OpenStreamSetup) {
    this.#place = place
    this.#lock = lock
    this.#writer = new SegmentWriter({ place, lock, ...history, now: () => clock.now() })
  }

  read(): AsyncIterable<Json> {
    return new SerialQueue(this.#read())
  }

  append(record: Json): Promise<void> {
    return this.#write([record], frames => this.#writer.commit(frames))
  }

  replace(records: readonly Json[]): Promise<void> {
    return this.#write(records, frames => this.#writer.replace(frames))
  }

  close(): Promise<void> {
    this.#closed ??= this.#turn.then(async () => {
      await this.#writer.close()
      await this.#lock.release()
    })
    return this.#closed
  }

  /** They are made JSON now: what becomes of them later is not written. */
  async #write(records: readonly Json[], how: (frames: FrameBatch) => Promise<void>): Promise<void> {
    if (this.#closed)
      throw journalError(
        undefined,
        this.#place.folder,
        'expected an open stream, but this one was closed. Open it again to write',
      )
    const frames = new FrameBatch()
    for (const record of records) {
      frames.begin().text(`{"s":${JSON.stringify(record)}}`)
      frames.end()
    }
    const written = this.#turn.then(() => how(frames))
    this.#turn = written.catch(() => {})
    await written.catch(error => this.#refuse(error))
  }

  async *#read(): AsyncGenerator<readonly Json[], void, undefined> {
    await this.#turn
    try {
      for (const link of this.#writer.links)
        for await (const bodies of readBodies(this.#place, link)) yield this.#parse(bodies, link)
    } catch (error) {
      this.#refuse(error)
    }
  }

  #parse(bodies: readonly string[], link: Link): readonly Json[] {
    const records: Json[] = []
    for (const text of bodies) {
      const body = JSON.parse(text) as StreamBody
      if (body.s === undefined) passOver(this.#place, body, link)
      else records.push(body.s)
    }
    return records
  }

  #refuse(error: unknown): never {
    if (error instanceof JournalLost) throw error.reason
    throw isCounterpointError(error) ? error : unusable(undefined, this.#place.folder, error)
  }
}
