import { join } from 'node:path'
import { LOCK } from './file-names.js'
import { type FileSystem, writeFully } from './file-system.js'
import { journalError } from './journal-error.js'
import type { JournalId } from './journal-folder.js'
import { describeOwner } from './lock-message.js'
import { isDead, type LockOwner, now, thisOwner } from './lock-owner.js'
import { type LockFile, LockTaker, lockText, readOwner } from './lock-taker.js'

/** How a lock is taken, and how long it is held without being renewed. */
export interface LeaseTerms {
  /** The lock is renewed three times in this time. Another process may take it when it was not for this long, in milliseconds. */
  readonly leaseMs: number
  /** Takes the lock of an owner that has not renewed it. */
  readonly takeOver: boolean
}

/**
 * The lock of a folder, of a run or a shared stream: one writer at a time. The lock of a dead process is taken over; that of a process of
 * which nothing is certain once it has not renewed its lease, if the host wants that.
 *
 * It consists of two locks. The kernel's lock, where there is one, is free exactly when its owner is dead. The file LOCK names the owner,
 * and protects where the kernel does not: across containers, on shared disks, on other systems. The file is safe because of the order of
 * operations, as a LOCK that was lost never comes back:
 *
 * - Whoever takes the lock reads the journal *after* it owns LOCK, and a writer acknowledges a commit only if it still owns LOCK *after*
 *   the write. So either the new owner reads the commit, or the old one never acknowledges it, however long it was suspended in between.
 * - A writer writes to a segment only if it still owns LOCK *after* it took the number of the segment: see `SegmentWriter`.
 *
 * The lease only says when a lock may be taken. That two processes never both write does not depend on it, nor on any clock.
 */
export class FolderLock {
  /** This process. */
  readonly owner: LockOwner
  /** Called once, when the lock is found to be lost. */
  onLost: ((error: Error) => void) | undefined
  readonly #fileSystem: FileSystem
  readonly #folderId: JournalId
  readonly #lockFile: LockFile
  readonly #releaseKernel: (() => Promise<void>) | undefined
  readonly #timer: NodeJS.Timeout
  #renewal: Promise<void> | undefined

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
    this.#timer = every((lockFile.owner.leaseMs as number) / 3, () => this.#renew())
  }

  /** @throws JOURNAL while another opener, in this process or another, has the folder open. */
  static async take(
    fileSystem: FileSystem,
    folder: string,
    folderId: JournalId,
    lease: LeaseTerms,
  ): Promise<FolderLock> {
    const kernel = await takeKernelLock(fileSystem, folder)
    const isKernelTaken = kernel === 'taken'
    const release = isKernelTaken ? undefined : kernel
    try {
      const path = join(folder, LOCK)
      const self = await thisOwner(release !== undefined, lease.leaseMs)
      const taker = new LockTaker({ fileSystem, path, folderId, self, isKernelTaken, ...lease })
      return new FolderLock(fileSystem, folderId, await taker.take(), release)
    } catch (error) {
      await release?.()
      throw error
    }
  }

  /** True when an opener has the folder: it could not be opened now. Takes nothing. */
  static async isTaken(fileSystem: FileSystem, folder: string): Promise<boolean> {
    if ((await fileSystem.lstat(folder))?.kind !== 'folder') return false
    const hasKernel = fileSystem.isFolderLocked !== undefined
    if (await fileSystem.isFolderLocked?.(folder).catch(() => false)) return true
    const path = join(folder, LOCK)
    const facts = await fileSystem.lstat(path)
    if (facts?.kind !== 'file') return facts !== undefined
    const owner = await readOwner(fileSystem, path)
    return owner ? !(await isDead(owner, await thisOwner(false, 0), hasKernel)) : !hasKernel
  }

  /** False when the file was deleted or belongs to another owner. */
  async isHeld(): Promise<boolean> {
    return (await this.#fileSystem.lstat(this.#lockFile.path))?.id === this.#lockFile.id
  }

  /** The error to throw when `isHeld` is false. Gives the kernel's lock back: it would keep out those who come after the new owner. */
  async lostError(cause?: unknown): Promise<Error> {
    await this.#releaseKernel?.()
    const { path } = this.#lockFile
    const owner = await readOwner(this.#fileSystem, path)
    const found = owner ? `${describeOwner(owner, this.owner)} has it` : 'it is gone'
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
    clearInterval(this.#timer)
    await this.#renewal
    try {
      if (await this.isHeld()) await this.#fileSystem.unlink(this.#lockFile.path)
    } catch {
      // The next opener takes it over.
    }
    await this.#lockFile.file.close().catch(() => {})
    await this.#releaseKernel?.()
  }

  #renew(): void {
    this.#renewal ??= this.#renewNow().finally(() => {
      this.#renewal = undefined
    })
  }

  async #renewNow(): Promise<void> {
    try {
      if (await this.isHeld())
        return await writeFully(this.#lockFile.file, lockText({ ...this.owner, renewedAt: now() }), 0)
      clearInterval(this.#timer)
      this.onLost?.(await this.lostError())
    } catch {
      // The disk cannot be read or written: the next renewal tries again.
    }
  }
}

/** Does not keep the process alive. Of the machine, also while a test has fake timers. */
function every(ms: number, callback: () => void): NodeJS.Timeout {
  return setInterval(callback, ms).unref()
}

const { setInterval, clearInterval } = globalThis

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
