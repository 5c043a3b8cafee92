import type { AgentFunction, AttemptContext } from '../backends/agent-backend.js'
import type { Json } from '../core/json.js'
import { once } from '../core/once.js'
import type { AddSignal } from '../core/scheduler/signals.js'
import type { BoundPart } from '../core/state/events.js'
import type { StandardSchemaV1 } from './standard-schema.js'
import type { TaskGraph } from './task-graph.js'

/** The parts of a task that cannot be journaled. */
export interface TaskBinding {
  /** Makes the input from the outputs of the tasks in `after` and `softAfter`, by id. */
  readonly input?:
    | ((outputs: Readonly<Record<string, Json>>, context: Pick<AttemptContext, 'locals'>) => unknown)
    | undefined
  /** Says whether a person must approve the task, once it is ready. */
  readonly approval?:
    | ((outputs: Readonly<Record<string, Json>>, context: Pick<AttemptContext, 'locals'>) => unknown)
    | undefined
  /** Checks the output before it is journaled. */
  readonly output?: StandardSchemaV1 | undefined
  /** Runs the attempts, in place of a backend. */
  readonly run?: AgentFunction | undefined
}

/**
 * The functions and schemas of the tasks of a run. They are in its graphs, and no journal holds them.
 * Invariant: a task has those of the graph that it was added with, whatever tasks other graphs have.
 */
export class Bindings {
  readonly #graphs = new WeakMap<AddSignal, TaskGraph>()
  /** By the index of the task. */
  #bindings = new Map<number, TaskBinding>()

  /** Takes over those of a resumed run. */
  restore(bindings: ReadonlyMap<number, TaskBinding>): void {
    this.#bindings = new Map(bindings)
  }

  /** The tasks of this signal come from `graph`. To be called before the signal is sent. */
  expect(signal: AddSignal, graph: TaskGraph): void {
    this.#graphs.set(signal, graph)
  }

  /** The tasks of this signal have been added; `first` is the index of the first one. */
  added(signal: AddSignal, first: number): void {
    const graph = this.#graphs.get(signal)
    if (graph === undefined) return
    signal.tasks.forEach(({ id }, i) => {
      const binding = graph.binding(id)
      if (binding) this.#bindings.set(first + i, binding)
    })
  }

  /** Undefined for a task without functions and schema. */
  get(index: number): TaskBinding | undefined {
    return this.#bindings.get(index)
  }
}

/** The names of the parts of a binding. One list for the same parts: a million tasks share it. */
export function partsOf({ input, approval, output, run }: TaskBinding): readonly BoundPart[] {
  const key = (input ? 1 : 0) | (approval ? 2 : 0) | (output ? 4 : 0) | (run ? 8 : 0)
  return lists()[key] as readonly BoundPart[]
}

const PARTS: readonly BoundPart[] = ['input', 'approval', 'output', 'run']
const lists = once((): readonly (readonly BoundPart[])[] =>
  Array.from({ length: 16 }, (_, key) => Object.freeze(PARTS.filter((_, bit) => key & (1 << bit)))),
)
