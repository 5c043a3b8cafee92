import { crc32 } from 'node:zlib'
import { type OpenFile, readFully } from '../files/file-system.js'
import { JsonBytes } from './json-bytes.js'

// A frame is one line: the length of its body and a checksum, eight hexadecimal digits each, then the body.
//   0000001d 5f3a9c01 {"r":[{"type":"run.paused"...
// The checksum is the CRC-32 of the body, begun with the checksum of the frame before (etcd's way): a frame that is left out,
// doubled or out of place is found as surely as one that is damaged. The first of a file begins with 0.
// A body is JSON, so it holds no newline.

const HEAD = 18
const SPACE = 0x20
const NEWLINE = 0x0a
const HEX = Buffer.from('0123456789abcdef')
const CHUNK = 1024 * 1024

/** How the body of a frame begins that is the first of its commit. See {@link holdsLaterCommit}. */
export const COMMIT_MARK = '{"c":'
/** As long as the longest mark is. */
const MARK_ROOM = 32

/** Where the frames of a file end: after how many bytes, and the checksum of the last. */
export interface FramesEnd {
  readonly bytes: number
  readonly crc: number
}

/** Frames as they are written. */
export interface Sealed {
  readonly bytes: Buffer
  /** The checksum of the last. */
  readonly crc: number
}

/**
 * Records on their way to a file: their bodies stand in one buffer with room for the heads between them, so that to write them all is one
 * write of what is there. What depends on where they go, checksums and the mark of the commit, is put in by `seal`, as often as it takes.
 */
export class FrameBatch {
  readonly #json = new JsonBytes()
  /** Where each body ends. */
  readonly #ends: number[] = []
  /** Where the last record ends. */
  #size = MARK_ROOM

  /** How many records there are. */
  get count(): number {
    return this.#ends.length
  }

  /** How many bytes they are, about. */
  get size(): number {
    return this.#size
  }

  /** How many bytes it takes in memory. */
  get capacity(): number {
    return this.#json.capacity
  }

  /** Forgets all records. */
  clear(): void {
    this.#ends.length = 0
    this.#size = MARK_ROOM
  }

  /** Begins the body of a record, which is written to what it gives, from its brace on. One that was not ended is forgotten. */
  begin(): JsonBytes {
    this.#json.length = this.#size
    this.#json.skip(HEAD)
    return this.#json
  }

  /** The body that was begun last is whole. */
  end(): void {
    this.#ends.push(this.#json.length)
    this.#json.byte(NEWLINE)
    this.#size = this.#json.length
  }

