/** Reads values of unknown shape. Nothing here throws or loops forever, whatever a getter, a proxy or an iterator does. */

import { readMember } from '../core/read-member.js'

/** The value if it is a string with at least one character. */
export function nonEmptyString(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

/** The value if it is a finite number. */
export function finiteNumber(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined
}

/** A JSON text, as UTF-8 if given as bytes; undefined when it is not valid. */
export function readJson(text: string | Uint8Array): unknown {
  try {
    return JSON.parse(typeof text === 'string' ? text : new TextDecoder('utf-8', { fatal: true }).decode(text))
  } catch {
    return undefined
  }
}

/** More than any response has: the bound for an iterator that never ends. */
const MAX_HEADERS = 256

/**
 * Headers by their names in lower case, from a `Headers`, a `Map`, a list of pairs, or a record whose values may be lists.
 * Unreadable ones are skipped; of several with the same name the first counts.
 */
export function readHeaders(source: unknown): ReadonlyMap<string, string> {
  const headers = new Map<string, string>()
  try {
    let seen = 0
    for (const [name, value] of pairsOf(source)) {
      if (++seen > MAX_HEADERS) break
      const text = headerText(Array.isArray(value) ? value[0] : value)
      if (typeof name !== 'string' || text === undefined || headers.has(name.toLowerCase())) continue
      headers.set(name.toLowerCase(), text)
    }
  } catch {
    // The iterator threw: the headers before are good.
  }
  return headers
}

function pairsOf(source: unknown): Iterable<readonly [unknown, unknown]> {
  if (typeof source !== 'object' || source === null) return []
  if (typeof readMember(source, Symbol.iterator) === 'function') return source as Iterable<readonly [unknown, unknown]>
  return Object.keys(source).map(name => [name, readMember(source, name)])
}

function headerText(value: unknown): string | undefined {
  return typeof value === 'number' ? `${value}` : nonEmptyString(value)?.trim()
}
