import { join } from 'node:path'
import { isCounterpointError, type Json } from 'counterpoint'
import { BLOBS } from './files/file-names.js'
import { codeOf, readWhole, writeAtomically } from './files/file-system.js'
import { journalError } from './files/journal-error.js'
import type { JournalFolder } from './files/journal-folder.js'
import { type Blob, sha256Of } from './segments/record-body.js'

/** Options of a {@link BlobStore}. */
export interface BlobStoreOptions {
  /** The folder of the run. */
  readonly folder: JournalFolder
  /** Part of the temporary names: keeps writers apart. */
  readonly nonce: string
}

/** The large payloads of one run: one file each, named by the SHA-256 of its content. */
export class BlobStore {
  readonly #run: JournalFolder
  readonly #folder: string
  readonly #nonce: string
  readonly #durable: boolean
  /** What this opener wrote. What an earlier one wrote is written again: it may not be durable. */
  readonly #written = new Set<string>()

  constructor({ folder, nonce }: BlobStoreOptions) {
    this.#run = folder
    this.#folder = join(folder.folder, BLOBS)
    this.#nonce = nonce
    this.#durable = folder.durability === 'fsync'
  }

  /** Invariant: once this resolves the blobs are complete under their names, and a name never refers to half of one. */
  async write(blobs: readonly Blob[]): Promise<void> {
    const missing = blobs.filter(({ sha256 }) => !this.#written.has(sha256))
    if (missing.length === 0) return
    const { fileSystem } = this.#run
    const options = { durable: this.#durable, nonce: this.#nonce }
    if (this.#written.size === 0) await this.#createFolder()
    for (const { sha256, text } of missing)
      await writeAtomically(fileSystem, join(this.#folder, sha256), Buffer.from(text), options)
    if (this.#durable) await fileSystem.syncFolder(this.#folder)
    for (const { sha256 } of missing) this.#written.add(sha256)
  }

  /** @throws JOURNAL when it is missing or damaged. */
  async read(sha256: string): Promise<Json> {
    const path = join(this.#folder, sha256)
    let content: Buffer
    try {
      await this.#checkFolder()
      content = await readWhole(this.#run.fileSystem, path)
    } catch (error) {
      if (isCounterpointError(error)) throw error
      throw this.#unreadable(path, codeOf(error) === 'ENOENT' ? 'is missing' : 'cannot be read', error)
    }
    if (sha256Of(content) !== sha256) throw this.#unreadable(path, 'is damaged')
    return JSON.parse(content.toString()) as Json
  }

  async #createFolder(): Promise<void> {
    const { fileSystem, folder } = this.#run
    await fileSystem.mkdir(this.#folder)
    await this.#checkFolder()
    if (this.#durable) await fileSystem.syncFolder(folder)
  }

  /** Invariant: nothing is opened below a symlink. */
  async #checkFolder(): Promise<void> {
    const { fileSystem, runId } = this.#run
    const facts = await fileSystem.lstat(this.#folder)
    if (facts !== undefined && facts.kind !== 'folder')
      throw journalError(runId, this.#folder, 'expected a folder, but something else has that name. Move it away')
  }

  #unreadable(path: string, what: string, cause?: unknown): Error {
    const message = `a record of the journal refers to this payload, but it ${what}. Restore it from a backup of the run's folder, or open the journal with onDamage: 'cut', which keeps the records before`
    return journalError(this.#run.runId, path, message, cause)
  }
}
