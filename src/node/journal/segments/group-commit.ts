import { setImmediate as nextTurn } from 'node:timers/promises'
import { type Clock, type JournalRecord, RetryLoop } from 'counterpoint'
import { JournalLost, journalError, messageOf } from '../files/journal-error.js'
import type { Blob, EncodedRecord } from './record-body.js'

/** Records that are written together. */
export interface Batch {
  readonly bodies: string[]
  /** To be durable before the records are. */
  readonly blobs: Blob[]
}

/** Options of a {@link GroupCommit}. */
export interface GroupCommitOptions {
  readonly runId: string | undefined
  /** The folder of the run, for messages. */
  readonly folder: string
  readonly clock: Clock
  encode(record: JournalRecord): EncodedRecord
  /** Makes a batch durable. Any error but {@link JournalLost} is retried. */
  commit(batch: Batch): Promise<void>
  report(message: string, error: unknown): void
}

interface PendingBatch extends Batch {
  /** The characters of its bodies and blobs. */
  chars: number
  /** Shared by all its records. */
  readonly durable: Promise<void>
  resolve(): void
  reject(error: Error): void
}

/** A batch of this many characters accepts no more records, so that later ones are not delayed. */
const FULL_CHARS = 4 * 1024 * 1024

/**
 * The single writer of a journal: all pending records are written in one commit, and those that arrive meanwhile form the next one.
 *
 * Invariants: commits are sequential, in the order of `add`. A failed one is retried with growing delays until it succeeds, and nothing
 * overtakes it. Only `close` and a lost journal end the retries; then everything pending is rejected.
 */
export class GroupCommit {
  readonly #options: GroupCommitOptions
  readonly #retries: RetryLoop
  readonly #queue: PendingBatch[] = []
  #isRunning = false
  /** The first batch of the queue is being written: it accepts no more records. */
  #isWriting = false
  #isClosing = false
  #lost: Error | undefined

  constructor(options: GroupCommitOptions) {
    this.#options = options
    this.#retries = new RetryLoop(options.clock, ({ message, error }) => options.report(message, error))
  }

  /** Why nothing can be written any more; undefined while it can. */
  get lost(): Error | undefined {
    return this.#lost
  }

  /**
   * Returns the promise of the whole batch.
   * @throws what `encode` throws; then nothing was added.
   */
  add(record: JournalRecord): Promise<void> {
    const { body, blobs } = this.#options.encode(record)
    const batch = this.#openBatch()
    batch.bodies.push(body)
    batch.blobs.push(...blobs)
    batch.chars += blobs.reduce((sum, { text }) => sum + text.length, body.length)
    if (!this.#isRunning) void this.#run()
    return batch.durable
  }

  /** Resolves when nothing is pending, or at once during an outage. */
  async idle(): Promise<void> {
    if (!this.#retries.isFailing) await this.#queue.at(-1)?.durable.catch(() => {})
  }

  /** Nothing can be written any more, for this reason: rejects everything pending. */
  giveUp(error: Error): void {
    this.#rejectAll(error)
    this.#retries.retryNow()
  }

  /**
   * Writes everything pending. During an outage it tries only once.
   * @throws JOURNAL when something could not be written, now or before.
   */
  async close(): Promise<void> {
    this.#isClosing = true
    this.#retries.retryNow()
    await this.#queue.at(-1)?.durable
    if (this.#lost) throw this.#lost
  }

  #openBatch(): PendingBatch {
    const last = this.#queue.at(-1)
    const isBeingWritten = this.#isWriting && this.#queue.length === 1
    if (last !== undefined && last.chars <= FULL_CHARS && !isBeingWritten) return last
    const batch = newBatch()
    this.#queue.push(batch)
    return batch
  }

  async #run(): Promise<void> {
    this.#isRunning = true
    while (this.#queue.length > 0) {
      // BAD: commit at once. Callers that awaited the previous commit resume one after the other, and the first of them would be
      // written alone. GOOD: collect records for the rest of this turn of the event loop.
      await nextTurn()
      await this.#commitFirst(this.#queue[0] as PendingBatch)
    }
    this.#isRunning = false
  }

  async #commitFirst(batch: PendingBatch): Promise<void> {
    this.#isWriting = true
    try {
      await this.#options.commit(batch)
      this.#queue.shift()
      this.#retries.succeeded(`${this.#options.folder} can be written again: nothing was lost`)
      batch.resolve()
    } catch (error) {
      this.#isWriting = false
      if (error instanceof JournalLost) this.#rejectAll(error.reason)
      else if (this.#isClosing) this.#rejectAll(this.#closedTooEarly(error))
      else await this.#delayRetry(error)
    } finally {
      this.#isWriting = false
    }
  }

  /** Records that arrive meanwhile join the batch. */
  #delayRetry(error: unknown): Promise<void> {
    const message = `${this.#options.folder} cannot be written: the run waits until it can`
    return new Promise(resolve => this.#retries.failed(error, message, resolve))
  }

  #rejectAll(error: Error): void {
    this.#lost = error
    for (const batch of this.#queue.splice(0)) batch.reject(error)
  }

  #closedTooEarly(error: unknown): Error {
    const { runId, folder } = this.#options
    const records = this.#queue.reduce((sum, { bodies }) => sum + bodies.length, 0)
    const message = `expected to write the last ${records} records before closing, but the disk refused (${messageOf(error)}). They are lost; acknowledged records are not. Free some space or repair the disk, then resume the run`
    return journalError(runId, folder, message, error)
  }
}

function newBatch(): PendingBatch {
  let resolve!: () => void
  let reject!: (error: Error) => void
  const durable = new Promise<void>((onDurable, onRejected) => {
    resolve = onDurable
    reject = onRejected
  })
  return { bodies: [], blobs: [], chars: 0, durable, resolve, reject }
}
