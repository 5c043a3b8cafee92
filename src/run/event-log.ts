import type { RunEvent } from '../core/state/events.js'
import type { History } from '../core/state/history.js'
import { CounterpointError } from '../errors.js'

/**
 * The published events of one run. A reader is a position in them, not a subscription: it delays nothing, misses nothing and copies
 * nothing, however slowly it reads. Events are kept until `release`.
 */
export class EventLog {
  readonly #runId: string
  #history: History | undefined
  /** The `seq` of the last published event. */
  #published: number
  #hasEnded = false
  /** Readers that wait for the next event. */
  #waiters: (() => void)[] = []

  /** What `history` holds already was published by earlier processes. */
  constructor(runId: string, history: History) {
    this.#runId = runId
    this.#history = history
    this.#published = history.end
  }

  /** The events up to `seq` are published. */
  publish(seq: number): void {
    this.#published = seq
    if (this.#history?.typeOf(seq) === 'run.settled') this.#hasEnded = true
    if (this.#waiters.length > 0) this.#wakeReaders()
  }

  /** No further event will be published in this process. */
  end(): void {
    this.#hasEnded = true
    this.#wakeReaders()
  }

  release(): void {
    this.#history = undefined
    this.#wakeReaders()
  }

  /**
   * The events from `from` (a `seq`, default 1) until the run has settled.
   * @throws RUN_ENDED when the run has been released.
   */
  async *read(from = 1): AsyncGenerator<RunEvent, void, undefined> {
    if (this.#history === undefined) throw this.#releasedError()
    for (let seq = from > 1 ? Math.ceil(from) : 1; ; ) {
      // First: a reader that has had every event ends, also after the release.
      if (this.#hasEnded && seq > this.#published) return
      if (this.#history === undefined) throw this.#releasedError()
      if (seq <= this.#published) yield this.#history.event(seq++)
      else await new Promise<void>(resolve => this.#waiters.push(resolve))
    }
  }

  #wakeReaders(): void {
    for (const wake of this.#waiters.splice(0)) wake()
  }

  #releasedError(): CounterpointError<'RUN_ENDED'> {
    const message = `run ${this.#runId} was released: its events are gone`
    return new CounterpointError('RUN_ENDED', message, { runId: this.#runId })
  }
}
