/** A node of a {@link PhraseTree}: the end of a phrase if it has weights. */
export interface PhraseNode {
  readonly next: Map<string, PhraseNode>
  /** Weights by the index of the pool. If a pool declared the phrase more than once, the highest counts. */
  readonly weights: Map<number, number>
}

const newNode = (): PhraseNode => ({ next: new Map(), weights: new Map() })

/** Phrases as a tree of stems: one walk finds all phrases that begin at a word, however many there are. */
export class PhraseTree {
  readonly #root: PhraseNode = newNode()

  add(stems: readonly string[], pool: number, weight: number): void {
    let node = this.#root
    for (const stem of stems) {
      const next = node.next.get(stem) ?? newNode()
      node.next.set(stem, next)
      node = next
    }
    node.weights.set(pool, Math.max(weight, node.weights.get(pool) ?? 0))
  }

  /** The phrases that begin at index `start` and end before `to`, shortest first, each with the index after its last word. */
  *startingAt(start: number, stems: readonly string[], to: number): Generator<[node: PhraseNode, end: number]> {
    let node: PhraseNode | undefined = this.#root
    for (let i = start; i < to; i++) {
      node = node.next.get(stems[i])
      if (node === undefined) return
      if (node.weights.size > 0) yield [node, i + 1]
    }
  }
}
