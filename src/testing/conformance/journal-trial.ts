import {
  decide,
  emptyState,
  type Journal,
  type JournalRecord,
  type Json,
  type OpenJournal,
  type SharedStream,
} from 'counterpoint'
import { must, realTime, settlesWithin } from './cases.js'
import type { JournalConformanceOptions } from './journal.js'

/** A journal under trial. */
export class JournalTrial {
  journal: Journal
  readonly #options: JournalConformanceOptions
  readonly #open = new Set<OpenJournal>()
  readonly #streams = new Map<string, SharedStream>()

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
    const open = await this.done(this.journal.open(runId), 'open()')
    this.#open.add(open)
    return open
  }

  async close(open: OpenJournal): Promise<void> {
    this.#open.delete(open)
    await this.done(open.close(), 'close()')
  }

  /** Lets go of what a case has left open, however it ended. */
  async end(): Promise<void> {
    for (const open of this.#open) await this.close(open).catch(() => {})
    for (const name of this.#streams.keys()) await this.#closeShared(name).catch(() => {})
  }

  async append(open: OpenJournal, records: readonly JournalRecord[]): Promise<void> {
    for (const record of records) await this.done(open.append(record), 'append()')
  }

  read(open: OpenJournal): Promise<readonly JournalRecord[]> {
    return this.#collect(open)
  }

  /** Reads a run without opening it. */
  look(runId: string): Promise<readonly JournalRecord[]> {
    return this.#collect({ read: () => this.journal.read(runId) })
  }

  /** Closes it, and opens it again as another process would. */
  async reopen(open: OpenJournal, runId: string): Promise<OpenJournal> {
    await this.close(open)
    this.journal = (await this.#options.reopen?.(this.journal)) ?? this.journal
    return this.open(runId)
  }

  /** Opens a shared stream; the journal must have such. */
  async openShared(name: string): Promise<void> {
    const stream = await this.done(this.journal.shared?.(name), 'shared()')
    must(stream !== undefined, 'expected shared() to give a stream, got undefined')
    this.#streams.set(name, stream)
  }

  /** Closes it, and opens it again as another process would. */
  async reopenShared(name: string): Promise<void> {
    await this.#closeShared(name)
    this.journal = (await this.#options.reopen?.(this.journal)) ?? this.journal
    await this.openShared(name)
  }

  async appendShared(name: string, records: readonly Json[]): Promise<void> {
    for (const record of records) await this.done(this.#streams.get(name)?.append(record), 'append() of a stream')
  }

  /** False when the stream cannot do this. */
  async replaceShared(name: string, records: readonly Json[]): Promise<boolean> {
    const stream = this.#streams.get(name)
    await this.done(stream?.replace?.(records), 'replace() of a stream')
    return stream?.replace !== undefined
  }

  async readShared(name: string): Promise<readonly Json[]> {
    return this.#collect(this.#streams.get(name) as SharedStream)
  }

  async #closeShared(name: string): Promise<void> {
    const stream = this.#streams.get(name)
    this.#streams.delete(name)
    await this.done(stream?.close(), 'close() of a stream')
  }

  async ids(): Promise<readonly string[]> {
    return [...(await this.done(this.journal.list(), 'list()'))]
  }

  async #collect<T>(from: { read(): Iterable<T> | AsyncIterable<T> }): Promise<readonly T[]> {
    const records: T[] = []
    const collect = async (): Promise<void> => {
      for await (const record of from.read()) records.push(record)
    }
    await this.done(collect(), 'read()')
    return records
  }
}

/** Ids that file systems, URLs and objects without care mix up or let escape: each is a run of its own, or refused. */
export const ODD_IDS: readonly string[] = [
  ...[
    'run',
    'RUN',
    'run.',
    'run ',
    ' run',
    'run.log',
    'run%2Flog',
    'run/log',
    'run\\log',
    '/run',
    '.',
    '..',
    '../run',
    '~',
  ],
  ...['con', 'nul.txt', 'a:b', 'a*b?', '-rf', '__proto__', 'constructor', 'toString', 'null', '0', '', 'x'.repeat(128)],
  ...['caf\u00e9', 'cafe\u0301', '日本語', '🙂', '\u202erun', 'a\u0000b', 'a\nb', '\ud800'],
]

/** Values that a careless store changes. */
export const ODD_VALUES: readonly Json[] = [
  ...[null, true, 0, 1e21, -1.5e-9, 0.1 + 0.2, Number.MAX_SAFE_INTEGER, Number.MAX_VALUE],
  ...[
    '',
    ' ',
    '\n',
    '\r\n',
    '\u0000',
    '\u2028\u2029',
    '"\\/',
    '\ud800',
    '🙂',
    'e\u0301',
    '</script>',
    'x'.repeat(200_000),
  ],
  ...[
    [],
    {},
    [[[]]],
    [null],
    { '': '' },
    { a: { 'b.c': [1, { d: null }] } },
    { constructor: 1, toString: 2, length: 3 },
  ],
]

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
