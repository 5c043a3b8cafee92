import { closing, type OpenFile } from '../files/file-system.js'
import { journalError } from '../files/journal-error.js'
import { type JournalFolder, segmentPath } from '../files/journal-folder.js'
import { type FramesEnd, hasLaterCommit, readFrames } from './framing.js'
import { type Header, type Link, misplaced, parseHeader } from './header.js'

/** Headers are short, unless the id is very long. */
const USUAL_HEADER_BYTES = 4096

/** The result of scanning a segment. */
export interface SegmentEnd extends FramesEnd {
  /** The number of records before the end. */
  readonly records: number
  /** The length of the file. More than `bytes` when it does not end with a complete frame. */
  readonly size: number
  /** The body of the last record. */
  readonly last: string | undefined
}

/** Opens a segment for `use` and closes it afterwards. @throws JOURNAL for a folder or symlink in its place. */
export async function withSegment<T>(
  folder: JournalFolder,
  segment: number,
  how: 'read' | 'write',
  use: (file: OpenFile) => Promise<T>,
): Promise<T> {
  const path = segmentPath(folder, segment)
  const facts = await folder.fileSystem.lstat(path)
  if (facts !== undefined && facts.kind !== 'file')
    throw journalError(folder.runId, path, 'expected a file, but a folder or symlink has that name. Move it away')
  const file = await folder.fileSystem.open(path, how)
  await using _ = closing(file)
  return await use(file)
}

/**
 * The header of a segment. Undefined when it has no readable one: its first commit was torn, or it is damaged.
 * @throws JOURNAL for a valid header that is too new, or belongs to another run or stream.
 */
export async function readHeader(folder: JournalFolder, segment: number): Promise<Header | undefined> {
  return withSegment(folder, segment, 'read', async file => {
    const body = await firstBody(file)
    if (body === undefined) return undefined
    const path = segmentPath(folder, segment)
    const header = parseHeader(body, path)
    const isOurs = header.runId === folder.runId && header.stream === folder.stream
    if (!isOurs || header.segment !== segment) throw misplaced(header, folder.runId, path)
    return header
  })
}

/** The body of the first frame of a file; undefined when that is incomplete or damaged. */
export async function firstBody(file: OpenFile): Promise<string | undefined> {
  const size = (await file.stat()).bytes
  for (const end of [Math.min(size, USUAL_HEADER_BYTES), size])
    for await (const { buffer, bounds } of readFrames(file, end)) return buffer.toString('utf8', bounds[0], bounds[1])
  return undefined
}

/** Scans the frames of a segment, up to byte `limit` if given. */
export async function scanSegment(folder: JournalFolder, segment: number, limit?: number): Promise<SegmentEnd> {
  return withSegment(folder, segment, 'read', async file => {
    const size = (await file.stat()).bytes
    const frames = readFrames(file, Math.min(size, limit ?? size))
    let records = -1
    let last: string | undefined
    for (;;) {
      const step = await frames.next()
      if (step.done) return { ...step.value, records: Math.max(0, records), size, last }
      const { buffer, bounds } = step.value
      records += bounds.length / 2
      if (records > 0) last = buffer.toString('utf8', bounds.at(-2), bounds.at(-1))
    }
  })
}

/** True when the bytes at `from` of a segment of `size` bytes were once durable: a later commit follows. */
export async function wasDurable(folder: JournalFolder, segment: number, from: number, size: number): Promise<boolean> {
  return withSegment(folder, segment, 'read', file => hasLaterCommit(file, from, size))
}

/**
 * The bodies of the records of a segment, many at a time.
 * @throws JOURNAL when records are missing that were there when the journal was opened.
 */
export async function* readBodies(
  folder: JournalFolder,
  link: Link,
): AsyncGenerator<readonly string[], void, undefined> {
  const path = segmentPath(folder, link.segment)
  const file = await folder.fileSystem.open(path, 'read')
  await using _ = closing(file)
  const frames = readFrames(file, link.bytes)
  // The first frame is the header.
  let from = 2
  for (;;) {
    const step = await frames.next()
    if (step.done) {
      if (step.value.bytes === link.bytes && step.value.crc === link.crc) return
      throw journalError(folder.runId, `${path}, byte ${step.value.bytes}`, CHANGED)
    }
    const { buffer, bounds } = step.value
    const bodies: string[] = []
    for (; from < bounds.length; from += 2) bodies.push(buffer.toString('utf8', bounds[from], bounds[from + 1]))
    from = 0
    yield bodies
  }
}

const CHANGED =
  'expected the record that was written here, but it can no longer be read. Another program has changed the file: open the journal again'
