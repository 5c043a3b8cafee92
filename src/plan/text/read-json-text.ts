import { issueOf, NotJsonError } from '../../core/json.js'
import { type BigIntegers, parseJson, withoutMark } from '../../core/json-text.js'
import type { CounterpointError } from '../../errors.js'
import { invalidPlan } from '../invalid-plan.js'
import { scanJson } from './json-scanner.js'

/** Bounds of {@link readJsonText}. */
export interface JsonTextLimits {
  /** Longest text, in bytes of UTF-8. */
  readonly maxBytes: number
  /** Deepest nesting of arrays and objects: 1 allows `[1]`, but not `[[1]]`. */
  readonly maxDepth: number
  /** Default `refuse`. */
  readonly bigIntegers?: BigIntegers | undefined
}

/**
 * Reads one JSON text (RFC 8259) from an untrusted source. A byte order mark is skipped. Stricter than `JSON.parse`: also rejects
 * duplicate keys, which parsers treat differently, and numbers that would be rounded; and reports the path, line and column of an error.
 *
 * @throws CounterpointError `INVALID_INPUT` for text that is too long or too deeply nested, invalid UTF-8, a duplicate key, and
 * anything that is not JSON (`NaN`, comments, trailing commas).
 */
export function readJsonText(
  source: string | Uint8Array,
  { maxBytes, maxDepth, bigIntegers }: JsonTextLimits,
): unknown {
  const text = typeof source === 'string' ? withinBytes(source, maxBytes) : decode(source, maxBytes)
  scanJson(text, maxDepth)
  try {
    return parseJson(text, bigIntegers)
  } catch (error) {
    if (error instanceof NotJsonError) throw invalidPlan([issueOf(error)])
    // The scanner does not inspect strings, so what is left is an invalid escape or a raw control character.
    throw invalidPlan([{ path: '$', message: `expected JSON: ${(error as Error).message}` }])
  }
}

function withinBytes(text: string, maxBytes: number): string {
  // A UTF-16 unit takes 1 to 3 bytes of UTF-8, so most texts need no counting.
  const tooLong = text.length > maxBytes || (text.length * 3 > maxBytes && byteLength(text) > maxBytes)
  if (tooLong) throw tooManyBytes(text.length > maxBytes ? `at least ${text.length}` : `${byteLength(text)}`, maxBytes)
  return withoutMark(text)
}

function decode(bytes: Uint8Array, maxBytes: number): string {
  if (bytes.length > maxBytes) throw tooManyBytes(`${bytes.length}`, maxBytes)
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    const message = `expected UTF-8, got an invalid byte at offset ${firstInvalidByte(bytes)}; save the text as UTF-8`
    throw invalidPlan([{ path: '$', message }])
  }
}

function tooManyBytes(got: string, maxBytes: number): CounterpointError {
  const message = `expected at most ${maxBytes} bytes, got ${got}; split it, or raise maxBytes`
  return invalidPlan([{ path: '$', message }])
}

function byteLength(text: string): number {
  return new TextEncoder().encode(text).length
}

/** A lenient decoder writes U+FFFD for an invalid byte: the first U+FFFD that the bytes do not contain themselves is it. */
function firstInvalidByte(bytes: Uint8Array): number {
  const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes)
  let offset = 0
  let from = 0
  for (let at = text.indexOf('\uFFFD'); at >= 0; at = text.indexOf('\uFFFD', from)) {
    offset += byteLength(text.slice(from, at))
    const isOwn = bytes[offset] === 0xef && bytes[offset + 1] === 0xbf && bytes[offset + 2] === 0xbd
    if (!isOwn) return offset
    offset += 3
    from = at + 1
  }
  return offset
}
