import type { Journal, JournalProblem, Json } from 'counterpoint'
import { type FileJournalOptions, type FileSystem, fileJournal } from 'counterpoint/node'
import { expect } from 'vitest'
import type { SharedStream } from '../../../src/journal/shared-stream.js'
import type { Disk } from './disk.js'

export const FOLDER = '/runs/.shared-limits'
export const SEGMENT = `${FOLDER}/journal-000001.log`

/** A stream of a file journal: `replace` is there, and everything is a promise. */
export interface Stream extends SharedStream {
  append(record: Json): Promise<void>
  replace(records: readonly Json[]): Promise<void>
  close(): Promise<void>
}

/** The stream `limits` of a journal on a disk in memory, and what it has reported. */
export class StreamBench {
  readonly journal: Journal
  readonly told: string[] = []

  constructor(fileSystem: FileSystem, options: Partial<FileJournalOptions> = {}) {
    this.journal = fileJournal({ folder: '/runs', fileSystem, ...options })
  }

  open(name = 'limits'): Promise<Stream> {
    const report = ({ message }: JournalProblem): void => void this.told.push(message)
    return this.journal.shared?.(name, { report }) as Promise<Stream>
  }
}

export async function all(stream: SharedStream): Promise<Json[]> {
  const found: Json[] = []
  for await (const record of stream.read()) found.push(record)
  return found
}

/** What opening a disk leads to: the records, or the refusal, and what was reported. */
export interface Opened {
  readonly records: readonly Json[]
  readonly refusal: string | undefined
  readonly told: readonly string[]
}

export async function reopened(disk: Disk, options: Partial<FileJournalOptions> = {}): Promise<Opened> {
  const bench = new StreamBench(disk, options)
  try {
    const stream = await bench.open()
    const records = await all(stream)
    await stream.close()
    return { records, refusal: undefined, told: bench.told }
  } catch (error) {
    expect(error).toMatchObject({ code: 'JOURNAL' })
    return { records: [], refusal: (error as Error).message, told: bench.told }
  }
}
