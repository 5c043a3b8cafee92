import type { Clock, JournalRecord, OpenJournal } from 'counterpoint'
import { BlobStore } from './blobs.js'
import { journalError } from './files/journal-error.js'
import type { FolderLock } from './files/lock.js'
import type { RunFolder } from './files/run-folder.js'
import { readRecords } from './record-reader.js'
import { GroupCommit } from './segments/group-commit.js'
import { addRecord } from './segments/record-body.js'
import type { History } from './segments/segment-history.js'
import { SegmentWriter } from './segments/segment-writer.js'
import { SerialQueue } from './serial-queue.js'

/** What an {@link OpenRun} is made of. */
export interface OpenRunSetup {
  readonly place: RunFolder
  readonly lock: FolderLock
  readonly history: History
  readonly clock: Clock
  readonly maxInlineBytes: number
}

/** The journal of one run, while it is open. */
export class OpenRun implements OpenJournal {
  /** With 'none' nobody waits for the disk. */
  readonly synchronous: boolean
  readonly #setup: OpenRunSetup
  readonly #blobs: BlobStore
  readonly #writer: SegmentWriter
  readonly #commits: GroupCommit
  #nextSeq: number | undefined
  #closed: Promise<void> | undefined

  constructor(setup: OpenRunSetup) {
    const { place, lock, history, clock } = setup
    this.#setup = setup
    this.synchronous = place.durability === 'none'
    this.#nextSeq = history.nextSeq
    this.#blobs = new BlobStore({ ...place, durable: place.durability === 'fsync', nonce: lock.holder.nonce })
    this.#writer = new SegmentWriter({ place, lock, ...history, now: () => clock.now() })
    this.#commits = new GroupCommit({
      runId: place.runId,
      folder: place.folder,
      clock,
      put: (frames, record) => addRecord(frames, record, setup.maxInlineBytes),
      commit: async ({ frames, blobs }) => {
        if (blobs.length > 0) await this.#blobs.write(blobs)
        await this.#writer.commit(frames)
      },
      report: (message, error) => place.report(message, error),
    })
  }

  append(record: JournalRecord): void | Promise<void> {
    const refused = this.#refusal(record)
    if (this.synchronous) {
      if (refused) throw refused
      // Whoever appends next, or closes, is told of what became of it.
      this.#add(record).catch(() => {})
      return undefined
    }
    if (refused) return Promise.reject(refused)
    try {
      return this.#add(record)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  read(): AsyncIterable<JournalRecord> {
    return new SerialQueue(this.#read())
  }

  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async *#read(): AsyncGenerator<readonly JournalRecord[], void, undefined> {
    if (this.synchronous) await this.#commits.idle()
    yield* readRecords(this.#setup.place, this.#writer.links, this.#blobs)
  }

  async #close(): Promise<void> {
    try {
      await this.#commits.close()
    } finally {
      await this.#writer.close()
      await this.#setup.lock.release()
    }
  }

  #add(record: JournalRecord): Promise<void> {
    const last = record[record.length - 1]
    const durable = this.#commits.add(record)
    if (last && this.#nextSeq !== undefined) this.#nextSeq = last.seq + 1
    return durable
  }

  #refusal(record: JournalRecord): Error | undefined {
    const { runId, folder } = this.#setup.place
    if (this.#closed)
      return journalError(runId, folder, 'expected an open journal, but this one was closed. Open it again to write')
    if (this.#commits.lost) return this.#commits.lost
    const first = record[0]
    const expected = this.#nextSeq
    if (first === undefined || expected === undefined || first.seq === expected) return undefined
    return journalError(
      runId,
      folder,
      `expected a record whose first event has seq ${expected}, got ${first.seq} (${first.type}). The journal has a history of its run already: resume that, or take another run id`,
    )
  }
}
