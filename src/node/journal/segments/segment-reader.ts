import type { OpenFile } from '../files/file-system.js'
import { journalError } from '../files/journal-error.js'
import { type RunFolder, segmentPath } from '../files/run-folder.js'
import { type FramesEnd, holdsLaterCommit, readFrames } from './framing.js'
import { type Header, type Link, misplaced, parseHeader } from './header.js'

/** What a look at a segment has found. */
export interface SegmentEnd extends FramesEnd {
  /** How many records there are before that. */
  readonly records: number
  /** How long the file is. More than `bytes` when it does not end in a whole frame. */
  readonly size: number
  /** The body of its last record. */
  readonly last: string | undefined
}

/** Opens a segment for `use` and closes it again. A folder or a symlink in its place is refused, in words. */
export async function withSegment<T>(
  place: RunFolder,
  segment: number,
  how: 'read' | 'write',
  use: (file: OpenFile) => Promise<T>,
): Promise<T> {
  const path = segmentPath(place, segment)
  const facts = await place.fileSystem.lstat(path)
  if (facts !== undefined && facts.kind !== 'file')
    throw journalError(place.runId, path, 'expected a file, but a folder or link has that name. Take it away')
  const file = await place.fileSystem.open(path, how)
  try {
    return await use(file)
  } finally {
    await file.close()
  }
}

/**
 * The header of a segment. Undefined when it has none that can be read: it was cut off in its first commit, or is damaged.
 * @throws JOURNAL for one that is right but too new, or of another run or stream.
 */
export async function readHeader(place: RunFolder, segment: number): Promise<Header | undefined> {
  return withSegment(place, segment, 'read', async file => {
    const body = await firstBody(file)
    if (body === undefined) return undefined
    const path = segmentPath(place, segment)
    const header = parseHeader(body, path)
    const isOurs = header.runId === place.runId && header.stream === place.stream
    if (!isOurs || header.segment !== segment) throw misplaced(header, place.runId, path)
    return header
  })
}

/** The body of the first frame of a file, unless that is not whole and right. */
export async function firstBody(file: OpenFile): Promise<string | undefined> {
  const size = (await file.stat()).bytes
  // A header is short, unless it tells a very long id.
  for (const end of [Math.min(size, SHORT), size])
    for await (const { buffer, bounds } of readFrames(file, end)) return buffer.toString('utf8', bounds[0], bounds[1])
  return undefined
}

const SHORT = 4096

/** Goes through the frames of a segment, up to byte `limit` if one is given, and says where they end. */
export async function scanSegment(place: RunFolder, segment: number, limit?: number): Promise<SegmentEnd> {
  return withSegment(place, segment, 'read', async file => {
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

/** True when what stands at byte `from` of a segment of `size` bytes was durable once: a later commit follows. */
export async function wasDurable(place: RunFolder, segment: number, from: number, size: number): Promise<boolean> {
  return withSegment(place, segment, 'read', file => holdsLaterCommit(file, from, size))
}

/**
 * The bodies of the records of a segment, many at a time, up to where it ends.
 * @throws JOURNAL when they are not there any more, although they were.
 */
export async function* readBodies(place: RunFolder, link: Link): AsyncGenerator<readonly string[], void, undefined> {
  const path = segmentPath(place, link.segment)
  const file = await place.fileSystem.open(path, 'read')
  try {
    const frames = readFrames(file, link.bytes)
    let from = 2
    for (;;) {
      const step = await frames.next()
      if (step.done) {
        if (step.value.bytes === link.bytes && step.value.crc === link.crc) return
        throw journalError(place.runId, `${path}, byte ${step.value.bytes}`, CHANGED)
      }
      const { buffer, bounds } = step.value
      const bodies: string[] = []
      for (; from < bounds.length; from += 2) bodies.push(buffer.toString('utf8', bounds[from], bounds[from + 1]))
      from = 0
      yield bodies
    }
  } finally {
    await file.close()
  }
}

const CHANGED =
  'expected the record that was written here, but it cannot be read any more. Something else has changed the file: open the journal again'
