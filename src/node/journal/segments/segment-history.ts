import type { JournalRecord } from 'counterpoint'
import { segmentNumbers } from '../files/file-names.js'
import { codeOf } from '../files/file-system.js'
import { journalError } from '../files/journal-error.js'
import { type RunFolder, segmentPath } from '../files/run-folder.js'
import type { Header, Link } from './header.js'
import type { ParsedBody } from './record-body.js'
import { readHeader, type SegmentEnd, scanSegment, wasDurable, withSegment } from './segment-reader.js'

// A segment has one writer, once. Every opener that writes makes one of its own, and its header says where the one before it
// ends. So a writer that lost its lock and goes on writes where nobody reads, and what was cut off stays where it is, for who
// wants to look at it. The history of a run is the chain of segments from the newest with a header back to the first.
// Invariant: nothing but a new segment ever changes a history. To mend a file in place is safe only for who surely has the lock,
// and nobody surely has it.

/** What a journal, or a shared stream, holds when it is opened. */
export interface History {
  /** Its segments, oldest first, each with its end. */
  readonly links: readonly Link[]
  /** The first number that no segment has had. */
  readonly nextSegment: number
  /** The `seq` of the next event, where the last record tells. */
  readonly nextSeq: number | undefined
}

/**
 * Reads all that a run's folder holds. A tail that is torn, a segment that was never begun, and what a writer left that had lost
 * its lock are no part of it, and are reported. What it gives is durable. For the holder of the lock.
 *
 * @throws JOURNAL for anything that could be a loss of what had been durable, unless damage is to be cut.
 */
export async function openHistory(place: RunFolder): Promise<History> {
  const numbers = segmentNumbers(await place.fileSystem.readdir(place.folder))
  const chain = await findChain(place, numbers)
  const ends = await scanChain(place, chain)
  await tellIgnored(place, numbers, chain, ends)
  if (place.durability === 'fsync') await makeDurable(place, ends.at(-1))
  return { links: linksOf(ends), nextSegment: (numbers.at(-1) ?? 0) + 1, nextSeq: nextSeq(ends) }
}

/**
 * BAD: to go on from what can be read. The process that wrote it may have died before it was synced, and what is acknowledged
 * now would be lost with it. GOOD: to sync what was read, and the names that lead to it, before anything hangs on it.
 */
async function makeDurable(place: RunFolder, newest: ScannedSegment | undefined): Promise<void> {
  if (newest === undefined) return
  await withSegment(place, newest.segment, 'write', file => file.fsync())
  await place.fileSystem.syncFolder(place.folder)
  await place.fileSystem.syncFolder(place.root)
}

/**
 * The segments of a run, each with its end, for who only looks: nothing is locked or changed. While somebody writes, the last
 * of it may not be durable yet.
 *
 * @throws JOURNAL as `openHistory` does.
 */
export async function lookAtHistory(place: RunFolder): Promise<readonly Link[]> {
  const numbers = segmentNumbers(await place.fileSystem.readdir(place.folder))
  return linksOf(await scanChain(place, await findChain(place, numbers)))
}

function linksOf(ends: readonly ScannedSegment[]): Link[] {
  return ends.map(({ segment, bytes, crc }) => ({ segment, bytes, crc }))
}

/** The headers of the newest segment that has one, and of all that come before it, oldest first. */
async function findChain(place: RunFolder, numbers: readonly number[]): Promise<Header[]> {
  for (const segment of [...numbers].reverse()) {
    const chain = await followBack(place, segment)
    if (chain) return chain
  }
  return []
}

/** Undefined when no chain begins here: the segment was cut off in its first commit, of which nothing was acknowledged. */
async function followBack(place: RunFolder, newest: number): Promise<Header[] | undefined> {
  const chain: Header[] = []
  for (let segment: number | undefined = newest; segment !== undefined; ) {
    const header = await headerOf(place, segment)
    if (header === undefined) {
      const isNewest = segment === newest
      if (isNewest && !(await holdsCommits(place, segment))) return undefined
      return damaged(
        place,
        segment,
        0,
        0,
        isNewest ? BAD_HEADER : 'expected the segment that a later one goes on from, got none, or one that is damaged',
      )
    }
    chain.unshift(header)
    segment = header.after?.segment
  }
  return chain
}

