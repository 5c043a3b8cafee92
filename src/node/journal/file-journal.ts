import { dirname, join, resolve } from 'node:path'
import {
  type Clock,
  CounterpointError,
  type InputIssue,
  type Journal,
  type JournalHost,
  type JournalRecord,
  type SharedStream,
  systemClock,
} from 'counterpoint'
import { BlobStore } from './blobs.js'
import { EmptyStream } from './empty-stream.js'
import { folderName, sharedFolderName } from './files/file-names.js'
import { codeOf, type FileFacts, type FileSystem } from './files/file-system.js'
import { journalError, tell, unusable } from './files/journal-error.js'
import { FolderLock } from './files/lock.js'
import { nodeFileSystem } from './files/node-file-system.js'
import type { Durability, Owner, RunFolder } from './files/run-folder.js'
import { OpenRun } from './open-run.js'
import { OpenStream } from './open-stream.js'
import { readRecords } from './record-reader.js'
import { deleteRun, listRuns } from './run-list.js'
import { type History, lookAtHistory, openHistory } from './segments/segment-history.js'
import { SerialQueue } from './serial-queue.js'

/** Options of a {@link fileJournal}. Only `folder` is needed. */
export interface FileJournalOptions {
  /** Where the runs are kept, a folder each. It is made when it is not there, for its owner alone. */
  readonly folder: string
  /**
   * When a record counts as durable. `fsync`: the disk has it, it survives a loss of power. `os`: the operating system has it, it
   * survives the process. `none`: at once; what the last moments brought is lost with the process. Default `fsync`.
   */
  readonly durability?: Durability
  /** A member of an event whose JSON is larger, in bytes, goes to a file of its own. Default 16,384. */
  readonly maxInlineBytes?: number
  /**
   * What to do with a journal in which something is damaged that had been durable. `refuse`: it is not opened, and nothing is
   * changed. `cut`: it ends before the damage; the files stay as they are. Default `refuse`.
   */
  readonly onDamage?: 'refuse' | 'cut'
  /** Default: that of this machine. */
  readonly fileSystem?: FileSystem
  /** Times the tries to write while the disk refuses. Default `systemClock`. */
  readonly clock?: Clock
}

/**
 * Keeps runs in files: append-only segments of JSON Lines, with a checksum for each record. One process at a time may have a run
 * open, or what the runs share; a crashed one's is taken over. Throws INVALID_INPUT for options that are not as documented.
 *
 * While the disk refuses to write, the run waits, and goes on when it can. A torn tail is cut and reported; damage before it
 * refuses to open with JOURNAL.
 *
 * ```ts
 * const orchestrator = new Orchestrator({ pools, journal: fileJournal({ folder: '.counterpoint' }) })
 * ```
 */
export function fileJournal(options: FileJournalOptions): Journal {
  checkOptions(options)
  const fileSystem = options.fileSystem ?? nodeFileSystem
  const root = resolve(options.folder)
  return {
    open: (runId, host) => inWords(runId, root, () => openRun(options, runId, host)),
    read: runId => new SerialQueue(lookAtRun(options, runId)),
    list: () => inWords(undefined, root, () => listRuns(fileSystem, root)),
    delete: runId => inWords(runId, root, () => deleteRun(fileSystem, root, runId)),
    shared: (name, host) => inWords(undefined, root, () => openStream(options, name, host)),
  }
}

async function openRun(options: FileJournalOptions, runId: string, host: JournalHost | undefined): Promise<OpenRun> {
  const { maxInlineBytes = 16_384, clock = systemClock } = options
  return new OpenRun({ ...(await openFolder(options, { runId }, host)), clock, maxInlineBytes })
}

async function openStream(
  options: FileJournalOptions,
  stream: string,
  host: JournalHost | undefined,
): Promise<SharedStream> {
  const { clock = systemClock } = options
  const open = async (): Promise<OpenStream> =>
    new OpenStream({ ...(await openFolder(options, { stream }, host)), clock })
  const { fileSystem, folder } = await placeOf(options, { stream }, false, () => {})
  return (await fileSystem.lstat(folder)) ? open() : new EmptyStream(() => inWords(undefined, folder, open))
}

/** A folder that is ours until its lock is released. */
interface OpenFolder {
  readonly place: RunFolder
  readonly lock: FolderLock
  readonly history: History
}

