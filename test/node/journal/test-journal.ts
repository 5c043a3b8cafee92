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
import { FakeDisk } from './fake-disk.js'

export const RUN = 'run-1'
export const FOLDER = '/runs/run-1'
export const SEGMENT = `${FOLDER}/journal-000001.log`

/** A record of one event with this seq. */
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

/** Records of one event each, with seqs from `first` to `last`. */
export function records(first: number, last: number): JournalRecord[] {
  return Array.from({ length: last - first + 1 }, (_, i) => record(first + i))
}

/** A clock whose timers fire at once. */
const immediateClock: Clock = {
  ...systemClock,
  schedule(callback) {
    const handle = setImmediate(callback)
    return () => clearImmediate(handle)
  },
}

/** A journal on a fake disk, and the problems that it reported. */
export class TestJournal {
  readonly disk: FakeDisk
  readonly journal: Journal
  readonly problems: JournalProblem[] = []

  constructor(fileSystem: FileSystem = new FakeDisk(), options: Partial<FileJournalOptions> = {}) {
    this.disk = fileSystem as FakeDisk
    this.journal = fileJournal({ folder: '/runs', fileSystem, clock: immediateClock, ...options })
  }

  async open(runId = RUN): Promise<OpenJournal> {
    return this.journal.open(runId, { report: problem => void this.problems.push(problem) })
  }

  get reports(): string[] {
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

/** Writes records, `perCommit` in a commit, and closes. */
export async function fill(fixture: TestJournal, all: readonly JournalRecord[], perCommit = 1): Promise<void> {
  const open = await fixture.open()
  for (let i = 0; i < all.length; i += perCommit)
    await Promise.all(all.slice(i, i + perCommit).map(each => open.append(each)))
  await open.close()
}

/** The result of opening a journal: the records or the error message, and the reports. */
export interface Opened {
  readonly records: readonly JournalRecord[]
  readonly refusal: string | undefined
  readonly reports: readonly string[]
}

export async function reopened(disk: FakeDisk, options: Partial<FileJournalOptions> = {}): Promise<Opened> {
  const fixture = new TestJournal(disk, options)
  try {
    const open = await fixture.open()
    const found = await read(open)
    await open.close()
    return { records: found, refusal: undefined, reports: fixture.reports }
  } catch (error) {
    if ((error as { code?: string }).code !== 'JOURNAL') throw error
    return { records: [], refusal: (error as Error).message, reports: fixture.reports }
  }
}
