import type { RunEvent } from '../core/state/events.js'
import type { History } from '../core/state/history.js'
import { CounterpointError } from '../errors.js'

/**
 * The published events of one run, and the cursors that read them. A cursor is a place, not a subscription: it holds nothing up,
 * misses nothing and copies nothing, however slowly it is read. Events are kept until `release`.
 */
export class EventLog {
  readonly #runId: string
  #history: History | undefined
  /** The `seq` of the last event that is published. */
  #published = 0
  #ended = false
  #bells: (() => void)[] = []

  /** What `history` holds already has been published by the processes before this one. */
  constructor(runId: string, history: History) {
    this.#runId = runId
    this.#history = history
    this.#published = history.end
  }

  /** The events up to `seq` are published now. */
  publish(seq: number): void {
    this.#published = seq
    if (this.#history?.typeOf(seq) === 'run.settled') this.#ended = true
    if (this.#bells.length > 0) this.#ring()
  }

  /** There will be no more events in this process. */
  end(): void {
    this.#ended = true
    this.#ring()
  }

  release(): void {
    this.#history = undefined
    this.#ring()
  }

  /**
   * Every event from `from` (a `seq`, default 1) on, until the run has settled.
   * @throws RUN_ENDED when the run has been released.
   */
  async *read(from = 1): AsyncGenerator<RunEvent, void, undefined> {
    if (this.#history === undefined) throw this.#gone()
    for (let seq = from > 1 ? Math.ceil(from) : 1; ; ) {
      // Who has had everything is told so, and not that the rest is gone.
      if (this.#ended && seq > this.#published) return
      if (this.#history === undefined) throw this.#gone()
      if (seq <= this.#published) yield this.#history.event(seq++)
      else await new Promise<void>(ring => this.#bells.push(ring))
    }
  }

  #ring(): void {
    const bells = this.#bells
    this.#bells = []
    for (const ring of bells) ring()
  }

  #gone(): CounterpointError<'RUN_ENDED'> {
    return new CounterpointError('RUN_ENDED', `run ${this.#runId} was released: its events are gone`, {
      runId: this.#runId,
    })
  }
}
