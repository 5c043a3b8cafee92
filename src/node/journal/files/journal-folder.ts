import { dirname, join, resolve } from 'node:path'
import {
  folderName,
  LAST_SEGMENT,
  namesBefore,
  oddSegmentName,
  segmentName,
  segmentNumbers,
  sharedFolderName,
} from './file-names.js'
import { codeOf, type FileFacts, type FileSystem } from './file-system.js'
import { journalError } from './journal-error.js'
import type { LeaseTerms } from './lock.js'

/** How safe a record is when `append` resolves. */
export type Durability = 'fsync' | 'os' | 'none'

/** What a folder holds: the journal of a run, or the shared stream of a name. One of the two. */
export interface JournalId {
  readonly runId?: string
  readonly stream?: string
}

/** How a {@link JournalFolder} is used. */
export interface FolderOptions {
  readonly fileSystem: FileSystem
  readonly durability: Durability
  readonly onDamage: 'refuse' | 'cut'
  readonly lease: LeaseTerms
}

/** The folder of one run or shared stream. */
export interface JournalFolder extends JournalId, FolderOptions {
  /** The folder that holds this one and those of all other runs. */
  readonly root: string
  readonly folder: string
  /** The folders that were created to open this one, outermost first. */
  readonly created: readonly string[]
  /** Notifies whoever opened the journal. */
  report(message: string, error: unknown): void
}

/** The folder of `id` below `path`. It need not exist. */
export async function locateFolder(path: string, id: JournalId, options: FolderOptions): Promise<JournalFolder> {
  const absolute = resolve(path)
  const exists = (await options.fileSystem.lstat(absolute)) !== undefined
  const root = exists ? await options.fileSystem.realpath(absolute) : absolute
  const name = id.runId === undefined ? sharedFolderName(id.stream ?? '') : folderName(id.runId)
  return { ...options, ...id, root, folder: join(root, name), created: [], report: () => {} }
}

/** The same, after creating it and the folders above it. */
export async function createFolder(
  path: string,
  id: JournalId,
  options: FolderOptions,
  report: JournalFolder['report'],
): Promise<JournalFolder> {
  const { fileSystem, durability } = options
  const created = await createRoot(fileSystem, resolve(path), durability)
  const folder = { ...(await locateFolder(path, id, options)), created, report }
  if ((await fileSystem.lstat(folder.folder)) === undefined) {
    await fileSystem.mkdir(folder.folder)
    created.push(folder.folder)
  }
  expectFolder(folder, await fileSystem.lstat(folder.folder))
  return folder
}

/** Deletes what was created to open a folder, as far as nothing is in it. To be called once its lock has been released. */
export async function removeUnused({ fileSystem, created }: JournalFolder): Promise<void> {
  try {
    for (const each of [...created].reverse()) await fileSystem.rmdir(each)
  } catch {
    // Something is in it.
  }
}

/** Invariant: nothing is opened below a folder that is a symlink. */
export function expectFolder(
  { folder, runId }: Pick<JournalFolder, 'folder' | 'runId'>,
  facts: FileFacts | undefined,
): void {
  if (facts?.kind !== 'folder')
    throw journalError(runId, folder, 'expected a folder, but a file or symlink has that name. Move it away')
}

/**
 * Creates the root folder, and returns the folders that were missing. Its parent is synced even if it already existed: whoever created it may
 * have died before syncing it.
 */
async function createRoot(fileSystem: FileSystem, path: string, durability: Durability): Promise<string[]> {
  const missing: string[] = []
  for (let each = path; (await fileSystem.lstat(each)) === undefined; each = dirname(each)) missing.unshift(each)
  for (const each of missing.length === 0 ? [path] : missing) {
    await fileSystem.mkdir(each)
    if (durability === 'fsync') await syncIfAllowed(fileSystem, dirname(each))
  }
  return missing
}

/** A folder with execute but no read permission cannot be synced. */
async function syncIfAllowed(fileSystem: FileSystem, folder: string): Promise<void> {
  try {
    await fileSystem.syncFolder(folder)
  } catch (error) {
    if (codeOf(error) !== 'EACCES' && codeOf(error) !== 'EPERM') throw error
  }
}

/** The path of a segment. */
export function segmentPath({ folder }: JournalFolder, segment: number): string {
  return join(folder, segmentName(segment))
}

/**
 * The numbers of the segments in a folder, ascending.
 * @throws JOURNAL for a file that looks like a segment and would never be read.
 */
export async function segmentsIn({ fileSystem, folder, runId }: JournalFolder): Promise<number[]> {
  const names = await fileSystem.readdir(folder)
  const odd = oddSegmentName(names)
  if (odd === undefined) return segmentNumbers(names)
  const message = `expected a name such as ${segmentName(1)}, with a number from 1 on: this one belongs to no segment, so it would never be read. Move it away, or give it its former name`
  throw journalError(runId, join(folder, odd), message)
}

/** @throws JOURNAL when there is no number left: a segment with a higher one would never be read. */
export function checkSegmentNumber({ folder, runId }: JournalFolder, segment: number): void {
  if (segment <= LAST_SEGMENT) return
  const where = join(folder, segmentName(LAST_SEGMENT))
  throw journalError(runId, where, 'no number is left for a segment after this file. Move it away if nothing is in it')
}

/** Deletes the segments of a folder with smaller numbers than `segment`, incomplete ones too. */
export async function removeSegments({ fileSystem, folder }: JournalFolder, segment: number): Promise<void> {
  for (const name of namesBefore(segment, await fileSystem.readdir(folder))) await fileSystem.unlink(join(folder, name))
}
