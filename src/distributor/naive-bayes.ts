import { stemsOf, wordSet } from './stemmer.js'

/**
 * The words of a sentence depend on each other, which naive Bayes denies: its evidence is too high, so this share of it
 * is taken.
 */
const LEARNED_SHARE = 0.4
/**
 * Each pool is taken to have one example more, in which a word stands as often as in all examples together:
 * what was never seen is unlikely, not impossible.
 */
const SMOOTHING = 0.5

/** Words that every sentence may have. Other pools' examples show that by themselves; without any they are left out. */
const COMMON = wordSet(
  'a an the this that these those it its is are was were be been has have had do does did no not can could will ' +
    'would should may might i we you they he she our your their my me us them of in on at to for from with by as or ' +
    'and but if when than then so all any some each every who what which where how why there up out just also too very',
)

/** Evidence by the pool's place. */
type Evidence = readonly number[]

/**
 * What the example sentences of the pools teach (naive Bayes): a word speaks for a pool by how much more often that
 * pool's examples have it than those of the pool that has it least. The first word and the first two, as an opening,
 * count as words of their own.
 */
export class NaiveBayes {
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
  if (more === undefined) return
  for (const [pool, weight] of more.entries()) evidence[pool] = evidence[pool] + weight
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
  const isAlone = sizes.filter(size => size > 0).length === 1
  const counts = new Map<string, number[]>()
  for (const [pool, list] of texts.entries()) {
    for (const word of list.flatMap(stems => [...new Set(wordsOf(stems))])) {
      const count = counts.get(word) ?? sizes.map(() => 0)
      count[pool]++
      counts.set(word, count)
    }
  }
  for (const [word, count] of counts) {
    const isCommon = isAlone && word.split(' ').every(part => COMMON.has(part))
    if (!isCommon) into.set(word, evidenceOf(count, sizes))
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0)
}

/** A pool without examples says nothing: it neither gets evidence nor makes a word rare. */
function evidenceOf(count: readonly number[], sizes: readonly number[]): Evidence {
  // A pool of few examples is taken to be like all of them together: it must not seem to know words that it never had.
  const overall = (sum(count) + SMOOTHING) / (sum(sizes) + 2 * SMOOTHING)
  const rates = count.map((times, pool) => (times + 2 * SMOOTHING * overall) / (sizes[pool] + 2 * SMOOTHING))
  const taught = rates.filter((_, pool) => sizes[pool] > 0)
  // A pool alone is compared with one of its size whose examples never have the word.
  const never = SMOOTHING / (Math.max(...sizes) + 2 * SMOOTHING)
  const least = taught.length > 1 ? Math.min(...taught) : never
  const total = count.reduce((sum, times) => sum + times, 0)
  const trust = LEARNED_SHARE * (total / (total + 1))
  return rates.map((rate, pool) => (sizes[pool] > 0 ? trust * Math.log(rate / least) : 0))
}
