import type { Clock, JournalRecord, OpenJournal } from 'counterpoint'
import { BlobStore } from './blob-store.js'
import { journalError } from './files/journal-error.js'
import { type JournalFolder, removeUnused } from './files/journal-folder.js'
import type { FolderLock } from './files/lock.js'
import { readRecords } from './record-reader.js'
import { GroupCommit } from './segments/group-commit.js'
import { encodeRecord } from './segments/record-body.js'
import type { History } from './segments/segment-history.js'
import { SegmentWriter } from './segments/segment-writer.js'

/** Options of an {@link OpenRun}. */
export interface OpenRunOptions {
  readonly folder: JournalFolder
  readonly lock: FolderLock
  readonly history: History
  readonly clock: Clock
  readonly maxInlineBytes: number
}

/** The journal of one run, while it is open. */
export class OpenRun implements OpenJournal {
  /** With durability `none`, `append` does not wait for the disk. */
  readonly synchronous: boolean
  readonly lost: Promise<unknown>
  readonly #folder: JournalFolder
  readonly #lock: FolderLock
  readonly #blobs: BlobStore
  readonly #writer: SegmentWriter
  readonly #commits: GroupCommit
  #nextSeq: number | undefined
  #closed: Promise<void> | undefined

  constructor({ folder, lock, history, clock, maxInlineBytes }: OpenRunOptions) {
    this.synchronous = folder.durability === 'none'
    this.#folder = folder
    this.#lock = lock
    this.#nextSeq = history.nextSeq
    this.#blobs = new BlobStore({ folder, nonce: lock.owner.nonce })
    this.#writer = new SegmentWriter({ folder, lock, ...history, now: () => clock.now() })
    this.#commits = new GroupCommit({
      runId: folder.runId,
      folder: folder.folder,
      clock,
      encode: record => encodeRecord(record, maxInlineBytes),
      commit: async ({ bodies, blobs }) => {
        await this.#blobs.write(blobs)
        await this.#writer.commit(bodies)
      },
      report: (message, error) => folder.report(message, error),
    })
    this.lost = new Promise(resolve => {
      lock.onLost = error => {
        if (this.#closed) return
        this.#commits.giveUp(error)
        resolve(error)
      }
    })
  }

  append(record: JournalRecord): void | Promise<void> {
    try {
      this.#expectWritable(record)
      const durable = this.#commits.add(record)
      const last = record.at(-1)
      if (last && this.#nextSeq !== undefined) this.#nextSeq = last.seq + 1
      if (!this.synchronous) return durable
      // If it fails, the next `append` throws, and so does `close`.
      durable.catch(() => {})
    } catch (error) {
      if (this.synchronous) throw error
      return Promise.reject(error)
    }
  }

  async *read(): AsyncGenerator<JournalRecord, void, undefined> {
    if (this.synchronous) await this.#commits.idle()
    yield* readRecords(this.#folder, this.#writer.links, this.#blobs)
  }

  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    try {
      await this.#commits.close()
    } finally {
      await this.#writer.close()
      await this.#lock.release()
      if (this.#writer.links.length === 0) await removeUnused(this.#folder)
    }
  }

  #expectWritable(record: JournalRecord): void {
    const { runId, folder } = this.#folder
    if (this.#closed)
      throw journalError(runId, folder, 'expected an open journal, but it was closed. Open it again to write')
    if (this.#commits.lost) throw this.#commits.lost
    const first = record[0]
    const expected = this.#nextSeq
    if (first === undefined || expected === undefined || first.seq === expected) return
    throw journalError(
      runId,
      folder,
      `expected a record whose first event has seq ${expected}, got ${first.seq} (${first.type}). The journal already contains this run: resume it, or use another run id`,
    )
  }
}
