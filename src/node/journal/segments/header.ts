import { hostname } from 'node:os'
import { segmentName } from '../files/file-names.js'
import { describe, journalError } from '../files/journal-error.js'
import type { JournalId } from '../files/journal-folder.js'
import type { FramesEnd } from './framing.js'

/** The version of the format that is written. */
const VERSION = 1
const FORMAT = 'counterpoint-journal'

/** A segment and where it ends. */
export interface Link extends FramesEnd {
  readonly segment: number
}

/** The first frame of a segment. */
export interface Header extends JournalId {
  readonly segment: number
  /** Where the previous segment ends, whatever follows there. None for the first. */
  readonly after?: Predecessor
}

/** The end of a segment that another one continues. */
export interface Predecessor extends Link {
  /** The length of its file then: more than `bytes` when a write was torn. If it is longer later, a writer that lost its lock wrote there. */
  readonly size: number
}

/** The body of a header. A reader ignores members that it does not know; what it must know raises `minReader`. */
export function headerBody(
  { runId, stream }: JournalId,
  { segment, after }: Pick<Header, 'segment' | 'after'>,
  now: number,
): string {
  return JSON.stringify({
    format: FORMAT,
    version: VERSION,
    minReader: 1,
    runId,
    stream,
    segment,
    ...(after && { after: { segment: after.segment, bytes: after.bytes, crc: after.crc, size: after.size } }),
    createdAt: new Date(now).toISOString(),
    writer: { host: hostname(), pid: process.pid },
  })
}

/**
 * Parses the body of the first frame of a file, which is undamaged.
 * @throws JOURNAL when it is not a header of this format, or one that is too new.
 */
export function parseHeader(body: string, where: string): Header {
  const found = parseObject(body)
  if (found?.format !== FORMAT) throw notAJournal(undefined, where, 'is not a journal of counterpoint')
  const runId = typeof found.runId === 'string' ? found.runId : undefined
  const stream = typeof found.stream === 'string' ? found.stream : undefined
  const minReader = Number(found.minReader)
  if (!(minReader <= VERSION)) throw tooNew(runId, where, found)
  const { segment, after } = found
  const id = runId === undefined ? stream !== undefined && { stream } : { runId }
  if (!id || !isCount(segment) || !(after === undefined || isPredecessor(after, segment)))
    throw notAJournal(runId, where, 'has an invalid header, although nothing in it is damaged')
  return { ...id, segment, ...(after !== undefined && { after }) }
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}

/** It must be an older segment: following a circular chain would never end. */
function isPredecessor(value: unknown, of: number): value is Predecessor {
  const { segment, bytes, crc, size } = (value ?? {}) as Partial<Record<keyof Predecessor, unknown>>
  return isCount(segment) && segment < of && isCount(bytes) && isCount(crc) && isCount(size)
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function tooNew(runId: string | undefined, where: string, found: Record<string, unknown>): Error {
  const format = `format ${JSON.stringify(found.version)}, for readers from ${JSON.stringify(found.minReader)} on`
  return journalError(
    runId,
    where,
    `expected a journal of format ${VERSION}, got one of ${format}. Open it with the version of counterpoint that wrote it, or a newer one`,
  )
}

function notAJournal(runId: string | undefined, where: string, what: string): Error {
  return journalError(
    runId,
    where,
    `expected a journal of format ${VERSION}, but this ${what}. Move it out of the folder`,
  )
}

/** The error for a valid header in the wrong file. */
export function misplaced(header: Header, runId: string | undefined, where: string): Error {
  return journalError(
    runId,
    where,
    `found ${segmentName(header.segment)} of ${describe(header)}, which does not belong here. Move it back to its own folder`,
  )
}
