import type { Clock } from '../clock.js'
import type { Json } from '../core/json.js'
import type { JournalProblem } from './journal.js'
import { RetryLoop } from './retry-loop.js'
import type { SharedStream } from './shared-stream.js'

export interface CompactingLogOptions {
  readonly stream: SharedStream
  readonly clock: Clock
  /** Called when the stream cannot be read or written, when it can be again, and for invalid records. */
  readonly report: (problem: JournalProblem) => void
  /**
   * A stream of this many records is rewritten to those still needed; after that, when it has twice as many as were left.
   * Default 1,000.
   */
  readonly compactAt?: number
}

/** The wording of the messages of a {@link CompactingLog}. */
export interface LogWording {
  /** Completes `The ... cannot be read`. */
  readonly name: string
  /** What does not happen while it cannot be written: `nothing starts`. */
  readonly whileUnwritable: string
  /** The consequence of invalid records: `their usage is ignored`. */
  readonly ifInvalid: string
  /** The consequence when the last record cannot be written. */
  readonly ifLastLost: string
}

/** Reads the records of an owner. */
export interface LogReplay {
  /** Returns false for an invalid record. */
  take(record: Json): boolean
}

/** Changes that are being written. */
export interface PendingChanges {
  /** One record; several only where they replace everything in the stream. */
  readonly records: readonly Json[]
  onDurable(): void
  /** They may not be durable: the next changes include them again. */
  onRefused(): void
}

/** Options of a {@link CompactingLog}, from its owner. */
export interface LogOwner<R extends LogReplay> {
  /** The `type` of its records. Others in the stream are preserved. */
  readonly recordType: string
  readonly wording: LogWording
  newReplay(): R
  /** Called once, when the whole stream has been read. */
  onRead(replay: R): void
  /** The changes since the last call; undefined: none. With `rewrite` they include everything older that is still needed. */
  takeChanges(rewrite: boolean): PendingChanges | undefined
  /** The record to write at `close`; undefined: none. */
  lastRecord(): Json | undefined
}

/**
 * A shared stream as one owner uses it: read once, then written one record at a time, each with all that has changed meanwhile, and
 * rewritten when it has grown. Synchronous where the stream is.
 *
 * Invariants: nothing is written before everything has been read, nor while another read or write is in flight. What failed is retried
 * with growing waits. A stream that cannot be rewritten is appended to.
 */
export class CompactingLog<R extends LogReplay> {
  readonly #stream: SharedStream
  readonly #owner: LogOwner<R>
  readonly #retries: RetryLoop
  readonly #minCompactAt: number
  #compactAt: number
  #isOpen = false
  #isBusy = false
  /** The read or write in flight. */
  #inFlight: Promise<void> = Promise.resolve()
  #closing: Promise<void> | undefined
  /** Records of other types. */
  #others: Json[] = []
  /** How many records the stream has. */
  #length = 0

  constructor({ stream, clock, report, compactAt = 1000 }: CompactingLogOptions, owner: LogOwner<R>) {
    this.#stream = stream
    this.#owner = owner
    this.#retries = new RetryLoop(clock, report)
    this.#minCompactAt = compactAt
    this.#compactAt = compactAt
  }

  /** True once the stream has been read. */
  get isOpen(): boolean {
    return this.#isOpen
  }

  /** Reads the stream if that has not been done, then writes until nothing has changed. Does nothing while a read, write or retry is pending. */
  flush(): void {
    while (!this.#isBusy && !this.#retries.isWaiting && this.#closing === undefined) {
      if (!this.#isOpen) this.#read()
      else {
        const rewrite = this.#stream.replace !== undefined && this.#length >= this.#compactAt
        const changes = this.#owner.takeChanges(rewrite)
        if (changes === undefined) return
        this.#write(changes, rewrite)
      }
    }
  }

  /** Writes the last record, in one try, and closes the stream. Never rejects: failures are reported. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  #read(): void {
    const { wording, recordType } = this.#owner
    const replay = this.#owner.newReplay()
    let invalid = 0
    this.#others = []
    this.#length = 0
    const take = (record: Json): void => {
      this.#length++
      if (typeOf(record) !== recordType) this.#others.push(record)
      else if (!replay.take(record)) invalid++
    }
    const done = (): void => {
      if (this.#closing !== undefined) return
      this.#retries.succeeded(`The ${wording.name} has been read`)
      if (invalid > 0) {
        const message = `${invalid} of ${this.#length} records of the ${wording.name} are invalid: ${wording.ifInvalid}`
        this.#retries.report(undefined, message)
      }
      this.#isOpen = true
      this.#owner.onRead(replay)
    }
    const message = `The ${wording.name} cannot be read: nothing starts until it can`
    this.#run(
      () => forEach(this.#stream.read(), take),
      done,
      error => this.#retry(error, message),
    )
  }

  #write(changes: PendingChanges, rewrite: boolean): void {
    const { name, whileUnwritable } = this.#owner.wording
    const done = (): void => {
      this.#length = rewrite ? this.#others.length + changes.records.length : this.#length + 1
      if (rewrite) this.#compactAt = Math.max(this.#minCompactAt, 2 * this.#length)
      this.#retries.succeeded(`The ${name} is written again`)
      changes.onDurable()
    }
    const failed = (error: unknown): void => {
      changes.onRefused()
      if (!rewrite) return this.#retry(error, `The ${name} cannot be written: ${whileUnwritable} until it can`)
      this.#compactAt = 2 * this.#length
      this.#retries.report(error, `The ${name} cannot be compacted: it grows until it can`)
    }
    const { stream, others } = { stream: this.#stream, others: this.#others }
    this.#run(
      () => (rewrite ? stream.replace?.([...others, ...changes.records]) : stream.append(changes.records[0] as Json)),
      done,
      failed,
    )
  }

  /** Runs one operation on the stream, and what follows from it: at once where the stream is synchronous. */
  #run(operation: () => void | Promise<void>, onDone: () => void, onFailed: (error: unknown) => void): void {
    this.#isBusy = true
    const done = (): void => {
      this.#isBusy = false
      onDone()
    }
    const failed = (error: unknown): void => {
      this.#isBusy = false
      onFailed(error)
    }
    let result: void | Promise<void>
    try {
      result = operation()
    } catch (error) {
      return failed(error)
    }
    if (result instanceof Promise) this.#inFlight = result.then(done, failed).then(() => this.flush())
    else done()
  }

  #retry(error: unknown, message: string): void {
    if (this.#closing === undefined) this.#retries.failed(error, message, () => this.flush())
  }

  async #close(): Promise<void> {
    const { name, ifLastLost } = this.#owner.wording
    this.#retries.cancel()
    while (this.#isBusy) await this.#inFlight
    try {
      const last = this.#isOpen ? this.#owner.lastRecord() : undefined
      if (last !== undefined) await this.#stream.append(last)
    } catch (error) {
      this.#retries.report(error, `The last record of the ${name} cannot be written: ${ifLastLost}`)
    }
    try {
      await this.#stream.close()
    } catch (error) {
      this.#retries.report(error, `The ${name} cannot be closed`)
    }
  }
}

function typeOf(record: Json): Json | undefined {
  return typeof record === 'object' && record !== null && 'type' in record ? record.type : undefined
}

function forEach(records: Iterable<Json> | AsyncIterable<Json>, take: (record: Json) => void): void | Promise<void> {
  if (!(Symbol.iterator in records)) return forEachLater(records, take)
  for (const record of records) take(record)
}

async function forEachLater(records: AsyncIterable<Json>, take: (record: Json) => void): Promise<void> {
  for await (const record of records) take(record)
}
