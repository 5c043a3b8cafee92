import { resolve } from 'node:path'
import {
  type Clock,
  CounterpointError,
  checkOptions,
  type Journal,
  type JournalHost,
  type JournalRecord,
  optionsOf,
  rules,
  type SharedStream,
  systemClock,
} from 'counterpoint'
import * as z from 'zod'
import { BlobStore } from './blob-store.js'
import { codeOf, type FileSystem } from './files/file-system.js'
import { report, unusableFolder } from './files/journal-error.js'
import {
  createFolder,
  type Durability,
  expectFolder,
  type FolderOptions,
  type JournalFolder,
  type JournalId,
  locateFolder,
  removeUnused,
} from './files/journal-folder.js'
import { FolderLock } from './files/lock.js'
import { MAX_LEASE_MS } from './files/lock-owner.js'
import { nodeFileSystem } from './files/node-file-system.js'
import { OpenRun } from './open-run.js'
import { LazyStream, OpenStream } from './open-stream.js'
import { readRecords } from './record-reader.js'
import { deleteRun, listRuns } from './run-list.js'
import { type History, openHistory, readHistory } from './segments/segment-history.js'

/** Options of a {@link fileJournal}. Only `folder` is required. */
export interface FileJournalOptions {
  /** The folder for the runs, each in a folder of its own. Created if missing, with access for its owner only. */
  readonly folder: string
  /**
   * When a record counts as durable. `fsync`: the disk has it, so it survives a power loss. `os`: the operating system has it, so it
   * survives the process. `none`: at once; the last records are lost when the process dies. Default `fsync`.
   */
  readonly durability?: Durability | undefined
  /** A member of an event whose JSON is larger, in bytes, is stored in a file of its own. Default 16,384. */
  readonly maxInlineBytes?: number | undefined
  /**
   * What to do when records that were durable are damaged. `refuse`: opening throws, and nothing is changed. `cut`: the journal
   * ends before the damage; the files stay as they are. Default `refuse`.
   */
  readonly onDamage?: 'refuse' | 'cut' | undefined
  /**
   * Takes a run, or a shared stream, from a process of which it is not certain that it is dead: in another container, on another machine,
   * or suspended. Opening waits for `leaseMs` of the holder, and takes the lock if the holder has not renewed it; else it rejects with
   * JOURNAL. What a holder that lives after all had acknowledged stays, it writes nothing more, and its run ends with JOURNAL. The lock of
   * a process of this machine that is certainly dead is taken without this. Default false.
   */
  readonly takeOver?: boolean | undefined
  /**
   * How long the locks of this journal are valid without being renewed, in milliseconds; they are renewed three times as often. Longer than
   * this process may be suspended, or its event loop blocked. At most 24 days (2^31 - 1). Default 15,000.
   */
  readonly leaseMs?: number | undefined
  /** Default: that of this machine. */
  readonly fileSystem?: FileSystem | undefined
  /** Times the retries while the disk refuses to write. Default `systemClock`. */
  readonly clock?: Clock | undefined
}

const OPTIONS = optionsOf({
  folder: z.string().min(1, 'expected the path of a folder'),
  durability: z.enum(['fsync', 'os', 'none']).optional(),
  maxInlineBytes: z.int().min(0).optional(),
  onDamage: z.enum(['refuse', 'cut']).optional(),
  takeOver: z.boolean().optional(),
  leaseMs: z.int().min(1).max(MAX_LEASE_MS).optional(),
  fileSystem: rules.port('open').optional(),
  clock: rules.port('schedule', 'now', 'monotonic').optional(),
})

/**
 * A journal in files: append-only segments of JSON Lines, with a checksum for each record. One process at a time can have a run, or a
 * shared stream, open; the lock of a crashed process is taken over, with `takeOver` also that of another container or machine.
 *
 * While the disk refuses to write, the run waits, and continues when writing succeeds. A torn tail is cut and reported; damage before it
 * makes opening throw JOURNAL.
 *
 * ```ts
 * const orchestrator = new Orchestrator({ pools, journal: fileJournal({ folder: '.counterpoint' }) })
 * ```
 *
 * @throws INVALID_INPUT for unknown or invalid options.
 */
export function fileJournal(options: FileJournalOptions): Journal {
  checkOptions(OPTIONS, options, { of: 'fileJournal' })
  const { folder, durability = 'fsync', onDamage = 'refuse', fileSystem = nodeFileSystem } = options
  const { clock = systemClock, maxInlineBytes = 16_384, leaseMs = 15_000, takeOver = false } = options
  const root = resolve(folder)
  const lease = { leaseMs, takeOver }
  const folderOptions = { fileSystem, durability, onDamage, lease }

  const openRun = async (runId: string, host: JournalHost | undefined): Promise<OpenRun> =>
    new OpenRun({ ...(await openFolder(root, { runId }, folderOptions, host)), clock, maxInlineBytes })

  const openStream = async (stream: string, host: JournalHost | undefined): Promise<SharedStream> => {
    const open = async (): Promise<OpenStream> =>
      new OpenStream({ ...(await openFolder(root, { stream }, folderOptions, host)), clock })
    const located = await locateFolder(root, { stream }, folderOptions)
    if (await fileSystem.lstat(located.folder)) return open()
    return new LazyStream(() => withContext(undefined, located.folder, open))
  }

  return {
    open: (runId, host) => withContext(runId, root, () => openRun(runId, host)),
    read: runId => readRun(root, runId, folderOptions),
    list: () => withContext(undefined, root, () => listRuns(fileSystem, root)),
    delete: runId => withContext(runId, root, () => deleteRun(fileSystem, root, runId, lease)),
    isOpen: runId =>
      withContext(runId, root, async () => {
        const { folder } = await locateFolder(root, { runId }, folderOptions)
        return FolderLock.isTaken(fileSystem, folder)
      }),
    shared: (name, host) => withContext(undefined, root, () => openStream(name, host)),
  }
}

/** A folder that this process has locked. */
interface LockedFolder {
  readonly folder: JournalFolder
  readonly lock: FolderLock
  readonly history: History
}

async function openFolder(
  root: string,
  id: JournalId,
  options: FolderOptions,
  host: JournalHost | undefined,
): Promise<LockedFolder> {
  for (let tries = 1; ; tries++) {
    const folder = await createFolder(root, id, options, (message, error) => report(host, id, message, error))
    try {
      return await lockFolder(folder)
    } catch (error) {
      await removeUnused(folder)
      // Another opener, which wrote nothing, has just deleted it.
      if (codeOf(error) !== 'ENOENT' || tries === 3) throw error
    }
  }
}

async function lockFolder(folder: JournalFolder): Promise<LockedFolder> {
  const lock = await FolderLock.take(folder.fileSystem, folder.folder, folder, folder.lease)
  try {
    return { folder, lock, history: await openHistory(folder) }
  } catch (error) {
    await lock.release()
    throw error
  }
}

async function* readRun(
  root: string,
  runId: string,
  options: FolderOptions,
): AsyncGenerator<JournalRecord, void, undefined> {
  const folder = await withContext(runId, root, () => locateFolder(root, { runId }, options))
  const links = await withContext(runId, folder.folder, async () => {
    const facts = await folder.fileSystem.lstat(folder.folder)
    if (facts === undefined) return []
    expectFolder(folder, facts)
    return readHistory(folder)
  })
  yield* readRecords(folder, links, new BlobStore({ folder, nonce: '' }))
}

/** Errors of the system become JOURNAL errors that name the folder. */
async function withContext<T>(runId: string | undefined, folder: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof CounterpointError) throw error
    throw unusableFolder(runId, folder, error)
  }
}
