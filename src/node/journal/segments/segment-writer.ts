import { codeOf, type OpenFile, writeAtomically, writeFully } from '../files/file-system.js'
import { JournalLost, journalError } from '../files/journal-error.js'
import { checkSegmentNumber, type JournalFolder, removeSegments, segmentPath } from '../files/journal-folder.js'
import type { FolderLock } from '../files/lock.js'
import { type SealedFrames, sealFrames } from './framing.js'
import { headerBody, type Link, type Predecessor } from './header.js'
import { endMark } from './record-body.js'
import { scanSegment } from './segment-reader.js'

/** Options of a {@link SegmentWriter}. */
export interface SegmentWriterOptions {
  readonly folder: JournalFolder
  readonly lock: FolderLock
  readonly links: readonly Link[]
  readonly nextSegment: number
  /** Wall time, for headers. */
  now(): number
}

interface OpenSegment {
  readonly segment: number
  readonly after: Predecessor | undefined
  readonly file: OpenFile
  /** Where its last durable commit ends. */
  bytes: number
  crc: number
  commits: number
}

const NO_FRAMES: SealedFrames = { bytes: Buffer.alloc(0), crc: 0 }

/**
 * Writes commits, one at a time: one write, one sync. Creates its segment with the first.
 *
 * Invariants: a commit that resolved is durable and was written while this process owned the lock. After a failed sync its segment is
 * never written or synced again: the system may have dropped the data, and reports that only once. The next commit creates a new segment,
 * whose header names the end of what is known to be durable.
 */
export class SegmentWriter {
  readonly #options: SegmentWriterOptions
  readonly #links: Link[]
  #nextSegment: number
  #current: OpenSegment | undefined
  /** The end of the last link must be verified before a segment continues it. */
  #isSuspect = false

  constructor(options: SegmentWriterOptions) {
    this.#options = options
    this.#links = [...options.links]
    this.#nextSegment = options.nextSegment
  }

