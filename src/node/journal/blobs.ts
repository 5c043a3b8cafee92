import { join } from 'node:path'
import type { Json } from 'counterpoint'
import { BLOBS } from './files/file-names.js'
import { codeOf, type FileSystem, putWhole, readWhole } from './files/file-system.js'
import { journalError } from './files/journal-error.js'
import { type Blob, sha256Of } from './segments/record-body.js'

/** What a {@link BlobStore} works with. */
export interface BlobStoreSetup {
  readonly fileSystem: FileSystem
  /** The folder of the run. */
  readonly folder: string
  readonly runId?: string
  /** Is what is written to survive the machine? */
  readonly durable: boolean
  /** What tells our half-written files from another opener's. */
  readonly nonce: string
}

/** The large payloads of one run: a file each, named by the SHA-256 of its content. */
export class BlobStore {
  readonly #setup: BlobStoreSetup
  readonly #folder: string
  /** What this opener has written. What an earlier one wrote is written again: it may have been cut off. */
  readonly #written = new Set<string>()

  constructor(setup: BlobStoreSetup) {
    this.#setup = setup
    this.#folder = join(setup.folder, BLOBS)
  }

  /** Invariant: when this resolves they are there, whole, under their names; and a name never stands for half of one. */
  async write(blobs: readonly Blob[]): Promise<void> {
    const missing = blobs.filter(({ sha256 }) => !this.#written.has(sha256))
    if (missing.length === 0) return
    if (this.#written.size === 0) await this.#prepareFolder()
    for (const blob of missing) await this.#writeOne(blob)
    if (this.#setup.durable) await this.#setup.fileSystem.syncFolder(this.#folder)
    for (const { sha256 } of missing) this.#written.add(sha256)
  }

  /** @throws JOURNAL when it is missing or damaged. */
  async read(sha256: string): Promise<Json> {
    const path = join(this.#folder, sha256)
    let content: Buffer
    try {
      content = await readWhole(this.#setup.fileSystem, path)
    } catch (error) {
      throw this.#unreadable(path, codeOf(error) === 'ENOENT' ? 'is missing' : 'cannot be read', error)
    }
    if (sha256Of(content) !== sha256) throw this.#unreadable(path, 'is damaged')
    return JSON.parse(content.toString()) as Json
  }

  async #prepareFolder(): Promise<void> {
    const { fileSystem, folder, runId, durable } = this.#setup
    await fileSystem.mkdir(this.#folder)
    if ((await fileSystem.lstat(this.#folder))?.kind !== 'folder')
      throw journalError(runId, this.#folder, 'expected a folder, but something else has that name. Take it away')
    if (durable) await fileSystem.syncFolder(folder)
  }

  async #writeOne({ sha256, text }: Blob): Promise<void> {
    const { fileSystem, durable, nonce } = this.#setup
    await putWhole(fileSystem, join(this.#folder, sha256), Buffer.from(text), { durable, nonce })
  }

  #unreadable(path: string, what: string, cause?: unknown): Error {
    const message = `a record of the journal names this payload, but it ${what}. Restore it from a backup of the run's folder`
    return journalError(this.#setup.runId, path, message, cause)
  }
}
