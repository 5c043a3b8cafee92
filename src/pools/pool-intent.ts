/** Words or phrases, each with the weight of its evidence: an array gives all of them the default weight. */
export type Weighted = readonly string[] | Readonly<Record<string, number>>

/**
 * What a pool declares about the requests that are for it. Everything in it is plain text, in lower or upper case,
 * matched by stem ("migrate" also finds "migrating"); nothing is a pattern. A weight is in natural-log units of odds: 1
 * is a hint, 3 is nearly certain. A list may hold the same word as another pool's: the weights are then compared.
 */
export interface Intent {
  /** Words that hint at the pool wherever they stand; one of several words counts like a phrase. Default weight 1. */
  readonly words?: Weighted
  /** Words that stand side by side and in this order. Default weight 2. They count besides the single words in them. */
  readonly phrases?: Weighted
  /**
   * Verbs that ask for this pool's work: they count where a request begins, and where a further step does. Default
   * weight 1.
   */
  readonly actions?: Weighted
  /** Other words or phrases that count only where a request begins: "how many", "could someone". Default weight 1. */
  readonly openings?: Weighted
  /**
   * Whole requests, the more the better: a word speaks for the pool whose examples have it more often. A rare one
   * weighs about 0.3.
   */
  readonly examples?: readonly string[]
  /**
   * Requests that this pool can do only a part of: a first word and a thing, as in "build website". It matches where a
   * request opens with the one and goes on to the other as its object ("Please build a small restaurant website for
   * ..."). When it is in the intents of two pools or more, the request is answered with `decompose`.
   */
  readonly partOf?: readonly string[]
}
