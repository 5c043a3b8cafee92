import type { RunState } from '../core/state/run-state.js'
import type { TaskDefaults, TaskSpec } from '../core/state/task.js'
import { CounterpointError } from '../errors.js'
import { selectTasks } from './select.js'
import type { TaskGraph } from './task-graph.js'

/**
 * Checks that `graphs` are those of a journaled run: first the one that it was started with, then those that were added while it ran.
 * A run of plain data needs none. `defaults` are those of the pools, by name: a journaled task has them, too.
 *
 * @throws CounterpointError `PLAN_DIFFERS`, with the first difference.
 */
export function compareGraphs(state: RunState, graphs: readonly TaskGraph[], defaults: PoolDefaults): void {
  const { value: difference } = differences(state, graphs, defaults).next()
  if (difference === undefined) return
  const { runId } = state
  const message =
    graphs.length === 0
      ? `run ${runId} cannot be resumed without its TaskGraph: ${difference}. Pass the graph that it was started with: resume("${runId}", { graph })`
      : `run ${runId} cannot be resumed with this graph: ${difference}. Pass the graph that it was started with, or start a new run`
  throw new CounterpointError('PLAN_DIFFERS', message, { runId, difference })
}

type PoolDefaults = ReadonlyMap<string, TaskDefaults | undefined>

function* differences(
  state: RunState,
  graphs: readonly TaskGraph[],
  defaults: PoolDefaults,
): Generator<string, undefined> {
  const [main] = graphs
  if (main && state.fromGraph) yield* planDifferences(state, main)
  for (const index of state.bound) {
    const { id } = state.specs[index] as TaskSpec
    if (!graphs.some(graph => graph.binding(id)))
      yield `task "${id}" has a function or an output schema, which no journal holds`
  }
  for (const graph of graphs) for (const task of graph.tasks) yield* taskDifferences(state, task, graph, defaults)
}

function* planDifferences(state: RunState, graph: TaskGraph): Generator<string, undefined> {
  yield* difference('its name', state.name, graph.name)
  yield* difference('its version', state.version, graph.version)
  const tasks = state.only ? selectTasks(graph.tasks, state.only) : graph.tasks
  for (let i = 0; i < Math.max(state.plannedTasks, tasks.length); i++)
    yield* difference(`task number ${i}`, i < state.plannedTasks ? state.specs[i]?.id : undefined, tasks[i]?.id)
}

/**
 * The members that are compared even if the graph does not give them. The others set times, retries and order: a pool may have got new
 * defaults for them since the run started.
 */
const ALWAYS_COMPARED = [
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
] as const

function* taskDifferences(
  state: RunState,
  task: TaskSpec,
  graph: TaskGraph,
  defaults: PoolDefaults,
): Generator<string, undefined> {
  const index = state.ids.get(task.id)
  if (index === undefined) return
  const journaled = state.specs[index] as TaskSpec
  const given: TaskSpec = { ...defaults.get(journaled.pool ?? ''), ...task }
  for (const key of new Set([...(Object.keys(task) as (keyof TaskSpec)[]), ...ALWAYS_COMPARED]))
    if (journaled[key] !== given[key]) yield* difference(`${key} of task "${task.id}"`, journaled[key], given[key])
  if (graph.binding(task.id) && !state.bound.has(index))
    yield `task "${task.id}" had no function and no output schema, and has one`
}

function* difference(what: string, journaled: unknown, given: unknown): Generator<string, undefined> {
  const [before, now] = [JSON.stringify(journaled), JSON.stringify(given)]
  if (before !== now) yield `${what} was ${before ?? 'missing'}, and is ${now ?? 'missing'}`
}
