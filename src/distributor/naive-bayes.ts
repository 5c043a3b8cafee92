import { once } from '../core/once.js'
import { stemSet, stemsOf } from './read-text.js'

/** Naive Bayes assumes that the words of a sentence are independent. They are not, so its evidence is scaled down by this factor. */
const LEARNED_SHARE = 0.4
/**
 * Each pool gets one virtual example, in which a word is as frequent as in all examples together: a word that was never seen is
 * unlikely, not impossible.
 */
const SMOOTHING = 0.5

/** Function words. Ignored when only one pool has examples: otherwise the examples of the others show that they mean nothing. */
const functionWords = once(() =>
  stemSet(
    'a an the this that these those it its is are was were be been has have had do does did no not can could will ' +
      'would should may might i we you they he she our your their my me us them of in on at to for from with by as or ' +
      'and but if when than then so all any some each every who what which where how why there up out just also too very',
  ),
)

/** Evidence by the index of the pool. */
type Evidence = readonly number[]

/**
 * Learns from the example sentences of the pools (naive Bayes): the evidence of a word for a pool is how much more often that pool's
 * examples contain it than those of the pool that contains it least. The first word and the first two words of a sentence count as
 * words of their own.
 */
export class NaiveBayes {
  readonly #words: ReadonlyMap<string, Evidence>
  readonly #openings: ReadonlyMap<string, Evidence>

  constructor(examples: readonly (readonly string[])[]) {
    const texts = examples.map(list => list.map(stemsOf))
    this.#words = learn(texts, stems => stems)
    this.#openings = learn(texts, openingsOf)
  }

  /** Adds the evidence of the words from `from` to `to`. Each word counts once. */
  addTo(evidence: number[], stems: readonly string[], from: number, to: number): void {
    const part = stems.slice(from, to)
    for (const stem of new Set(part)) add(evidence, this.#words.get(stem))
    for (const opening of openingsOf(part)) add(evidence, this.#openings.get(opening))
  }
}

function add(evidence: number[], more: Evidence | undefined): void {
  for (const [pool, weight] of more?.entries() ?? []) evidence[pool] += weight
}

function openingsOf(stems: readonly string[]): readonly string[] {
  return [stems[0], stems.slice(0, 2).join(' ')]
}

function learn(
  texts: readonly (readonly (readonly string[])[])[],
  wordsOf: (stems: readonly string[]) => readonly string[],
): ReadonlyMap<string, Evidence> {
  const sizes = texts.map(({ length }) => length)
  const isAlone = sizes.filter(size => size > 0).length === 1
  const counts = new Map<string, number[]>()
  for (const [pool, list] of texts.entries()) {
    for (const word of list.flatMap(stems => [...new Set(wordsOf(stems))])) {
      const count = counts.get(word) ?? sizes.map(() => 0)
      count[pool]++
      counts.set(word, count)
    }
  }
  const isIgnored = (word: string): boolean => isAlone && word.split(' ').every(part => functionWords().has(part))
  const learned = [...counts].filter(([word]) => !isIgnored(word))
  return new Map(learned.map(([word, count]) => [word, evidenceOf(count, sizes)]))
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0)
}

/** A pool without examples gets no evidence, and does not count as one that never has the word. */
function evidenceOf(count: readonly number[], sizes: readonly number[]): Evidence {
  // The virtual example keeps a pool with few examples close to the average.
  const overall = (sum(count) + SMOOTHING) / (sum(sizes) + 2 * SMOOTHING)
  const rates = count.map((times, pool) => (times + 2 * SMOOTHING * overall) / (sizes[pool] + 2 * SMOOTHING))
  const taught = rates.filter((_, pool) => sizes[pool] > 0)
  // A single pool with examples is compared with one of the same size that never has the word.
  const never = SMOOTHING / (Math.max(...sizes) + 2 * SMOOTHING)
  const least = taught.length > 1 ? Math.min(...taught) : never
  const total = sum(count)
  const scale = LEARNED_SHARE * (total / (total + 1))
  return rates.map((rate, pool) => (sizes[pool] > 0 ? scale * Math.log(rate / least) : 0))
}
