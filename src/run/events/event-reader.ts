import type { RunEvent } from '../../core/state/events.js'
import { CounterpointError } from '../../errors.js'
import type { LiveEvent } from '../../events/event-map.js'
import { onAbort } from '../abort-signals.js'
import type { EventLog } from './event-log.js'
import { LiveQueue } from './live-queue.js'

/** A reader that is further behind with streamed chunks ends with SLOW_READER, in bytes. */
const MAX_BYTES_BEHIND = 1_048_576

/** Options of `run.events()`. */
export interface EventsOptions<Progress = boolean | undefined, Streamed = boolean | undefined> {
  /** The `seq` of the first event. Default 1. */
  readonly from?: number | undefined
  /** Ends the iteration at once when it is aborted, as the end of the run does: without an error. */
  readonly signal?: AbortSignal | undefined
  /** True: also what attempts report from now on (`attempt.progressed`). A slow reader gets the last report of each attempt. Default false. */
  readonly progress?: Progress | undefined
  /**
   * True: also each chunk that attempts stream from now on (`attempt.streamed`). A reader that is 1 MiB of chunks behind ends with
   * SLOW_READER. Default false.
   */
  readonly streamed?: Streamed | undefined
}

const DONE = { done: true, value: undefined } as const

interface PendingNext {
  resolve(result: IteratorResult<RunEvent | LiveEvent, undefined>): void
  reject(error: unknown): void
}

/**
 * One iteration over the events of a run: a position in the log, and a queue of the events that are not journaled.
 * No async generator: its `return()` would wait behind a pending `next()`, which may wait for hours.
 */
export class EventReader implements AsyncIterableIterator<RunEvent | LiveEvent, undefined, unknown> {
  readonly #log: EventLog
  readonly #options: EventsOptions
  /** The `seq` of the next journaled event. */
  #seq: number
  /** Only of a reader that asked for such events: there may be thousands that wait for the next event. */
  readonly #queue: LiveQueue | undefined
  readonly #pending: PendingNext[] = []
  #isClosed = false
  /** Why it was closed, for the next `next()`. */
  #error: { readonly error: unknown } | undefined
  #stopListening: (() => void) | undefined

  constructor(log: EventLog, options: EventsOptions) {
    const { from = 1 } = options
    this.#log = log
    this.#options = options
    this.#seq = from > 1 ? Math.ceil(from) : 1
    this.#isClosed = this.#isAborted
    if (options.progress || options.streamed) this.#queue = new LiveQueue()
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  /** An abort of `signal` ends it at once, also while it waits. Without this, with the next call of `next()`. */
  listen(signal: AbortSignal): void {
    this.#stopListening = onAbort(signal, () => this.#end())
  }

  stopListening(): void {
    this.#stopListening?.()
    this.#stopListening = undefined
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  next(): Promise<IteratorResult<RunEvent | LiveEvent, undefined>> {
    return new Promise((resolve, reject) => {
      this.#pending.push({ resolve, reject })
      this.serve()
    })
  }

  return(): Promise<IteratorResult<RunEvent | LiveEvent, undefined>> {
    this.#end()
    return Promise.resolve(DONE)
  }

  throw(error: unknown): Promise<IteratorResult<RunEvent | LiveEvent, undefined>> {
    this.#end()
    return Promise.reject(error)
  }

  /** An event that is not journaled happened, after the event `published`. */
  push(event: LiveEvent, published: number, bytes: number): void {
    const wanted = event.type === 'attempt.progressed' ? this.#options.progress : this.#options.streamed
    // Else it was before the event that this reader begins with.
    if (wanted !== true || this.#queue === undefined || this.#seq > published + 1) return
    const behind = this.#queue.bytes
    if (behind + bytes > MAX_BYTES_BEHIND) {
      this.#error = { error: slowReader(event.runId, behind + bytes) }
      this.#close()
    } else {
      this.#queue.push(event, published, bytes)
      this.serve()
    }
  }

  /** Answers each pending `next()` for which there is an event, and has the log call again when there is another. */
  serve(): void {
    while (this.#pending.length > 0) {
      try {
        const result = this.#take()
        if (result === undefined) return this.#log.wait(this)
        this.#pending.shift()?.resolve(result)
      } catch (error) {
        this.#close()
        this.#pending.shift()?.reject(error)
      }
    }
  }

  #take(): IteratorResult<RunEvent | LiveEvent, undefined> | undefined {
    if (this.#error) {
      const { error } = this.#error
      this.#error = undefined
      throw error
    }
    if (this.#isAborted) this.#close()
    if (this.#isClosed) return DONE
    const value = this.#queue?.shift(this.#seq) ?? this.#log.at(this.#seq)
    if (value === undefined) return undefined
    if (value === 'end') {
      this.#close()
      return DONE
    }
    if ('seq' in value) this.#seq++
    return { done: false, value }
  }

  get #isAborted(): boolean {
    return this.#options.signal?.aborted === true
  }

  #end(): void {
    this.#close()
    this.serve()
  }

  /** Keeps nothing for this reader. */
  #close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.stopListening()
    this.#queue?.clear()
    this.#log.close(this)
  }
}

function slowReader(runId: string, bytes: number): CounterpointError<'SLOW_READER'> {
  const message = `run.events({ streamed: true }) of run ${runId} ended: its reader is ${bytes} bytes of chunks behind, more than ${MAX_BYTES_BEHIND}. Read it faster, or use a listener of 'attempt.streamed': context.stream(chunk) waits for its promise`
  return new CounterpointError('SLOW_READER', message, { runId, bytes })
}
