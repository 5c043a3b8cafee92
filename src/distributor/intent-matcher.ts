import { once } from '../core/once.js'
import type { Intent, Weighted } from '../pools/pool-intent.js'
import { NaiveBayes } from './naive-bayes.js'
import { type PhraseNode, PhraseTree } from './phrase-tree.js'
import { type Clause, type ReadText, readText, stemSet, stemsOf } from './read-text.js'

/** The pool for a text, or the pools that are needed together, each once. */
export interface PoolMatch {
  readonly pools: readonly string[]
  readonly confidence: number
}

/** A match with the names of all pools, best first. */
export interface IntentMatch extends PoolMatch {
  readonly nearest: readonly string[]
}

interface RankedPool {
  readonly pool: string
  readonly confidence: number
}

/** With more words than this between verb and object it is a different object ("Build a fast little restaurant website" has three). */
const MAX_WORDS_BETWEEN = 4
/** Only the first clauses are searched for steps. Bounds the time for a text of nothing but "and". */
const MAX_STEP_CLAUSES = 64
/** The least confidence of a clause, read alone, to count as a step. */
const MIN_STEP_CONFIDENCE = 0.6
/** The confidence of a request that matches a `partOf` of several pools. */
const WHOLE_REQUEST_CONFIDENCE = 0.9

/** Words that end the object of a verb. */
const objectEnd = once(() =>
  stemSet('for with in on at to from of by using via that which where who and or so because as including like'),
)
/** What may precede a request. */
const LEAD_INS: readonly string[] = (
  'please, also, now, next, first, finally, kindly, just, hi, hello, then, can you, could you, would you, will you, ' +
  'you should, we should, we must, you must, help me, help us, let s, we need, i need, we want, i want, i d like, ' +
  'we d like, i would like, we would like, to, you to'
).split(', ')

const articles = once(() => stemSet('a an the'))

const leadIns = once(() => {
  const tree = new PhraseTree()
  for (const leadIn of LEAD_INS) tree.add(stemsOf(leadIn), 0, 1)
  return tree
})

/** Matches texts with the intents of all pools. Built once. A match takes time linear in the text. */
export class IntentMatcher {
  readonly pools: readonly string[]
  readonly #phrases = new PhraseTree()
  readonly #actions = new PhraseTree()
  readonly #openings = new PhraseTree()
  /** By verb: the objects of the `partOf` entries. */
  readonly #wholeRequests = new Map<string, PhraseTree>()
  readonly #learned: NaiveBayes

