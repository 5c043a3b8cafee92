import { isThenable } from '../core/is-thenable.js'
import type { RunResult } from '../core/results/run-result.js'
import { show } from '../error-text.js'
import type { CounterpointError } from '../errors.js'
import { invalidInput } from '../options-check.js'
import type { TaskGraph } from './task-graph.js'

/** A task of a {@link TaskGraph}, for the `after` of other tasks. `Output` is the type of its output. */
export class TaskRef<Id extends string = string, Output = unknown> {
  readonly id: Id
  readonly #graph: TaskGraph

  /** @internal Made by `graph.task()`. */
  constructor(id: Id, graph: TaskGraph) {
    this.id = id
    this.#graph = graph
  }

  /**
   * The output of this task in the result of a run; undefined unless it succeeded.
   *
   * @throws CounterpointError `INVALID_INPUT` for anything but a result, such as a run or the promise of a result.
   */
  outputIn(result: Pick<RunResult, 'outputs'>): Output | undefined {
    if (typeof result?.outputs !== 'object' || result.outputs === null) throw noResult(result)
    return Object.hasOwn(result.outputs, this.id) ? (result.outputs[this.id] as Output) : undefined
  }

  /** @internal True for a task of this graph, false for one of another, undefined for anything else. */
  static isOf(value: unknown, graph: TaskGraph): boolean | undefined {
    return typeof value === 'object' && value !== null && #graph in value ? value.#graph === graph : undefined
  }
}

/** For JavaScript, where an `await` that was forgotten compiles. */
function noResult(value: unknown): CounterpointError<'INVALID_INPUT'> {
  const got = isThenable(value) ? 'a promise' : isThenable(Object(value).result) ? 'a Run' : show(value)
  const message = `expected a result: \`await run.result\` or \`await run.completed\`, got ${got}`
  return invalidInput([{ path: 'result', message }])
}
