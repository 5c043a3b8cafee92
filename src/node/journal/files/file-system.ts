/** What is at a path. */
export interface FileFacts {
  readonly kind: 'file' | 'folder' | 'other'
  readonly bytes: number
  /** Device and inode: constant for the life of the file, whatever its name. */
  readonly id: string
}

/** An open file. Positions and sizes are in bytes. */
export interface OpenFile {
  /** Reads into `into` from `position` on. Returns the number of bytes read, which may be less than fit; 0 at the end of the file. */
  read(into: Uint8Array, position: number): Promise<number>
  /** Writes `from` at `position`. Returns the number of bytes written, which may be less than given. */
  write(from: Uint8Array, position: number): Promise<number>
  /** Makes its content and metadata durable. */
  fsync(): Promise<void>
  /** Makes its content durable, and the metadata needed to read it. */
  fdatasync(): Promise<void>
  /** Cuts it to this length. */
  truncate(bytes: number): Promise<void>
  /** What it is, and how long. */
  stat(): Promise<FileFacts>
  /** Closes the handle. */
  close(): Promise<void>
}

/**
 * The port through which `fileJournal` uses a file system. Paths are absolute. Failures reject with an error that has Node's `code`.
 * The default is the file system of this machine; a test can pass one that fails or loses power.
 */
export interface FileSystem {
  /**
   * Opens a file. `create` creates one for reading and writing, with access for its owner only, and fails with EEXIST when anything
   * has that name. `read` and `write` require an existing file: anything else, such as a named pipe, is refused and never waited for. A
   * symlink at the end of the path is never followed.
   */
  open(path: string, how: 'read' | 'write' | 'create'): Promise<OpenFile>
  /** What is at the path, without following a symlink; undefined for nothing. */
  lstat(path: string): Promise<FileFacts | undefined>
  /** The names in a folder. */
  readdir(path: string): Promise<readonly string[]>
  /** Creates a folder that only its owner may enter, in an existing one. Does nothing when the name is taken. */
  mkdir(path: string): Promise<void>
  /** Renames a file or folder atomically, replacing a file that has the new name. */
  rename(from: string, to: string): Promise<void>
  /** Deletes a file or symlink. */
  unlink(path: string): Promise<void>
  /** Deletes an empty folder. */
  rmdir(path: string): Promise<void>
  /** The path without symlinks. */
  realpath(path: string): Promise<string>
  /** Makes the names in a folder durable: what was created, renamed and deleted there. */
  syncFolder(path: string): Promise<void>
  /**
   * Takes a lock on a folder that the system releases when its owner dies, however it dies. Returns the function that releases it, or
   * undefined while another process has it. Omitted where the system has no such lock.
   */
  lockFolder?(path: string): Promise<(() => Promise<void>) | undefined>
  /** True while a process has the lock of `lockFolder`. Does not take it. Omitted where `lockFolder` is. */
  isFolderLocked?(path: string): Promise<boolean>
}

/** The code of a system error: `ENOSPC`. */
export function codeOf(error: unknown): string | undefined {
  const code: unknown = (error as { code?: unknown } | undefined)?.code
  return typeof code === 'string' ? code : undefined
}

/** Reads until `into` is full or the file ends. Returns the number of bytes read. */
export async function readFully(file: OpenFile, into: Uint8Array, position: number): Promise<number> {
  let done = 0
  while (done < into.length) {
    const count = await file.read(into.subarray(done), position + done)
    if (count === 0) break
    done += count
  }
  return done
}

/** Writes all of `bytes`, in as many writes as it takes. */
export async function writeFully(file: OpenFile, bytes: Uint8Array, position: number): Promise<void> {
  let done = 0
  while (done < bytes.length) {
    const count = await file.write(bytes.subarray(done), position + done)
    if (count === 0) throw Object.assign(new Error('the system wrote nothing and gave no reason'), { code: 'EIO' })
    done += count
  }
}

/** Options of {@link writeAtomically}. */
export interface AtomicWriteOptions {
  /** Syncs the content. Its name is durable once the folder is synced. */
  readonly durable: boolean
  /** Part of the temporary name: keeps writers apart. */
  readonly nonce: string
}

/** Writes a file in one step, replacing one of that name: a reader finds the old content or all of the new. */
export async function writeAtomically(
  fileSystem: FileSystem,
  path: string,
  content: Uint8Array,
  { durable, nonce }: AtomicWriteOptions,
): Promise<void> {
  const temporary = `${path}.${nonce}`
  const file = await fileSystem.open(temporary, 'create')
  try {
    await writeFully(file, content, 0)
    if (durable) await file.fsync()
  } catch (error) {
    await fileSystem.unlink(temporary).catch(() => {})
    throw error
  } finally {
    await file.close()
  }
  await fileSystem.rename(temporary, path)
}

/** The content of a file that fits in memory. */
export async function readWhole(fileSystem: FileSystem, path: string): Promise<Buffer> {
  const file = await fileSystem.open(path, 'read')
  await using _ = closing(file)
  const content = Buffer.allocUnsafe((await file.stat()).bytes)
  return content.subarray(0, await readFully(file, content, 0))
}

/** `await using _ = closing(file)` closes the file at the end of the block. */
export function closing(file: OpenFile): AsyncDisposable {
  return { [Symbol.asyncDispose]: () => file.close() }
}
