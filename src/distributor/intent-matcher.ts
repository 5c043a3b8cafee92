import type { Intent } from '../pools/pool-intent.js'
import { weighted } from './intent.js'
import { NaiveBayes } from './naive-bayes.js'
import { type PhraseNode, PhraseTree } from './phrase-tree.js'
import { type Clause, type ReadText, readText, stemsOf, wordSet } from './stemmer.js'

/** One pool, or those that are needed together, each once. */
export interface Parts {
  readonly pools: readonly string[]
  readonly confidence: number
}

/** What the rules say of a text: the pools for it, and all pools, the nearest first. */
export interface Ruling extends Parts {
  readonly nearest: readonly string[]
}

interface Ranked {
  readonly pool: string
  readonly confidence: number
}

/**
 * More words between verb and thing than this, and it is another thing ("Build a fast little restaurant website" has
 * three).
 */
const MOST_BETWEEN = 4
/** In the first so many clauses steps are looked for. It bounds the time for a text of nothing but "and". */
const MOST_CLAUSES = 64
/** A clause is a step of its own when its confidence, read alone, is at least this. */
const STEP_CONFIDENCE = 0.6
/** How sure a request for a whole thing is to need all the pools that declare it. */
const WHOLE_CONFIDENCE = 0.9

/** Words after which a thing is no longer the object of the verb, or ends to be described. */
const JOINT = wordSet(
  'for with in on at to from of by using via that which where who and or so because as including like',
)
/** What people say before they say what they want. */
const LEADS: readonly string[] = (
  'please, also, now, next, first, finally, kindly, just, hi, hello, then, can you, could you, would you, will you, ' +
  'you should, we should, we must, you must, help me, help us, let s, we need, i need, we want, i want, i d like, ' +
  'we d like, i would like, we would like, to, you to'
).split(', ')

const ARTICLES = wordSet('a an the')

const leads = new PhraseTree()
for (const lead of LEADS) leads.add(stemsOf(lead), 0, 1)

/** The intents of all pools, built once and asked for every task. Time: linear in the text. */
export class IntentMatcher {
  readonly pools: readonly string[]
  readonly #words: PhraseTree = new PhraseTree()
  readonly #actions: PhraseTree = new PhraseTree()
  readonly #openings: PhraseTree = new PhraseTree()
  readonly #learned: NaiveBayes
  readonly #wholes: Map<string, PhraseTree> = new Map()

  constructor(intents: ReadonlyMap<string, Intent>) {
    this.pools = [...intents.keys()]
    const all = [...intents.values()]
    for (const [pool, intent] of all.entries()) {
      for (const [text, weight] of weighted(intent.words, 1)) this.#words.add(stemsOf(text), pool, weight)
      for (const [text, weight] of weighted(intent.phrases, 2)) this.#words.add(stemsOf(text), pool, weight)
      for (const [text, weight] of weighted(intent.actions, 1)) this.#actions.add(stemsOf(text), pool, weight)
      for (const [text, weight] of weighted(intent.openings, 1)) this.#openings.add(stemsOf(text), pool, weight)
      for (const text of intent.partOf ?? []) this.#addWhole(stemsOf(text), pool)
    }
    this.#learned = new NaiveBayes(all.map(intent => intent.examples ?? []))
  }

