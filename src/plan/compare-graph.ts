import type { RunState } from '../core/state/run-state.js'
import type { TaskSpec } from '../core/state/task.js'
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
  if (main && state.fromGraph) compareWhole(state, main)
  for (const index of state.bound) {
    const { id } = state.specs[index] as TaskSpec
    if (!graphs.some(graph => graph.binding(id)))
      throw differs(
        state,
        `task "${id}" has an input function or an output schema, which no journal holds: give resume its TaskGraph`,
      )
  }
  for (const graph of graphs) for (const task of graph.tasks) compareTask(state, task, graph)
}

function compareWhole(state: RunState, graph: TaskGraph): void {
  compareWord(state, 'name', state.name, graph.name)
  compareWord(state, 'version', state.version, graph.version)
  const tasks = state.only ? selectTasks(graph.tasks, state.only) : graph.tasks
  for (let i = 0; i < Math.max(state.plannedTasks, tasks.length); i++) {
    const was = i < state.plannedTasks ? state.specs[i]?.id : undefined
    const is = tasks[i]?.id
    if (was !== is) throw differs(state, `task number ${i} was ${shown(was)}, and is ${shown(is)}`)
  }
}

function compareWord(state: RunState, what: string, was: string | undefined, is: string | undefined): void {
  if (was !== is) throw differs(state, `its ${what} was ${shown(was)}, and is ${shown(is)}`)
}

/** What no pool gives a task by its defaults: when the graph does not say it, it has not been there. */
const OWN: readonly (keyof TaskSpec)[] = [
  'input',
  'weight',
  'context',
  'after',
  'softAfter',
  'orderAfter',
  'triggerRule',
  'budget',
  'replay',
  'approval',
]

function compareTask(state: RunState, task: TaskSpec, graph: TaskGraph): void {
  const index = state.ids.get(task.id)
  if (index === undefined) return
  const journaled = state.specs[index] as TaskSpec
  for (const key of new Set([...(Object.keys(task) as (keyof TaskSpec)[]), ...OWN])) {
    const was = JSON.stringify(journaled[key])
    const is = JSON.stringify(task[key])
    if (was !== is)
      throw differs(state, `${key} of task "${task.id}" was ${was ?? 'not there'}, and is ${is ?? 'not there'}`)
  }
  if (graph.binding(task.id) && !state.bound.has(index))
    throw differs(state, `task "${task.id}" had no input function and no output schema, and has one`)
}

function shown(word: string | undefined): string {
  return word === undefined ? 'not there' : JSON.stringify(word)
}

function differs(state: RunState, difference: string): CounterpointError<'PLAN_DIFFERS'> {
  const message = `run ${state.runId} cannot be resumed with this graph: ${difference}. Give it the graph that it was started with, or start a new run`
  return new CounterpointError('PLAN_DIFFERS', message, { runId: state.runId, difference })
}
