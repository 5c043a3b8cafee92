import type { JournalRecord } from 'counterpoint'
import { codeOf } from '../files/file-system.js'
import { journalError } from '../files/journal-error.js'
import { checkSegmentNumber, type JournalFolder, segmentPath, segmentsIn } from '../files/journal-folder.js'
import type { Header, Link } from './header.js'
import { findLostBlob } from './lost-blob.js'
import type { ParsedBody } from './record-body.js'
import { readHeader, type SegmentEnd, scanSegment, wasDurable, withSegment } from './segment-reader.js'

// A segment has one writer. Every opener that writes creates a segment of its own, whose header says where the previous one ends. So
// a writer that lost its lock and continues writes where nothing is read, and torn writes stay in place for inspection.
// The history of a run is the chain of segments from the newest one with a header back to the first.
// Invariant: only a new segment ever changes a history. Repairing a file in place is safe only for the certain owner of the lock, and no
// process can be certain that it still owns it.

/** What a journal, or a shared stream, contains when it is opened. */
export interface History {
  /** Its segments, oldest first. */
  readonly links: readonly Link[]
  /** The lowest number that no segment has had. */
  readonly nextSegment: number
  /** The `seq` of the next event; undefined when the last record is of an unknown kind. */
  readonly nextSeq: number | undefined
}

/**
 * Reads the history in a folder, for the owner of its lock, and makes it durable. A torn tail, a segment that was never begun, and what
 * a writer without its lock left are not part of it, and are reported.
 *
 * @throws JOURNAL for anything that could be a loss of durable records, unless `onDamage` is `cut`.
 */
export async function openHistory(folder: JournalFolder): Promise<History> {
  const numbers = await segmentsIn(folder)
  const nextSegment = (numbers.at(-1) ?? 0) + 1
  checkSegmentNumber(folder, nextSegment)
  const chain = await findChain(folder, numbers)
  const ends = await scanChain(folder, chain)
  await reportIgnored(folder, numbers, chain, ends)
  if (folder.durability === 'fsync') await makeDurable(folder, ends.at(-1))
  return { links: linksOf(ends), nextSegment, nextSeq: nextSeq(ends) }
}

/**
 * BAD: continue from whatever can be read. The process that wrote it may have died before its sync, and what is acknowledged from now on
 * would be lost with it. GOOD: sync what was read, and the names that lead to it, before anything depends on it.
 */
async function makeDurable(folder: JournalFolder, newest: ScannedSegment | undefined): Promise<void> {
  if (newest === undefined) return
  await withSegment(folder, newest.segment, 'write', file => file.fsync())
  await folder.fileSystem.syncFolder(folder.folder)
  await folder.fileSystem.syncFolder(folder.root)
}

/**
 * The segments of a run, without locking or changing anything. While a process writes, the last records may not be durable yet.
 *
 * @throws JOURNAL as `openHistory` does.
 */
export async function readHistory(folder: JournalFolder): Promise<readonly Link[]> {
  return linksOf(await scanChain(folder, await findChain(folder, await segmentsIn(folder))))
}

function linksOf(ends: readonly ScannedSegment[]): Link[] {
  return ends.map(({ segment, bytes, crc }) => ({ segment, bytes, crc }))
}

/** The headers of the newest segment that has one, and of all before it, oldest first. */
async function findChain(folder: JournalFolder, numbers: readonly number[]): Promise<Header[]> {
  for (const segment of [...numbers].reverse()) {
    const chain = await followChain(folder, segment)
    if (chain) return chain
  }
  return []
}

/** Undefined when no chain starts here: the first commit of the segment was torn, so none of it was acknowledged. */
async function followChain(folder: JournalFolder, newest: number): Promise<Header[] | undefined> {
  const chain: Header[] = []
  for (let segment: number | undefined = newest; segment !== undefined; ) {
    const header = await headerOf(folder, segment)
    if (header === undefined) {
      if (segment !== newest) return onDamage(folder, segment, 0, 0, MISSING_SEGMENT)
      if (!(await hasCommits(folder, segment))) return undefined
      return onDamage(folder, segment, 0, 0, BAD_HEADER)
    }
    chain.unshift(header)
    segment = header.after?.segment
  }
  return chain
}

