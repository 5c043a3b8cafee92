import type { Journal, JournalProblem, Json } from 'counterpoint'
import { type FileJournalOptions, type FileSystem, fileJournal } from 'counterpoint/node'
import { expect } from 'vitest'
import type { SharedStream } from '../../../src/journal/shared-stream.js'
import type { FakeDisk } from './fake-disk.js'

export const FOLDER = '/runs/.shared-limits'
export const SEGMENT = `${FOLDER}/journal-000001.log`

/** A stream of a file journal: has `replace`, and all methods return promises. */
export interface Stream extends SharedStream {
  append(record: Json): Promise<void>
  replace(records: readonly Json[]): Promise<void>
  close(): Promise<void>
}

/** The stream `limits` of a journal on a fake disk, and its reports. */
export class TestStream {
  readonly journal: Journal
  readonly reports: string[] = []

  constructor(fileSystem: FileSystem, options: Partial<FileJournalOptions> = {}) {
    this.journal = fileJournal({ folder: '/runs', fileSystem, ...options })
  }

  open(name = 'limits'): Promise<Stream> {
    const report = ({ message }: JournalProblem): void => void this.reports.push(message)
    return this.journal.shared?.(name, { report }) as Promise<Stream>
  }
}

export async function all(stream: SharedStream): Promise<Json[]> {
  const found: Json[] = []
  for await (const record of stream.read()) found.push(record)
  return found
}

/** The result of opening a stream: the records or the error message, and the reports. */
export interface Opened {
  readonly records: readonly Json[]
  readonly refusal: string | undefined
  readonly reports: readonly string[]
}

export async function reopened(disk: FakeDisk, options: Partial<FileJournalOptions> = {}): Promise<Opened> {
  const fixture = new TestStream(disk, options)
  try {
    const stream = await fixture.open()
    const records = await all(stream)
    await stream.close()
    return { records, refusal: undefined, reports: fixture.reports }
  } catch (error) {
    expect(error).toMatchObject({ code: 'JOURNAL' })
    return { records: [], refusal: (error as Error).message, reports: fixture.reports }
  }
}
