/** What stands at a path. */
export interface FileFacts {
  readonly kind: 'file' | 'folder' | 'other'
  readonly bytes: number
  /** The same for as long as it exists, whatever it is called: device and inode. */
  readonly id: string
}

/** A file that is open. Positions and sizes are in bytes. */
export interface OpenFile {
  /** Fills `into` from `position` on; gives how much there was, which may be less. 0 at the end. */
  read(into: Uint8Array, position: number): Promise<number>
  /** Writes `from` at `position`; gives how much was written, which may be less. */
  write(from: Uint8Array, position: number): Promise<number>
  /** Makes its content durable, and all that is known about it. */
  fsync(): Promise<void>
  /** Makes its content durable, and what is needed to find it. */
  fdatasync(): Promise<void>
  /** Cuts it to this length. */
  truncate(bytes: number): Promise<void>
  /** What it is, and how long. */
  stat(): Promise<FileFacts>
  /** Gives the handle back. */
  close(): Promise<void>
}

/**
 * A port: all that `fileJournal` asks of a file system. Paths are absolute. What fails rejects with an error that has Node's
 * `code`. The default is the file system of this machine; a test gives one that loses power.
 */
export interface FileSystem {
  /**
   * Opens a file. `create` makes a new one, for reading and writing, that only its owner may touch, and fails with EEXIST
   * whatever stands there. `read` and `write` want one that exists. None follows a symlink at the end of the path.
   */
  open(path: string, how: 'read' | 'write' | 'create'): Promise<OpenFile>
  /** What stands there, without following a symlink; undefined for nothing. */
  lstat(path: string): Promise<FileFacts | undefined>
  /** The names in a folder. */
  readdir(path: string): Promise<readonly string[]>
  /** Makes a folder that only its owner may enter, in one that exists. What has that name already is left as it is. */
  mkdir(path: string): Promise<void>
  /** Gives a file or folder another name, at once, over what has that name. */
  rename(from: string, to: string): Promise<void>
  /** Takes away a file, or a symlink. */
  unlink(path: string): Promise<void>
  /** Takes away an empty folder. */
  rmdir(path: string): Promise<void>
  /** The path without symlinks. */
  realpath(path: string): Promise<string>
  /** Makes the names in a folder durable: what was created, renamed and taken away there. */
  syncFolder(path: string): Promise<void>
  /**
   * A lock on a folder that the system lets go of when its holder dies, however it dies. Gives what lets go of it, or
   * undefined while another has it. Left out where the system has no such thing.
   */
  lockFolder?(path: string): Promise<(() => Promise<void>) | undefined>
}

/** The code of an error of the system: `ENOSPC`. */
export function codeOf(error: unknown): string | undefined {
  const code: unknown = (error as { code?: unknown } | undefined)?.code
  return typeof code === 'string' ? code : undefined
}

/** Reads until `into` is full or the file ends; gives how much that was. */
export async function readFully(file: OpenFile, into: Uint8Array, position: number): Promise<number> {
  let done = 0
  while (done < into.length) {
    const count = await file.read(into.subarray(done), position + done)
    if (count === 0) break
    done += count
  }
  return done
}

/** Writes all of `bytes`, in as many steps as the system takes. */
export async function writeFully(file: OpenFile, bytes: Uint8Array, position: number): Promise<void> {
  let done = 0
  while (done < bytes.length) {
    const count = await file.write(bytes.subarray(done), position + done)
    if (count === 0) throw Object.assign(new Error('the system wrote nothing and gave no reason'), { code: 'EIO' })
    done += count
  }
}

/** How {@link putWhole} puts a file there. */
export interface PutOptions {
  /** Is the content to survive the machine? Its name does when the folder is synced. */
  readonly durable: boolean
  /** What tells our half-written files from another writer's. */
  readonly nonce: string
}

/** Puts a file there in one step, over what has that name: whoever looks finds what was there, or all of this. */
export async function putWhole(
  fileSystem: FileSystem,
  path: string,
  content: Uint8Array,
  { durable, nonce }: PutOptions,
): Promise<void> {
  const half = `${path}.${nonce}`
  const file = await fileSystem.open(half, 'create')
  try {
    await writeFully(file, content, 0)
    if (durable) await file.fsync()
  } catch (error) {
    await fileSystem.unlink(half).catch(() => {})
    throw error
  } finally {
    await file.close()
  }
  await fileSystem.rename(half, path)
}

/** The content of a file that is no longer than fits in memory. */
export async function readWhole(fileSystem: FileSystem, path: string): Promise<Buffer> {
  const file = await fileSystem.open(path, 'read')
  try {
    const content = Buffer.allocUnsafe((await file.stat()).bytes)
    return content.subarray(0, await readFully(file, content, 0))
  } finally {
    await file.close()
  }
}
