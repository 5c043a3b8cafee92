import { createHash } from 'node:crypto'
import type { JournalRecord, RunEvent } from 'counterpoint'
import { COMMIT_MARK } from './framing.js'

// The body of a record: {"r":[events]}. The first of each commit has {"c":number} before it. When members of its events are too large to
// stay inline, {"b":[[index, member, sha256]]} comes after it: the event holds `null`, and the value is in a blob. A reader ignores members
// that it does not know. A body without `r` is of an unknown kind: it is skipped, or, with {"critical":true}, the journal is refused.

/** A large member of an event, as JSON, named by its content. */
export interface Blob {
  readonly sha256: string
  readonly text: string
}

/** Where the value of a blob belongs: the index of the event in its record, the member, and the name of the blob. */
export type BlobReference = readonly [index: number, member: string, sha256: string]

/** A body that has been parsed. */
export interface ParsedBody {
  readonly r?: JournalRecord
  readonly b?: readonly BlobReference[]
  readonly critical?: boolean
}

/** A record that is ready to be written. */
export interface EncodedRecord {
  readonly body: string
  /** To be durable before the record is. */
  readonly blobs: readonly Blob[]
}

/** @throws TypeError as `JSON.stringify` does. */
export function encodeRecord(record: JournalRecord, maxInlineBytes: number): EncodedRecord {
  const blobs: Blob[] = []
  const references: BlobReference[] = []
  const events = record.map((event, index) => {
    const text = JSON.stringify(event)
    if (!isLarger(text, maxInlineBytes)) return text
    return withoutLarge(event, maxInlineBytes, (member, blob) => {
      blobs.push(blob)
      references.push([index, member, blob.sha256])
    })
  })
  const suffix = references.length === 0 ? '' : `,"b":${JSON.stringify(references)}`
  return { body: `{"r":[${events.join(',')}]${suffix}}`, blobs }
}

/** A body that says only that commit number `commit` of its segment begins. */
export function endMark(commit: number): string {
  return `${COMMIT_MARK}${commit}}`
}

/** The name of a blob. */
export function sha256Of(text: string | Buffer): string {
  return createHash('sha256').update(text).digest('hex')
}

/** The event as JSON, with `null` for each member that is too large; `onBlob` gets its value. */
function withoutLarge(event: RunEvent, maxBytes: number, onBlob: (member: string, blob: Blob) => void): string {
  const members: Record<string, unknown> = { ...event }
  for (const [member, value] of Object.entries(members)) {
    if (typeof value !== 'string' && (typeof value !== 'object' || value === null)) continue
    const text = JSON.stringify(value)
    if (!isLarger(text, maxBytes)) continue
    members[member] = null
    onBlob(member, { sha256: sha256Of(text), text })
  }
  return JSON.stringify(members)
}

/** A character takes one to three bytes: counting characters is mostly enough. */
function isLarger(text: string, maxBytes: number): boolean {
  return text.length > maxBytes || (3 * text.length > maxBytes && Buffer.byteLength(text) > maxBytes)
}
