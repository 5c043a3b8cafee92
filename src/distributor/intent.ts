import type { Weighted } from '../pools/pool-intent.js'

/** Most words in an entry of an intent: it bounds the walk from each word of a text, and with it the time. */
export const LONGEST_PHRASE = 64

/** The entries of a list with their weights. */
export function weighted(list: Weighted | undefined, defaultWeight: number): readonly (readonly [string, number])[] {
  if (list === undefined) return []
  return isArray(list) ? list.map(text => [text, defaultWeight] as const) : Object.entries(list)
}

const isArray: (list: Weighted) => list is readonly string[] = Array.isArray

/** One weight for a list of words or phrases, with commas between them. */
export function each(weight: number, list: string): Readonly<Record<string, number>> {
  return Object.fromEntries(list.split(',').map(text => [text.trim(), weight]))
}

/** Example sentences, with bars or line ends between them. */
export function sentences(text: string): readonly string[] {
  const trimmed = text.split(/[|\n]/).map(sentence => sentence.trim())
  return trimmed.filter(sentence => sentence !== '')
}
