import type { Json } from '../../core/json.js'

/** What is to be waited for after a chunk was published; undefined: nothing. Neither promise rejects. */
export interface Backpressure {
  /** The listeners that returned a promise. The next chunk is published after them. */
  readonly listeners: Promise<unknown> | undefined
  /** The readers of the event log that have no room. */
  readonly readers: Promise<unknown> | undefined
}

interface Chunk {
  readonly value: Json
  resolve(): void
  reject(reason: unknown): void
}

/**
 * The chunks that one attempt streams: published one after the other, each when the listeners of the one before have settled.
 * Invariant: every promise settles; that of a chunk which was not published rejects, once the stream is closed.
 */
export class ChunkStream {
  readonly #publish: (chunk: Json) => Backpressure
  /** Called with true when a chunk begins to wait, with false when none waits any more. */
  readonly #onHeld: (isHeld: boolean) => void
  /** Not published yet. */
  readonly #queue: Chunk[] = []
  /** Published, and held by listeners or readers. */
  readonly #held = new Set<Chunk>()
  #isPublishing = false
  #isClosed = false
  /** Called once all chunks are published, or the stream is closed. */
  #onPublished: (() => void)[] = []

  constructor(publish: (chunk: Json) => Backpressure, onHeld: (isHeld: boolean) => void) {
    this.#publish = publish
    this.#onHeld = onHeld
  }

  push(value: Json): Promise<void> {
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
    for (const chunk of this.#held) this.#release(chunk)
    for (const chunk of this.#queue.splice(0)) chunk.reject(reason)
    for (const resolve of this.#onPublished.splice(0)) resolve()
  }

  async #publishAll(): Promise<void> {
    this.#isPublishing = true
    for (let chunk = this.#queue.shift(); chunk !== undefined; chunk = this.#queue.shift()) {
      const held = chunk
      const { listeners, readers } = this.#publish(held.value)
      if (listeners || readers) this.#hold(held)
      if (listeners) await listeners
      if (readers) void readers.then(() => this.#release(held))
      else this.#release(held)
    }
    this.#isPublishing = false
    for (const resolve of this.#onPublished.splice(0)) resolve()
  }

  #hold(chunk: Chunk): void {
    this.#held.add(chunk)
    if (this.#held.size === 1) this.#onHeld(true)
  }

  #release(chunk: Chunk): void {
    chunk.resolve()
    if (this.#held.delete(chunk) && this.#held.size === 0) this.#onHeld(false)
  }
}

/** Why a chunk is rejected that comes after the answer. */
export function hasEnded(): DOMException {
  return new DOMException('the attempt has ended', 'AbortError')
}
