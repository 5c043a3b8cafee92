import type { Json } from './json.js'
import { isPair } from './text.js'

/** The size of a value as JSON in UTF-8, without making the text. Counts only until it is more than `max`: then some number above that. */
export function jsonBytes(value: Json, max: number = Number.POSITIVE_INFINITY): number {
  if (typeof value === 'string') return stringBytes(value, max)
  if (typeof value !== 'object' || value === null) return String(value).length
  // With the opening bracket; each member has a comma or the closing bracket after it.
  let bytes = 1
  if (Array.isArray(value)) {
    for (const item of value as readonly Json[]) {
      bytes += 1 + jsonBytes(item, max - bytes)
      if (bytes > max) return bytes
    }
    return Math.max(bytes, 2)
  }
  for (const key of Object.keys(value)) {
    const member = (value as Readonly<Record<string, Json>>)[key] as Json
    bytes += stringBytes(key, max) + 2 + jsonBytes(member, max - bytes)
    if (bytes > max) return bytes
  }
  return Math.max(bytes, 2)
}

/** A character that takes more than one byte. */
const LONG = /[^ !#-[\]-\x7f]/
/** A pattern is faster than a loop only for longer texts. */
const SHORT = 64

/** The quotes included. */
function stringBytes(text: string, max: number): number {
  const least = text.length + 2
  if (least > max || (text.length > SHORT && !LONG.test(text))) return least
  let bytes = 2
  for (let i = 0; i < text.length && bytes <= max; i++) {
    const code = text.charCodeAt(i)
    if (code < 0x80) bytes += asciiBytes(code)
    else if (code < 0x800) bytes += 2
    // A surrogate without the other one is escaped: `\ud800`.
    else if (code < 0xd800 || code > 0xdfff) bytes += 3
    else if (isPair(code, text.charCodeAt(i + 1))) {
      bytes += 4
      i++
    } else bytes += 6
  }
  return bytes
}

/** `\b`, `\t`, `\n`, `\f`, `\r`, `\"` and `\\` have two characters, the other control characters six: `\u0000`. */
function asciiBytes(code: number): number {
  if (code === 0x22 || code === 0x5c) return 2
  if (code >= 0x20) return 1
  return code >= 8 && code <= 13 && code !== 11 ? 2 : 6
}
