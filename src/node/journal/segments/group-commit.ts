import { setImmediate as turn } from 'node:timers/promises'
import type { Clock, JournalRecord } from 'counterpoint'
import { codeOf } from '../files/file-system.js'
import { JournalLost, journalError, wordsOf } from '../files/journal-error.js'
import { FrameBatch } from './framing.js'
import type { Blob } from './record-body.js'

/** Records that are written together. */
export interface Batch {
  readonly frames: FrameBatch
  /** To be durable before they are. */
  readonly blobs: Blob[]
}

/** What a {@link GroupCommit} works with. */
export interface GroupCommitSetup {
  readonly runId: string | undefined
  /** The folder of the run, for messages. */
  readonly folder: string
  readonly clock: Clock
  /** Adds a record; gives what has to be durable before it. */
  put(frames: FrameBatch, record: JournalRecord): readonly Blob[]
  /** Makes a batch durable. What it rejects with is tried again, but for {@link JournalLost}. */
  commit(batch: Batch): Promise<void>
  report(message: string, error: unknown): void
}

interface WaitingBatch extends Batch {
  blobChars: number
  /** Shared by its records: to many of them a promise costs what it costs to one. */
  readonly durable: Promise<void>
  resolve(): void
  reject(error: Error): void
}

/** While the disk refuses. */
interface Stall {
  readonly since: number
  readonly code: string | undefined
  readonly retryMs: number
}

/** A batch that has so many bytes, and characters of blobs, takes no more, so that what waits behind it is not held up. */
const FULL = 4 * 1024 * 1024
/** A larger buffer is not kept for the next batch. */
const SPARE_BYTES = 256 * 1024
const FIRST_RETRY_MS = 100
const LONGEST_RETRY_MS = 10_000

/**
 * The single writer of a journal: everything that waits goes out in one commit, and while that is under way the next one gathers.
 *
 * Invariants: commits come one after the other, in the order of `add`. One that failed is tried again until it succeeds, with
 * growing waits, and nothing overtakes it; only `close` and a lost journal end that, and then all that waits is refused.
 */
export class GroupCommit {
  readonly #setup: GroupCommitSetup
  readonly #queue: WaitingBatch[] = []
  /** The next of the queue, as soon as something is in it. */
  #next: WaitingBatch | undefined
  /** The buffer of the last commit. */
  #spare: FrameBatch | undefined
  #isRunning = false
  /** The first of the queue is on its way: it takes no more. */
  #isWriting = false
  #stall: Stall | undefined
  #isClosing = false
  /** Ends the wait for the next try. */
  #hurry: (() => void) | undefined
  #lost: Error | undefined

  constructor(setup: GroupCommitSetup) {
    this.#setup = setup
  }

  /** Why nothing can be written any more; undefined while it can. */
  get lost(): Error | undefined {
    return this.#lost
  }

  /**
   * The promise is that of the whole batch.
   * @throws what `put` throws; then nothing has been added.
   */
  add(record: JournalRecord): Promise<void> {
    const batch = this.#gathering()
    for (const blob of this.#setup.put(batch.frames, record)) {
      batch.blobs.push(blob)
      batch.blobChars += blob.text.length
    }
    if (batch === this.#next) {
      this.#next = undefined
      this.#queue.push(batch)
    }
    if (!this.#isRunning) void this.#run()
    return batch.durable
  }

  /** Resolves when nothing waits any more, or at once while the disk refuses. */
  async idle(): Promise<void> {
    if (this.#stall === undefined) await this.#queue.at(-1)?.durable.catch(() => {})
  }

  /**
   * Writes what waits. Takes no more tries than one when the disk refuses.
   * @throws JOURNAL when something could not be written, now or before.
   */
  async close(): Promise<void> {
    this.#isClosing = true
    this.#hurry?.()
    await this.#queue.at(-1)?.durable
    if (this.#lost) throw this.#lost
  }

  #gathering(): WaitingBatch {
    const last = this.#queue.at(-1)
    const isFull = last === undefined || last.frames.size + last.blobChars > FULL
    if (!isFull && !(this.#isWriting && this.#queue.length === 1)) return last
    this.#next ??= newBatch(this.#spare)
    this.#spare = undefined
    return this.#next
  }

  async #run(): Promise<void> {
    this.#isRunning = true
    while (this.#queue.length > 0) {
      // BAD: to commit at once. Those who waited for one commit go on when it is durable, one promise after the other, and the
      // first of them would be written alone. GOOD: to gather for the rest of this turn of the event loop.
      await turn()
      await this.#commitFirst(this.#queue[0] as WaitingBatch)
    }
    this.#isRunning = false
  }

  async #commitFirst(batch: WaitingBatch): Promise<void> {
    this.#isWriting = true
    try {
      await this.#setup.commit(batch)
      this.#queue.shift()
      this.#keep(batch.frames)
      this.#recovered()
      batch.resolve()
    } catch (error) {
      if (error instanceof JournalLost) this.#giveUp(error.reason)
      else if (this.#isClosing) this.#giveUp(this.#closedTooEarly(error))
      else await this.#wait(error)
    } finally {
      this.#isWriting = false
    }
  }

  #keep(frames: FrameBatch): void {
    if (frames.capacity > SPARE_BYTES) return
    frames.clear()
    this.#spare = frames
  }

  /** Reports the first failure, and each of another kind. What comes meanwhile joins what waits. */
  async #wait(error: unknown): Promise<void> {
    this.#isWriting = false
    const { clock, folder } = this.#setup
    const { since = clock.monotonic(), code, retryMs = FIRST_RETRY_MS } = this.#stall ?? {}
    if (this.#stall === undefined || code !== codeOf(error)) {
      const what = `${folder} cannot be written (${wordsOf(error)}). What is not durable waits, and so does the run: it goes on when writing succeeds`
      this.#setup.report(what, error)
    }
    this.#stall = { since, code: codeOf(error), retryMs: Math.min(2 * retryMs, LONGEST_RETRY_MS) }
    await new Promise<void>(resolve => {
      const callOff = clock.schedule(resolve, retryMs)
      this.#hurry = () => {
        callOff()
        resolve()
      }
    })
    this.#hurry = undefined
  }

  #recovered(): void {
    if (this.#stall === undefined) return
    const { clock, folder } = this.#setup
    const seconds = Math.round(clock.monotonic() - this.#stall.since) / 1000
    this.#stall = undefined
    this.#setup.report(
      `${folder} is written again, after ${seconds} s. What waited is durable: nothing was lost`,
      undefined,
    )
  }

  #giveUp(error: Error): void {
    this.#lost = error
    for (const batch of this.#queue.splice(0)) batch.reject(error)
  }

  #closedTooEarly(error: unknown): Error {
    const { runId, folder } = this.#setup
    const records = this.#queue.reduce((sum, { frames }) => sum + frames.count, 0)
    const message = `expected to write the last ${records} records before it was closed, but the disk refused (${wordsOf(error)}). They are lost; what had been acknowledged is not. Make room or mend the disk, then resume the run`
    return journalError(runId, folder, message, error)
  }
}

function newBatch(frames = new FrameBatch()): WaitingBatch {
  let resolve!: () => void
  let reject!: (error: Error) => void
  const durable = new Promise<void>((onDurable, onRefused) => {
    resolve = onDurable
    reject = onRefused
  })
  return { frames, blobs: [], blobChars: 0, durable, resolve, reject }
}
