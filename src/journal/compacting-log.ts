import type { Clock } from '../clock.js'
import type { Json } from '../core/json.js'
import type { JournalProblem } from './journal.js'
import { RetryLoop } from './retry-loop.js'
import type { SharedStream } from './shared-stream.js'

/** What a {@link CompactingLog} works with. */
export interface CompactingLogOptions {
  readonly stream: SharedStream
  readonly clock: Clock
  /** Told when the stream cannot be read or written, when that goes on again, and of what could not be understood. */
  readonly report: (problem: JournalProblem) => void
  /**
   * A stream that has come to so many records is written anew, with what still matters; after that, when it has twice as many as were left.
   * Default 1,000.
   */
  readonly manyRecords?: number
}

/** What goes into the stream next. */
export interface Changes {
  /** One; several only where they take the place of all that were there. */
  readonly records: readonly Json[]
}

/** What a {@link CompactingLog} reads its stream with. */
export interface LogReplay {
  /** Records of somebody else. */
  readonly others: readonly Json[]
  /** All records. */
  readonly records: number
  /** Records of the owner that are not as documented. */
  readonly unreadable: number
  take(record: Json): void
}

/** Whose stream it is. */
export interface CompactingLogOwner<N extends Changes, R extends LogReplay> {
  newReplay(): R
  /** The stream has been read. */
  opened(reading: R): void
  /** What has changed since it was asked last; undefined: nothing. `anew`: with all that still matters of the time before. */
  news(anew: boolean): N | undefined
  /** The news are durable, and may have left something to ask for. */
  written(news: N): void
  /** They are not: they belong to what has changed again. */
  refused(news: N): void
  /** The last record; undefined: there is nothing to say. */
  last(): Json | undefined
}

/**
 * The shared stream, as the ledger of limits needs it: read once, then one record at a time, each with all that has changed meanwhile.
 *
 * Invariants: nothing is written before all has been read, nor while something is under way. What failed is tried again with growing waits;
 * that the stream cannot be written anew keeps nothing from being added to it.
 */
export class CompactingLog<N extends Changes, R extends LogReplay> {
  readonly #stream: SharedStream
  readonly #keeper: CompactingLogOwner<N, R>
  readonly #retries: RetryLoop
  #isOpen = false
  #isBusy = false
  /** What is being read or written. */
  #underWay: Promise<void> = Promise.resolve()
  #closing: Promise<void> | undefined
  /** Records of somebody else. */
  #others: readonly Json[] = []
  #records = 0
  readonly #manyRecords: number
  #anewAt: number

  constructor({ stream, clock, report, manyRecords = 1000 }: CompactingLogOptions, keeper: CompactingLogOwner<N, R>) {
    this.#stream = stream
    this.#keeper = keeper
    this.#retries = new RetryLoop(clock, report)
    this.#manyRecords = manyRecords
    this.#anewAt = manyRecords
  }

  /** True once it has been read. */
  get isOpen(): boolean {
    return this.#isOpen
  }

  /** Reads or writes while there is something to do, one thing at a time. */
  goOn(): void {
    while (!this.#isBusy && !this.#retries.isWaiting && this.#closing === undefined) {
      if (!this.#isOpen) return this.#read()
      const anew = this.#stream.replace !== undefined && this.#records >= this.#anewAt
      const news = this.#keeper.news(anew)
      if (news === undefined) return
      this.#write(news, anew)
    }
  }

  /** Writes the last record, in one try, and lets go of the stream. Never rejects: what fails is told. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  #read(): void {
    this.#isBusy = true
    this.#underWay = readAll(this.#stream, this.#keeper.newReplay()).then(
      reading => this.#onRead(reading),
      error => this.#onFailed(error, 'The limits of the time before cannot be read: until they can, nothing starts'),
    )
  }

  #onRead(reading: R): void {
    this.#isBusy = false
    if (this.#closing !== undefined) return
    this.#retries.succeeded('The limits of the time before have been read')
    if (reading.unreadable > 0) {
      const message = `${reading.unreadable} of ${reading.records} records of limits are not as documented: what they granted does not count`
      this.#retries.report(undefined, message)
    }
    this.#others = reading.others
    this.#records = reading.records
    this.#isOpen = true
    this.#keeper.opened(reading)
    this.goOn()
  }

  #write(news: N, anew: boolean): void {
    this.#isBusy = true
    const written = (): void => this.#onWritten(news, anew)
    const refused = (error: unknown): void => this.#onRefused(news, anew, error)
    let answer: void | Promise<void>
    try {
      answer = anew
        ? this.#stream.replace?.([...this.#others, ...news.records])
        : this.#stream.append(news.records[0] as Json)
    } catch (error) {
      return refused(error)
    }
    if (answer instanceof Promise) this.#underWay = answer.then(written, refused).then(() => this.goOn())
    else written()
  }

  #onWritten(news: N, anew: boolean): void {
    this.#isBusy = false
    this.#records = anew ? this.#others.length + news.records.length : this.#records + 1
    if (anew) this.#anewAt = Math.max(this.#manyRecords, 2 * this.#records)
    this.#retries.succeeded('Limits are written again')
    this.#keeper.written(news)
  }

  #onRefused(news: N, anew: boolean, error: unknown): void {
    this.#keeper.refused(news)
    if (!anew) return this.#onFailed(error, 'Limits cannot be written: until they can, no more is granted')
    this.#isBusy = false
    this.#anewAt = 2 * this.#records
    this.#retries.report(error, 'The limits cannot be written anew without what is out of date: for now they grow')
  }

  #onFailed(error: unknown, message: string): void {
    this.#isBusy = false
    if (this.#closing === undefined) this.#retries.failed(error, message, () => this.goOn())
  }

  async #close(): Promise<void> {
    this.#retries.cancel()
    while (this.#isBusy) await this.#underWay
    try {
      const last = this.#isOpen ? this.#keeper.last() : undefined
      if (last !== undefined) await this.#stream.append(last)
    } catch (error) {
      this.#retries.report(
        error,
        'What was granted and not used cannot be given back: after a restart it counts as used',
      )
    }
    try {
      await this.#stream.close()
    } catch (error) {
      this.#retries.report(error, 'The stream of limits cannot be closed')
    }
  }
}

async function readAll<R extends LogReplay>(stream: SharedStream, replay: R): Promise<R> {
  for await (const record of stream.read()) replay.take(record)
  return replay
}
