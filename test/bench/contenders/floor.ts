import { type Contender, SLOTS, type Work } from '../contender.js'
import { type Graph, openCounts } from '../graph.js'

/** The minimum: a ready list, counters of open dependencies, and a number of promises in flight. All others are compared with it. */
export const floor: Contender = {
  name: 'floor',
  graph: 'by hand',
  largest: Number.POSITIVE_INFINITY,
  prepare: (graph, work) => () => new Floor(graph, work).run(),
}

class Floor {
  readonly #graph: Graph
  readonly #work: Work
  readonly #open: Int32Array
  readonly #ready: (Fifo | Heap)[] = []
  readonly #free: number[] = []
  #left: number
  #resolve: () => void = () => {}

  constructor(graph: Graph, work: Work) {
    this.#graph = graph
    this.#work = work
    this.#open = openCounts(graph)
    this.#left = graph.size
    for (let pool = 0; pool < graph.pools; pool++) {
      this.#ready.push(graph.priorities ? new Heap(graph.priorities) : new Fifo(Math.ceil(graph.size / graph.pools)))
      this.#free.push(SLOTS / graph.pools)
    }
  }

  run(): Promise<void> {
    return new Promise(resolve => {
      this.#resolve = resolve
      for (let index = 0; index < this.#graph.size; index++) if (this.#open[index] === 0) this.#put(index)
      this.#fill()
    })
  }

  #put(index: number): void {
    this.#ready[index % this.#graph.pools]!.push(index)
  }

  #fill(): void {
    for (let pool = 0; pool < this.#graph.pools; pool++) {
      const ready = this.#ready[pool]!
      while (this.#free[pool]! > 0 && ready.size > 0) {
        this.#free[pool]!--
        const index = ready.take()
        this.#work(index).then(() => this.#ended(index))
      }
    }
  }

  #ended(index: number): void {
    const { dependents, pools } = this.#graph
    this.#free[index % pools]!++
    const end = dependents.from[index + 1]!
    for (let at = dependents.from[index]!; at < end; at++) {
      const dependent = dependents.items[at]!
      if (--this.#open[dependent]! === 0) this.#put(dependent)
    }
    if (--this.#left === 0) this.#resolve()
    else this.#fill()
  }
}

class Fifo {
  readonly #items: Int32Array
  #head = 0
  #tail = 0

  constructor(capacity: number) {
    this.#items = new Int32Array(capacity)
  }

  get size(): number {
    return this.#tail - this.#head
  }

  push(index: number): void {
    this.#items[this.#tail++] = index
  }

  take(): number {
    return this.#items[this.#head++]!
  }
}

/** A binary heap: the most urgent first, then in order. */
class Heap {
  readonly #priorities: Uint16Array
  readonly #items: Int32Array
  size = 0

  constructor(priorities: Uint16Array) {
    this.#priorities = priorities
    this.#items = new Int32Array(priorities.length)
  }

  push(index: number): void {
    let at = this.size++
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!this.#precedes(index, this.#items[parent]!)) break
      this.#items[at] = this.#items[parent]!
      at = parent
    }
    this.#items[at] = index
  }

  take(): number {
    const top = this.#items[0]!
    const last = this.#items[--this.size]!
    let at = 0
    for (let child = 1; child < this.size; child = 2 * at + 1) {
      if (child + 1 < this.size && this.#precedes(this.#items[child + 1]!, this.#items[child]!)) child++
      if (!this.#precedes(this.#items[child]!, last)) break
      this.#items[at] = this.#items[child]!
      at = child
    }
    this.#items[at] = last
    return top
  }

  #precedes(one: number, other: number): boolean {
    const difference = this.#priorities[one]! - this.#priorities[other]!
    return difference < 0 || (difference === 0 && one < other)
  }
}
