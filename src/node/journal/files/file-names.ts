import { createHash } from 'node:crypto'

/**
 * Ids that may name a folder as they are, on every file system: lower case, so that no two are one where case means
 * nothing; ASCII, so that no normal form changes them; no dot at either end.
 */
const PLAIN = /^[a-z0-9](?:[a-z0-9._-]{0,98}[a-z0-9_-])?$/

/** Windows opens a device for these, whatever stands after the first dot. */
const DEVICE = /^(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)/

/** The lock of a run's folder. */
export const LOCK = 'LOCK'
/** The folder of large payloads in a run's folder. */
export const BLOBS = 'blobs'
/** What is being deleted has a name that begins so. No run's folder begins with a dot. */
export const TRASH = '.deleted-'
/** The folder of what runs share has a name that begins so. */
const SHARED = '.shared-'

const SEGMENT = /^journal-(\d{6,9})\.log$/
/** A segment that is written under another name, until it is whole. */
const HALF_SEGMENT = /^journal-(\d{6,9})\.log\..+$/

/**
 * The name of the folder of a run: its id where that is plain, else what can be read of it and its hash (the id itself stands
 * in the header of each segment). `~` is in no plain id, so the two kinds never meet.
 * Invariant: one path component of at most 100 bytes of ASCII, another one for each id, and never a name that leads elsewhere.
 */
export function folderName(runId: string): string {
  if (isPlain(runId)) return runId
  // The hash of the code units: as UTF-8, ids with different lone surrogates would be the same.
  const hash = createHash('sha256').update(Buffer.from(runId, 'utf16le')).digest('hex').slice(0, 32)
  const readable = runId
    .slice(0, 400)
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
  return `${readable.slice(0, 40)}~${hash}`.replace(/^-/, '')
}

/** The name of the folder of what runs share under a name. Invariant: no run's folder has it, nor has one that is being deleted. */
export function sharedFolderName(stream: string): string {
  return SHARED + folderName(stream)
}

/** True for a folder name that is a run's id itself. */
export function isPlain(name: string): boolean {
  return PLAIN.test(name) && !DEVICE.test(name)
}

/** The name of a segment. Segments are numbered from 1; numbers may be left out, and are never used twice. */
export function segmentName(segment: number): string {
  return `journal-${String(segment).padStart(6, '0')}.log`
}

/** The segments among the names in a folder, in the order of their numbers. */
export function segmentNumbers(names: readonly string[]): number[] {
  const numbers = names.flatMap(name => {
    const found = SEGMENT.exec(name)
    return found ? [Number(found[1])] : []
  })
  return numbers.sort((a, b) => a - b)
}

/** The names of the segments with a smaller number than this, half-written ones too. */
export function namesBefore(segment: number, names: readonly string[]): string[] {
  return names.filter(name => {
    const found = SEGMENT.exec(name) ?? HALF_SEGMENT.exec(name)
    return found !== null && Number(found[1]) < segment
  })
}
