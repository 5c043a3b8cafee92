import {
  type Clock,
  checkOptions,
  type Journal,
  type JournalRecord,
  type Json,
  memoryJournal,
  type OpenJournal,
  optionsOf,
  rules,
  type SharedStream,
  systemClock,
} from 'counterpoint'

/** Options of {@link slowJournal}. Without them, only `flush` makes records durable. */
export interface SlowJournalOptions {
  /** The `VirtualClock` of the test. */
  readonly clock: Clock
  /** The duration of a write, in milliseconds. Records that arrive meanwhile are written together, next. */
  readonly delayMs: number
}

const OPTIONS = optionsOf({ clock: rules.port('schedule', 'now', 'monotonic'), delayMs: rules.millis })

/**
 * An asynchronous journal for tests: a record becomes durable after a delay, or when the test calls `flush`. It stores JSON text, as a disk
 * does.
 *
 * ```ts
 * const journal = slowJournal()
 * const run = new Orchestrator({ pools, journal }).run(plan)
 * await journal.flush() // nothing has happened before this
 * ```
 *
 * @throws CounterpointError `INVALID_INPUT` for unknown or invalid options.
 */
export function slowJournal(options?: SlowJournalOptions): SlowJournal {
  if (options !== undefined) checkOptions(OPTIONS, options, { of: 'slowJournal' })
  return new SlowJournal(options)
}

interface PendingRecord {
  /** The position among all records of all runs, from 1. */
  readonly position: number
  readonly runId: string
  readonly text: string
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/** The journal that {@link slowJournal} returns. */
export class SlowJournal implements Journal {
  readonly #options: SlowJournalOptions | undefined
  readonly #runs = new Map<string, string[]>()
  readonly #openings = new Set<{ readonly runId: string }>()
  #pending: PendingRecord[] = []
  #appended = 0
  /** Cancels the write in progress. */
  #cancelWrite: (() => void) | undefined
  /** The number of failures. A run that was opened before the last one rejects every append. */
  #failures = 0
  #error: unknown
  readonly #streams: Journal = memoryJournal()
  readonly #streamNames = new Set<string>()

  /** @internal Use {@link slowJournal}. */
  constructor(options: SlowJournalOptions | undefined) {
    this.#options = options
  }

  /** Opens a run. After `fail` this makes the run writable again. */
  async open(runId: string): Promise<OpenJournal> {
    if (!this.#runs.has(runId)) this.#runs.set(runId, [])
    const opening = { runId }
    this.#openings.add(opening)
    const failures = this.#failures
    let all: Promise<unknown> = Promise.resolve()
    return {
      append: record => {
        const appended = failures === this.#failures ? this.#append(runId, record) : Promise.reject(this.#error)
        all = Promise.all([all, appended])
        all.catch(() => {})
        return appended
      },
      read: () => this.durableRecords(runId),
      close: async () => {
        await all.finally(() => this.#openings.delete(opening))
        if (this.#runs.get(runId)?.length === 0 && !this.isOpen(runId)) this.#runs.delete(runId)
      },
    }
  }

  /** True while the run is open. */
  isOpen(runId: string): boolean {
    return [...this.#openings].some(opening => opening.runId === runId)
  }

  /** The durable records of the run. */
  read(runId: string): readonly JournalRecord[] {
    return this.durableRecords(runId)
  }

  async list(): Promise<Iterable<string>> {
    return [...this.#runs.keys()]
  }

  async delete(runId: string): Promise<void> {
    this.#runs.delete(runId)
  }

  /** A shared stream. Its records are durable at once: `flush` and `fail` do not affect it. */
  shared(name: string): SharedStream {
    this.#streamNames.add(name)
    return sharedStream(this.#streams, name)
  }

  /** The records of all runs that are appended but not durable yet, oldest first. */
  get waiting(): readonly JournalRecord[] {
    return this.#pending.map(({ text }) => JSON.parse(text) as JournalRecord)
  }

  /** The records from which the run would be resumed if the process ended now. */
  durableRecords(runId: string): readonly JournalRecord[] {
    return (this.#runs.get(runId) ?? []).map(text => JSON.parse(text) as JournalRecord)
  }

  /**
   * Makes the oldest `count` pending records durable (default: all that are pending now). Resolves after the callbacks of their promises
   * have run; these may append further records.
   */
  async flush(count: number = this.#pending.length): Promise<void> {
    for (const { runId, text, resolve } of this.#pending.splice(0, count)) {
      this.#runs.get(runId)?.push(text)
      resolve()
    }
    await new Promise<void>(resolve => systemClock.schedule(resolve, 0))
  }

  /** Simulates a broken disk: rejects all pending records with `error`, and all further ones until their run is opened again. */
  fail(error: unknown = new Error('the disk is broken')): void {
    this.#failures++
    this.#error = error
    this.#cancelWrite?.()
    this.#cancelWrite = undefined
    for (const { reject } of this.#pending.splice(0)) reject(error)
  }

  /**
   * The journal that a new process finds after a crash: a new one with the records that are durable now, and the shared streams. With
   * `records`, only so many records of each run, as if the crash had happened earlier.
   */
  afterCrash(records: number = Number.POSITIVE_INFINITY): Journal {
    const copy = memoryJournal()
    for (const runId of this.#runs.keys()) {
      // The in-memory journal opens synchronously.
      const open = copy.open(runId) as OpenJournal
      for (const record of this.durableRecords(runId).slice(0, records)) void open.append(record)
    }
    for (const name of this.#streamNames)
      for (const record of sharedStream(this.#streams, name).read() as Iterable<Json>)
        void sharedStream(copy, name).append(record)
    return copy
  }

  #append(runId: string, record: JournalRecord): Promise<void> {
    const text = JSON.stringify(record)
    const position = ++this.#appended
    const appended = new Promise<void>((resolve, reject) =>
      this.#pending.push({ position, runId, text, resolve, reject }),
    )
    if (this.#options && this.#cancelWrite === undefined) this.#write(this.#options)
    return appended
  }

  /** Group commit: one write at a time, of all records that are pending when it starts. */
  #write(options: SlowJournalOptions): void {
    const last = this.#appended
    this.#cancelWrite = options.clock.schedule(() => {
      this.#cancelWrite = undefined
      void this.flush(this.#pending.filter(({ position }) => position <= last).length)
      if (this.#pending.length > 0) this.#write(options)
    }, options.delayMs)
  }
}

/** A stream of an in-memory journal, which supports streams and opens them synchronously. */
function sharedStream(journal: Journal, name: string): SharedStream {
  return journal.shared?.(name) as SharedStream
}
