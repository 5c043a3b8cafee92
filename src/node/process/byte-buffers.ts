const BLOCK_BYTES = 64 * 1024
const NEWLINE = 10

/**
 * The first bytes of a stream, up to a limit.
 * Invariant: holds at most the limit and 64 KiB, however small the chunks: a buffer of one byte takes about a hundred.
 */
export class HeadBuffer {
  /** The number of bytes kept. */
  length = 0
  /** True when there were more. */
  overflowed = false
  readonly #limit: number
  readonly #blocks: Uint8Array[] = []
  /** One for all lines: creating one takes longer than decoding a short line. */
  readonly #decoder = new TextDecoder()

  constructor(limit: number) {
    this.#limit = limit
  }

  append(chunk: Uint8Array): void {
    const kept = chunk.subarray(0, this.#limit - this.length)
    if (kept.length < chunk.length) this.overflowed = true
    for (let from = 0; from < kept.length; ) {
      const offset = this.length % BLOCK_BYTES
      const piece = kept.subarray(from, from + BLOCK_BYTES - offset)
      this.#blockAt(this.length - offset).set(piece, offset)
      from += piece.length
      this.length += piece.length
    }
  }

  /** The bytes as text. Invalid UTF-8 becomes U+FFFD; a character that the limit cuts is left out. */
  text(): string {
    let text = ''
    for (let start = 0; start < this.length; start += BLOCK_BYTES)
      text += this.#decoder.decode(this.#blockAt(start).subarray(0, this.length - start), { stream: true })
    const rest = this.#decoder.decode()
    return this.overflowed ? text : text + rest
  }

  /** Empties it, and keeps one block for reuse. */
  clear(): void {
    this.#blocks.length = Math.min(this.#blocks.length, 1)
    this.length = 0
    this.overflowed = false
  }

  #blockAt(start: number): Uint8Array {
    const index = start / BLOCK_BYTES
    this.#blocks[index] ??= new Uint8Array(BLOCK_BYTES)
    return this.#blocks[index]
  }
}

/** What a {@link LineSplitter} calls. */
export interface LineListener {
  onLine(text: string): void
  /** A line was longer than the limit and was dropped. */
  onOverflow(): void
}

/** Splits a stream of bytes into lines. Holds at most one, and drops one that is too long. */
export class LineSplitter {
  readonly #listener: LineListener
  readonly #buffer: HeadBuffer
  #isSkipping = false

  constructor(maxLineBytes: number, listener: LineListener) {
    this.#buffer = new HeadBuffer(maxLineBytes)
    this.#listener = listener
  }

  append(chunk: Uint8Array): void {
    let from = 0
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, from)) {
      this.#append(chunk.subarray(from, end))
      const line = this.rest()
      this.#buffer.clear()
      if (!this.#isSkipping) this.#listener.onLine(line)
      this.#isSkipping = false
      from = end + 1
    }
    this.#append(chunk.subarray(from))
  }

  /** What followed the last newline. Empty when that was too long. */
  rest(): string {
    return this.#buffer.text()
  }

  #append(bytes: Uint8Array): void {
    if (this.#isSkipping) return
    this.#buffer.append(bytes)
    if (!this.#buffer.overflowed) return
    this.#isSkipping = true
    this.#buffer.clear()
    this.#listener.onOverflow()
  }
}

/** The last bytes of a stream, in a ring buffer. */
export class TailBuffer {
  readonly #ring: Uint8Array
  #written = 0

  constructor(limit: number) {
    this.#ring = new Uint8Array(limit)
  }

  append(chunk: Uint8Array): void {
    const size = this.#ring.length
    const skipped = Math.max(0, chunk.length - size)
    const offset = (this.#written + skipped) % size
    const beforeWrap = chunk.subarray(skipped, skipped + size - offset)
    this.#ring.set(beforeWrap, offset)
    this.#ring.set(chunk.subarray(skipped + beforeWrap.length), 0)
    this.#written += chunk.length
  }

  /** True when there were more bytes before. */
  get overflowed(): boolean {
    return this.#written > this.#ring.length
  }

  text(): string {
    const size = this.#ring.length
    const start = this.#written % size
    const decoder = new TextDecoder()
    if (!this.overflowed) return decoder.decode(this.#ring.subarray(0, this.#written))
    return decoder.decode(this.#ring.subarray(start), { stream: true }) + decoder.decode(this.#ring.subarray(0, start))
  }
}
