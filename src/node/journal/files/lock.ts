import { join } from 'node:path'
import { LOCK } from './file-names.js'
import { codeOf, type FileSystem, type OpenFile, readWhole, writeFully } from './file-system.js'
import { journalError } from './journal-error.js'
import type { JournalId } from './journal-folder.js'
import { isDead, type LockOwner, parseOwner, thisOwner } from './lock-owner.js'

/** A LOCK file that this process created. */
interface LockFile {
  readonly path: string
  readonly owner: LockOwner
  /** Kept open, so that its inode is not reused. */
  readonly file: OpenFile
  readonly id: string
}

/**
 * The lock of a folder, of a run or a shared stream: one writer at a time. The lock of a dead process is taken over.
 *
 * It consists of two locks. The kernel's lock, where there is one, is free exactly when its owner is dead. The file LOCK names the owner,
 * and protects where the kernel does not: across containers, on shared disks, on other systems. The file is safe because of the order of
 * operations, as a LOCK that was lost never comes back:
 *
 * - Whoever takes the lock reads the journal *after* it owns LOCK, and a writer acknowledges a commit only if it still owns LOCK *after*
 *   the write. So either the new owner reads the commit, or the old one never acknowledges it, however long it was suspended in between.
 * - A writer writes to a segment only if it still owns LOCK *after* it took the number of the segment: see `SegmentWriter`.
 */
export class FolderLock {
  /** This process. */
  readonly owner: LockOwner
  readonly #fileSystem: FileSystem
  readonly #folderId: JournalId
  readonly #lockFile: LockFile
  readonly #releaseKernel: (() => Promise<void>) | undefined

  private constructor(
    fileSystem: FileSystem,
    folderId: JournalId,
    lockFile: LockFile,
    releaseKernel: (() => Promise<void>) | undefined,
  ) {
    this.owner = lockFile.owner
    this.#fileSystem = fileSystem
    this.#folderId = folderId
    this.#lockFile = lockFile
    this.#releaseKernel = releaseKernel
  }

  /** @throws JOURNAL while another opener, in this process or another, has the folder open. */
  static async take(fileSystem: FileSystem, folder: string, id: JournalId): Promise<FolderLock> {
    const path = join(folder, LOCK)
    const kernel = await takeKernelLock(fileSystem, folder)
    if (kernel === 'taken') throw alreadyLocked(id, path, await readOwner(fileSystem, path))
    try {
      const self = await thisOwner()
      const lockFile = await new LockTaker(fileSystem, path, id, self, kernel !== undefined).take()
      return new FolderLock(fileSystem, id, lockFile, kernel)
    } catch (error) {
      await kernel?.()
      throw error
    }
  }

