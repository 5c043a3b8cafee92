/** Reads members of values of unknown shape. Nothing here throws, whatever a getter or a proxy does. */

/** A member of any value; undefined when it is missing, or when a getter or trap throws. */
export function readMember(value: unknown, key: PropertyKey): unknown {
  try {
    return value === null || value === undefined ? undefined : (value as Record<PropertyKey, unknown>)[key]
  } catch {
    return undefined
  }
}

/** The names of the members; none when a trap of a proxy throws. */
export function keysOf(value: object): readonly string[] {
  try {
    return Object.keys(value)
  } catch {
    return []
  }
}

/** A nested member; undefined when one on the way is missing. */
export function readPath(value: unknown, ...keys: readonly PropertyKey[]): unknown {
  return keys.reduce(readMember, value)
}

/** `instanceof`, which throws for a proxy whose traps do. */
export function isInstance<T>(type: abstract new (...args: never[]) => T, value: unknown): value is T {
  try {
    return value instanceof type
  } catch {
    return false
  }
}
