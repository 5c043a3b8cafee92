const QUOTE = 0x22
const COMMA = 0x2c
const ZERO = 0x30
const BACKSLASH = 0x5c
const OPEN = 0x7b
const CLOSE = 0x7d
const OPEN_LIST = 0x5b
const CLOSE_LIST = 0x5d

/** A longer string goes through `JSON.stringify`: measured, that is where it gets faster. */
const SHORT = 64
/** Deeper objects and lists do, too: it says what is wrong with one that contains itself. */
const DEEPEST = 4
/** The most digits of a whole number. */
const DIGITS = 16
/** How many names of members are remembered, and how many of members of members: those of outputs may be any. */
const MOST_NAMES = 256
const SIZE = 16 * 1024
const LARGE = 1024 * 1024

const NULL = [0x6e, 0x75, 0x6c, 0x6c]
const BARE = {}
type Names = Map<string, Uint8Array>
const names: Names = new Map()
const innerNames: Names = new Map()

/**
 * JSON as bytes, in one buffer that grows. A journal writes small objects by the million: to make a string of each and bytes of
 * that takes twice the time, and leaves the collector three strings for each. What it writes is what `JSON.stringify` gives.
 */
export class JsonBytes {
  #buffer: Buffer = Buffer.allocUnsafe(SIZE)
  /** How much of the buffer is written. To lower it takes back what came last. */
  length = 0

  /** What is written, and room behind it. Good until more is. */
  get buffer(): Buffer {
    return this.#buffer
  }

  /** How much fits without growing. */
  get capacity(): number {
    return this.#buffer.length
  }

  /** Leaves so many bytes for later. */
  skip(bytes: number): void {
    this.reserve(bytes)
    this.length += bytes
  }

  byte(value: number): void {
    this.reserve(1)
    this.#buffer[this.length++] = value
  }

  /** Text as it is. */
  text(text: string): void {
    // At most three bytes a character; a large one is worth counting.
    this.reserve(text.length < LARGE ? 3 * text.length : Buffer.byteLength(text))
    this.length += this.#buffer.write(text, this.length)
  }

  /** @throws TypeError as `JSON.stringify`: for a BigInt, and an object that contains itself. Then something may have been written. */
  value(value: object): void {
    const begin = this.length
    if (isClean() && this.#object(value, 0)) return
    this.length = begin
    this.text(JSON.stringify(value) ?? 'null')
  }

  /** Makes room for so many bytes more. */
  reserve(bytes: number): void {
    const wanted = this.length + bytes
    if (wanted <= this.#buffer.length) return
    const larger = Buffer.allocUnsafe(Math.max(wanted, 2 * this.#buffer.length))
    this.#buffer.copy(larger, 0, 0, this.length)
    this.#buffer = larger
  }

  /** False when something in it says itself what it is, and so must be asked by `JSON.stringify`: what is written then is worth nothing. */
  #object(value: object, depth: number): boolean {
    if (depth > DEEPEST) return this.#stringified(value)
    if (!isPlain(value)) return isPlainList(value) ? this.#list(value, depth) : this.#stringified(value)
    const begin = this.length + 1
    this.byte(OPEN)
    for (const name in value) {
      const member = (value as Record<string, unknown>)[name]
      if (typeof member === 'function') return false
      if (member === undefined || typeof member === 'symbol') continue
      this.#name(name, this.length === begin, depth === 0 ? names : innerNames)
      if (!this.#member(member, depth)) return false
    }
    this.byte(CLOSE)
    return true
  }

  #list(value: readonly unknown[], depth: number): boolean {
    if ('toJSON' in value) return false
    this.byte(OPEN_LIST)
    for (let place = 0; place < value.length; place++) {
      if (place > 0) this.byte(COMMA)
      const item = value[place]
      if (typeof item === 'function') return false
      if (item === undefined || typeof item === 'symbol') this.#null()
      else if (!this.#member(item, depth)) return false
    }
    this.byte(CLOSE_LIST)
    return true
  }

  #member(value: unknown, depth: number): boolean {
    if (typeof value === 'string') return (value.length <= SHORT && this.#short(value)) || this.#stringified(value)
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return this.#whole(value)
    if (value === null) return this.#null()
    if (typeof value === 'object') return this.#object(value, depth + 1)
    return this.#stringified(value)
  }

  /** Most instant agents have nothing to say. */
  #null(): true {
    this.reserve(NULL.length)
    for (const byte of NULL) this.#buffer[this.length++] = byte
    return true
  }

  /** False for what has a `toJSON`, which is told the name of its member. */
  #stringified(value: unknown): boolean {
    if (typeof (value as { toJSON?: unknown }).toJSON === 'function') return false
    this.text(JSON.stringify(value))
    return true
  }

  /** With the comma before it, but for the first. */
  #name(name: string, isFirst: boolean, known: Names): void {
    const bytes = known.get(name) ?? bytesOf(name, known)
    const from = isFirst ? 1 : 0
    this.reserve(bytes.length)
    const buffer = this.#buffer
    let at = this.length
    for (let place = from; place < bytes.length; place++) buffer[at++] = bytes[place] as number
    this.length = at
  }

  /** False when it has a character that is more than one byte, or has to be escaped: then nothing is written. */
  #short(value: string): boolean {
    this.reserve(value.length + 2)
    const buffer = this.#buffer
    let at = this.length
    buffer[at++] = QUOTE
    for (let place = 0; place < value.length; place++) {
      const code = value.charCodeAt(place)
      if (code < 0x20 || code > 0x7e || code === QUOTE || code === BACKSLASH) return false
      buffer[at++] = code
    }
    buffer[at++] = QUOTE
    this.length = at
    return true
  }

  /** From the last digit on; with numbers of 32 bits for as long as they do. */
  #whole(value: number): true {
    this.reserve(DIGITS)
    let high = value
    let places = 1
    for (let bound = 10; bound <= value; bound *= 10) places++
    let at = this.length + places
    this.length = at
    while (high > 0x7fffffff) {
      const rest = Math.floor(high / 10)
      this.#buffer[--at] = ZERO + (high - 10 * rest)
      high = rest
    }
    for (let left = places - (this.length - at), low = high | 0; left > 0; left--) {
      const rest = (low / 10) | 0
      this.#buffer[--at] = ZERO + (low - 10 * rest)
      low = rest
    }
    return true
  }
}

/** False when somebody has given members to all objects: `for in` sees them, JSON does not, or asks them. */
function isClean(): boolean {
  for (const _ in BARE) return false
  return !('toJSON' in BARE)
}

/** Made by a literal or a parser, so that its members are all there is to it. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

function isPlainList(value: object): value is readonly unknown[] {
  return Array.isArray(value) && Object.getPrototypeOf(value) === Array.prototype
}

function bytesOf(name: string, known: Names): Uint8Array {
  const bytes = Buffer.from(`,${JSON.stringify(name)}:`)
  if (known.size < MOST_NAMES) known.set(name, bytes)
  return bytes
}