  /** False when the file was deleted or belongs to another owner. */
  async isHeld(): Promise<boolean> {
    return (await this.#fileSystem.lstat(this.#lockFile.path))?.id === this.#lockFile.id
  }

  /** The error to throw when `isHeld` is false. */
  async lostError(cause?: unknown): Promise<Error> {
    const { path } = this.#lockFile
    const owner = await readOwner(this.#fileSystem, path)
    const found = owner ? `${describeOwner(owner)} has it` : 'it is gone'
    const { runId } = this.#folderId
    const advice =
      runId === undefined ? 'let one process at a time use it' : 'resume the run where no other process has it open'
    return journalError(
      runId,
      path,
      `expected the lock that this process (pid ${process.pid}) took, but ${found}. What was acknowledged is in the journal, and nothing more is written: ${advice}`,
      cause,
    )
  }

  /** Never rejects: a LOCK that cannot be deleted counts as that of a dead owner once this process has ended. */
  async release(): Promise<void> {
    try {
      if (await this.isHeld()) await this.#fileSystem.unlink(this.#lockFile.path)
    } catch {
      // The next opener takes it over.
    }
    await this.#lockFile.file.close().catch(() => {})
    await this.#releaseKernel?.()
  }
}

/** Undefined when the kernel's lock is not available, as in some sandboxes. Then there is only the file. */
async function takeKernelLock(
  fileSystem: FileSystem,
  folder: string,
): Promise<'taken' | (() => Promise<void>) | undefined> {
  if (!fileSystem.lockFolder) return undefined
  try {
    return (await fileSystem.lockFolder(folder)) ?? 'taken'
  } catch {
    return undefined
  }
}

/** Creates the LOCK file, in place of a dead owner's. */
class LockTaker {
  readonly #fileSystem: FileSystem
  readonly #path: string
  readonly #folderId: JournalId
  readonly #self: LockOwner
  readonly #hasKernelLock: boolean

  constructor(fileSystem: FileSystem, path: string, folderId: JournalId, self: LockOwner, hasKernelLock: boolean) {
    this.#fileSystem = fileSystem
    this.#path = path
    this.#folderId = folderId
    this.#self = self
    this.#hasKernelLock = hasKernelLock
  }

  async take(): Promise<LockFile> {
    const first = await this.#create()
    if (first) return first
    await this.#removeDead()
    const second = await this.#create()
    if (second) return second
    throw alreadyLocked(this.#folderId, this.#path, await readOwner(this.#fileSystem, this.#path))
  }

  /** Undefined when there is one already. */
  async #create(): Promise<LockFile | undefined> {
    let file: OpenFile
    try {
      file = await this.#fileSystem.open(this.#path, 'create')
    } catch (error) {
      if (codeOf(error) === 'EEXIST') return undefined
      throw error
    }
    try {
      await writeFully(file, Buffer.from(`${JSON.stringify(this.#self)}\n`), 0)
      return { path: this.#path, owner: this.#self, file, id: (await file.stat()).id }
    } catch (error) {
      await file.close().catch(() => {})
      await this.#fileSystem.unlink(this.#path).catch(() => {})
      throw error
    }
  }

  async #removeDead(): Promise<void> {
    const facts = await this.#fileSystem.lstat(this.#path)
    if (facts === undefined) return
    if (facts.kind !== 'file') {
      const message = 'expected a file, but something else has that name. Move it away'
      throw journalError(this.#folderId.runId, this.#path, message)
    }
    const text = (await readWhole(this.#fileSystem, this.#path)).toString()
    const owner = parseOwner(text)
    const dead = owner ? await isDead(owner, this.#self, this.#hasKernelLock) : this.#hasKernelLock
    if (!dead) throw alreadyLocked(this.#folderId, this.#path, owner)
    await this.#remove(text)
  }

  /**
   * BAD: unlink the dead owner's LOCK. A second process that also found it dead then unlinks the first one's new LOCK, and both have the
   * run. GOOD: rename it atomically, and check what was renamed. Even if it belongs to a live process it is not put back: whoever took
   * the lock in between would find it gone and then there again. A lost lock stays lost.
   */
  async #remove(text: string): Promise<void> {
    const aside = `${this.#path}.dead-${this.#self.nonce}`
    try {
      await this.#fileSystem.rename(this.#path, aside)
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return
      throw error
    }
    const found = (await readWhole(this.#fileSystem, aside)).toString()
    await this.#fileSystem.unlink(aside)
    if (found !== text) throw alreadyLocked(this.#folderId, this.#path, parseOwner(found))
  }
}

async function readOwner(fileSystem: FileSystem, path: string): Promise<LockOwner | undefined> {
  try {
    return parseOwner((await readWhole(fileSystem, path)).toString())
  } catch {
    return undefined
  }
}

function describeOwner({ pid, host }: LockOwner): string {
  return pid === process.pid ? `this process (pid ${pid})` : `pid ${pid} on ${host}`
}

function alreadyLocked({ runId }: JournalId, path: string, owner: LockOwner | undefined): Error {
  const holder = owner ? `locked by ${describeOwner(owner)}` : 'locked by an unknown process'
  const what = runId === undefined ? 'a shared stream' : 'a run'
  return journalError(
    runId,
    path,
    `expected ${what} that no process has open, but it is ${holder}. Close it there first; if that process is certainly dead, delete the file`,
  )
}
