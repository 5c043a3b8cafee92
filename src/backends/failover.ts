import type { PoolBackend } from './pool-backend.js'

/** Which backend of a pool an attempt should get. Default: the first that may be used. */
export interface BackendPreference {
  /** One that comes after the backend of this name, continuing at the start of the list; that one itself only if no other may be used. */
  readonly after?: string
  /** The last one that may be used: the cheapest. */
  readonly cheapest?: true
}

/**
 * The backend for the next attempt; undefined when none may be used now. `backends` are sorted by preference, the cheapest last. A pool
 * thus fails over while its first backend is unhealthy, and returns to it as soon as a probe was answered.
 */
export function pickBackend(
  backends: readonly PoolBackend[],
  now: number,
  { after, cheapest }: BackendPreference = {},
): PoolBackend | undefined {
  if (cheapest) {
    const usable = backends.filter(backend => backend.canStart(now))
    return usable.findLast(({ name }) => name !== after) ?? usable[0]
  }
  // An unknown name (renamed before a resume) has the index -1: the search begins with the first backend.
  const first = after === undefined ? 0 : backends.findIndex(({ name }) => name === after) + 1
  return [...backends.slice(first), ...backends.slice(0, first)].find(backend => backend.canStart(now))
}
