import type { RunState } from '../core/state/run-state.js'
import type { TaskSpec } from '../core/state/task.js'
import { CounterpointError } from '../errors.js'
import { selectTasks } from './select.js'
import type { TaskGraph } from './task-graph.js'

/**
 * Checks that `graphs` are those of a journaled run: first the one that it was started with, then those that were added while it ran.
 * A run of plain data needs none.
 *
 * @throws CounterpointError `PLAN_DIFFERS`, with the difference.
 */
export function compareGraphs(state: RunState, graphs: readonly TaskGraph[]): void {
  const [main] = graphs
  if (main && state.fromGraph) compareTaskLists(state, main)
  for (const index of state.bound) {
    const { id } = state.specs[index] as TaskSpec
    if (!graphs.some(graph => graph.binding(id)))
      throw differs(
        state,
        `task "${id}" has an input function or an output schema, which no journal holds: pass its TaskGraph to resume`,
      )
  }
  for (const graph of graphs) for (const task of graph.tasks) compareTask(state, task, graph)
}

function compareTaskLists(state: RunState, graph: TaskGraph): void {
  compareText(state, 'its name', state.name, graph.name)
  compareText(state, 'its version', state.version, graph.version)
  const tasks = state.only ? selectTasks(graph.tasks, state.only) : graph.tasks
  for (let i = 0; i < Math.max(state.plannedTasks, tasks.length); i++)
    compareText(state, `task number ${i}`, i < state.plannedTasks ? state.specs[i]?.id : undefined, tasks[i]?.id)
}

function compareText(state: RunState, what: string, journaled: string | undefined, given: string | undefined): void {
  if (journaled !== given) throw changed(state, what, JSON.stringify(journaled), JSON.stringify(given))
}

/** The members that no pool has defaults for: one that the graph does not give was not given then either. */
const WITHOUT_DEFAULTS: readonly (keyof TaskSpec)[] = [
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
  for (const key of new Set([...(Object.keys(task) as (keyof TaskSpec)[]), ...WITHOUT_DEFAULTS])) {
    const before = JSON.stringify(journaled[key])
    const given = JSON.stringify(task[key])
    if (before !== given) throw changed(state, `${key} of task "${task.id}"`, before, given)
  }
  if (graph.binding(task.id) && !state.bound.has(index))
    throw differs(state, `task "${task.id}" had no input function and no output schema, and has one`)
}

function changed(
  state: RunState,
  what: string,
  before = 'missing',
  now = 'missing',
): CounterpointError<'PLAN_DIFFERS'> {
  return differs(state, `${what} was ${before}, and is ${now}`)
}

function differs(state: RunState, difference: string): CounterpointError<'PLAN_DIFFERS'> {
  const message = `run ${state.runId} cannot be resumed with this graph: ${difference}. Pass the graph that it was started with, or start a new run`
  return new CounterpointError('PLAN_DIFFERS', message, { runId: state.runId, difference })
}