async function holdsCommits(place: RunFolder, segment: number): Promise<boolean> {
  const { bytes = 0 } = (await place.fileSystem.lstat(segmentPath(place, segment))) ?? {}
  return wasDurable(place, segment, 0, bytes)
}

async function headerOf(place: RunFolder, segment: number): Promise<Header | undefined> {
  try {
    return await readHeader(place, segment)
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
}

interface ScannedSegment extends SegmentEnd {
  readonly segment: number
}

/** Goes through all segments of a chain. Each but the newest has to reach exactly the end that the next one names. */
async function scanChain(place: RunFolder, chain: readonly Header[]): Promise<ScannedSegment[]> {
  const ends: ScannedSegment[] = []
  for (const [i, { segment }] of chain.entries()) {
    const next = chain[i + 1]?.after
    const end = { segment, ...(await scanSegment(place, segment, next?.bytes)) }
    ends.push(end)
    const records = ends.reduce((sum, each) => sum + each.records, 0)
    const isWhole = next
      ? end.bytes === next.bytes && end.crc === next.crc
      : end.bytes === end.size || !(await wasDurable(place, segment, end.bytes, end.size))
    if (isWhole) continue
    damaged(place, segment, end.bytes, records, BAD_RECORD)
    break
  }
  return ends
}

const BAD_HEADER = 'expected the header of a segment, got bytes that are damaged, and whole commits after them'
const BAD_RECORD = 'expected a record that had been durable, got bytes that are damaged or nothing'

/** Refuses, or says that everything from here on is cut. */
function damaged(place: RunFolder, segment: number, byte: number, records: number, what: string): undefined {
  const where = `${segmentPath(place, segment)}, byte ${byte}`
  if (place.onDamage === 'refuse')
    throw journalError(
      place.runId,
      where,
      `${what}. Nothing was changed. Restore the folder from a backup; or open it with onDamage: 'cut', which keeps the ${records} records before this`,
    )
  place.report(`${where}: ${what}. It is cut here, as asked: the records before this are kept`, undefined)
}

/** Reports what is no part of the history, unless an earlier opener has: it made a segment after that. */
async function tellIgnored(
  place: RunFolder,
  numbers: readonly number[],
  chain: readonly Header[],
  ends: readonly ScannedSegment[],
): Promise<void> {
  for (const [i, { segment, bytes, size }] of ends.entries()) {
    const seen = chain[i + 1]?.after?.size
    const path = segmentPath(place, segment)
    if (size > (seen ?? bytes))
      place.report(`${path}, byte ${seen ?? bytes}: ${seen === undefined ? TORN : LATE}`, undefined)
  }
  for (const segment of numbers)
    if (segment > (ends.at(-1)?.segment ?? 0)) place.report(`${segmentPath(place, segment)}: ${NOT_BEGUN}`, undefined)
}

const TORN = 'the journal ends here, in a write that was cut off. What stands after it is no part of the journal'
const LATE = 'a writer that had lost its lock went on here. What it wrote is no part of the journal'
const NOT_BEGUN =
  'the first write of this file was cut off, or what it goes on from is damaged. It is no part of the journal'

/** Undefined when the last record is of a kind that this version does not know. */
function nextSeq(ends: readonly ScannedSegment[]): number | undefined {
  const body = ends.findLast(({ last }) => last !== undefined)?.last
  if (body === undefined) return 1
  const record: JournalRecord | undefined = (JSON.parse(body) as ParsedBody).r
  const seq = record?.at(-1)?.seq
  return seq === undefined ? undefined : seq + 1
}
