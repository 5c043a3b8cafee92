import { join } from 'node:path'
import { LOCK } from './file-names.js'
import { codeOf, type FileSystem, type OpenFile, readWhole, writeFully } from './file-system.js'
import { journalError } from './journal-error.js'
import { type Holder, isDead, parseHolder, thisHolder } from './lock-holder.js'
import type { Owner } from './run-folder.js'

/**
 * The lock of a folder, of a run or of what runs share: one writer at a time, and a dead one's is taken over.
 *
 * Two things at once. The kernel's lock, where there is one: it is free when its holder is dead, and only then. And the file
 * LOCK, which says who that is, and guards where the kernel does not: across containers, on shared disks, on other systems.
 * What makes the file safe is the order of things, as a LOCK that is lost never comes back. Whoever takes the lock reads the
 * journal *after* LOCK is its own, and a writer acknowledges a commit only if LOCK is still its own *after* the commit was written:
 * either the new one reads the commit, or the old one never acknowledges it, however long it slept in between. And a writer puts
 * something into a segment only if LOCK is still its own *after* the number of the segment was taken: see `SegmentWriter`.
 */
export class FolderLock {
  /** Who we are. */
  readonly holder: Holder
  readonly #fileSystem: FileSystem
  readonly #path: string
  readonly #owner: Owner
  /** Held open: as long as it is, its inode is no other file's. */
  readonly #file: OpenFile
  readonly #id: string
  readonly #releaseKernel: (() => Promise<void>) | undefined

  private constructor(taken: {
    fileSystem: FileSystem
    path: string
    owner: Owner
    file: OpenFile
    id: string
    holder: Holder
    releaseKernel: (() => Promise<void>) | undefined
  }) {
    this.holder = taken.holder
    this.#fileSystem = taken.fileSystem
    this.#path = taken.path
    this.#owner = taken.owner
    this.#file = taken.file
    this.#id = taken.id
    this.#releaseKernel = taken.releaseKernel
  }

  /** @throws JOURNAL while another opener, in this process or another, has the folder. */
  static async take(fileSystem: FileSystem, folder: string, owner: Owner): Promise<FolderLock> {
    const path = join(folder, LOCK)
    const kernel = await kernelLock(fileSystem, folder)
    if (kernel === 'held') throw lockedBy(owner, path, await readHolder(fileSystem, path))
    try {
      const holder = await thisHolder()
      const { file, id } = await new LockFile(fileSystem, path, owner).take(holder, kernel !== undefined)
      return new FolderLock({ fileSystem, path, owner, file, id, holder, releaseKernel: kernel })
    } catch (error) {
      await kernel?.()
      throw error
    }
  }

