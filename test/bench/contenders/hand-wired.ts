import type { Work } from '../contender.js'
import { type Graph, openCounts } from '../graph.js'

/** A hand-written graph around a queue without dependencies: a task is queued when its counter of open dependencies reaches zero. */
export class HandWired {
  readonly #graph: Graph
  readonly #start: (index: number) => void
  readonly #open: Int32Array
  #left: number
  #resolve: () => void = () => {}

  /** `start` adds a task to its queue; {@link HandWired.ended} must be called when it has ended. */
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

/** For queues of functions. `add` receives the number of a task and its function. */
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
