import type { Weighted } from '../pools/pool-intent.js'

/** Most words in an entry of an intent: it bounds the walk from each word of a text, and with it the time. */
export const LONGEST_PHRASE = 64

/** The entries of a list with their weights. */
export function weighted(list: Weighted | undefined, defaultWeight: number): readonly (readonly [string, number])[] {
  if (list === undefined) return []
  return isArray(list) ? list.map(text => [text, defaultWeight] as const) : Object.entries(list)
}

const isArray: (list: Weighted) => list is readonly string[] = Array.isArray
