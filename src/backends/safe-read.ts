/** Reading what others made. Nothing here throws, whatever a getter, a proxy or an iterator does, or goes on for ever. */

/** A member of anything; undefined when there is none, or a getter or trap throws. */
export function readMember(value: unknown, key: PropertyKey): unknown {
  try {
    return value === null || value === undefined ? undefined : (value as Record<PropertyKey, unknown>)[key]
  } catch {
    return undefined
  }
}

/** A member of a member of ...; undefined as soon as there is none. */
export function readPath(value: unknown, ...keys: readonly PropertyKey[]): unknown {
  return keys.reduce(readMember, value)
}

/** A string that says something. */
export function nonEmptyString(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

/** A number that can be reckoned with. */
export function finiteNumber(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined
}

/** More headers than any reply has: an iterator that never ends is left here. */
const MOST_HEADERS = 256

/**
 * Headers by their names in lower case: of a `Headers`, a `Map`, pairs, or a plain record, whose values may be lists.
 * What cannot be read is left out; the first of two headers of one name counts.
 */
export function readHeaders(source: unknown): ReadonlyMap<string, string> {
  const headers = new Map<string, string>()
  try {
    let seen = 0
    for (const [name, value] of pairsOf(source)) {
      if (++seen > MOST_HEADERS) break
      const text = headerText(Array.isArray(value) ? value[0] : value)
      if (typeof name !== 'string' || text === undefined || headers.has(name.toLowerCase())) continue
      headers.set(name.toLowerCase(), text)
    }
  } catch {
    // Headers that cannot be read any further: those before are good.
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
