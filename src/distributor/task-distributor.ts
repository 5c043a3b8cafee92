import { CounterpointError } from '../errors.js'
import type { BuiltPools } from '../pools/build-pools.js'
import type { Intent } from '../pools/pool-intent.js'
import { distributorIssues } from './intent-check.js'
import { IntentMatcher, type Parts, type Ruling } from './intent-matcher.js'

/** What a distributor looks at. */
export interface DistributeRequest {
  readonly id: string
  readonly description: string
  /** The pool that the task names, if it names one. */
  readonly pool?: string
}

/**
 * Where a task goes: to one pool; to several, once it has been taken apart (`decompose`: the pools involved, each once,
 * in the order of the steps); or nowhere (`none`: the pools, nearest first). `confidence` is 0 to 1.
 */
export type Distribution =
  | { readonly kind: 'pool'; readonly pool: string; readonly confidence: number }
  | { readonly kind: 'decompose'; readonly pools: readonly string[]; readonly confidence: number }
  | { readonly kind: 'none'; readonly pools: readonly string[]; readonly confidence: number }

/**
 * What a classifier says: a pool, or several that are needed together, with a confidence from 0 to 1; `undefined` when
 * it does not know.
 */
export type Classification =
  | { readonly pool: string; readonly confidence: number }
  | { readonly pools: readonly string[]; readonly confidence: number }
  | undefined

/**
 * The host's own way to find a pool, asked when the rules are not sure: `text` is at most 8,192 characters, `pools` are
 * all names.
 */
export type Classifier = (text: string, pools: readonly string[]) => Classification | PromiseLike<Classification>

/** Options of a {@link TaskDistributor}. */
export interface TaskDistributorOptions {
  /**
   * What each pool declares, by the pool's name; at least one. A pool that no rule should find can be named by its
   * tasks all the same.
   */
  readonly intents: Readonly<Record<string, Intent>>
  /** Asked when the rules are below the threshold. It has no time limit here. Default: none. */
  readonly classifier?: Classifier
  /**
   * The least confidence to go by, 0 to 1. Default 0.4: a single word of weight 1 is enough (0.63), one each for two
   * pools is not (0.39).
   */
  readonly threshold?: number
  /** Where a task goes that nobody is sure about, with the low confidence. Default: nowhere, the answer is `none`. */
  readonly fallbackPool?: string
}

const DEFAULT_THRESHOLD = 0.4
/** What is read of a text, in characters (UTF-16): the intent of a request stands at its beginning. */
const LONGEST_TEXT = 8_192

/**
 * Finds the pool of a task: the one that it names, else by the pools' intents, else by the host's classifier.
 *
 * How the rules decide: each word, phrase, action and opening that a pool declared, and that the text has, adds its
 * weight to that pool's evidence, once; words of the example sentences add less, by how much more often that pool's
 * examples have them. A pool's odds are e^evidence - 1 against 1 for "none of them", and its confidence is its share of
 * all odds. A request for a whole thing that several pools declared a part of, or whose clauses open with actions of
 * different pools, is answered with `decompose`.
 *
 * Deterministic. The time is linear in the text, of which 8,192 characters are read. The intents are read once, before
 * the first task that names no pool: do not change them afterwards.
 *
 * ```ts
 * import { agentIntents } from 'counterpoint/intents'
 *
 * const distributor = new TaskDistributor({ intents: agentIntents, fallbackPool: 'codegen' })
 * const answer = await distributor.distribute({ id: 'a', description: 'Optimize slow queries' })
 * // { kind: 'pool', pool: 'database', confidence: 0.99 }
 * ```
 */
export class TaskDistributor {
  readonly #intents: ReadonlyMap<string, Intent>
  readonly #pools: readonly string[]
  readonly #classifier: Classifier | undefined
  readonly #threshold: number
  readonly #fallbackPool: string | undefined
  /** Made for the first task that names no pool: it takes some 20 ms for the intents that we ship. */
  #index: IntentMatcher | undefined

