import type { Work } from '../contender.js'
import { type Graph, openCounts } from '../graph.js'

/** A graph by hand, around a queue that knows no dependencies: counters, and a task goes to the queue when its counter reaches zero. */
export class HandWired {
  readonly #graph: Graph
  readonly #start: (index: number) => void
  readonly #open: Int32Array
  #left: number
  #resolve: () => void = () => {}

  /** `start` gives a task to its queue; {@link HandWired.ended} is to be called when it has ended. */
  constructor(graph: Graph, start: (index: number) => void) {
    this.#graph = graph
    this.#start = start
    this.#open = openCounts(graph)
    this.#left = graph.size
  }

  run(): Promise<void> {
    return new Promise(resolve => {
      this.#resolve = resolve
      for (let index = 0; index < this.#graph.size; index++)
        if (this.#graph.needs.from[index] === this.#graph.needs.from[index + 1]) this.#start(index)
    })
  }

  ended(index: number): void {
    const { from, items } = this.#graph.dependents
    const end = from[index + 1]!
    for (let at = from[index]!; at < end; at++) {
      const dependent = items[at]!
      if (--this.#open[dependent]! === 0) this.#start(dependent)
    }
    if (--this.#left === 0) this.#resolve()
  }
}

/** For queues that take functions. `add` gets the number of a task and what to call for it. */
export function runOver(
  graph: Graph,
  work: Work,
  add: (index: number, run: () => Promise<void>) => void,
): Promise<void> {
  const wired: HandWired = new HandWired(graph, index =>
    add(index, async () => {
      await work(index)
      wired.ended(index)
    }),
  )
  return wired.run()
}
