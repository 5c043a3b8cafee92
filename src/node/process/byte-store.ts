const BLOCK_BYTES = 64 * 1024
const NEWLINE = 10

/**
 * The first bytes of a stream, up to a limit.
 * Invariant: holds at most the limit and 64 KiB, however small the pieces it comes in: a buffer of one byte costs about
 * a hundred.
 */
export class ByteStore {
  /** How many bytes are kept. */
  length = 0
  /** True when there were more. */
  overflowed = false
  readonly #limit: number
  readonly #blocks: Uint8Array[] = []
  /** One for all lines: to make one takes longer than to read a short line. */
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

  /**
   * What is kept, as text: bytes that are no UTF-8 become U+FFFD. When there was more, a character cut by the limit is
   * left out.
   */
  text(): string {
    let text = ''
    for (let start = 0; start < this.length; start += BLOCK_BYTES)
      text += this.#decoder.decode(this.#blockAt(start).subarray(0, this.length - start), { stream: true })
    const rest = this.#decoder.decode()
    return this.overflowed ? text : text + rest
  }

  /** Empties it; one block is kept for what comes next. */
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

/** What a {@link LineSplitter} has found. */
export interface LineListener {
  line(text: string): void
  /** A line was longer than the limit and has been thrown away. */
  tooLong(): void
}

/** Cuts a stream of bytes into lines. Holds at most one, and of one that is too long nothing. */
export class LineSplitter {
  readonly #listener: LineListener
  readonly #store: ByteStore
  #isSkipping = false

  constructor(maxLineBytes: number, listener: LineListener) {
    this.#store = new ByteStore(maxLineBytes)
    this.#listener = listener
  }

  take(chunk: Uint8Array): void {
    let from = 0
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, from)) {
      this.#append(chunk.subarray(from, end))
      const line = this.rest()
      this.#store.clear()
      if (!this.#isSkipping) this.#listener.line(line)
      this.#isSkipping = false
      from = end + 1
    }
    this.#append(chunk.subarray(from))
  }

  /** What came after the last newline. Empty when that was too long. */
  rest(): string {
    return this.#store.text()
  }

  #append(bytes: Uint8Array): void {
    if (this.#isSkipping) return
    this.#store.append(bytes)
    if (!this.#store.overflowed) return
    this.#isSkipping = true
    this.#store.clear()
    this.#listener.tooLong()
  }
}

/** The last bytes of a stream, in a ring. */
export class ByteTail {
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

  text(): string {
    const size = this.#ring.length
    const start = this.#written % size
    const decoder = new TextDecoder()
    if (this.#written <= size) return decoder.decode(this.#ring.subarray(0, this.#written))
    return decoder.decode(this.#ring.subarray(start), { stream: true }) + decoder.decode(this.#ring.subarray(0, start))
  }
}
