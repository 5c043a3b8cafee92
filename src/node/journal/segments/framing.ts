import { crc32 } from 'node:zlib'
import { type OpenFile, readFully } from '../files/file-system.js'

// A frame is one line: the length of its body and a checksum, eight hexadecimal digits each, then the body.
//   0000001d 5f3a9c01 {"r":[{"type":"run.paused"...
// The checksum is the CRC-32 of the body, seeded with the checksum of the previous frame, as in etcd: a frame that is missing, duplicated
// or out of order is detected as reliably as one that is damaged. The seed of the first frame of a file is 0.
// A body is JSON, so it contains no newline.

const HEAD = 18
const SPACE = 0x20
const NEWLINE = 0x0a
const HEX = Buffer.from('0123456789abcdef')
const CHUNK = 1024 * 1024

/** The prefix of the first body of a commit. See {@link hasLaterCommit}. */
export const COMMIT_MARK = '{"c":'

/** Where the frames of a file end, and the checksum of the last one. */
export interface FramesEnd {
  readonly bytes: number
  readonly crc: number
}

/** Frames that are ready to be written. */
export interface SealedFrames {
  readonly bytes: Buffer
  /** The checksum of the last one. */
  readonly crc: number
}

/**
 * Writes a frame for each body, the first after a frame with the checksum `crc`. The first one gets the mark of commit number `commit`,
 * unless that is 0.
 */
export function sealFrames(bodies: readonly string[], crc: number, commit: number): SealedFrames {
  const marked = commit === 0 ? bodies : bodies.with(0, `${COMMIT_MARK}${commit},${(bodies[0] as string).slice(1)}`)
  const size = marked.reduce((sum, body) => sum + HEAD + Buffer.byteLength(body) + 1, 0)
  const bytes = Buffer.allocUnsafe(size)
  let end = 0
  let sum = crc
  for (const body of marked) {
    const start = end + HEAD
    end = start + bytes.write(body, start)
    sum = crc32(bytes.subarray(start, end), sum)
    writeHex(bytes, start - HEAD, end - start)
    bytes[start - HEAD + 8] = SPACE
    writeHex(bytes, start - HEAD + 9, sum)
    bytes[start - 1] = SPACE
    bytes[end++] = NEWLINE
  }
  return { bytes, crc: sum }
}

/** Frames that were read together: the body of the n-th is in `buffer` from `bounds[2 * n]` to `bounds[2 * n + 1]`. */
export interface Frames {
  readonly buffer: Buffer
  readonly bounds: readonly number[]
  /** Where `buffer` begins in the file. */
  readonly start: number
}

/** Where the n-th of these frames ends. */
export function endOfFrame({ buffer, bounds, start }: Frames, n: number): FramesEnd {
  const [from, to] = [bounds[2 * n] as number, bounds[2 * n + 1] as number]
  return { bytes: start + to + 1, crc: readHex(buffer, from - HEAD + 9) }
}

/**
 * Reads the frames in the first `end` bytes of a file, many at a time, up to the first that is incomplete or damaged. Returns where that
 * is. What it yields is valid until the next step. Holds one chunk, or the largest frame, in memory.
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
    if (found.bounds.length > 0) yield { buffer, bounds: found.bounds, start }
    start += found.used
    held -= found.used
    crc = found.crc
    if (found.wanted === 0 || more === 0) return { bytes: start, crc }
    buffer = carry(buffer, found.used, held, found.wanted)
  }
}

/** Moves the rest of a chunk to the front of the next one, which has room for a frame of `wanted` bytes. */
function carry(buffer: Buffer, used: number, held: number, wanted: number): Buffer {
  const next = wanted > buffer.length ? Buffer.allocUnsafe(wanted) : buffer
  buffer.copy(next, 0, used, used + held)
  return next
}

interface ParsedFrames extends Pick<Frames, 'bounds'> {
  readonly used: number
  readonly crc: number
  /** The least number of bytes that the next frame takes; 0 when it is damaged. */
  readonly wanted: number
}

/** `left` is the number of bytes up to the end, including those in `buffer`. */
function parseFrames(buffer: Buffer, left: number, firstCrc: number): ParsedFrames {
  const bounds: number[] = []
  let used = 0
  let crc = firstCrc
  const stop = (wanted: number): ParsedFrames => ({ bounds, used, crc, wanted })
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

/** Parses the first 18 bytes of a frame; undefined when they are invalid. */
function parseHead(buffer: Buffer, at: number): { readonly size: number; readonly crc: number } | undefined {
  const length = readHex(buffer, at)
  const crc = readHex(buffer, at + 9)
  if (length < 1 || crc < 0 || buffer[at + 8] !== SPACE || buffer[at + 17] !== SPACE) return undefined
  return { size: HEAD + length + 1, crc }
}

/**
 * True when a complete commit began after byte `from`. A commit is written only once the previous one is durable, so the bytes at `from`
 * were durable too: they are damaged, not torn. A frame counts by its shape, because its checksum depends on what is damaged.
 */
export async function hasLaterCommit(file: OpenFile, from: number, end: number): Promise<boolean> {
  const buffer = Buffer.allocUnsafe(Math.max(0, Math.min(end - from, CHUNK)))
  // Chunks overlap, so that no head is split between two.
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
  for (let i = 7, rest = value; i >= 0; i--, rest >>>= 4) buffer[at + i] = HEX[rest & 15] as number
}

/** -1 unless there are eight lower-case digits: a capital letter would be a flipped bit. */
function readHex(buffer: Buffer, at: number): number {
  let value = 0
  for (let i = 0; i < 8; i++) {
    const byte = buffer[at + i] as number
    const digit = byte >= 0x30 && byte <= 0x39 ? byte - 0x30 : byte >= 0x61 && byte <= 0x66 ? byte - 0x57 : -1
    if (digit < 0) return -1
    value = value * 16 + digit
  }
  return value
}
