import { hostname } from 'node:os'
import { segmentName } from '../files/file-names.js'
import { journalError } from '../files/journal-error.js'
import { nameOf, type Owner } from '../files/run-folder.js'
import type { FramesEnd } from './framing.js'

/** The version of the format that is written here. */
const VERSION = 1
const FORMAT = 'counterpoint-journal'

/** Where a segment ends: what the next one goes on from. */
export interface Link extends FramesEnd {
  readonly segment: number
}

/** The first frame of a segment. */
export interface Header extends Owner {
  readonly segment: number
  /** Where the segment before it ends, whatever stands there after that. None for the first. */
  readonly after?: Predecessor
}

/** The end of a segment that another one goes on from. */
export interface Predecessor extends Link {
  /** How long its file was then: more than `bytes` when a write had been cut off. More later is a writer that lost its lock. */
  readonly size: number
}

/** The body of a header. Members that a reader does not know mean nothing to it: what it must know raises `minReader`. */
export function headerBody(
  { runId, stream }: Owner,
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
 * What the first frame of a file says, which is whole and right.
 * @throws JOURNAL for what is no header of ours, or one of a format that is too new.
 */
export function parseHeader(body: string, where: string): Header {
  const said = parseObject(body)
  if (said?.format !== FORMAT) throw notOurs(undefined, where, 'is not a journal of counterpoint')
  const runId = typeof said.runId === 'string' ? said.runId : undefined
  const stream = typeof said.stream === 'string' ? said.stream : undefined
  const minReader = Number(said.minReader)
  if (!(minReader <= VERSION)) throw tooNew(runId, where, said)
  const { segment, after } = said
  const owner = runId === undefined ? stream !== undefined && { stream } : { runId }
  if (!owner || !isCount(segment) || !(after === undefined || isPredecessor(after, segment)))
    throw notOurs(runId, where, 'has a header that cannot be read, although nothing in it is damaged')
  return { ...owner, segment, ...(after !== undefined && { after }) }
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}

/** An older segment: a chain that went round would never end. */
function isPredecessor(value: unknown, of: number): value is Predecessor {
  const { segment, bytes, crc, size } = (value ?? {}) as Partial<Record<keyof Predecessor, unknown>>
  return isCount(segment) && segment < of && isCount(bytes) && isCount(crc) && isCount(size)
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function tooNew(runId: string | undefined, where: string, said: Record<string, unknown>): Error {
  const written = `format ${JSON.stringify(said.version)}, for readers from ${JSON.stringify(said.minReader)} on`
  return journalError(
    runId,
    where,
    `expected a journal of format ${VERSION}, got one of ${written}. Open it with the version of counterpoint that wrote it, or a newer one`,
  )
}

function notOurs(runId: string | undefined, where: string, what: string): Error {
  return journalError(
    runId,
    where,
    `expected a journal of format ${VERSION}, but this ${what}. Move it out of the folder`,
  )
}

/** The error for a header that is right but in the wrong place. */
export function misplaced(header: Header, runId: string | undefined, where: string): Error {
  return journalError(
    runId,
    where,
    `expected ${segmentName(header.segment)} of ${nameOf(header)} where that one's are, but it lies here. Move it back`,
  )
}
