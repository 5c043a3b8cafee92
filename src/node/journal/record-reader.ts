import { isCounterpointError, type JournalRecord } from 'counterpoint'
import type { BlobStore } from './blobs.js'
import { journalError, unusable } from './files/journal-error.js'
import { type RunFolder, segmentPath } from './files/run-folder.js'
import type { Link } from './segments/header.js'
import type { BlobPlace, ParsedBody } from './segments/record-body.js'
import { readBodies } from './segments/segment-reader.js'

/**
 * The records of these segments, as they were appended, many at a time.
 * @throws JOURNAL for a payload that is missing or damaged, and for a record that a newer version must have read.
 */
export async function* readRecords(
  place: RunFolder,
  links: readonly Link[],
  blobs: BlobStore,
): AsyncGenerator<readonly JournalRecord[], void, undefined> {
  try {
    for (const link of links)
      for await (const bodies of readBodies(place, link)) yield await parseBodies(place, link, bodies, blobs)
  } catch (error) {
    throw isCounterpointError(error) ? error : unusable(place.runId, place.folder, error)
  }
}

async function parseBodies(
  place: RunFolder,
  link: Link,
  bodies: readonly string[],
  blobs: BlobStore,
): Promise<readonly JournalRecord[]> {
  const records: JournalRecord[] = []
  for (const text of bodies) {
    const body = JSON.parse(text) as ParsedBody
    if (body.r === undefined) passOver(place, body, link)
    else records.push(body.b === undefined ? body.r : await withBlobs(body.r, body.b, blobs))
  }
  return records
}

async function withBlobs(
  record: JournalRecord,
  places: readonly BlobPlace[],
  blobs: BlobStore,
): Promise<JournalRecord> {
  const events = record as unknown as readonly Record<string, unknown>[]
  for (const [place, member, sha256] of places) {
    const event = events[place] as Record<string, unknown>
    event[member] = await blobs.read(sha256)
  }
  return record
}

/** @throws JOURNAL for a body of a kind that this version does not know and must. */
export function passOver(place: RunFolder, { critical }: Pick<ParsedBody, 'critical'>, link: Link): void {
  if (critical !== true) return
  throw journalError(
    place.runId,
    segmentPath(place, link.segment),
    'expected records of a kind that this version knows, got one that must not be passed over. Open it with the version of counterpoint that wrote it, or a newer one',
  )
}
