import { BlobStore } from '../blob-store.js'
import type { JournalFolder } from '../files/journal-folder.js'
import { endOfFrame, type FramesEnd, readFrames } from './framing.js'
import type { ParsedBody } from './record-body.js'
import { type SegmentEnd, withSegment } from './segment-reader.js'

/** Where a segment is cut, and why. */
export interface LostBlob {
  readonly end: FramesEnd & Pick<SegmentEnd, 'records' | 'last'>
  readonly problem: string
}

/** The first record in the first `bytes` bytes of a segment that refers to a payload which cannot be read; undefined when there is none. */
export async function findLostBlob(
  folder: JournalFolder,
  segment: number,
  bytes: number,
): Promise<LostBlob | undefined> {
  const blobs = new BlobStore({ folder, nonce: '' })
  return withSegment(folder, segment, 'read', async file => {
    let end: FramesEnd = { bytes: 0, crc: 0 }
    let records = -1
    let last: string | undefined
    for await (const frames of readFrames(file, bytes))
      for (let n = 0; 2 * n < frames.bounds.length; n++) {
        const body = frames.buffer.toString('utf8', frames.bounds[2 * n], frames.bounds[2 * n + 1])
        const problem = await problemOf(body, blobs)
        if (problem !== undefined) return { end: { ...end, records, last }, problem }
        end = endOfFrame(frames, n)
        if (++records > 0) last = body
      }
    return undefined
  })
}

/** Why a payload of this body cannot be read; undefined when all can. */
async function problemOf(body: string, blobs: BlobStore): Promise<string | undefined> {
  // Parsing every body would double the time of opening.
  if (!body.includes('"b":[[')) return undefined
  try {
    for (const [, , sha256] of (JSON.parse(body) as ParsedBody).b ?? []) await blobs.read(sha256)
    return undefined
  } catch (error) {
    return `expected the payload of a record that was durable, but it cannot be read (${(error as Error).message})`
  }
}