async function openFolder(
  options: FileJournalOptions,
  owner: Owner,
  host: JournalHost | undefined,
): Promise<OpenFolder> {
  const place = await placeOf(options, owner, true, (message, error) => tell(host, owner, message, error))
  await prepareFolder(place)
  const lock = await FolderLock.take(place.fileSystem, place.folder, owner)
  try {
    return { place, lock, history: await openHistory(place) }
  } catch (error) {
    await lock.release()
    throw error
  }
}

async function* lookAtRun(
  options: FileJournalOptions,
  runId: string,
): AsyncGenerator<readonly JournalRecord[], void, undefined> {
  const place = await inWords(runId, resolve(options.folder), () => placeOf(options, { runId }, false, () => {}))
  const links = await inWords(runId, place.folder, async () => {
    const facts = await place.fileSystem.lstat(place.folder)
    if (facts === undefined) return []
    expectFolder(place, facts)
    return lookAtHistory(place)
  })
  yield* readRecords(place, links, new BlobStore({ ...place, durable: false, nonce: '' }))
}

async function placeOf(
  options: FileJournalOptions,
  owner: Owner,
  make: boolean,
  report: RunFolder['report'],
): Promise<RunFolder> {
  const { durability = 'fsync', onDamage = 'refuse', fileSystem = nodeFileSystem } = options
  const path = resolve(options.folder)
  if (make) await makeRoot(fileSystem, path, durability)
  const root = make || (await fileSystem.lstat(path)) ? await fileSystem.realpath(path) : path
  const { runId, stream = '' } = owner
  const folder = join(root, runId === undefined ? sharedFolderName(stream) : folderName(runId))
  return { ...owner, fileSystem, root, folder, durability, onDamage, report }
}

/**
 * Makes the folder of the runs, so that it survives what they survive. The one above it is synced although it was there: who
 * made it may have died in between.
 */
async function makeRoot(fileSystem: FileSystem, path: string, durability: Durability): Promise<void> {
  const missing: string[] = []
  for (let each = path; (await fileSystem.lstat(each)) === undefined; each = dirname(each)) missing.unshift(each)
  for (const each of missing.length === 0 ? [path] : missing) {
    await fileSystem.mkdir(each)
    if (durability === 'fsync') await syncIfAllowed(fileSystem, dirname(each))
  }
}

/** A folder that we may go through but not read cannot be synced. */
async function syncIfAllowed(fileSystem: FileSystem, folder: string): Promise<void> {
  try {
    await fileSystem.syncFolder(folder)
  } catch (error) {
    if (codeOf(error) !== 'EACCES' && codeOf(error) !== 'EPERM') throw error
  }
}

async function prepareFolder(place: RunFolder): Promise<void> {
  const { fileSystem, folder } = place
  if ((await fileSystem.lstat(folder)) === undefined) await fileSystem.mkdir(folder)
  expectFolder(place, await fileSystem.lstat(folder))
}

/** Invariant: nothing is opened below a folder that is a symlink. */
function expectFolder({ folder, runId }: RunFolder, facts: FileFacts | undefined): void {
  if (facts?.kind !== 'folder')
    throw journalError(runId, folder, 'expected a folder, but a file or link has that name. Take it away')
}

/** What the system says becomes an error that says where. */
async function inWords<T>(runId: string | undefined, where: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof CounterpointError) throw error
    throw unusable(runId, where, error)
  }
}

function checkOptions(options: FileJournalOptions): void {
  const issues: InputIssue[] = []
  const expect = (isRight: boolean, path: string, message: string): void => {
    if (!isRight) issues.push({ path, message })
  }
  const { folder, durability, maxInlineBytes = 0, onDamage } = (options ?? {}) as Partial<FileJournalOptions>
  expect(typeof folder === 'string' && folder !== '', 'folder', 'expected the path of a folder')
  expect([undefined, 'fsync', 'os', 'none'].includes(durability), 'durability', "expected 'fsync', 'os' or 'none'")
  expect([undefined, 'refuse', 'cut'].includes(onDamage), 'onDamage', "expected 'refuse' or 'cut'")
  expect(Number.isInteger(maxInlineBytes) && maxInlineBytes >= 0, 'maxInlineBytes', 'expected a whole number of bytes')
  if (issues.length === 0) return
  const text = issues.map(({ path, message }) => `${path}: ${message}`).join('; ')
  throw new CounterpointError('INVALID_INPUT', `fileJournal cannot be made: ${text}`, { issues })
}