  constructor(intents: ReadonlyMap<string, Intent>) {
    this.pools = [...intents.keys()]
    for (const [pool, intent] of [...intents.values()].entries()) {
      addAll(this.#phrases, pool, intent.words, 1)
      addAll(this.#phrases, pool, intent.phrases, 2)
      addAll(this.#actions, pool, intent.actions, 1)
      addAll(this.#openings, pool, intent.openings, 1)
      for (const text of intent.partOf ?? []) this.#addWholeRequest(stemsOf(text), pool)
    }
    this.#learned = new NaiveBayes(Array.from(intents.values(), ({ examples = [] }) => examples))
  }

  #addWholeRequest([verb, ...object]: readonly string[], pool: number): void {
    const objects = this.#wholeRequests.get(verb) ?? new PhraseTree()
    objects.add(object, pool, 1)
    this.#wholeRequests.set(verb, objects)
  }

  /** Finds the pool for a text, or the pools that it needs together. */
  match(text: string): IntentMatch {
    const read = readText(text)
    const ranking = this.#rank(this.#evidence(read, 0, read.stems.length))
    const [{ pool, confidence }] = ranking
    const found = this.#matchWholeRequest(read) ?? this.#matchSteps(read) ?? { pools: [pool], confidence }
    return { ...found, nearest: [...new Set([...found.pools, ...ranking.map(ranked => ranked.pool)])] }
  }

  /** The evidence for each pool in the words from `from` to `to`. Each phrase counts once, however often it occurs. */
  #evidence({ stems, clauses }: ReadText, from: number, to: number): number[] {
    const found = new Set<PhraseNode>()
    for (let i = from; i < to; i++) for (const [node] of this.#phrases.startingAt(i, stems, to)) found.add(node)
    for (const clause of clauses) {
      const isOpening = clause.from === from || (clause.startsSentence && clause.from >= from && clause.to <= to)
      if (!isOpening) continue
      for (const tree of [this.#actions, this.#openings])
        for (const node of openingPhrases(tree, stems, clause)) found.add(node)
    }
    const evidence = this.pools.map(() => 0)
    this.#learned.addTo(evidence, stems, from, to)
    for (const { weights } of found) for (const [pool, weight] of weights) evidence[pool] += weight
    return evidence
  }

  /**
   * Every pool with its confidence, highest first, equal ones in the order of their declaration.
   *
   * The odds of a pool are e^evidence - 1, those of "none of them" are 1. Its confidence is its share of all odds: 0.5 means more likely
   * than everything else together. All exponents are shifted by the highest evidence, so that none overflows.
   */
  #rank(evidence: readonly number[]): readonly RankedPool[] {
    const highest = evidence.reduce((a, b) => Math.max(a, b), 0)
    const none = Math.exp(-highest)
    const odds = evidence.map(one => Math.exp(one - highest) - none)
    const sum = odds.reduce((a, b) => a + b, none)
    return this.pools
      .map((pool, i) => ({ pool, confidence: odds[i] / sum }))
      .sort((one, other) => other.confidence - one.confidence)
  }

  /** A request whose first verb and object are a `partOf` of several pools. */
  #matchWholeRequest({ stems, clauses }: ReadText): PoolMatch | undefined {
    if (clauses.length === 0) return undefined
    const start = skipLeadIns(stems, clauses[0])
    const verb = articles().has(stems[start]) ? start + 1 : start
    const { to } = clauses[0]
    const objects = this.#wholeRequests.get(stems[verb])
    const last = Math.min(to - 1, verb + 1 + MAX_WORDS_BETWEEN)
    for (let i = verb + 1; objects && i <= last && !objectEnd().has(stems[i]); i++) {
      for (const [node, end] of objects.startingAt(i, stems, to)) {
        const isObject = end === to || objectEnd().has(stems[end])
        if (isObject && node.weights.size > 1) return this.#matchOf(node.weights.keys(), WHOLE_REQUEST_CONFIDENCE)
      }
    }
    return undefined
  }

  /** A request in steps: clauses that start with an action of a pool and, each read alone, match that pool. */
  #matchSteps(text: ReadText): PoolMatch | undefined {
    const pools = new Set<number>()
    let confidence = 1
    for (const [i, clause] of text.clauses.slice(0, MAX_STEP_CLAUSES).entries()) {
      const step = this.#matchStep(text, clause, text.clauses[i + 1])
      if (step === undefined) continue
      pools.add(step.pool)
      confidence = Math.min(confidence, step.confidence)
    }
    return pools.size > 1 ? this.#matchOf(pools, confidence) : undefined
  }

  #matchStep(
    text: ReadText,
    clause: Clause,
    next: Clause | undefined,
  ): { pool: number; confidence: number } | undefined {
    const actions = openingPhrases(this.#actions, text.stems, clause)
    if (actions.length === 0) return undefined
    const [best] = this.#rank(this.#stepEvidence(text, clause, next))
    const pool = this.pools.indexOf(best.pool)
    const isStep = best.confidence >= MIN_STEP_CONFIDENCE && actions.some(node => node.weights.has(pool))
    return isStep ? { pool, confidence: best.confidence } : undefined
  }

  /** "Find and fix vulnerabilities": a verb alone is read with the object of the next verb. */
  #stepEvidence({ stems }: ReadText, clause: Clause, next: Clause | undefined): number[] {
    const isVerbAlone = clause.to - skipLeadIns(stems, clause) === 1 && next !== undefined && !next.startsSentence
    if (!isVerbAlone) return this.#evidence({ stems, clauses: [clause] }, clause.from, clause.to)
    const joined = [...stems.slice(clause.from, clause.to), ...stems.slice(next.from + 1, next.to)]
    const whole = { from: 0, to: joined.length, startsSentence: true }
    return this.#evidence({ stems: joined, clauses: [whole] }, 0, joined.length)
  }

  #matchOf(pools: Iterable<number>, confidence: number): PoolMatch {
    return { pools: Array.from(pools, pool => this.pools[pool]), confidence }
  }
}

function addAll(tree: PhraseTree, pool: number, entries: Weighted = [], defaultWeight: number): void {
  const weights: readonly (readonly [string, number])[] = Array.isArray(entries)
    ? entries.map(text => [text, defaultWeight] as const)
    : Object.entries(entries)
  for (const [text, weight] of weights) tree.add(stemsOf(text), pool, weight)
}

/** The phrases at the start of a clause, before or after its lead-ins. */
function openingPhrases(tree: PhraseTree, stems: readonly string[], clause: Clause): PhraseNode[] {
  const starts = new Set([clause.from, skipLeadIns(stems, clause)])
  return [...starts].flatMap(start => Array.from(tree.startingAt(start, stems, clause.to), ([node]) => node))
}

/** The index of the first word of a clause after "please", "could you" and the like. */
function skipLeadIns(stems: readonly string[], clause: Clause): number {
  let index = clause.from
  for (;;) {
    const longest = [...leadIns().startingAt(index, stems, clause.to)].at(-1)
    if (longest === undefined) return index
    index = longest[1]
  }
}
