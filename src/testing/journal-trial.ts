import { decide, emptyState, type Journal, type JournalRecord, type Json, type OpenJournal } from 'counterpoint'
import { must, realTime, settlesWithin } from './conformance.js'
import type { JournalConformanceOptions } from './journal-conformance.js'

/** A journal under trial. */
export class JournalTrial {
  journal: Journal
  readonly #options: JournalConformanceOptions

  constructor(journal: Journal, options: JournalConformanceOptions) {
    this.journal = journal
    this.#options = options
  }

  /** Waits, and lets time pass meanwhile. */
  async done<T>(work: T | PromiseLike<T>, what: string): Promise<T> {
    const { writeMs = 10_000, pass = realTime } = this.#options
    if (!isPromise(work)) return work
    must(await settlesWithin(work, writeMs, pass), `expected ${what} to be done within ${writeMs} ms; it is not`)
    return work
  }

  async open(runId: string): Promise<OpenJournal> {
    return this.done(this.journal.open(runId), 'open()')
  }

  async append(open: OpenJournal, records: readonly JournalRecord[]): Promise<void> {
    for (const record of records) await this.done(open.append(record), 'append()')
  }

  async read(open: OpenJournal): Promise<readonly JournalRecord[]> {
    const records: JournalRecord[] = []
    const collect = async (): Promise<void> => {
      for await (const record of open.read()) records.push(record)
    }
    await this.done(collect(), 'read()')
    return records
  }

  /** Closes it, and opens it again as another process would. */
  async reopen(open: OpenJournal, runId: string): Promise<OpenJournal> {
    await this.done(open.close(), 'close()')
    this.journal = (await this.#options.reopen?.(this.journal)) ?? this.journal
    return this.open(runId)
  }

  async ids(): Promise<readonly string[]> {
    return [...(await this.done(this.journal.list(), 'list()'))]
  }
}

/** Records as a run writes them: `count` of them, each of which adds `tasks` tasks with `input`. The same each time. */
export function recordsOf(
  runId: string,
  count: number,
  tasks = 1,
  input: (place: number) => Json = place => place,
): readonly JournalRecord[] {
  const state = emptyState(runId)
  const context = { at: 1_750_000_000_000, random: () => 0, judge: () => ({ action: 'dead', reason: '' }) as const }
  return Array.from({ length: count }, (_, place) => {
    const specs = Array.from({ length: tasks }, (_, i) => ({
      id: `task-${place}-${i}`,
      description: 'é',
      input: input(place),
    }))
    return decide(state, { type: 'add', tasks: specs }, context)
  })
}

/** Compares as JSON, in which the order of members means nothing. */
export function same(got: unknown, expected: unknown, what: string): void {
  const [found, wanted] = [JSON.stringify(got, sorted), JSON.stringify(expected, sorted)]
  if (found === wanted) return
  let at = 0
  while (found[at] === wanted[at]) at++
  const part = (text: string): string => text.slice(Math.max(0, at - 30), at + 60)
  throw new Error(`expected ${what} to be …${part(wanted)}…, got …${part(found)}… (as JSON, from character ${at} on)`)
}

function sorted(_: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
}

function isPromise<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return typeof value === 'object' && value !== null && 'then' in value
}
