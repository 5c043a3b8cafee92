import type { RunState } from '../core/state/run-state.js'
import type { TaskSpec } from '../core/state/task.js'
import type { TaskBinding, TaskGraph } from './task-graph.js'

/**
 * The functions and schemas of the tasks of a run. They are in its graphs, and no journal holds them.
 * Invariant: the graph of a task is known before the task is added.
 */
export class Bindings {
  readonly #head: RunState
  readonly #graphs: TaskGraph[] = []
  /** By task: each is looked up once. */
  readonly #found = new Map<number, TaskBinding>()

  constructor(head: RunState) {
    this.#head = head
  }

  /** Adds graphs: in them, the tasks that are added from now on are looked up. */
  add(graphs: readonly TaskGraph[]): void {
    this.#graphs.push(...graphs)
  }

  /** Undefined for a task without functions and schema. */
  get(index: number): TaskBinding | undefined {
    if (!this.#head.bound.has(index)) return undefined
    return this.#found.get(index) ?? this.#find(index)
  }

  #find(index: number): TaskBinding | undefined {
    const { id } = this.#head.specs[index] as TaskSpec
    const binding = this.#graphs.find(graph => graph.binding(id))?.binding(id)
    if (binding) this.#found.set(index, binding)
    return binding
  }
}