  /** @throws CounterpointError `INVALID_INPUT` with one issue for each option that is not as documented. */
  constructor(options: TaskDistributorOptions) {
    const issues = distributorIssues(options)
    if (issues.length > 0) {
      const list = issues.map(({ path, message }) => `${path}: ${message}`).join('; ')
      throw new CounterpointError('INVALID_INPUT', `The options of a TaskDistributor are not as documented. ${list}`, {
        issues,
      })
    }
    this.#intents = new Map(Object.entries(options.intents))
    this.#pools = Object.freeze([...this.#intents.keys()])
    this.#classifier = options.classifier
    this.#threshold = options.threshold ?? DEFAULT_THRESHOLD
    this.#fallbackPool = options.fallbackPool
  }

  /**
   * Synchronous unless the classifier is asked and answers with a promise. Never throws or rejects because of a
   * classifier.
   */
  distribute(task: DistributeRequest): Distribution | Promise<Distribution> {
    if (task.pool !== undefined) return { kind: 'pool', pool: task.pool, confidence: 1 }
    const text = task.description.slice(0, LONGEST_TEXT)
    this.#index ??= new IntentMatcher(this.#intents)
    const ruling = this.#index.rule(text)
    // A threshold of 0 asks for any evidence, not for none.
    if (ruling.confidence > 0 && ruling.confidence >= this.#threshold) return distribution(ruling)
    return this.#classifier ? this.#ask(this.#classifier, text, ruling) : this.#unsure(ruling)
  }

  #ask(classifier: Classifier, text: string, ruling: Ruling): Distribution | Promise<Distribution> {
    const decide = (answer: unknown): Distribution => this.#decide(answer, ruling)
    try {
      const answer = classifier(text, this.#pools)
      return isThenable(answer) ? Promise.resolve(answer).then(decide, () => decide(undefined)) : decide(answer)
    } catch {
      return decide(undefined)
    }
  }

  #decide(answer: unknown, ruling: Ruling): Distribution {
    const said = this.#validParts(answer)
    if (said && said.confidence >= this.#threshold) return distribution(said)
    const best = said && said.confidence > ruling.confidence ? said : ruling
    return this.#unsure({ ...best, nearest: [...new Set([...best.pools, ...ruling.nearest])] })
  }

  /** What a classifier said, as parts; undefined for anything that is not an answer, whatever it may be. */
  #validParts(answer: unknown): Parts | undefined {
    try {
      const { pool, pools = [pool], confidence } = answer as { pool?: unknown; pools?: unknown; confidence?: unknown }
      if (typeof confidence !== 'number' || !(confidence >= 0 && confidence <= 1)) return undefined
      if (!Array.isArray(pools)) return undefined
      const names = new Set<string>(pools)
      const areKnown = names.size > 0 && [...names].every(name => this.#pools.includes(name))
      return areKnown ? { pools: [...names], confidence } : undefined
    } catch {
      return undefined
    }
  }

  #unsure({ nearest, confidence }: Ruling): Distribution {
    if (this.#fallbackPool !== undefined) return { kind: 'pool', pool: this.#fallbackPool, confidence }
    return { kind: 'none', pools: nearest, confidence }
  }
}

function distribution({ pools, confidence }: Parts): Distribution {
  return pools.length === 1 ? { kind: 'pool', pool: pools[0], confidence } : { kind: 'decompose', pools, confidence }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
}

/** Finds the pool of a task that names none. `TaskDistributor` is the default. */
export type Distribute = (task: DistributeRequest) => Distribution | Promise<Distribution>

/** The host's distributor; else the intents of the pools decide; else a single pool takes everything. */
export function distributorOf(
  given: Distribute | { distribute: Distribute } | undefined,
  { intents, workers }: Pick<BuiltPools, 'intents' | 'workers'>,
): Distribute {
  if (typeof given === 'function') return given
  if (given) return task => given.distribute(task)
  const [first, second] = workers.keys()
  if (Object.keys(intents).length > 0) {
    const distributor = new TaskDistributor({ intents })
    return task => distributor.distribute(task)
  }
  if (first !== undefined && second === undefined) return () => ({ kind: 'pool', pool: first, confidence: 1 })
  return task => {
    const pools = [...workers.keys()]
    const message = `no pool for task "${task.id}": it names none, and no pool has an intent. Name its pool (${pools.join(', ')}), or give the pools intents`
    throw new CounterpointError('NO_POOL', message, { taskId: task.id, confidence: 0, pools })
  }
}
