import { type Clock, isCounterpointError, type Json, type SharedStream } from 'counterpoint'
import { JournalLost, journalError, unusableFolder } from './files/journal-error.js'
import type { JournalFolder } from './files/journal-folder.js'
import type { FolderLock } from './files/lock.js'
import { refuseCritical } from './record-reader.js'
import type { History } from './segments/segment-history.js'
import { readBodies } from './segments/segment-reader.js'
import { SegmentWriter } from './segments/segment-writer.js'

/** Options of an {@link OpenStream}. */
export interface OpenStreamOptions {
  readonly folder: JournalFolder
  readonly lock: FolderLock
  readonly history: History
  readonly clock: Clock
}

/** The body of a record of a shared stream: {"s":value}, with {"c":number} before it as in the journal of a run. */
interface StreamBody {
  readonly s?: Json
  readonly critical?: boolean
}

/**
 * A shared stream, while it is open. It has segments like the journal of a run, with other records in them. Failed writes are not retried
 * here. Durability `none` is treated as `os`: a few records a second delay nothing.
 * Invariant: operations are sequential, in the order of the calls.
 */
export class OpenStream implements SharedStream {
  readonly #folder: JournalFolder
  readonly #lock: FolderLock
  readonly #writer: SegmentWriter
  #lastOperation: Promise<unknown> = Promise.resolve()
  #closed: Promise<void> | undefined

  constructor({ folder, lock, history, clock }: OpenStreamOptions) {
    this.#folder = folder
    this.#lock = lock
    this.#writer = new SegmentWriter({ folder, lock, ...history, now: () => clock.now() })
  }

  async *read(): AsyncGenerator<Json, void, undefined> {
    await this.#lastOperation
    try {
      for (const link of this.#writer.links)
        for await (const bodies of readBodies(this.#folder, link))
          for (const text of bodies) {
            const body = JSON.parse(text) as StreamBody
            if (body.s === undefined) refuseCritical(this.#folder, body, link)
            else yield body.s
          }
    } catch (error) {
      throw this.#publicError(error)
    }
  }

  append(record: Json): Promise<void> {
    return this.#write([record], bodies => this.#writer.commit(bodies))
  }

  replace(records: readonly Json[]): Promise<void> {
    return this.#write(records, bodies => this.#writer.replace(bodies))
  }

  close(): Promise<void> {
    this.#closed ??= this.#lastOperation.then(async () => {
      await this.#writer.close()
      await this.#lock.release()
    })
    return this.#closed
  }

  /** Encodes the records at once: later changes to them are not written. */
  async #write(records: readonly Json[], how: (bodies: readonly string[]) => Promise<void>): Promise<void> {
    if (this.#closed) {
      const message = 'expected an open stream, but it was closed. Open it again to write'
      throw journalError(undefined, this.#folder.folder, message)
    }
    const bodies = records.map(record => `{"s":${JSON.stringify(record)}}`)
    const written = this.#lastOperation.then(() => how(bodies))
    this.#lastOperation = written.catch(() => {})
    try {
      await written
    } catch (error) {
      throw this.#publicError(error)
    }
  }

  #publicError(error: unknown): Error {
    if (error instanceof JournalLost) return error.reason
    return isCounterpointError(error) ? error : unusableFolder(undefined, this.#folder.folder, error)
  }
}

/** A shared stream that does not exist yet: its first record creates it. A host that writes nothing creates no folder and acquires no lock. */
export class LazyStream implements SharedStream {
  readonly #create: () => Promise<OpenStream>
  #stream: Promise<OpenStream> | undefined

  constructor(create: () => Promise<OpenStream>) {
    this.#create = create
  }

  async *read(): AsyncGenerator<Json, void, undefined> {
    if (this.#stream) yield* (await this.#stream).read()
  }

  append(record: Json): Promise<void> {
    return this.#with([record], (stream, [copy]) => stream.append(copy as Json))
  }

  replace(records: readonly Json[]): Promise<void> {
    return this.#with(records, (stream, copies) => stream.replace(copies))
  }

  async close(): Promise<void> {
    await (await this.#stream?.catch(() => undefined))?.close()
  }

  /** Copies the records at once: later changes to them are not written. */
  async #with(
    records: readonly Json[],
    write: (stream: OpenStream, copies: readonly Json[]) => Promise<void>,
  ): Promise<void> {
    const copies = JSON.parse(JSON.stringify(records)) as Json[]
    await write(await this.#open(), copies)
  }

  /** After a failure the next call tries again. */
  #open(): Promise<OpenStream> {
    const opened = this.#stream ?? this.#create()
    this.#stream = opened
    opened.catch(() => {
      if (this.#stream === opened) this.#stream = undefined
    })
    return opened
  }
}