  #addWhole([verb, ...thing]: readonly string[], pool: number): void {
    const things = this.#wholes.get(verb) ?? new PhraseTree()
    things.add(thing, pool, 1)
    this.#wholes.set(verb, things)
  }

  /** Finds the pool for a text, or those that it needs together. */
  rule(text: string): Ruling {
    const read = readText(text)
    const ranking = this.#ranked(this.#evidence(read, 0, read.stems.length))
    const { pools, confidence } = this.#whole(read) ?? this.#steps(read) ?? partsOf(ranking[0])
    return { pools, confidence, nearest: [...new Set([...pools, ...ranking.map(({ pool }) => pool)])] }
  }

  /** Each phrase counts once, so that saying a word often proves no more than saying it. */
  #evidence({ stems, clauses }: ReadText, from: number, to: number): number[] {
    const found = new Set<PhraseNode>()
    for (let at = from; at < to; at++) for (const [node] of this.#words.from(stems, at, to)) found.add(node)
    for (const clause of clauses) {
      const isOpening = clause.from === from || (clause.fresh && clause.from >= from && clause.to <= to)
      if (!isOpening) continue
      for (const tree of [this.#actions, this.#openings])
        for (const node of opening(tree, stems, clause)) found.add(node)
    }
    const evidence = this.pools.map(() => 0)
    this.#learned.addTo(evidence, stems, from, to)
    for (const { weights } of found) for (const [pool, weight] of weights) evidence[pool] += weight
    return evidence
  }

  /**
   * Every pool with its confidence, the likeliest first, equal ones as they were declared.
   *
   * A pool's odds are e^evidence - 1, and 1 is left for "none of them". Its confidence is its share of all odds, so 0.5
   * means likelier than everything else together. Shifted by the highest evidence: the exponential cannot overflow.
   */
  #ranked(evidence: readonly number[]): readonly Ranked[] {
    const top = evidence.reduce((most, one) => Math.max(most, one), 0)
    const none = Math.exp(-top)
    const odds = evidence.map(one => Math.exp(one - top) - none)
    const sum = odds.reduce((total, one) => total + one, none)
    return this.pools
      .map((pool, i) => ({ pool, confidence: odds[i] / sum }))
      .sort((one, other) => other.confidence - one.confidence)
  }

  #whole({ stems, clauses }: ReadText): Parts | undefined {
    if (clauses.length === 0) return undefined
    const start = afterLeads(stems, clauses[0])
    const verbAt = ARTICLES.has(stems[start]) ? start + 1 : start
    const { to } = clauses[0]
    const things = this.#wholes.get(stems[verbAt])
    for (let at = verbAt + 1; things && at < to && at <= verbAt + 1 + MOST_BETWEEN && !JOINT.has(stems[at]); at++) {
      for (const [node, end] of things.from(stems, at, to)) {
        const isObject = end === to || JOINT.has(stems[end])
        if (isObject && node.weights.size > 1) return this.#together([...node.weights.keys()], WHOLE_CONFIDENCE)
      }
    }
    return undefined
  }

  /** Steps are clauses that open with an action of some pool, and that are, each read alone, for that pool. */
  #steps(text: ReadText): Parts | undefined {
    const pools = new Set<number>()
    let confidence = 1
    for (const [i, clause] of text.clauses.slice(0, MOST_CLAUSES).entries()) {
      const step = this.#step(text, clause, text.clauses[i + 1])
      if (step === undefined) continue
      pools.add(step.pool)
      confidence = Math.min(confidence, step.confidence)
    }
    return pools.size > 1 ? this.#together([...pools], confidence) : undefined
  }

  #step(text: ReadText, clause: Clause, next: Clause | undefined): { pool: number; confidence: number } | undefined {
    const actions = opening(this.#actions, text.stems, clause)
    if (actions.length === 0) return undefined
    const [first] = this.#ranked(this.#evidenceOfStep(text, clause, next))
    const pool = this.pools.indexOf(first.pool)
    const fits = first.confidence >= STEP_CONFIDENCE && actions.some(node => node.weights.has(pool))
    return fits ? { pool, confidence: first.confidence } : undefined
  }

  /** "Find and fix holes": a bare verb is read with the object of the verb after it. */
  #evidenceOfStep({ stems }: ReadText, clause: Clause, next: Clause | undefined): number[] {
    const isBare = clause.to - afterLeads(stems, clause) === 1 && next !== undefined && !next.fresh
    if (!isBare) return this.#evidence({ stems, clauses: [clause] }, clause.from, clause.to)
    const joined = [...stems.slice(clause.from, clause.to), ...stems.slice(next.from + 1, next.to)]
    const whole = { from: 0, to: joined.length, fresh: true }
    return this.#evidence({ stems: joined, clauses: [whole] }, 0, joined.length)
  }

  #together(pools: readonly number[], confidence: number): Parts {
    return { pools: pools.map(pool => this.pools[pool]), confidence }
  }
}

function partsOf({ pool, confidence }: Ranked): Parts {
  return { pools: [pool], confidence }
}

/** What a clause opens with, before or after "please" and the like. */
function opening(tree: PhraseTree, stems: readonly string[], clause: Clause): PhraseNode[] {
  const starts = new Set([clause.from, afterLeads(stems, clause)])
  return [...starts].flatMap(start => Array.from(tree.from(stems, start, clause.to), ([node]) => node))
}

/** The first word of a clause after "please", "could you" and the like. */
function afterLeads(stems: readonly string[], clause: Clause): number {
  let at = clause.from
  for (;;) {
    const ends = Array.from(leads.from(stems, at, clause.to), ([, end]) => end)
    if (ends.length === 0) return at
    at = ends[ends.length - 1]
  }
}
