import { stemsOf } from './stem.js'

/** What a tenfold difference between two pools' examples is worth: less than a declared word, which was chosen. */
const LEARNED_SHARE = 0.4
/** Each word is taken to stand in half an example more than it does: what was never seen is unlikely, not impossible. */
const SMOOTHING = 0.5

/** Evidence by the pool's place. */
type Evidence = readonly number[]

/**
 * What the example sentences of the pools teach (naive Bayes): a word speaks for a pool by how much more often that pool's examples have it
 * than those of the pool that has it least. The first word and the first two, as an opening, count as words of their own.
 */
export class ExampleWords {
  readonly #words: Map<string, Evidence> = new Map()
  readonly #openings: Map<string, Evidence> = new Map()

  constructor(examples: readonly (readonly string[])[]) {
    const texts = examples.map(list => list.map(stemsOf))
    learn(this.#words, texts, stems => stems)
    learn(this.#openings, texts, openingsOf)
  }

  /** Adds what the words from `from` up to `to` speak for, each word once. */
  addTo(evidence: number[], stems: readonly string[], from: number, to: number): void {
    const part = stems.slice(from, to)
    for (const stem of new Set(part)) add(evidence, this.#words.get(stem))
    for (const opening of openingsOf(part)) add(evidence, this.#openings.get(opening))
  }
}

function add(evidence: number[], more: Evidence | undefined): void {
  if (more) for (const [pool, weight] of more.entries()) evidence[pool] += weight
}

function openingsOf(stems: readonly string[]): readonly string[] {
  return [stems[0], stems.slice(0, 2).join(' ')]
}

function learn(
  into: Map<string, Evidence>,
  texts: readonly (readonly (readonly string[])[])[],
  wordsOf: (stems: readonly string[]) => readonly string[],
): void {
  const sizes = texts.map(({ length }) => length)
  const counts = new Map<string, number[]>()
  for (const [pool, list] of texts.entries()) {
    for (const stems of list) {
      for (const word of new Set(wordsOf(stems))) {
        const count = counts.get(word) ?? sizes.map(() => 0)
        count[pool]++
        counts.set(word, count)
      }
    }
  }
  for (const [word, count] of counts) into.set(word, evidenceOf(count, sizes))
}

/** A pool without examples says nothing: it neither gets evidence nor makes a word rare. */
function evidenceOf(count: readonly number[], sizes: readonly number[]): Evidence {
  const rates = count.map((times, pool) => (times + SMOOTHING) / (sizes[pool] + 2 * SMOOTHING))
  const taught = rates.filter((_, pool) => sizes[pool] > 0)
  const total = count.reduce((sum, times) => sum + times, 0)
  // One pool alone has nothing to be compared with but a pool as large whose examples never have the word.
  const least = taught.length > 1 ? Math.min(...taught) : SMOOTHING / (total + 2 * SMOOTHING)
  const trust = LEARNED_SHARE * (total / (total + 1))
  return rates.map((rate, pool) => (sizes[pool] > 0 ? Math.max(0, trust * Math.log(rate / least)) : 0))
}
