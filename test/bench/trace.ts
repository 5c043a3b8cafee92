import { SLOTS, type Work } from './contender.js'
import { type Graph, rowOf } from './graph.js'

/**
 * The measured tasks: they only record the order in which they ran.
 * An instant task ends in the call that starts it, so a dependency must come before its dependents.
 */
export class Trace {
  readonly work: Work
  readonly #graph: Graph
  readonly #order: Int32Array
  #ran = 0

  constructor(graph: Graph) {
    this.#graph = graph
    this.#order = new Int32Array(graph.size)
    this.work = async index => {
      this.#order[this.#ran++] = index
    }
  }

  reset(): void {
    this.#ran = 0
  }

  /** @throws Error unless every task ran once, after its dependencies, and urgent ones first. */
  check(): void {
    const { size, needs } = this.#graph
    if (this.#ran !== size) throw new Error(`expected ${size} tasks to run once each, got ${this.#ran} calls`)
    const place = new Int32Array(size).fill(-1)
    for (let at = 0; at < size; at++) {
      const index = this.#order[at]!
      if (place[index] !== -1) throw new Error(`expected task ${index} to run once, but it ran twice`)
      place[index] = at
      for (const need of rowOf(needs, index))
        if (place[need] === -1) throw new Error(`expected task ${index} to wait for task ${need}, but it ran first`)
    }
    this.#checkPriorities()
  }

  /** The first tasks may get slots before more urgent ones are ready. */
  #checkPriorities(): void {
    const { size, priorities } = this.#graph
    if (priorities === undefined) return
    for (let at = SLOTS + 1; at < size; at++) {
      const index = this.#order[at]!
      const before = this.#order[at - 1]!
      if (priorities[index]! < priorities[before]!)
        throw new Error(`expected task ${index} before task ${before}, which is less urgent`)
    }
  }
}

/** Tasks that take some time and verify the order and the limit: for one round before the measurement. */
export class Probe {
  readonly work: Work
  readonly #graph: Graph
  readonly #ended: Uint8Array
  #running = 0
  #left: number

  constructor(graph: Graph) {
    this.#graph = graph
    this.#ended = new Uint8Array(graph.size)
    this.#left = graph.size
    this.work = index => this.#run(index)
  }

  /** @throws Error unless every task has run. */
  check(): void {
    if (this.#left !== 0) throw new Error(`expected every task to have ended, but ${this.#left} have not`)
  }

  async #run(index: number): Promise<void> {
    this.#running++
    if (this.#running > SLOTS) throw new Error(`expected at most ${SLOTS} tasks at once, got ${this.#running}`)
    for (const need of rowOf(this.#graph.needs, index))
      if (this.#ended[need] === 0) throw new Error(`expected task ${need} to end before task ${index} starts`)
    await null
    await null
    this.#running--
    this.#left--
    this.#ended[index] = 1
  }
}
