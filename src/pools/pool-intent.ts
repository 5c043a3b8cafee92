/** Words or phrases with the weights of their evidence. In a list each has the default weight. */
export type Weighted = readonly string[] | Readonly<Record<string, number>>

/**
 * Describes the tasks of a pool, to recognise those that name no pool. All texts are plain, case-insensitive, and matched by their stems
 * ("migrate" also matches "migrating"); they are not patterns. A weight is in natural-log units of odds: 1 is a hint, 3 is nearly
 * certain. Several pools may have the same word: then their weights compete.
 */
export interface Intent {
  /** Words that count anywhere in the text. An entry of several words is matched as a phrase. Default weight 1. */
  readonly words?: Weighted | undefined
  /** Adjacent words in this order. They count in addition to the words in them. Default weight 2. */
  readonly phrases?: Weighted | undefined
  /** Verbs for the work of this pool. They count at the start of a request, and of each further step in it. Default weight 1. */
  readonly actions?: Weighted | undefined
  /** Other words or phrases that count only at the start of a request: "how many", "could someone". Default weight 1. */
  readonly openings?: Weighted | undefined
  /**
   * Whole requests, the more the better: a word counts for the pool whose examples contain it more often. A rare word weighs about 0.3.
   */
  readonly examples?: readonly string[] | undefined
  /**
   * Requests of which this pool does only a part: a verb and its object, such as "build website". Matches a request that starts with the
   * verb and this object ("Please build a small restaurant website for ..."). If it is in the intents of several pools, the request is
   * answered with `decompose`.
   */
  readonly partOf?: readonly string[] | undefined
}