  /** False when the file was deleted, or is another's. */
  async isHeld(): Promise<boolean> {
    return (await this.#fileSystem.lstat(this.#path))?.id === this.#id
  }

  /** What it says when it is not held any more. */
  async lost(cause?: unknown): Promise<Error> {
    const holder = await readHolder(this.#fileSystem, this.#path)
    const now = holder ? `${whois(holder)} has it` : 'it is gone'
    const { runId } = this.#owner
    const advice = runId === undefined ? 'let one process at a time use' : 'resume the run where nobody else has'
    return journalError(
      runId,
      this.#path,
      `expected the lock that this process (pid ${process.pid}) took, but ${now}. What had been acknowledged is in the journal, nothing more is written: ${advice} it`,
      cause,
    )
  }

  /** Lets go. Never rejects: a lock that cannot be taken away counts as a dead holder's once this process has ended. */
  async release(): Promise<void> {
    try {
      if (await this.isHeld()) await this.#fileSystem.unlink(this.#path)
    } catch {
      // The next opener takes it over.
    }
    await this.#file.close().catch(() => {})
    await this.#releaseKernel?.()
  }
}

/** Undefined where there is none for us: in a sandbox, say. Then the file must do. */
async function kernelLock(fileSystem: FileSystem, folder: string): Promise<'held' | (() => Promise<void>) | undefined> {
  if (!fileSystem.lockFolder) return undefined
  try {
    return (await fileSystem.lockFolder(folder)) ?? 'held'
  } catch {
    return undefined
  }
}

/** A LOCK of our own: held open, so that its inode is no other file's. */
interface TakenFile {
  readonly file: OpenFile
  readonly id: string
}

/** The file LOCK, while it is being taken. */
class LockFile {
  readonly #fileSystem: FileSystem
  readonly #path: string
  readonly #owner: Owner

  constructor(fileSystem: FileSystem, path: string, owner: Owner) {
    this.#fileSystem = fileSystem
    this.#path = path
    this.#owner = owner
  }

  async take(us: Holder, hasKernelLock: boolean): Promise<TakenFile> {
    const file = await this.#create(us)
    if (file) return file
    await this.#clear(us, hasKernelLock)
    const second = await this.#create(us)
    if (second) return second
    throw lockedBy(this.#owner, this.#path, await readHolder(this.#fileSystem, this.#path))
  }

  /** Undefined when there is one. */
  async #create(us: Holder): Promise<TakenFile | undefined> {
    let file: OpenFile
    try {
      file = await this.#fileSystem.open(this.#path, 'create')
    } catch (error) {
      if (codeOf(error) === 'EEXIST') return undefined
      throw error
    }
    try {
      await writeFully(file, Buffer.from(`${JSON.stringify(us)}\n`), 0)
      return { file, id: (await file.stat()).id }
    } catch (error) {
      await file.close().catch(() => {})
      await this.#fileSystem.unlink(this.#path).catch(() => {})
      throw error
    }
  }

  /** Takes a dead holder's lock away. */
  async #clear(us: Holder, hasKernelLock: boolean): Promise<void> {
    const facts = await this.#fileSystem.lstat(this.#path)
    if (facts === undefined) return
    if (facts.kind !== 'file')
      throw journalError(
        this.#owner.runId,
        this.#path,
        'expected a file, but something else has that name. Take it away',
      )
    const text = (await readWhole(this.#fileSystem, this.#path)).toString()
    const holder = parseHolder(text)
    const dead = holder ? await isDead(holder, us, hasKernelLock) : hasKernelLock
    if (!dead) throw lockedBy(this.#owner, this.#path, holder)
    await this.#takeAway(text, us)
  }

  /**
   * BAD: to unlink the dead holder's lock. A second taker that had found it dead as well unlinks the first one's new lock, and
   * both have the run. GOOD: to give it another name, in one step, and to look at what one has got. It is not put back, even if
   * it is a living one's: whoever took the lock in between would find it gone and come again. A lock that is lost stays lost.
   */
  async #takeAway(text: string, us: Holder): Promise<void> {
    const aside = `${this.#path}.dead-${us.nonce}`
    try {
      await this.#fileSystem.rename(this.#path, aside)
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return
      throw error
    }
    const got = (await readWhole(this.#fileSystem, aside)).toString()
    await this.#fileSystem.unlink(aside)
    if (got !== text) throw lockedBy(this.#owner, this.#path, parseHolder(got))
  }
}

async function readHolder(fileSystem: FileSystem, path: string): Promise<Holder | undefined> {
  try {
    return parseHolder((await readWhole(fileSystem, path)).toString())
  } catch {
    return undefined
  }
}

function whois({ pid, host }: Holder): string {
  return pid === process.pid ? `this process (pid ${pid})` : `pid ${pid} on ${host}`
}

function lockedBy({ runId }: Owner, path: string, holder: Holder | undefined): Error {
  const who = holder ? `locked by ${whois(holder)}` : 'locked by a process that has not said which it is'
  const what = runId === undefined ? 'what the runs of this folder share' : 'this run'
  return journalError(
    runId,
    path,
    `expected nobody to have ${what} open, but it is ${who}. Close it there first; if that process surely does not live any more, delete the file`,
  )
}
