import { type FileHandle, mkdtemp, open, readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises'

/** Calls `use` with a new folder below `parent`, which is deleted afterwards. */
export async function withFolder<T>(parent: string, use: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(parent, 'bench-'))
  try {
    return await use(folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Total size of all files below a folder, in bytes. */
export async function bytesBelow(folder: string): Promise<number> {
  let bytes = 0
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true }))
    if (entry.isFile()) bytes += (await stat(join(entry.parentPath, entry.name))).size
  return bytes
}

/** Options of {@link groupCommitMs}. */
export interface Commits {
  readonly writers: number
  readonly records: number
  readonly bytes: number
  /** Pause of a writer before its next record, in milliseconds. Default 0. */
  readonly pauseMs?: number
}

/**
 * The minimum cost of group commit on this disk: several writers, each waiting until its record is durable before it writes the next one,
 * with one write and one fdatasync for all waiting writers. Returns the time for all records, in milliseconds.
 */
export async function groupCommitMs(
  folder: string,
  { writers, records, bytes, pauseMs = 0 }: Commits,
): Promise<number> {
  const file = await open(join(folder, 'floor.jsonl'), 'a')
  try {
    const commit = new GroupCommit(file)
    const record = Buffer.alloc(bytes, 'x')
    const write = async (count: number): Promise<void> => {
      for (let done = 0; done < count; done++) {
        await commit.add(record)
        if (pauseMs > 0) await sleep(pauseMs)
      }
    }
    const began = performance.now()
    await Promise.all(Array.from({ length: writers }, () => write(Math.ceil(records / writers))))
    return performance.now() - began
  } finally {
    await file.close()
    await rm(join(folder, 'floor.jsonl'))
  }
}

class GroupCommit {
  readonly #file: FileHandle
  #records: Buffer[] = []
  #waiting: (() => void)[] = []
  #isBusy = false

  constructor(file: FileHandle) {
    this.#file = file
  }

  add(record: Buffer): Promise<void> {
    this.#records.push(record)
    if (!this.#isBusy) void this.#run()
    return new Promise(resolve => {
      this.#waiting.push(resolve)
    })
  }

  async #run(): Promise<void> {
    this.#isBusy = true
    for (await turn(); this.#records.length > 0; await turn()) {
      const [records, waiting] = [this.#records, this.#waiting]
      this.#records = []
      this.#waiting = []
      await this.#file.write(Buffer.concat(records))
      await this.#file.datasync()
      for (const resolve of waiting) resolve()
    }
    this.#isBusy = false
  }
}
