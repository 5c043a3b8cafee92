import {
  type Clock,
  type Journal,
  type JournalRecord,
  type Json,
  memoryJournal,
  type OpenJournal,
  type SharedStream,
  systemClock,
} from 'counterpoint'

/** Options of {@link slowJournal}: without them records become durable by `flush` only. */
export interface SlowJournalOptions {
  /** The `VirtualClock` of the test. */
  readonly clock: Clock
  /** How long a write takes, in milliseconds. What comes meanwhile is written together, next. */
  readonly delayMs: number
}

/**
 * An asynchronous journal for tests: time passes, or you pass judgment, between `append` and durable. It keeps JSON text, as a disk does.
 *
 * ```ts
 * const journal = slowJournal()
 * const run = new Orchestrator({ pools, journal }).run(plan)
 * await journal.flush() // only now has anything happened
 * ```
 */
export function slowJournal(options?: SlowJournalOptions): SlowJournal {
  return new SlowJournal(options)
}

interface Waiting {
  /** Counted over all runs, from 1. */
  readonly place: number
  readonly runId: string
  readonly text: string
  readonly done: () => void
  readonly refuse: (error: unknown) => void
}

/** What {@link slowJournal} gives. */
export class SlowJournal implements Journal {
  readonly #options: SlowJournalOptions | undefined
  readonly #runs = new Map<string, string[]>()
  #waiting: Waiting[] = []
  #appended = 0
  /** Calls the write off that is under way. */
  #callOff: (() => void) | undefined
  /** Each failure ends an age: what was opened before takes nothing more. */
  #age = 0
  #error: unknown
  readonly #streams: Journal = memoryJournal()
  readonly #streamNames = new Set<string>()

  /** @internal `slowJournal()` makes it. */
  constructor(options: SlowJournalOptions | undefined) {
    this.#options = options
  }

  /** Opens at once, but as a promise. Mends what `fail` broke. */
  async open(runId: string): Promise<OpenJournal> {
    if (!this.#runs.has(runId)) this.#runs.set(runId, [])
    const age = this.#age
    let all: Promise<unknown> = Promise.resolve()
    return {
      append: record => {
        const appended = age === this.#age ? this.#append(runId, record) : Promise.reject(this.#error)
        all = Promise.all([all, appended])
        all.catch(() => {})
        return appended
      },
      read: () => this.durableRecords(runId),
      close: async () => void (await all),
    }
  }

  /** What is durable of the run. */
  read(runId: string): readonly JournalRecord[] {
    return this.durableRecords(runId)
  }

  async list(): Promise<Iterable<string>> {
    return [...this.#runs.keys()]
  }

  async delete(runId: string): Promise<void> {
    this.#runs.delete(runId)
  }

  /** What runs share. It is durable at once: neither `flush` nor `fail` matters to it. */
  shared(name: string): SharedStream {
    this.#streamNames.add(name)
    return sharedOf(this.#streams, name)
  }

  /** The records that are appended and not durable yet, of all runs, oldest first. */
  get waiting(): readonly JournalRecord[] {
    return this.#waiting.map(({ text }) => JSON.parse(text) as JournalRecord)
  }

  /** What the run would be resumed from if the process ended now. */
  durableRecords(runId: string): readonly JournalRecord[] {
    return (this.#runs.get(runId) ?? []).map(text => JSON.parse(text) as JournalRecord)
  }

  /**
   * Makes the oldest `count` waiting records durable (default: all that wait now). Resolves when the promises that hang on it have been followed up;
   * what that leads to may wait again.
   */
  async flush(count: number = this.#waiting.length): Promise<void> {
    for (const { runId, text, done } of this.#waiting.splice(0, count)) {
      this.#runs.get(runId)?.push(text)
      done()
    }
    await new Promise<void>(resolve => systemClock.schedule(resolve, 0))
  }

  /** The disk breaks: what waits is refused with `error`, and so is all that comes until the journal of the run is opened again. */
  fail(error: unknown = new Error('the disk is broken')): void {
    this.#age++
    this.#error = error
    this.#callOff?.()
    this.#callOff = undefined
    for (const { refuse } of this.#waiting.splice(0)) refuse(error)
  }

  /**
   * What a process that starts after a crash finds: a new journal with what is durable now, of every run, and what they share.
   * With `records` only so many of each, as if the crash had come then.
   */
  afterCrash(records: number = Number.POSITIVE_INFINITY): Journal {
    const found = memoryJournal()
    for (const runId of this.#runs.keys()) {
      // The in-memory journal opens at once.
      const open = found.open(runId) as OpenJournal
      for (const record of this.durableRecords(runId).slice(0, records)) void open.append(record)
    }
    for (const name of this.#streamNames)
      for (const record of sharedOf(this.#streams, name).read() as Iterable<Json>)
        void sharedOf(found, name).append(record)
    return found
  }

  #append(runId: string, record: JournalRecord): Promise<void> {
    const text = JSON.stringify(record)
    const place = ++this.#appended
    const appended = new Promise<void>((done, refuse) => this.#waiting.push({ place, runId, text, done, refuse }))
    if (this.#options && this.#callOff === undefined) this.#write(this.#options)
    return appended
  }

  /** Group commit: one write at a time, of all that wait when it starts. */
  #write(options: SlowJournalOptions): void {
    const last = this.#appended
    this.#callOff = options.clock.schedule(() => {
      this.#callOff = undefined
      void this.flush(this.#waiting.filter(({ place }) => place <= last).length)
      if (this.#waiting.length > 0) this.#write(options)
    }, options.delayMs)
  }
}

/** Of an in-memory journal, which has streams and opens them at once. */
function sharedOf(journal: Journal, name: string): SharedStream {
  return journal.shared?.(name) as SharedStream
}
