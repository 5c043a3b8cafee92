import type { Clock } from '../clock.js'
import type { Json } from '../core/json.js'
import type { JournalProblem } from '../journal/journal.js'
import { RetryLoop } from '../journal/retry-loop.js'
import type { SharedStream } from '../journal/shared-stream.js'
import { type BudgetRecord, type BudgetReplay, type HoldRecord, readBudget, type Spent } from './budget-records.js'

/** What {@link BudgetLog} work with. */
export interface BudgetLogOptions {
  readonly stream: SharedStream
  readonly clock: Clock
  /** Told when the stream cannot be read or written, when that goes on again, and of what could not be understood. */
  readonly report: (problem: JournalProblem) => void
  /** A stream that has come to so many records is written anew; after that, when it has twice as many as were left. Default 1,000. */
  readonly manyRecords?: number
}

/** What changed of a key; undefined: nothing is set aside for it any more. */
type Change = { readonly hold: HoldRecord; readonly kept: () => void } | undefined

/**
 * Keeps what a `SharedBudget` must know after a restart, in the stream of that name: what is set aside, and what has been used.
 *
 * Invariants: nothing is written before all has been read, nor while something is under way; what changes meanwhile is one record. What
 * failed is tried again with growing waits, with all that has changed since. That the stream cannot be written anew keeps nothing from
 * being added to it.
 */
export class BudgetLog {
  readonly #setup: BudgetLogOptions
  readonly #onOpen: (reading: BudgetReplay) => void
  readonly #retries: RetryLoop
  readonly #holds = new Map<string, HoldRecord>()
  /** The keys of which the stream does not know how they stand. */
  #changed = new Map<string, Change>()
  #spent: Spent = { costUsd: 0, tokens: 0, wallMs: 0 }
  #others: readonly Json[] = []
  #records = 0
  readonly #manyRecords: number
  #anewAt: number
  #isOpen = false
  #isBusy = false
  /** What is being read or written. */
  #underWay: Promise<void> = Promise.resolve()
  #closing: Promise<void> | undefined

  /** `onOpen` is called once, when the stream has been read. */
  constructor(setup: BudgetLogOptions, onOpen: (reading: BudgetReplay) => void) {
    this.#setup = setup
    this.#onOpen = onOpen
    this.#retries = new RetryLoop(setup.clock, setup.report)
    this.#manyRecords = setup.manyRecords ?? 1000
    this.#anewAt = this.#manyRecords
  }

  /** True once the stream has been read. */
  get isOpen(): boolean {
    return this.#isOpen
  }

  /** Reads the stream if that has not begun. Then writes while there is something to write, one record at a time. */
  goOn(): void {
    while (!this.#isBusy && !this.#retries.isWaiting && this.#closing === undefined) {
      if (!this.#isOpen) return this.#read()
      if (this.#changed.size === 0) return
      this.#write(this.#setup.stream.replace !== undefined && this.#records >= this.#anewAt)
    }
  }

  /** This is set aside from now on. Calls back once that is durable; not if it is settled before. */
  reserved(hold: HoldRecord, kept: () => void): void {
    this.#holds.set(hold.key, hold)
    this.#changed.set(hold.key, { hold, kept })
    this.goOn()
  }

  /** Nothing is set aside for this key any more, and so much has been used. Nobody waits for that to be durable. */
  settled(key: string, spent: Spent): void {
    this.#holds.delete(key)
    this.#changed.set(key, undefined)
    this.#spent = spent
    this.goOn()
  }

  /** Writes what is not written yet, in one try, and lets go of the stream. Never rejects: what fails is told. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  #read(): void {
    this.#isBusy = true
    const failed = (error: unknown): void =>
      this.#onFailed(error, 'What has been used of the budget cannot be read: until it can, nothing starts')
    let reading: BudgetReplay | Promise<BudgetReplay>
    try {
      reading = readBudget(this.#setup.stream)
    } catch (error) {
      return failed(error)
    }
    if (reading instanceof Promise) this.#underWay = reading.then(read => this.#onRead(read), failed)
    else this.#onRead(reading)
  }

  #onRead(reading: BudgetReplay): void {
    this.#isBusy = false
    if (this.#closing !== undefined) return
    this.#retries.succeeded('What has been used of the budget has been read')
    if (reading.unreadable > 0) {
      const message = `${reading.unreadable} of ${reading.records} records of the budget are not as documented: what only they tell does not count`
      this.#retries.report(undefined, message)
    }
    this.#others = reading.others
    this.#records = reading.records
    this.#spent = reading.spent
    for (const [key, hold] of reading.holds) this.#holds.set(key, hold)
    this.#isOpen = true
    this.#onOpen(reading)
    this.goOn()
  }

  #write(anew: boolean): void {
    this.#isBusy = true
    const { stream } = this.#setup
    const news = this.#changed
    this.#changed = new Map()
    const record = this.#record(anew ? this.#holds.keys() : news.keys())
    const written = (): void => this.#onWritten(news, anew)
    const refused = (error: unknown): void => this.#onRefused(news, anew, error)
    let answer: void | Promise<void>
    try {
      answer = anew ? stream.replace?.([...this.#others, record]) : stream.append(record)
    } catch (error) {
      return refused(error)
    }
    if (answer instanceof Promise) this.#underWay = answer.then(written, refused).then(() => this.goOn())
    else written()
  }

  #onWritten(news: ReadonlyMap<string, Change>, anew: boolean): void {
    this.#isBusy = false
    this.#records = anew ? this.#others.length + 1 : this.#records + 1
    if (anew) this.#anewAt = Math.max(this.#manyRecords, 2 * this.#records)
    this.#retries.succeeded('What is used of the budget is written again')
    // What has changed again meanwhile is not what was written.
    for (const [key, change] of news) if (change && this.#holds.get(key) === change.hold) change.kept()
  }

  #onRefused(news: ReadonlyMap<string, Change>, anew: boolean, error: unknown): void {
    for (const [key, change] of news) if (!this.#changed.has(key)) this.#changed.set(key, change)
    if (!anew)
      return this.#onFailed(error, 'What is used of the budget cannot be written: until it can, nothing starts')
    this.#isBusy = false
    this.#anewAt = 2 * this.#records
    this.#retries.report(error, 'The records of the budget cannot be written anew as their sum: for now they grow')
  }

  #onFailed(error: unknown, message: string): void {
    this.#isBusy = false
    if (this.#closing === undefined) this.#retries.failed(error, message, () => this.goOn())
  }

  /** How these keys stand. */
  #record(keys: Iterable<string>): BudgetRecord {
    const holds: HoldRecord[] = []
    const over: string[] = []
    for (const key of keys) {
      const hold = this.#holds.get(key)
      if (hold) holds.push(hold)
      else over.push(key)
    }
    return { type: 'budget', spent: this.#spent, holds, over }
  }

  async #close(): Promise<void> {
    this.#retries.cancel()
    while (this.#isBusy) await this.#underWay
    const { stream } = this.#setup
    try {
      if (this.#changed.size > 0 && this.#isOpen) await stream.append(this.#record(this.#changed.keys()))
    } catch (error) {
      this.#retries.report(
        error,
        'What was used last of the budget cannot be written: after a restart what was set aside for it counts instead',
      )
    }
    try {
      await stream.close()
    } catch (error) {
      this.#retries.report(error, 'The stream of the budget cannot be closed')
    }
  }
}
