export interface PhraseNode {
  readonly next: Map<string, PhraseNode>
  /** Weight by the pool's place; the highest stands when one was declared twice. */
  readonly weights: Map<number, number>
}

const newNode = (): PhraseNode => ({ next: new Map(), weights: new Map() })

/** Phrases as a tree of stems: all that begin at a word are found in one walk, however many there are. */
export class PhraseTree {
  readonly #root: PhraseNode = newNode()

  add(stems: readonly string[], pool: number, weight: number): void {
    let node = this.#root
    for (const stem of stems) {
      let next = node.next.get(stem)
      if (next === undefined) {
        next = newNode()
        node.next.set(stem, next)
      }
      node = next
    }
    node.weights.set(pool, Math.max(weight, node.weights.get(pool) ?? 0))
  }

  /** The nodes of all phrases that begin at `at` and end before `to`, with the place after them. Shortest first. */
  *from(stems: readonly string[], at: number, to: number): Generator<[node: PhraseNode, end: number]> {
    let node: PhraseNode | undefined = this.#root
    for (let i = at; i < to; i++) {
      node = node.next.get(stems[i])
      if (node === undefined) return
      if (node.weights.size > 0) yield [node, i + 1]
    }
  }
}
