import { isCounterpointError, type JournalRecord } from 'counterpoint'
import type { BlobStore } from './blob-store.js'
import { journalError, unusableFolder } from './files/journal-error.js'
import { type JournalFolder, segmentPath } from './files/journal-folder.js'
import type { Link } from './segments/header.js'
import type { BlobReference, ParsedBody } from './segments/record-body.js'
import { readBodies } from './segments/segment-reader.js'

/**
 * The records of these segments, in the order in which they were appended.
 * @throws JOURNAL for a payload that is missing or damaged, and for a critical record of an unknown kind.
 */
export async function* readRecords(
  folder: JournalFolder,
  links: readonly Link[],
  blobs: BlobStore,
): AsyncGenerator<JournalRecord, void, undefined> {
  try {
    for (const link of links)
      for await (const bodies of readBodies(folder, link))
        for (const text of bodies) {
          const body = JSON.parse(text) as ParsedBody
          if (body.r === undefined) refuseCritical(folder, body, link)
          else yield body.b === undefined ? body.r : await withBlobs(body.r, body.b, blobs)
        }
  } catch (error) {
    throw isCounterpointError(error) ? error : unusableFolder(folder.runId, folder.folder, error)
  }
}

async function withBlobs(
  record: JournalRecord,
  references: readonly BlobReference[],
  blobs: BlobStore,
): Promise<JournalRecord> {
  const events = record as unknown as readonly Record<string, unknown>[]
  for (const [index, member, sha256] of references) {
    const event = events[index] as Record<string, unknown>
    event[member] = await blobs.read(sha256)
  }
  return record
}

/** Throws JOURNAL for a critical body; other bodies of an unknown kind are skipped. */
export function refuseCritical(folder: JournalFolder, { critical }: Pick<ParsedBody, 'critical'>, link: Link): void {
  if (critical !== true) return
  throw journalError(
    folder.runId,
    segmentPath(folder, link.segment),
    'expected records of known kinds, got a critical one of an unknown kind. Open the journal with the version of counterpoint that wrote it, or a newer one',
  )
}
