import { isThenable } from '../core/is-thenable.js'
import { cutText } from '../core/text.js'
import { CounterpointError } from '../errors.js'
import { checkMembers, type MemberTypes } from '../options-check.js'
import type { BuiltPools } from '../pools/build-pools.js'
import type { Intent } from '../pools/pool-intent.js'
import { checkDistributorOptions } from './intent-check.js'
import { type IntentMatch, IntentMatcher, type PoolMatch } from './intent-matcher.js'

/** The task to find a pool for. */
export interface DistributeRequest {
  readonly id: string
  readonly description: string
  /** The pool that the task names, if it names one. */
  readonly pool?: string | undefined
}

/**
 * Where a task goes: to one pool (`pool`); to several, one task for each (`decompose`: each pool once, in the order of the steps); or
 * to none (`none`: all pools, best match first). `confidence` is 0 to 1.
 */
export type Distribution =
  | { readonly kind: 'pool'; readonly pool: string; readonly confidence: number }
  | { readonly kind: 'decompose'; readonly pools: readonly string[]; readonly confidence: number }
  | { readonly kind: 'none'; readonly pools: readonly string[]; readonly confidence: number }

/** The answer of a classifier: one pool, or several that are needed together, with a confidence from 0 to 1; `undefined` if unknown. */
export type Classification =
  | { readonly pool: string; readonly confidence: number }
  | { readonly pools: readonly string[]; readonly confidence: number }
  | undefined

/**
 * The host's own way to find a pool. Called when the rules are below the threshold, with at most 8,192 characters of `text` and the names
 * of all pools.
 */
export type Classifier = (text: string, pools: readonly string[]) => Classification | PromiseLike<Classification>

/** Options of a {@link TaskDistributor}. */
export interface TaskDistributorOptions {
  /** The intents by the names of their pools; at least one. Tasks may still name pools that have no intent. */
  readonly intents: Readonly<Record<string, Intent>>
  /** Called when the rules are below the threshold. It has no timeout here. Default: none. */
  readonly classifier?: Classifier | undefined
  /**
   * The least confidence to choose a pool, 0 to 1. Default 0.4: one word of weight 1 is enough (0.63), one for each of two pools is not
   * (0.39).
   */
  readonly threshold?: number | undefined
  /** The pool of tasks below the threshold; the answer then has the low confidence. Default: none, the answer is `none`. */
  readonly fallbackPool?: string | undefined
}

const DEFAULT_THRESHOLD = 0.4
/** What is read of a task. */
const DISTRIBUTED: MemberTypes = { description: 'string' }
/** The most characters read of a description. */
const MAX_TEXT_LENGTH = 8_192

/**
 * Finds the pool of a task: the one that it names, else by the intents of the pools, else by the host's classifier.
 *
 * The rules: each word, phrase, action and opening of an intent that occurs in the text adds its weight to the evidence for the pool,
 * once. Words of the example sentences add less, by how much more often the examples of that pool contain them. The odds of a pool are
 * e^evidence - 1, those of "none of them" are 1, and its confidence is its share of all odds. The answer is `decompose` for a request
 * that matches a `partOf` of several pools, or whose clauses start with actions of different pools.
 *
 * Deterministic. Takes time linear in the text, of which 8,192 characters are read. The intents are read once, before the first task
 * that names no pool: do not change them afterwards.
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
  /** Built for the first task that names no pool: takes about 20 ms for the intents of `counterpoint/intents`. */
  #matcher: IntentMatcher | undefined

  /** @throws CounterpointError `INVALID_INPUT` with one issue for each unknown or invalid option. */
  constructor(options: TaskDistributorOptions) {
    checkDistributorOptions(options)
    this.#intents = new Map(Object.entries(options.intents))
    this.#pools = Object.freeze([...this.#intents.keys()])
    this.#classifier = options.classifier
    this.#threshold = options.threshold ?? DEFAULT_THRESHOLD
    this.#fallbackPool = options.fallbackPool
  }

  /**
   * Synchronous unless the classifier returns a promise. A classifier that throws or rejects has no answer.
   * @throws CounterpointError `INVALID_INPUT` for a task that is no object with a `description`.
   */
  distribute(task: DistributeRequest): Distribution | Promise<Distribution> {
    checkMembers(task, DISTRIBUTED, 'task')
    if (task.pool !== undefined) return { kind: 'pool', pool: task.pool, confidence: 1 }
    const text = cutText(task.description, MAX_TEXT_LENGTH, 'start', '')
    this.#matcher ??= new IntentMatcher(this.#intents)
    const match = this.#matcher.match(text)
    // A threshold of 0 still requires some evidence.
    if (match.confidence > 0 && match.confidence >= this.#threshold) return distributionOf(match)
    return this.#classifier ? this.#classify(this.#classifier, text, match) : this.#belowThreshold(match)
  }

  #classify(classifier: Classifier, text: string, match: IntentMatch): Distribution | Promise<Distribution> {
    const decide = (answer: unknown): Distribution => this.#decide(this.#readAnswer(answer), match)
    try {
      const answer = classifier(text, this.#pools)
      return isThenable(answer) ? Promise.resolve(answer).then(decide, () => decide(undefined)) : decide(answer)
    } catch {
      return decide(undefined)
    }
  }

  #decide(answer: PoolMatch | undefined, match: IntentMatch): Distribution {
    if (answer && answer.confidence >= this.#threshold) return distributionOf(answer)
    const best = answer && answer.confidence > match.confidence ? answer : match
    return this.#belowThreshold({ ...best, nearest: [...new Set([...best.pools, ...match.nearest])] })
  }

  /** Undefined for anything that is not a valid classification of known pools. */
  #readAnswer(answer: unknown): PoolMatch | undefined {
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

  #belowThreshold({ nearest, confidence }: IntentMatch): Distribution {
    if (this.#fallbackPool !== undefined) return { kind: 'pool', pool: this.#fallbackPool, confidence }
    return { kind: 'none', pools: nearest, confidence }
  }
}

function distributionOf({ pools, confidence }: PoolMatch): Distribution {
  return pools.length === 1 ? { kind: 'pool', pool: pools[0], confidence } : { kind: 'decompose', pools, confidence }
}

/** Finds the pool of a task that names none. Default: a `TaskDistributor`. */
export type Distribute = (task: DistributeRequest) => Distribution | Promise<Distribution>

/** The host's distributor; else one for the intents of the pools, if there are any; else the only pool that has a backend. */
export function distributorOf(
  given: Distribute | { distribute: Distribute } | undefined,
  { intents, workers }: Pick<BuiltPools, 'intents' | 'workers'>,
): Distribute {
  if (typeof given === 'function') return given
  if (given) return task => given.distribute(task)
  if (Object.keys(intents).length > 0) {
    const distributor = new TaskDistributor({ intents })
    return task => distributor.distribute(task)
  }
  const pools = [...workers].filter(([, { backend }]) => backend !== undefined).map(([name]) => name)
  const [first, second] = pools
  if (first !== undefined && second === undefined) return () => ({ kind: 'pool', pool: first, confidence: 1 })
  const reason =
    first === undefined
      ? 'no pool has a backend. Give the task a run function (graph.task), or the orchestrator a pool with a backend'
      : `it names none, and no pool has an intent. Name its pool (${pools.join(', ')}), or give intents to the pools`
  return task => {
    const message = `no pool for task "${task.id}": ${reason}`
    throw new CounterpointError('NO_POOL', message, { taskId: task.id, confidence: 0, pools })
  }
}
