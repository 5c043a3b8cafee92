import { createHash } from 'node:crypto'
import type { JournalRecord, RunEvent } from 'counterpoint'
import { COMMIT_MARK, type FrameBatch } from './framing.js'

// The body of a record: {"r":[events]}, with {"c":number} before it on the first of each commit, and with
// {"b":[[place, member, sha256]]} after it when members of its events are too large to stand there: `null` stands there, and
// the member lies in a blob. Other members mean nothing to this version. A body without `r` is of a kind that it does not
// know: it is passed over, or, with {"critical":true}, the journal is not read.

/** A large member of an event, as JSON, under the name that its content gives it. */
export interface Blob {
  readonly sha256: string
  readonly text: string
}

/** Where a blob belongs: the place of the event in its record, the member, and the blob's name. */
export type BlobPlace = readonly [place: number, member: string, sha256: string]

/** What stands in a body. */
export interface ParsedBody {
  readonly r?: JournalRecord
  readonly b?: readonly BlobPlace[]
  readonly critical?: boolean
}

const COMMA = 0x2c
/** What most events take at most: to make room for a thousand at once saves copies of the first. */
const USUAL_BYTES = 160
const NO_BLOBS: readonly Blob[] = []

/**
 * Adds a record; gives what has to be durable before it is. Makes each event JSON once; only one that is too large is looked into.
 * @throws what `JSON.stringify` throws; then nothing has been added.
 */
export function addRecord(frames: FrameBatch, record: JournalRecord, maxInlineBytes: number): readonly Blob[] {
  const json = frames.begin()
  json.reserve(record.length * USUAL_BYTES)
  let blobs: Blob[] | undefined
  const places: BlobPlace[] = []
  json.text('{"r":[')
  for (let place = 0; place < record.length; place++) {
    if (place > 0) json.byte(COMMA)
    const event = record[place] as RunEvent
    const from = json.length
    json.value(event)
    if (json.length - from <= maxInlineBytes) continue
    json.length = from
    const text = withoutLarge(event, maxInlineBytes, (member, blob) => {
      blobs ??= []
      blobs.push(blob)
      places.push([place, member, blob.sha256])
    })
    json.text(text)
  }
  json.text(places.length === 0 ? ']}' : `],"b":${JSON.stringify(places)}}`)
  frames.end()
  return blobs ?? NO_BLOBS
}

/** A body that says only that a commit begins, which is the number `commit` of its segment. */
export function endMark(commit: number): string {
  return `${COMMIT_MARK}${commit}}`
}

/** The name of a blob. */
export function sha256Of(text: string | Buffer): string {
  return createHash('sha256').update(text).digest('hex')
}

/** The event as JSON, with `null` for each member that is too large; what stood there is handed to `take`. */
function withoutLarge(event: RunEvent, maxBytes: number, take: (member: string, blob: Blob) => void): string {
  const members: Record<string, unknown> = { ...event }
  for (const [member, value] of Object.entries(members)) {
    if (typeof value !== 'string' && (typeof value !== 'object' || value === null)) continue
    const text = JSON.stringify(value)
    if (!isLarger(text, maxBytes)) continue
    members[member] = null
    take(member, { sha256: sha256Of(text), text })
  }
  return JSON.stringify(members)
}

/** A character is one to three bytes: mostly the count of characters tells. */
function isLarger(text: string, maxBytes: number): boolean {
  return text.length > maxBytes || (3 * text.length > maxBytes && Buffer.byteLength(text) > maxBytes)
}
