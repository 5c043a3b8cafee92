import type { RunEvent } from '../../core/state/events.js'
import type { History } from '../../core/state/history.js'
import { CounterpointError } from '../../errors.js'
import type { LiveEvent } from '../../events/event-map.js'
import { EventReader, type EventsOptions } from './event-reader.js'

/**
 * The published events of one run. A reader is a position in them, not a subscription: it delays nothing, misses nothing and copies
 * nothing, however slowly it reads. Events are kept until `release`. What is not journaled is queued for the readers that asked for it.
 */
export class EventLog {
  readonly #runId: string
  #history: History | undefined
  /** The `seq` of the last published event. */
  #published: number
  #hasEnded = false
  /** Readers that wait for the next event. */
  #waiting = new Set<EventReader>()
  /** Open readers that asked for events that are not journaled. */
  readonly #live = new Set<EventReader>()
  /** Open readers that an abort of their signal ends. */
  readonly #abortable = new Set<EventReader>()

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
    if (this.#waiting.size > 0) this.#wakeReaders()
  }

  /**
   * Passes an event that is not journaled to the readers that asked for its type, after the events published so far and before the next
   * one. `bytes`: of a streamed chunk, as JSON. A reader that is 1 MiB behind with chunks ends with SLOW_READER.
   */
  pass(event: LiveEvent, bytes = 0): void {
    for (const reader of this.#live) reader.push(event, this.#published, bytes)
  }

  /** No further event will be published in this process. */
  end(): void {
    this.#hasEnded = true
    this.#wakeReaders()
    this.#live.clear()
    // None of them waits any more: a signal that lives longer than the run does not hold them.
    for (const reader of this.#abortable) reader.stopListening()
    this.#abortable.clear()
  }

  release(): void {
    this.#history = undefined
    this.#wakeReaders()
  }

  /** The events until the run has settled or is suspended. When the run has been released, `next()` rejects with RUN_ENDED. */
  read(options: EventsOptions): EventReader {
    const reader = new EventReader(this, options)
    if (this.#hasEnded || reader.isClosed) return reader
    if (options.progress || options.streamed) this.#live.add(reader)
    if (options.signal) {
      reader.listen(options.signal)
      this.#abortable.add(reader)
    }
    return reader
  }

  /**
   * For readers: event `seq`; undefined while it is not published.
   * @throws RUN_ENDED when the run has been released.
   */
  at(seq: number): RunEvent | 'end' | undefined {
    // First: a reader that has had every event ends, also after the release.
    if (this.#hasEnded && seq > this.#published) return 'end'
    if (this.#history) return seq <= this.#published ? this.#history.event(seq) : undefined
    const message = `run ${this.#runId} was released: its events are gone`
    throw new CounterpointError('RUN_ENDED', message, { runId: this.#runId })
  }

  /** For readers: `reader.serve()` is called when there is another event. */
  wait(reader: EventReader): void {
    this.#waiting.add(reader)
  }

  /** For readers: this one has ended. */
  close(reader: EventReader): void {
    this.#waiting.delete(reader)
    this.#live.delete(reader)
    this.#abortable.delete(reader)
  }

  #wakeReaders(): void {
    const readers = this.#waiting
    this.#waiting = new Set()
    for (const reader of readers) reader.serve()
  }
}
