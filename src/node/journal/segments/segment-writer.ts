import { codeOf, type OpenFile, putWhole, writeFully } from '../files/file-system.js'
import { JournalLost, journalError } from '../files/journal-error.js'
import type { FolderLock } from '../files/lock.js'
import { type RunFolder, segmentPath } from '../files/run-folder.js'
import { removeSegments } from '../run-list.js'
import { type FrameBatch, frameOf, type Sealed } from './framing.js'
import { headerBody, type Link, type Predecessor } from './header.js'
import { endMark } from './record-body.js'
import { scanSegment } from './segment-reader.js'

/** What a {@link SegmentWriter} goes on from. */
export interface WriterSetup {
  readonly place: RunFolder
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

const NOTHING: Sealed = { bytes: Buffer.alloc(0), crc: 0 }

/**
 * Writes commits, one at a time: one write, one sync. Makes its segment with the first.
 *
 * Invariants: what `commit` resolved for is durable and has been written while the lock was ours. A segment of which a sync
 * failed is never written or synced again: the system may have dropped what it could not write, and will not say so twice.
 * The next commit makes a new one that names the end of what is known to be good.
 */
export class SegmentWriter {
  readonly #setup: WriterSetup
  readonly #links: Link[]
  #nextSegment: number
  #current: OpenSegment | undefined
  /** The end of the last link has to be looked at before anything goes on from it. */
  #isSuspect = false

  constructor(setup: WriterSetup) {
    this.#setup = setup
    this.#links = [...setup.links]
    this.#nextSegment = setup.nextSegment
  }

  /** The segments and their ends, with all that is durable. */
  get links(): readonly Link[] {
    return [...this.#links]
  }

  /**
   * Writes these records. Nothing may be added to them meanwhile.
   * @throws JournalLost when there is no use in trying again; anything else can be tried again, with the same records.
   */
  async commit(frames: FrameBatch): Promise<void> {
    await this.#orLost(() => this.#commit(frames))
  }

  /**
   * Puts these records in the place of all that were there: whole or not at all, whatever happens meanwhile.
   * @throws JournalLost as `commit` does. After anything else all is as it was, or it has been done and nobody knows.
   */
  async replace(frames: FrameBatch): Promise<void> {
    await this.#orLost(() => this.#replace(frames))
  }

  /** Lets go of the file. Never rejects: what was committed is as safe as it was to be. */
  async close(): Promise<void> {
    await this.#current?.file.close().catch(() => {})
    this.#current = undefined
  }

  async #orLost(work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (error) {
      const { lock } = this.#setup
      // The whole folder may be gone, and then no other try will help.
      if (error instanceof JournalLost || (await lock.isHeld().catch(() => true))) throw error
      throw new JournalLost(await lock.lost(error))
    }
  }

  /**
   * A segment that goes on from nothing is a history of its own.
   * BAD: to write it under its own name. Cut off in the middle, it would hide all that was there before it. GOOD: to write it under another
   * name, and to give it its own in one step, once it is whole.
   */
  async #replace(frames: FrameBatch): Promise<void> {
    const { place, lock } = this.#setup
    const { segment, file } = await this.#create(place)
    await file.close()
    // Whether it comes to be or not, what is appended next goes into a segment of a higher number, which names what it goes on from.
    if (this.#current) await this.#abandon(this.#current)
    await this.#checkLock()
    const { bytes, crc } = this.#whole(segment, frames)
    const durable = place.durability === 'fsync'
    await putWhole(place.fileSystem, segmentPath(place, segment), bytes, { durable, nonce: lock.holder.nonce })
    if (durable) await this.#syncNames()
    await this.#checkLock()
    this.#links.splice(0, this.#links.length, { segment, bytes: bytes.length, crc })
    this.#isSuspect = false
    // What cannot be taken away now goes another time: it is no part of the history any more.
    await removeSegments(place, segment).catch(() => {})
  }

  async #commit(frames: FrameBatch): Promise<void> {
    const current = this.#current ?? (await this.#begin())
    const isFirst = current.bytes === 0
    // The header begins the first commit, a mark each other one.
    const header = isFirst ? this.#header(current) : NOTHING
    const { bytes, crc } = isFirst ? frames.seal(header.crc, 0) : frames.seal(current.crc, current.commits + 1)
    if (isFirst) await this.#write(current, header.bytes, 0)
    await this.#write(current, bytes, current.bytes + header.bytes.length)
    // The lock is looked at after the write, as `FolderLock` says; together with the sync, so that it costs no time.
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

