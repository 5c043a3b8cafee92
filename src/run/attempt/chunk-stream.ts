import type { Clock } from '../../clock.js'
import { Fifo } from '../../core/fifo.js'
import type { Json } from '../../core/json.js'
import { Turn } from '../../core/turn.js'

/** A chunk, and its size as JSON. */
export interface MeasuredChunk {
  readonly json: Json
  readonly bytes: number
}

/** Whose chunks a {@link ChunkStream} publishes. */
export interface ChunkStreamOwner {
  /** Gives a promise for the listeners that returned one. */
  publish(chunk: MeasuredChunk): Promise<unknown> | undefined
  /** With true when listeners begin to hold a chunk, with false when they have settled. */
  onHeld(isHeld: boolean): void
  /** Publishing a chunk threw. */
  onError(error: unknown): void
}

interface Chunk {
  readonly value: MeasuredChunk
  resolve(): void
  reject(reason: unknown): void
}

/**
 * The chunks that one attempt streams: published one after the other, each when the listeners of the one before have settled.
 * Invariant: every promise settles; that of a chunk which was not published rejects, at the latest once the stream is closed.
 */
export class ChunkStream {
  readonly #clock: Clock
  readonly #owner: ChunkStreamOwner
  /** Not published yet. */
  readonly #queue = new Fifo<Chunk>()
  /** Published, and held by its listeners. */
  #held: Chunk | undefined
  #isPublishing = false
  #isClosed = false
  /** Called once all chunks are published, or the stream is closed. */
  #onPublished: (() => void)[] = []
  readonly #turn = new Turn()
  #cancelTurn: (() => void) | undefined

  constructor(clock: Clock, owner: ChunkStreamOwner) {
    this.#clock = clock
    this.#owner = owner
  }

  push(value: MeasuredChunk): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ value, resolve, reject })
      // A listener may push while it is called: its chunk follows.
      if (!this.#isPublishing) void this.#publishAll()
    })
  }

  /** Undefined when every chunk has been published, and its listeners have settled; else a promise for that. */
  published(): Promise<void> | undefined {
    return this.#isPublishing && !this.#isClosed ? new Promise(resolve => this.#onPublished.push(resolve)) : undefined
  }

  /** The attempt takes no more chunks: nothing waits any longer. */
  close(reason: unknown): void {
    this.#isClosed = true
    this.#cancelTurn?.()
    this.#release()
    for (const chunk of this.#queue.takeAll()) chunk.reject(reason)
    for (const resolve of this.#onPublished.splice(0)) resolve()
  }

  async #publishAll(): Promise<void> {
    this.#isPublishing = true
    for (let chunk = this.#queue.shift(); chunk !== undefined; chunk = this.#queue.shift()) {
      try {
        const listeners = this.#owner.publish(chunk.value)
        // A listener may have stopped the attempt.
        if (listeners && !this.#isClosed) await this.#hold(chunk, listeners)
        chunk.resolve()
        if (this.#turn.step(this.#clock.monotonic()) && !this.#isClosed) await this.#nextTurn()
      } catch (error) {
        chunk.reject(error)
        this.#owner.onError(error)
      }
    }
    this.#isPublishing = false
    for (const resolve of this.#onPublished.splice(0)) resolve()
  }

  async #hold(chunk: Chunk, listeners: Promise<unknown>): Promise<void> {
    this.#held = chunk
    this.#owner.onHeld(true)
    await listeners
    this.#release()
  }

  #release(): void {
    if (this.#held === undefined) return
    this.#held.resolve()
    this.#held = undefined
    this.#owner.onHeld(false)
  }

  #nextTurn(): Promise<void> {
    this.#turn.begin()
    return new Promise(resolve => {
      this.#cancelTurn = this.#clock.schedule(resolve, 0)
    })
  }
}

/** Why a chunk is rejected that comes after the answer. */
export function hasEnded(): DOMException {
  return new DOMException('the attempt has ended', 'AbortError')
}