async function hasCommits(folder: JournalFolder, segment: number): Promise<boolean> {
  const { bytes = 0 } = (await folder.fileSystem.lstat(segmentPath(folder, segment))) ?? {}
  return wasDurable(folder, segment, 0, bytes)
}

async function headerOf(folder: JournalFolder, segment: number): Promise<Header | undefined> {
  try {
    return await readHeader(folder, segment)
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
}

interface ScannedSegment extends SegmentEnd {
  readonly segment: number
}

/** Scans all segments of a chain. Each but the newest must end exactly where the next one says. */
async function scanChain(folder: JournalFolder, chain: readonly Header[]): Promise<ScannedSegment[]> {
  const ends: ScannedSegment[] = []
  for (const [i, { segment }] of chain.entries()) {
    const next = chain[i + 1]?.after
    const scanned = { segment, ...(await scanSegment(folder, segment, next?.bytes)) }
    const cut = folder.onDamage === 'cut' ? await findLostBlob(folder, segment, scanned.bytes) : undefined
    const end = { ...scanned, ...cut?.end }
    ends.push(end)
    const records = ends.reduce((sum, each) => sum + each.records, 0)
    if (cut) {
      onDamage(folder, segment, end.bytes, records, cut.problem)
      break
    }
    const isWhole = next
      ? end.bytes === next.bytes && end.crc === next.crc
      : end.bytes === end.size || !(await wasDurable(folder, segment, end.bytes, end.size))
    if (isWhole) continue
    onDamage(folder, segment, end.bytes, records, BAD_RECORD)
    break
  }
  return ends
}

const MISSING_SEGMENT = 'expected the segment that a later one continues, but it is missing or damaged'
const BAD_HEADER = 'expected the header of a segment, got damaged bytes with complete commits after them'
const BAD_RECORD = 'expected a record that was durable, but it is damaged or missing'

/** Throws, or reports that the journal is cut here. */
function onDamage(folder: JournalFolder, segment: number, byte: number, records: number, what: string): undefined {
  const where = `${segmentPath(folder, segment)}, byte ${byte}`
  if (folder.onDamage === 'refuse')
    throw journalError(
      folder.runId,
      where,
      `${what}. Nothing was changed. Restore the folder from a backup, or open it with onDamage: 'cut', which keeps the ${records} records before this`,
    )
  folder.report(
    `${where}: ${what}. The journal is cut here because onDamage is 'cut'; the records before are kept`,
    undefined,
  )
}

/** Reports what is not part of the history, unless an earlier opener did: it created a segment after that. */
async function reportIgnored(
  folder: JournalFolder,
  numbers: readonly number[],
  chain: readonly Header[],
  ends: readonly ScannedSegment[],
): Promise<void> {
  for (const [i, { segment, bytes, size }] of ends.entries()) {
    const reported = chain[i + 1]?.after?.size
    const path = segmentPath(folder, segment)
    if (size > (reported ?? bytes))
      folder.report(`${path}, byte ${reported ?? bytes}: ${reported === undefined ? TORN : LATE}`, undefined)
  }
  for (const segment of numbers)
    if (segment > (ends.at(-1)?.segment ?? 0))
      folder.report(`${segmentPath(folder, segment)}: ${NEVER_BEGUN}`, undefined)
}

const TORN = 'the journal ends here, in a torn write. What follows is not part of the journal'
const LATE = 'a writer that had lost its lock wrote here. What follows is not part of the journal'
const NEVER_BEGUN =
  'the first write of this file was torn, or the segment before it is damaged. It is not part of the journal'

/** Undefined when the last record is of an unknown kind. */
function nextSeq(ends: readonly ScannedSegment[]): number | undefined {
  const body = ends.findLast(({ last }) => last !== undefined)?.last
  if (body === undefined) return 1
  const record: JournalRecord | undefined = (JSON.parse(body) as ParsedBody).r
  const seq = record?.at(-1)?.seq
  return seq === undefined ? undefined : seq + 1
}
