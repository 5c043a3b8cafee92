import {
  type Clock,
  type Journal,
  type JournalProblem,
  type JournalRecord,
  type Json,
  type OpenJournal,
  type RunEvent,
  systemClock,
} from 'counterpoint'
import { type FileJournalOptions, type FileSystem, fileJournal } from 'counterpoint/node'
import { Disk } from './disk.js'

export const RUN = 'run-1'
export const FOLDER = '/runs/run-1'
export const SEGMENT = `${FOLDER}/journal-000001.log`

/** A record of one event that begins at `seq`. */
export function record(seq: number, output: Json = `out ${seq}`, runId = RUN): JournalRecord {
  const event: RunEvent = {
    type: 'task.succeeded',
    seq,
    at: 1_750_000_000_000 + seq,
    runId,
    taskId: `t-${seq}`,
    index: seq,
    attempt: 1,
    output,
  }
  return [event]
}

/** Records from `first` to `last`, one event each. */
export function records(first: number, last: number): JournalRecord[] {
  return Array.from({ length: last - first + 1 }, (_, i) => record(first + i))
}

/** A clock that waits for nothing. */
const hastyClock: Clock = {
  ...systemClock,
  schedule(callback) {
    const handle = setImmediate(callback)
    return () => clearImmediate(handle)
  },
}

/** A journal on a disk in memory, and what it has reported. */
export class Bench {
  readonly disk: Disk
  readonly journal: Journal
  readonly problems: JournalProblem[] = []

  constructor(fileSystem: FileSystem = new Disk(), options: Partial<FileJournalOptions> = {}) {
    this.disk = fileSystem as Disk
    this.journal = fileJournal({ folder: '/runs', fileSystem, clock: hastyClock, ...options })
  }

  async open(runId = RUN): Promise<OpenJournal> {
    return this.journal.open(runId, { report: problem => void this.problems.push(problem) })
  }

  get told(): string[] {
    return this.problems.map(({ message }) => message)
  }
}

export async function read(open: Pick<OpenJournal, 'read'>): Promise<JournalRecord[]> {
  const found: JournalRecord[] = []
  for await (const each of open.read()) found.push(each)
  return found
}

/** Appends each record in a commit of its own. */
export async function write(open: OpenJournal, all: readonly JournalRecord[]): Promise<void> {
  for (const each of all) await open.append(each)
}

/** Writes records, `perCommit` at a time, and closes. */
export async function fill(bench: Bench, all: readonly JournalRecord[], perCommit = 1): Promise<void> {
  const open = await bench.open()
  for (let i = 0; i < all.length; i += perCommit)
    await Promise.all(all.slice(i, i + perCommit).map(each => open.append(each)))
  await open.close()
}

/** What opening a disk leads to: the records, or the refusal, and what was reported. */
export interface Opened {
  readonly records: readonly JournalRecord[]
  readonly refusal: string | undefined
  readonly told: readonly string[]
}

export async function reopened(disk: Disk, options: Partial<FileJournalOptions> = {}): Promise<Opened> {
  const bench = new Bench(disk, options)
  try {
    const open = await bench.open()
    const found = await read(open)
    await open.close()
    return { records: found, refusal: undefined, told: bench.told }
  } catch (error) {
    if ((error as { code?: string }).code !== 'JOURNAL') throw error
    return { records: [], refusal: (error as Error).message, told: bench.told }
  }
}
