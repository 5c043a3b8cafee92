import fs from 'node:fs'
import { promisify } from 'node:util'
import { codeOf, type FileFacts, type FileSystem, type OpenFile } from './file-system.js'
import { hasKernelLock, lockByName } from './kernel-lock.js'

// Measured: the functions with callbacks take a third of the time of `FileHandle`, for a write and its sync.
const open = promisify(fs.open)
const lstat = promisify(fs.lstat)
const fstat = promisify(fs.fstat)

// Windows has no O_NOFOLLOW: there the `lstat` before must do.
const { O_RDONLY, O_RDWR, O_CREAT, O_EXCL, O_NOFOLLOW = 0 } = fs.constants
const FLAGS = {
  read: O_RDONLY | O_NOFOLLOW,
  write: O_RDWR | O_NOFOLLOW,
  create: O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW,
} as const

/** The file system of this machine: what `fileJournal` uses unless it is given another. */
export const nodeFileSystem: FileSystem = {
  open: async (path, how) => new NodeFile(await open(path, FLAGS[how], 0o600)),
  async lstat(path) {
    try {
      return factsOf(await lstat(path, { bigint: true }))
    } catch (error) {
      if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return undefined
      throw error
    }
  },
  readdir: path => fs.promises.readdir(path),
  mkdir,
  rename: (from, to) => fs.promises.rename(from, to),
  unlink: path => fs.promises.unlink(path),
  rmdir: path => fs.promises.rmdir(path),
  realpath: path => fs.promises.realpath(path),
  syncFolder,
  ...(hasKernelLock && {
    lockFolder: async (path: string) => lockByName(factsOf(await lstat(path, { bigint: true })).id),
  }),
}

class NodeFile implements OpenFile {
  readonly #fd: number

  constructor(fd: number) {
    this.#fd = fd
  }

  read(into: Uint8Array, position: number): Promise<number> {
    return new Promise((resolve, reject) => {
      fs.read(this.#fd, into, 0, into.length, position, (error, count) => (error ? reject(error) : resolve(count)))
    })
  }

  write(from: Uint8Array, position: number): Promise<number> {
    return new Promise((resolve, reject) => {
      fs.write(this.#fd, from, 0, from.length, position, (error, count) => (error ? reject(error) : resolve(count)))
    })
  }

  fsync(): Promise<void> {
    return done(callback => fs.fsync(this.#fd, callback))
  }

  fdatasync(): Promise<void> {
    return done(callback => fs.fdatasync(this.#fd, callback))
  }

  truncate(bytes: number): Promise<void> {
    return done(callback => fs.ftruncate(this.#fd, bytes, callback))
  }

  async stat(): Promise<FileFacts> {
    return factsOf(await fstat(this.#fd, { bigint: true }))
  }

  close(): Promise<void> {
    return done(callback => fs.close(this.#fd, callback))
  }
}

function done(start: (callback: (error: Error | null | undefined) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    start(error => (error ? reject(error) : resolve()))
  })
}

function factsOf(stats: fs.BigIntStats): FileFacts {
  const kind = stats.isFile() ? 'file' : stats.isDirectory() ? 'folder' : 'other'
  return { kind, bytes: Number(stats.size), id: `${stats.dev}:${stats.ino}` }
}

/** One folder: with `recursive`, Node 20 never comes back from below `/proc`. */
async function mkdir(path: string): Promise<void> {
  try {
    await fs.promises.mkdir(path, { mode: 0o700 })
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error
  }
}

/** Windows opens no folder to sync it, and some network file systems cannot: there it is done when the system likes. */
async function syncFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return
  const fd = await open(path, O_RDONLY)
  try {
    await done(callback => fs.fsync(fd, callback))
  } catch (error) {
    if (codeOf(error) !== 'EINVAL' && codeOf(error) !== 'ENOTSUP') throw error
  } finally {
    await done(callback => fs.close(fd, callback))
  }
}
