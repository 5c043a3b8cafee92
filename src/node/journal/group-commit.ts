import { type Clock, CounterpointError } from 'counterpoint'
import { codeOf } from './file-system.js'
import { journalError, wordsOf } from './problem.js'
import type { Blob, RecordBody } from './record-body.js'
import { JournalLost } from './segment-writer.js'

/** Records that are written together, and the promise that they share. */
export interface Batch {
  readonly rests: string[]
  readonly blobs: Blob[]
}

/** What a {@link GroupCommit} works with. */
export interface GroupCommitSetup {
  readonly runId: string
  /** The folder of the run, for messages. */
  readonly folder: string
  readonly clock: Clock
  /** Makes a batch durable. What it rejects with is tried again, but for {@link JournalLost}. */
  commit(batch: Batch): Promise<void>
  report(message: string, error: unknown): void
}

interface WaitingBatch extends Batch {
  chars: number
  readonly durable: Promise<void>
  resolve(): void
  reject(error: unknown): void
}

/** More than this is not put into one commit, so that what waits behind a large one is not held up: in characters. */
const LARGEST_COMMIT = 4 * 1024 * 1024
const FIRST_RETRY_MS = 100
const LONGEST_RETRY_MS = 10_000

/**
 * The single writer of a journal: everything that waits goes out in one commit, while that is under way the next one gathers.
 *
 * Invariants: commits are one after the other, in the order of `add`. What failed is tried again until it succeeds, with growing
 * waits, and nothing overtakes it; only `close` and a lost journal end that, and then all that waits is refused.
 */
export class GroupCommit {
  readonly #setup: GroupCommitSetup
  readonly #queue: WaitingBatch[] = []
  #isRunning = false
  #closing: (() => void) | undefined
  #isClosing = false
  #end: CounterpointError | undefined
  /** While the disk refuses: since when, with what, and what ends the wait for the next try. */
  #stall: { readonly since: number; retryMs: number; code: string | undefined } | undefined

  constructor(setup: GroupCommitSetup) {
    this.#setup = setup
  }

  /** Why nothing can be added any more; undefined while it can. */
  get end(): CounterpointError | undefined {
    return this.#end
  }

  /** The promise is that of the whole commit: to many records it costs one. */
  add({ rest, blobs }: RecordBody): Promise<void> {
    const batch = this.#gathering()
    batch.rests.push(rest)
    batch.chars += rest.length
    for (const blob of blobs) batch.blobs.push(blob)
    return batch.durable
  }

  /** Resolves when nothing waits any more, or at once while the disk refuses. */
  async idle(): Promise<void> {
    if (this.#stall === undefined) await this.#queue.at(-1)?.durable.catch(() => {})
  }

  /** @throws JOURNAL when something waits that cannot be written; it was tried once more. */
  async close(): Promise<void> {
    this.#isClosing = true
    this.#closing?.()
    const last = this.#queue.at(-1)
    await last?.durable
    this.#end ??= new CounterpointError(
      'CLOSED',
      `the journal of run ${JSON.stringify(this.#setup.runId)} was closed: open it again to write`,
      { runId: this.#setup.runId },
    )
  }

  /** The last batch, unless it is on its way or full. The first of the queue is on its way while `#isRunning`. */
  #gathering(): WaitingBatch {
    const last = this.#queue.at(-1)
    if (last && last.chars < LARGEST_COMMIT && !(this.#isWriting && this.#queue.length === 1)) return last
    const batch = newBatch()
    this.#queue.push(batch)
    if (!this.#isRunning) void this.#run()
    return batch
  }

  #isWriting = false

  async #run(): Promise<void> {
    this.#isRunning = true
    while (this.#queue.length > 0 && this.#end === undefined) {
      // BAD: to commit at once. Those who wait for one commit go on when it is durable, one promise after the other, and the
      // first of them would be written alone. GOOD: to gather for the rest of this turn of the event loop.
      await turn()
      await this.#commitFirst()
    }
    this.#isRunning = false
  }

  async #commitFirst(): Promise<void> {
    const batch = this.#queue[0] as WaitingBatch
    this.#isWriting = true
    try {
      await this.#setup.commit(batch)
    } catch (error) {
      this.#isWriting = false
      return this.#failed(error)
    }
    this.#isWriting = false
    this.#queue.shift()
    this.#recovered(batch)
    batch.resolve()
  }
}