  /** All durable segments, oldest first. */
  get links(): readonly Link[] {
    return [...this.#links]
  }

  /**
   * Writes records.
   * @throws JournalLost when retrying is useless; after any other error the same records can be written again.
   */
  async commit(bodies: readonly string[]): Promise<void> {
    await this.#orLost(() => this.#commit(bodies))
  }

  /**
   * Replaces all records by these, atomically.
   * @throws JournalLost as `commit` does. After any other error they were replaced or not; the next reader finds out.
   */
  async replace(bodies: readonly string[]): Promise<void> {
    await this.#orLost(() => this.#replace(bodies))
  }

  /** Closes the file. Never rejects: what was committed is durable already. */
  async close(): Promise<void> {
    await this.#current?.file.close().catch(() => {})
    this.#current = undefined
  }

  async #orLost(work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (error) {
      const { lock } = this.#options
      // The whole folder may be gone; then retrying is useless.
      if (error instanceof JournalLost || (await lock.isHeld().catch(() => true))) throw error
      throw new JournalLost(await lock.lostError(error))
    }
  }

  /**
   * A segment without predecessor is a history of its own.
   * BAD: write it under its own name. Interrupted halfway, it would hide all records before it. GOOD: write it under a temporary name, and
   * rename it atomically once it is complete.
   */
  async #replace(bodies: readonly string[]): Promise<void> {
    const { folder, lock } = this.#options
    const { segment, file } = await this.#createFile()
    await file.close()
    // Whether it succeeds or not, the next append goes to a segment with a higher number, which names its predecessor.
    if (this.#current) await this.#abandon(this.#current)
    await this.#checkLock()
    const header = this.#header(segment, undefined)
    // A mark at the end distinguishes damage from a torn write: this file was complete when it got its name.
    const records = sealFrames([...bodies, endMark(2)], header.crc, 0)
    const bytes = Buffer.concat([header.bytes, records.bytes])
    const durable = folder.durability === 'fsync'
    await writeAtomically(folder.fileSystem, segmentPath(folder, segment), bytes, { durable, nonce: lock.owner.nonce })
    if (durable) await this.#syncNames()
    await this.#checkLock()
    this.#links.splice(0, this.#links.length, { segment, bytes: bytes.length, crc: records.crc })
    this.#isSuspect = false
    // Old segments are not part of the history any more: what cannot be deleted now is deleted another time.
    await removeSegments(folder, segment).catch(() => {})
  }

  async #commit(bodies: readonly string[]): Promise<void> {
    const current = this.#current ?? (await this.#begin())
    const isFirst = current.bytes === 0
    // The first commit begins with the header, every other one with a mark.
    const header = isFirst ? this.#header(current.segment, current.after) : NO_FRAMES
    const { bytes, crc } = sealFrames(bodies, isFirst ? header.crc : current.crc, isFirst ? 0 : current.commits + 1)
    if (isFirst) await this.#write(current, header.bytes, 0)
    await this.#write(current, bytes, current.bytes + header.bytes.length)
    // The lock is checked after the write, as `FolderLock` requires; during the sync, so that it costs no time.
    const [synced, checked] = await Promise.allSettled([this.#sync(current, isFirst), this.#checkLock()])
    if (synced.status === 'rejected' || checked.status === 'rejected') {
      await this.#abandon(current)
      throw checked.status === 'rejected' ? checked.reason : (synced as PromiseRejectedResult).reason
    }
    current.bytes += header.bytes.length + bytes.length
    current.crc = crc
    current.commits++
    const end = { segment: current.segment, bytes: current.bytes, crc }
    if (isFirst) this.#links.push(end)
    else this.#links[this.#links.length - 1] = end
  }

  #header(segment: number, after: Predecessor | undefined): SealedFrames {
    const { folder, now } = this.#options
    return sealFrames([headerBody(folder, { segment, ...(after && { after }) }, now())], 0, 0)
  }

  /** A write that failed halfway is removed: readers must not find it, and a full disk needs the space. */
  async #write(current: OpenSegment, bytes: Uint8Array, from: number): Promise<void> {
    try {
      await writeFully(current.file, bytes, from)
    } catch (error) {
      await current.file.truncate(current.bytes).catch(() => this.#abandon(current))
      throw error
    }
  }

  async #sync({ file }: OpenSegment, isFirst: boolean): Promise<void> {
    if (this.#options.folder.durability !== 'fsync') return
    if (!isFirst) return file.fdatasync()
    await Promise.all([file.fsync(), this.#syncNames()])
  }

  async #syncNames(): Promise<void> {
    const { fileSystem, folder, root } = this.#options.folder
    await fileSystem.syncFolder(folder)
    if (this.#links.length === 0) await fileSystem.syncFolder(root)
  }

  async #checkLock(): Promise<void> {
    const { lock } = this.#options
    if (!(await lock.isHeld())) throw new JournalLost(await lock.lostError())
  }

  async #abandon(current: OpenSegment): Promise<void> {
    this.#current = undefined
    this.#isSuspect = current.bytes > 0
    await current.file.close().catch(() => {})
  }

  async #begin(): Promise<OpenSegment> {
    await this.#verify()
    const after = await this.#predecessor()
    const { segment, file } = await this.#createFile()
    this.#current = { segment, after, file, bytes: 0, crc: 0, commits: 0 }
    // Invariant: a segment is written only if the lock was ours after its number was taken. So the highest number of all segments with
    // content belongs to the last owner of the lock, and the chain from there is complete.
    await this.#checkLock()
    return this.#current
  }

  /** A number that is taken belongs to a writer that lost its lock, or to a write that failed: nothing reads that file. */
  async #createFile(): Promise<{ readonly segment: number; readonly file: OpenFile }> {
    const { folder } = this.#options
    for (;;) {
      const segment = this.#nextSegment
      this.#checkNumber(segment)
      try {
        const file = await folder.fileSystem.open(segmentPath(folder, segment), 'create')
        this.#nextSegment++
        return { segment, file }
      } catch (error) {
        if (codeOf(error) !== 'EEXIST') throw error
        this.#nextSegment++
      }
    }
  }

  #checkNumber(segment: number): void {
    try {
      checkSegmentNumber(this.#options.folder, segment)
    } catch (error) {
      throw new JournalLost(error as Error)
    }
  }

  async #predecessor(): Promise<Predecessor | undefined> {
    const { folder } = this.#options
    const link = this.#links.at(-1)
    if (link === undefined) return undefined
    const facts = await folder.fileSystem.lstat(segmentPath(folder, link.segment))
    return { ...link, size: facts?.bytes ?? link.bytes }
  }

  /** Reads acknowledged records back before a segment continues them. */
  async #verify(): Promise<void> {
    const link = this.#links.at(-1)
    if (!this.#isSuspect || link === undefined) return
    const { folder } = this.#options
    const end = await scanSegment(folder, link.segment, link.bytes)
    if (end.bytes !== link.bytes || end.crc !== link.crc) {
      const where = `${segmentPath(folder, link.segment)}, byte ${end.bytes}`
      const message =
        'expected the records that were durable, but they cannot be read back after a failed sync. The disk has lost them: restore the run from a backup'
      throw new JournalLost(journalError(folder.runId, where, message))
    }
    this.#isSuspect = false
  }
}
