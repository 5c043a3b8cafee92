import { dirname, join, resolve } from 'node:path'
import { folderName, namesBefore, segmentName, sharedFolderName } from './file-names.js'
import { codeOf, type FileFacts, type FileSystem } from './file-system.js'
import { journalError } from './journal-error.js'

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
}

/** The folder of one run or shared stream. */
export interface JournalFolder extends JournalId, FolderOptions {
  /** The folder that holds this one and those of all other runs. */
  readonly root: string
  readonly folder: string
  /** Notifies whoever opened the journal. */
  report(message: string, error: unknown): void
}

/** The folder of `id` below `path`. It need not exist. */
export async function locateFolder(path: string, id: JournalId, options: FolderOptions): Promise<JournalFolder> {
  const absolute = resolve(path)
  const exists = (await options.fileSystem.lstat(absolute)) !== undefined
  const root = exists ? await options.fileSystem.realpath(absolute) : absolute
  const name = id.runId === undefined ? sharedFolderName(id.stream ?? '') : folderName(id.runId)
  return { ...options, ...id, root, folder: join(root, name), report: () => {} }
}

/** The same, after creating it and the folders above it. */
export async function createFolder(
  path: string,
  id: JournalId,
  options: FolderOptions,
  report: JournalFolder['report'],
): Promise<JournalFolder> {
  await createRoot(options.fileSystem, resolve(path), options.durability)
  const folder = { ...(await locateFolder(path, id, options)), report }
  if ((await options.fileSystem.lstat(folder.folder)) === undefined) await options.fileSystem.mkdir(folder.folder)
  expectFolder(folder, await options.fileSystem.lstat(folder.folder))
  return folder
}

/** Invariant: nothing is opened below a folder that is a symlink. */
export function expectFolder({ folder, runId }: JournalFolder, facts: FileFacts | undefined): void {
  if (facts?.kind !== 'folder')
    throw journalError(runId, folder, 'expected a folder, but a file or symlink has that name. Move it away')
}

/** Creates the root folder. Its parent is synced even if it already existed: whoever created it may have died before syncing it. */
async function createRoot(fileSystem: FileSystem, path: string, durability: Durability): Promise<void> {
  const missing: string[] = []
  for (let each = path; (await fileSystem.lstat(each)) === undefined; each = dirname(each)) missing.unshift(each)
  for (const each of missing.length === 0 ? [path] : missing) {
    await fileSystem.mkdir(each)
    if (durability === 'fsync') await syncIfAllowed(fileSystem, dirname(each))
  }
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

/** Deletes the segments of a folder with smaller numbers than `segment`, incomplete ones too. */
export async function removeSegments({ fileSystem, folder }: JournalFolder, segment: number): Promise<void> {
  for (const name of namesBefore(segment, await fileSystem.readdir(folder))) await fileSystem.unlink(join(folder, name))
}
