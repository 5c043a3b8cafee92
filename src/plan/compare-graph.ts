import type { RunState } from '../core/run-state.js'
import type { TaskSpec } from '../core/task.js'
import { CounterpointError } from '../errors.js'
import { selectTasks } from './select.js'
import type { TaskGraph } from './task-graph.js'

/**
 * Makes sure that `graphs` are those of a journaled run: the first is the one that it was started with, the others joined it live.
 * A run of plain data needs none.
 *
 * @throws CounterpointError `PLAN_DIFFERS`, saying where.
 */
export function compareGraphs(state: RunState, graphs: readonly TaskGraph[]): void {
  const [main] = graphs
  if (main) compareWhole(state, main)
  for (const index of state.bound) {
    const { id } = state.specs[index] as TaskSpec
    if (!graphs.some(graph => graph.binding(id)))
      throw differs(
        state,
        `task "${id}" has an input function or an output schema, which no journal holds: give resume its TaskGraph`,
      )
  }
  for (const graph of graphs) for (const task of graph.tasks) compareTask(state, task)
}

function compareWhole(state: RunState, graph: TaskGraph): void {
  compareWord(state, 'name', state.name, graph.name)
  compareWord(state, 'version', state.version, graph.version)
  const tasks = state.only ? selectTasks(graph.tasks, state.only) : graph.tasks
  for (let i = 0; i < Math.max(state.planned, tasks.length); i++) {
    const was = i < state.planned ? state.specs[i]?.id : undefined
    const is = tasks[i]?.id
    if (was !== is) throw differs(state, `task number ${i} was ${shown(was)}, and is ${shown(is)}`)
  }
}

function compareWord(state: RunState, what: string, was: string | undefined, is: string | undefined): void {
  if (was !== is) throw differs(state, `its ${what} was ${shown(was)}, and is ${shown(is)}`)
}

/** What the journal has besides are the defaults of the pool, and the pool that was found. */
function compareTask(state: RunState, task: TaskSpec): void {
  const index = state.ids.get(task.id)
  if (index === undefined) return
  const journaled = state.specs[index] as TaskSpec
  for (const key of Object.keys(task) as (keyof TaskSpec)[]) {
    const was = JSON.stringify(journaled[key])
    const is = JSON.stringify(task[key])
    if (was !== is) throw differs(state, `${key} of task "${task.id}" was ${was ?? 'not there'}, and is ${is}`)
  }
  if (journaled.after !== undefined && task.after === undefined)
    throw differs(state, `task "${task.id}" waited for ${journaled.after.join(', ')}, and waits for nothing`)
}

function shown(word: string | undefined): string {
  return word === undefined ? 'not there' : JSON.stringify(word)
}

function differs(state: RunState, difference: string): CounterpointError<'PLAN_DIFFERS'> {
  const message = `run ${state.runId} cannot be resumed with this graph: ${difference}. Give it the graph that it was started with, or start a new run`
  return new CounterpointError('PLAN_DIFFERS', message, { runId: state.runId, difference })
}
