import fs from 'node:fs'
import { createConnection, createServer } from 'node:net'
import { promisify } from 'node:util'
import { codeOf, type FileFacts, type FileSystem, type OpenFile } from './file-system.js'

// Measured: the callback functions take a third of the time of `FileHandle` for a write and its sync.
const open = promisify(fs.open)
const lstat = promisify(fs.lstat)
const fstat = promisify(fs.fstat)

// Windows has no O_NOFOLLOW: there only the `lstat` before protects.
const { O_RDONLY, O_RDWR, O_CREAT, O_EXCL, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = fs.constants
/**
 * Node has no `flock`. But two kinds of names can have one listening process only, and are free the moment it dies: Linux's abstract
 * sockets (measured: a second `listen` fails with EADDRINUSE) and the named pipes of Windows.
 */
const hasKernelLock = process.platform === 'linux' || process.platform === 'win32'
const FLAGS = {
  // Without O_NONBLOCK, opening a named pipe waits for its other end.
  read: O_RDONLY | O_NOFOLLOW | O_NONBLOCK,
  write: O_RDWR | O_NOFOLLOW | O_NONBLOCK,
  create: O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW,
} as const

/** The file system of this machine: the default of `fileJournal`. */
export const nodeFileSystem: FileSystem = {
  open: openFile,
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
    lockFolder: async (path: string) => lockByName(await lockName(path)),
    isFolderLocked: async (path: string) => isNameTaken(await lockName(path)),
  }),
}

async function openFile(path: string, how: keyof typeof FLAGS): Promise<OpenFile> {
  const file = new NodeFile(await open(path, FLAGS[how], 0o600))
  if (how === 'create' || (await file.stat()).kind === 'file') return file
  await file.close()
  throw Object.assign(new Error(`expected a file at ${path}, but something else has that name`), { code: 'ENOTSUP' })
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

/** Creates one folder: with `recursive`, Node 20 hangs below `/proc`. */
async function mkdir(path: string): Promise<void> {
  try {
    await fs.promises.mkdir(path, { mode: 0o700 })
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error
  }
}

/** Windows cannot sync a folder, nor can some network file systems: there the system decides when the names are durable. */
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

/** The name of the kernel's lock of a folder. */
async function lockName(folder: string): Promise<string> {
  const { id } = factsOf(await lstat(folder, { bigint: true }))
  return process.platform === 'win32' ? `\\\\.\\pipe\\counterpoint-${id.replace(':', '-')}` : `\0counterpoint:${id}`
}

/** Connecting to a name succeeds while a process has it, even one that is suspended. */
function isNameTaken(path: string): Promise<boolean> {
  const socket = createConnection({ path })
  return new Promise(resolve => {
    socket.on('error', error => resolve(codeOf(error) !== 'ECONNREFUSED' && codeOf(error) !== 'ENOENT'))
    socket.on('connect', () => {
      socket.destroy()
      resolve(true)
    })
  })
}

/** Returns the function that releases the lock, or undefined while another process has it. Does not keep the process alive. */
function lockByName(path: string): Promise<(() => Promise<void>) | undefined> {
  const server = createServer(socket => socket.destroy())
  return new Promise((resolve, reject) => {
    server.on('error', error => (codeOf(error) === 'EADDRINUSE' ? resolve(undefined) : reject(error)))
    // Without `exclusive` the workers of a cluster would share one name.
    server.listen({ path, exclusive: true }, () => {
      server.unref()
      resolve(() => new Promise(closed => server.close(() => closed())))
    })
  })
}