  /**
   * The frames, after one with the checksum `crc`; the first has the mark of this commit, unless that is 0. What it gives is good until
   * something is added or sealed.
   */
  seal(crc: number, commit: number): Sealed {
    const { buffer } = this.#json
    const first = this.#markFirst(commit)
    let sum = crc
    for (let place = 0, from = first; place < this.#ends.length; place++) {
      const end = this.#ends[place] as number
      sum = putHead(buffer, from, end, sum)
      from = end + 1 + HEAD
    }
    return { bytes: buffer.subarray(first - HEAD, this.#size), crc: sum }
  }

  /** Where the first body begins: the mark stands before it, in the place of its brace. */
  #markFirst(commit: number): number {
    const { buffer } = this.#json
    const brace = MARK_ROOM + HEAD
    const mark = commit === 0 ? '{' : `${COMMIT_MARK}${commit},`
    const first = brace + 1 - mark.length
    buffer.write(mark, first, 'latin1')
    return first
  }
}

/** One frame, after one with the checksum `crc`. */
export function frameOf(body: string, crc: number): Sealed {
  const size = Buffer.byteLength(body)
  const bytes = Buffer.allocUnsafe(HEAD + size + 1)
  bytes.write(body, HEAD)
  bytes[HEAD + size] = NEWLINE
  return { bytes, crc: putHead(bytes, HEAD, HEAD + size, crc) }
}

/** Puts the head before the body from `from` to `end`; gives its checksum. */
function putHead(buffer: Buffer, from: number, end: number, crc: number): number {
  const sum = crc32(buffer.subarray(from, end), crc)
  writeHex(buffer, from - HEAD, end - from)
  buffer[from - 10] = SPACE
  writeHex(buffer, from - 9, sum)
  buffer[from - 1] = SPACE
  return sum
}

/** Frames that were read at once: the body of the n-th lies in `buffer` from `bounds[2 * n]` to `bounds[2 * n + 1]`. */
export interface Frames {
  readonly buffer: Buffer
  readonly bounds: readonly number[]
}

/**
 * The frames of the first `end` bytes of a file, many at a time, up to the first that is not whole and right; then where that is.
 * What it gives is good until the next is asked for. Holds one chunk, or the largest frame, in memory.
 */
export async function* readFrames(file: OpenFile, end: number): AsyncGenerator<Frames, FramesEnd, undefined> {
  let buffer: Buffer = Buffer.allocUnsafe(Math.min(end, CHUNK))
  let start = 0
  let held = 0
  let crc = 0
  for (;;) {
    const more = await readFully(file, buffer.subarray(held, Math.min(buffer.length, end - start)), start + held)
    held += more
    const found = parseFrames(buffer.subarray(0, held), end - start, crc)
    if (found.bounds.length > 0) yield { buffer, bounds: found.bounds }
    start += found.used
    held -= found.used
    crc = found.crc
    if (found.wanted === 0 || more === 0) return { bytes: start, crc }
    buffer = carry(buffer, found.used, held, found.wanted)
  }
}

/** Moves what is left of a chunk to the front of the next, which is large enough for the frame that is wanted. */
function carry(buffer: Buffer, used: number, held: number, wanted: number): Buffer {
  const next = wanted > buffer.length ? Buffer.allocUnsafe(wanted) : buffer
  buffer.copy(next, 0, used, used + held)
  return next
}

interface ParsedFrames extends Frames {
  readonly used: number
  readonly crc: number
  /** How long the next frame is, as far as that is known: more has to be read for it. 0 when it is not right. */
  readonly wanted: number
}

/** `left` is how many bytes there are until the end, those in `buffer` included. */
function parseFrames(buffer: Buffer, left: number, firstCrc: number): ParsedFrames {
  const bounds: number[] = []
  let used = 0
  let crc = firstCrc
  const stop = (wanted: number): ParsedFrames => ({ buffer, bounds, used, crc, wanted })
  for (;;) {
    if (buffer.length - used < HEAD) return stop(HEAD)
    const frame = parseHead(buffer, used)
    if (frame === undefined || frame.size > left - used) return stop(0)
    if (buffer.length - used < frame.size) return stop(frame.size)
    const from = used + HEAD
    const to = used + frame.size - 1
    if (buffer[to] !== NEWLINE || crc32(buffer.subarray(from, to), crc) !== frame.crc) return stop(0)
    bounds.push(from, to)
    used += frame.size
    crc = frame.crc
  }
}

/** What the first 18 bytes of a frame say; undefined when they are none. */
function parseHead(buffer: Buffer, at: number): { readonly size: number; readonly crc: number } | undefined {
  const length = readHex(buffer, at)
  const crc = readHex(buffer, at + 9)
  if (length < 1 || crc < 0 || buffer[at + 8] !== SPACE || buffer[at + 17] !== SPACE) return undefined
  return { size: HEAD + length + 1, crc }
}

/**
 * True when a whole commit began after byte `from`. A commit is written once the one before it is durable, so what stands at
 * `from` had been durable too: it is damaged, not torn. A frame counts by its looks, as its checksum hangs on what is damaged.
 */
export async function holdsLaterCommit(file: OpenFile, from: number, end: number): Promise<boolean> {
  const buffer = Buffer.allocUnsafe(Math.max(0, Math.min(end - from, CHUNK)))
  // Chunks overlap, so that no head is cut in two.
  for (let start = from + 1; start < end; start += CHUNK - 2 * HEAD) {
    const held = await readFully(file, buffer.subarray(0, end - start), start)
    for (let at = 0; ; at++) {
      at = buffer.indexOf(COMMIT_MARK, at)
      if (at < 0 || at >= held) break
      const head = at < HEAD ? undefined : parseHead(buffer, at - HEAD)
      if (head && (await endsInNewline(file, start + at - HEAD + head.size, end))) return true
    }
    if (held < CHUNK) break
  }
  return false
}

async function endsInNewline(file: OpenFile, size: number, end: number): Promise<boolean> {
  const last = new Uint8Array(1)
  return size <= end && (await file.read(last, size - 1)) === 1 && last[0] === NEWLINE
}

function writeHex(buffer: Buffer, at: number, value: number): void {
  for (let place = 7, rest = value; place >= 0; place--, rest >>>= 4) buffer[at + place] = HEX[rest & 15] as number
}

/** -1 for anything but eight digits as we write them: a capital would be a flipped bit. */
function readHex(buffer: Buffer, at: number): number {
  let value = 0
  for (let place = 0; place < 8; place++) {
    const byte = buffer[at + place] as number
    const digit = byte >= 0x30 && byte <= 0x39 ? byte - 0x30 : byte >= 0x61 && byte <= 0x66 ? byte - 0x57 : -1
    if (digit < 0) return -1
    value = value * 16 + digit
  }
  return value
}
