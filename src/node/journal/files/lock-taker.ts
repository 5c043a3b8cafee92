import { setTimeout as sleep } from 'node:timers/promises'
import { codeOf, type FileSystem, type OpenFile, readWhole, writeFully } from './file-system.js'
import { journalError } from './journal-error.js'
import type { JournalId } from './journal-folder.js'
import { alreadyLocked } from './lock-message.js'
import { isDead, isThisProcess, type LockOwner, now, parseOwner } from './lock-owner.js'

/** A LOCK file that this process created. */
export interface LockFile {
  readonly path: string
  readonly owner: LockOwner
  /** Kept open, so that its inode is not reused. */
  readonly file: OpenFile
  readonly id: string
}

/** Options of a {@link LockTaker}. */
export interface LockTakerOptions {
  readonly fileSystem: FileSystem
  /** Of the LOCK file. */
  readonly path: string
  readonly folderId: JournalId
  readonly self: LockOwner
  /** Another process has the kernel's lock. */
  readonly isKernelTaken: boolean
  /** Takes the lock of an owner that does not renew its lease. */
  readonly takeOver: boolean
  /** The lease of an owner that states none, in milliseconds. */
  readonly leaseMs: number
}

/** How often a lease is looked at while it may end. */
const LOOKS_PER_LEASE = 10

/** Creates the LOCK file, in place of that of an owner that is dead or, with `takeOver`, has not renewed its lease. */
export class LockTaker {
  readonly #options: LockTakerOptions

  constructor(options: LockTakerOptions) {
    this.#options = options
  }

  /** @throws JOURNAL when another opener has the folder. */
  async take(): Promise<LockFile> {
    if (!this.#options.isKernelTaken) {
      const first = await this.#create()
      if (first) return first
    }
    await this.#removeOther()
    const second = await this.#create()
    if (second) return second
    throw this.#refusal(await readOwner(this.#options.fileSystem, this.#options.path))
  }

  /** Undefined when there is one already. */
  async #create(): Promise<LockFile | undefined> {
    const { fileSystem, path, self } = this.#options
    let file: OpenFile
    try {
      file = await fileSystem.open(path, 'create')
    } catch (error) {
      if (codeOf(error) === 'EEXIST') return undefined
      throw error
    }
    try {
      await writeFully(file, lockText(self), 0)
      return { path, owner: self, file, id: (await file.stat()).id }
    } catch (error) {
      await file.close().catch(() => {})
      await fileSystem.unlink(path).catch(() => {})
      throw error
    }
  }

  async #removeOther(): Promise<void> {
    const { fileSystem, path, folderId, isKernelTaken, takeOver, self } = this.#options
    const facts = await fileSystem.lstat(path)
    if (facts === undefined) return isKernelTaken ? this.#awaitUnknown() : undefined
    if (facts.kind !== 'file') {
      const message = 'expected a file, but something else has that name. Move it away'
      throw journalError(folderId.runId, path, message)
    }
    const text = (await readWhole(fileSystem, path)).toString()
    const owner = parseOwner(text)
    if (!(await this.#isCertainlyDead(owner))) {
      if (!takeOver || (owner && isThisProcess(owner, self))) throw this.#refusal(owner)
      await this.#awaitEndOfLease(text, owner)
    }
    await this.#remove(text)
  }

  async #isCertainlyDead(owner: LockOwner | undefined): Promise<boolean> {
    const { isKernelTaken, self } = this.#options
    if (isKernelTaken && owner?.hasKernelLock !== false) return false
    return owner ? isDead(owner, self, self.hasKernelLock === true) : self.hasKernelLock === true
  }

  /** A process has the kernel's lock and no LOCK: it is about to make one, or it is suspended and its LOCK was taken before. */
  async #awaitUnknown(): Promise<void> {
    if (!this.#options.takeOver) throw this.#refusal(undefined)
    await this.#awaitEndOfLease(undefined, undefined)
  }

  /**
   * An owner that renews its lease changes the file. That is seen without comparing the clocks of two machines; only on the machine of the
   * owner the part of the lease that is over already counts.
   * @throws JOURNAL once the lease was renewed.
   */
  async #awaitEndOfLease(text: string | undefined, owner: LockOwner | undefined): Promise<void> {
    const { fileSystem, path, self } = this.#options
    const leaseMs = owner?.leaseMs ?? this.#options.leaseMs
    const isOurMachine = owner?.bootId !== undefined && owner.bootId === self.bootId
    const overMs = isOurMachine ? now() - (owner.renewedAt ?? now()) : 0
    const end = performance.now() + Math.min(leaseMs, Math.max(0, leaseMs - overMs))
    for (let leftMs = 1; leftMs > 0; ) {
      leftMs = end - performance.now()
      await sleep(Math.max(0, Math.min(leftMs, leaseMs / LOOKS_PER_LEASE)))
      const found = await readText(fileSystem, path)
      if (found === undefined && text !== undefined) return
      if (found !== text) throw this.#refusal(parseOwner(found ?? ''), 'Its owner is alive: close it there first')
    }
  }

  /**
   * BAD: unlink the other owner's LOCK. A second process that also found it dead then unlinks the first one's new LOCK, and both have the
   * run. GOOD: rename it atomically, and check what was renamed. Even if it belongs to a live process it is not put back: whoever took
   * the lock in between would find it gone and then there again. A lost lock stays lost.
   */
  async #remove(text: string): Promise<void> {
    const { fileSystem, path, self } = this.#options
    const aside = `${path}.dead-${self.nonce}`
    try {
      await fileSystem.rename(path, aside)
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return
      throw error
    }
    const found = (await readWhole(fileSystem, aside)).toString()
    await fileSystem.unlink(aside)
    // The same owner may have renewed its lease in between: it has lost the lock all the same.
    if (nonceOf(found) !== nonceOf(text)) throw this.#refusal(parseOwner(found))
  }

  #refusal(owner: LockOwner | undefined, advice?: string): Error {
    const { folderId, path, self } = this.#options
    return alreadyLocked(folderId, path, owner, self, advice)
  }
}

/** The content of a LOCK. Its length is the same for each renewal, so that no reader finds half of one. */
export function lockText(owner: LockOwner): Buffer {
  return Buffer.from(`${JSON.stringify(owner)}\n`)
}

/** Undefined when there is no readable LOCK. */
export async function readOwner(fileSystem: FileSystem, path: string): Promise<LockOwner | undefined> {
  try {
    return parseOwner((await readWhole(fileSystem, path)).toString())
  } catch {
    return undefined
  }
}

/** Undefined when there is no file. */
async function readText(fileSystem: FileSystem, path: string): Promise<string | undefined> {
  try {
    return (await readWhole(fileSystem, path)).toString()
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
}

/** What tells one lock from another. */
function nonceOf(text: string): string {
  return parseOwner(text)?.nonce ?? text
}