  #header({ segment, after }: Pick<OpenSegment, 'segment' | 'after'>): Sealed {
    const { place, now } = this.#setup
    return frameOf(headerBody(place, { segment, ...(after && { after }) }, now()), 0)
  }

  /** The mark at the end tells damage from a write that was cut off: there was none, it was whole when it got its name. */
  #whole(segment: number, frames: FrameBatch): Sealed {
    const header = this.#header({ segment, after: undefined })
    const { bytes, crc } = frames.seal(header.crc, 0)
    const mark = frameOf(endMark(2), crc)
    return { bytes: Buffer.concat([header.bytes, bytes, mark.bytes]), crc: mark.crc }
  }

  async #write({ file, bytes: durable }: OpenSegment, bytes: Uint8Array, from: number): Promise<void> {
    try {
      await writeFully(file, bytes, from)
    } catch (error) {
      await this.#trim(durable)
      throw error
    }
  }

  /** A write that failed half-way leaves nothing: neither for a reader, nor on a full disk. */
  async #trim(bytes: number): Promise<void> {
    const current = this.#current as OpenSegment
    try {
      await current.file.truncate(bytes)
    } catch {
      await this.#abandon(current)
    }
  }

  async #sync({ file }: OpenSegment, isFirst: boolean): Promise<void> {
    if (this.#setup.place.durability !== 'fsync') return
    if (!isFirst) return file.fdatasync()
    await Promise.all([file.fsync(), this.#syncNames()])
  }

  async #syncNames(): Promise<void> {
    const { fileSystem, folder, root } = this.#setup.place
    await fileSystem.syncFolder(folder)
    if (this.#links.length === 0) await fileSystem.syncFolder(root)
  }

  async #checkLock(): Promise<void> {
    const { lock } = this.#setup
    if (!(await lock.isHeld())) throw new JournalLost(await lock.lost())
  }

  async #abandon(current: OpenSegment): Promise<void> {
    this.#current = undefined
    this.#isSuspect = current.bytes > 0
    await current.file.close().catch(() => {})
  }

  async #begin(): Promise<OpenSegment> {
    await this.#verify()
    const { place } = this.#setup
    const after = await this.#predecessor()
    const { segment, file } = await this.#create(place)
    this.#current = { segment, after, file, bytes: 0, crc: 0, commits: 0 }
    // Invariant: nothing is written to a segment unless the lock was ours when its number was taken. So the highest number of
    // all segments that hold anything is that of the last one who had the lock, and the chain from there misses nothing.
    await this.#checkLock()
    return this.#current
  }

  /** A number that is taken is that of a writer who has lost its lock, or of a write that failed: nothing is read there. */
  async #create(place: RunFolder): Promise<{ readonly segment: number; readonly file: OpenFile }> {
    for (;;) {
      const segment = this.#nextSegment
      try {
        const file = await place.fileSystem.open(segmentPath(place, segment), 'create')
        this.#nextSegment++
        return { segment, file }
      } catch (error) {
        if (codeOf(error) !== 'EEXIST') throw error
        this.#nextSegment++
      }
    }
  }

  async #predecessor(): Promise<Predecessor | undefined> {
    const { place } = this.#setup
    const link = this.#links.at(-1)
    if (link === undefined) return undefined
    const facts = await place.fileSystem.lstat(segmentPath(place, link.segment))
    return { ...link, size: facts?.bytes ?? link.bytes }
  }

  /** Reads what was acknowledged back before anything goes on from it. */
  async #verify(): Promise<void> {
    const link = this.#links.at(-1)
    if (!this.#isSuspect || link === undefined) return
    const { place } = this.#setup
    const end = await scanSegment(place, link.segment, link.bytes)
    if (end.bytes !== link.bytes || end.crc !== link.crc) {
      const where = `${segmentPath(place, link.segment)}, byte ${end.bytes}`
      const message =
        'expected the records that had been durable, but after a failed sync they cannot be read back. The disk has lost them: restore the run from a backup'
      throw new JournalLost(journalError(place.runId, where, message))
    }
    this.#isSuspect = false
  }
}
