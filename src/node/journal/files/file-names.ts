import { createHash } from 'node:crypto'

/**
 * Ids that name a folder unchanged on every file system: lower case, so that case-insensitive file systems keep them apart; ASCII, so
 * that Unicode normalisation does not change them; no dot at either end.
 */
const PLAIN = /^[a-z0-9](?:[a-z0-9._-]{0,98}[a-z0-9_-])?$/

/** Windows opens a device for these, with any extension. */
const DEVICE = /^(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)/

/** The lock file of a run's folder. */
export const LOCK = 'LOCK'
/** The folder of large payloads in a run's folder. */
export const BLOBS = 'blobs'
/** The prefix of folders that are being deleted. No run's folder begins with a dot. */
export const TRASH = '.deleted-'
/** The prefix of the folders of shared streams. */
const SHARED = '.shared-'

const SEGMENT = /^journal-(\d*)\.log$/
/** A segment under its temporary name, while it is written. */
const TEMPORARY_SEGMENT = /^(journal-\d+\.log)\..+$/
/** The highest number of a segment. What is above is no safe integer, or nearly none. */
export const LAST_SEGMENT = 999_999_999_999_999

/**
 * The name of the folder of a run: its id if that is plain, else a readable part of it and its hash (the header of each segment has the
 * id itself). `~` is in no plain id, so the two kinds never collide.
 * Invariant: one path component of at most 100 ASCII bytes, different for each id, and never a path to another place.
 */
export function folderName(runId: string): string {
  if (isPlain(runId)) return runId
  // The hash of the UTF-16 code units: in UTF-8, ids with different lone surrogates would be equal.
  const hash = createHash('sha256').update(Buffer.from(runId, 'utf16le')).digest('hex').slice(0, 32)
  const readable = runId
    .slice(0, 400)
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
  return `${readable.slice(0, 40)}~${hash}`.replace(/^-/, '')
}

/** The name of the folder of a shared stream. Invariant: no folder of a run, or one being deleted, has it. */
export function sharedFolderName(stream: string): string {
  return SHARED + folderName(stream)
}

/** True for a folder name that is a run id itself. */
export function isPlain(name: string): boolean {
  return PLAIN.test(name) && !DEVICE.test(name)
}

/** The name of a segment. Segments are numbered from 1; there may be gaps, and no number is used twice. */
export function segmentName(segment: number): string {
  return `journal-${String(segment).padStart(6, '0')}.log`
}

/** The numbers of the segments among the names in a folder, ascending. */
export function segmentNumbers(names: readonly string[]): number[] {
  return names.flatMap(name => segmentNumber(name) ?? []).sort((a, b) => a - b)
}

/**
 * A name that looks like that of a segment and is none: `journal-1.log`, a second name of number 1, would hide the records of one of the
 * two. Undefined when there is none.
 */
export function oddSegmentName(names: readonly string[]): string | undefined {
  return names.find(name => SEGMENT.test(name) && segmentNumber(name) === undefined)
}

/** The names of segments with a number below `segment`, incomplete ones too. */
export function namesBefore(segment: number, names: readonly string[]): string[] {
  return names.filter(name => {
    const number = segmentNumber(TEMPORARY_SEGMENT.exec(name)?.[1] ?? name)
    return number !== undefined && number < segment
  })
}

/** Undefined for a name that `segmentName` does not give. */
function segmentNumber(name: string): number | undefined {
  const number = Number(SEGMENT.exec(name)?.[1] ?? 0)
  return number >= 1 && number <= LAST_SEGMENT && segmentName(number) === name ? number : undefined
}
