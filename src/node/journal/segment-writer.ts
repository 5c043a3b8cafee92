import { codeOf, type OpenFile, writeFully } from './file-system.js'
import { FrameBuffer } from './framing.js'
import { headerBody, type Link, type Predecessor } from './header.js'
import type { RunLock } from './lock.js'
import { type Place, segmentPath } from './place.js'
import { journalError } from './problem.js'
import { bodyText } from './record-body.js'
import { scanSegment } from './segment-reader.js'

/** What a {@link SegmentWriter} goes on from. */
export interface WriterSetup {
  readonly place: Place
  readonly lock: RunLock
  readonly links: readonly Link[]
  readonly nextSegment: number
  /** Wall time, for headers. */
  now(): number
}

/** A journal that cannot be written any more, ever, by this opener: no other try will help. */
export class JournalLost extends Error {
  override readonly name: string = 'JournalLost'
  readonly reason: Error
  constructor(reason: Error) {
    super(reason.message)
    this.reason = reason
  }
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
  readonly #frames = new FrameBuffer()
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
   * Writes these records, given as what follows the first brace of their bodies.
   * @throws JournalLost when there is no use in trying again; anything else can be tried again, with the same records.
   */
  async commit(rests: readonly string[]): Promise<void> {
    try {
      await this.#commit(rests)
    } catch (error) {
      const { lock, place } = this.#setup
      // The whole folder may be gone, and then no other try will help.
      if (error instanceof JournalLost || (await lock.isHeld().catch(() => true))) throw error
      throw new JournalLost(await lock.lost(place.runId, error))
    }
  }

  /** Lets go of the file. Never rejects: what was committed is as safe as it was to be. */
  async close(): Promise<void> {
    await this.#current?.file.close().catch(() => {})
    this.#current = undefined
  }

  async #commit(rests: readonly string[]): Promise<void> {
    const current = this.#current ?? (await this.#begin())
    this.#fill(current, rests)
    const { bytes, crc } = this.#frames
    const isFirst = current.bytes === 0
    await this.#write(current, bytes)
    // The lock is looked at after the write, as `RunLock` says; together with the sync, so that it costs no time.
    const [synced, checked] = await Promise.allSettled([this.#sync(current, isFirst), this.#checkLock()])
    if (synced.status === 'rejected' || checked.status === 'rejected') {
      await this.#abandon(current)
      throw checked.status === 'rejected' ? checked.reason : (synced as PromiseRejectedResult).reason
    }
    current.bytes += bytes.length
    current.crc = crc
    current.commits++
    const end = { segment: current.segment, bytes: current.bytes, crc }
    if (isFirst) this.#links.push(end)
    else this.#links[this.#links.length - 1] = end
  }

  #fill(current: OpenSegment, rests: readonly string[]): void {
    const { place, now } = this.#setup
    const isFirst = current.bytes === 0
    const { segment, after } = current
    this.#frames.start(current.crc)
    if (isFirst) this.#frames.add(headerBody({ runId: place.runId, segment, ...(after && { after }) }, now()))
    // The header begins the first commit, a mark each other one.
    for (let i = 0; i < rests.length; i++)
      this.#frames.add(bodyText(rests[i] as string, i === 0 && !isFirst ? current.commits + 1 : 0))
  }

  async #write({ file, bytes: from }: OpenSegment, bytes: Uint8Array): Promise<void> {
    try {
      await writeFully(file, bytes, from)
    } catch (error) {
      await this.#trim(from)
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
    const { fileSystem, folder, root, durability } = this.#setup.place
    if (durability !== 'fsync') return
    if (!isFirst) return file.fdatasync()
    await file.fsync()
    await fileSystem.syncFolder(folder)
    if (this.#links.length === 0) await fileSystem.syncFolder(root)
  }

  async #checkLock(): Promise<void> {
    const { lock, place } = this.#setup
    if (!(await lock.isHeld())) throw new JournalLost(await lock.lost(place.runId))
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
  async #create(place: Place): Promise<{ readonly segment: number; readonly file: OpenFile }> {
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
