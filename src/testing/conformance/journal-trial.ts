import type { Journal, JournalRecord, Json, OpenJournal, RunEvent, SharedStream } from 'counterpoint'
import { must, type Pass, realTime, settlesWithin } from './cases.js'

/** Options of `journalConformance`. */
export interface JournalConformanceOptions {
  /** A new journal over the storage of another one, as a new process would open it. Default: the same journal. */
  readonly reopen?: ((journal: Journal) => Journal | Promise<Journal>) | undefined
  /** Called with each journal after its case, to delete a folder for example. Default: nothing. */
  readonly dispose?: ((journal: Journal) => void | Promise<void>) | undefined
  /** The longest time for a write, in milliseconds. Default 10,000. */
  readonly writeMs?: number | undefined
  /** Lets time pass. Default: waits in real time. */
  readonly pass?: Pass | undefined
}

/** A journal in a conformance case. */
export class JournalTrial {
  journal: Journal
  readonly #options: JournalConformanceOptions
  readonly #open = new Set<OpenJournal>()
  readonly #streams = new Map<string, SharedStream>()

  constructor(journal: Journal, options: JournalConformanceOptions) {
    this.journal = journal
    this.#options = options
  }

  /** Awaits `work` while time passes. @throws Error after `writeMs`. */
  async done<T>(work: T | PromiseLike<T>, what: string): Promise<T> {
    const { writeMs = 10_000, pass = realTime } = this.#options
    if (!isPromise(work)) return work
    must(await settlesWithin(work, writeMs, pass), `expected ${what} to finish within ${writeMs} ms; it has not`)
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

  /** Closes what a case left open. */
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
  readClosed(runId: string): Promise<readonly JournalRecord[]> {
    return this.#collect({ read: () => this.journal.read(runId) })
  }

  /** Closes it and opens it again as another process would. */
  async reopen(open: OpenJournal, runId: string): Promise<OpenJournal> {
    await this.close(open)
    this.journal = (await this.#options.reopen?.(this.journal)) ?? this.journal
    return this.open(runId)
  }

  /** Opens a shared stream of a journal that has `shared`. */
  async openShared(name: string): Promise<void> {
    const stream = await this.done(this.journal.shared?.(name), 'shared()')
    must(stream !== undefined, 'expected shared() to return a stream, got undefined')
    this.#streams.set(name, stream)
  }

  /** Closes it and opens it again as another process would. */
  async reopenShared(name: string): Promise<void> {
    await this.#closeShared(name)
    this.journal = (await this.#options.reopen?.(this.journal)) ?? this.journal
    await this.openShared(name)
  }

  async appendShared(name: string, records: readonly Json[]): Promise<void> {
    for (const record of records) await this.done(this.#streams.get(name)?.append(record), 'append() of a stream')
  }

  /** False when the stream has no `replace`. */
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

/** Ids that careless use of file systems, URLs and objects confuses: each must be a run of its own, or be rejected. */
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

/** Values that a careless implementation changes. */
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

/** `count` records as a run writes them, each of which adds `tasks` tasks with `input`. Deterministic. */
export function recordsOf(
  runId: string,
  count: number,
  tasks = 1,
  input: (index: number) => Json = index => index,
): readonly JournalRecord[] {
  let seq = 0
  const next = (): Pick<RunEvent, 'seq' | 'at' | 'runId'> => ({ seq: ++seq, at: 1_750_000_000_000, runId })
  return Array.from({ length: count }, (_, record) => {
    const events: RunEvent[] = []
    if (record === 0) events.push({ type: 'run.started', ...next(), failureMode: 'continue', tasks })
    const ids = Array.from({ length: tasks }, (_, i) => ({ id: `task-${record}-${i}`, index: record * tasks + i }))
    for (const { id, index } of ids) {
      const spec = { id, description: 'é', input: input(record) }
      events.push({ type: 'task.added', ...next(), taskId: id, index, spec })
    }
    for (const { id, index } of ids) events.push({ type: 'task.ready', ...next(), taskId: id, index })
    return events
  })
}

/** Compares as JSON, ignoring the order of members. */
export function same(got: unknown, expected: unknown, what: string): void {
  const [found, wanted] = [JSON.stringify(got, sorted), JSON.stringify(expected, sorted)]
  if (found === wanted) return
  let at = 0
  while (found[at] === wanted[at]) at++
  const part = (text: string): string => text.slice(Math.max(0, at - 30), at + 60)
  throw new Error(`expected ${what} to be …${part(wanted)}…, got …${part(found)}… (as JSON, from character ${at})`)
}

function sorted(_: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
}

function isPromise<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return typeof value === 'object' && value !== null && 'then' in value
}
