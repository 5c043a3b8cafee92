import type { BoundPart } from '../core/state/events.js'
import { isTerminal, type RunState } from '../core/state/run-state.js'
import type { TaskSpec, TaskState } from '../core/state/task.js'
import { CounterpointError } from '../errors.js'
import type { TaskBinding } from './bindings.js'
import { selectTasks } from './select.js'
import type { TaskGraph } from './task-graph.js'

/**
 * Finds the functions and schemas of a journaled run in its graphs: by the index of each task. The first graph is the one that the run was
 * started with, each further one was added while it ran. Graphs are needed until all tasks with functions or schemas have ended; a settled
 * run is not compared with them.
 * A journaled task also has members that its graph left open, such as the defaults of its pool. The journal says which: they are not compared.
 *
 * @throws CounterpointError `PLAN_DIFFERS`, with the first difference.
 */
export function matchGraphs(state: RunState, graphs: readonly TaskGraph[]): ReadonlyMap<number, TaskBinding> {
  if (state.phase.status === 'settled') return new Map()
  const matched = new Map<number, TaskGraph>()
  for (const difference of differences(state, graphs, matched)) throw planDiffers(state, graphs, difference)
  const bindings = new Map<number, TaskBinding>()
  for (const [index, graph] of matched) {
    const binding = graph.binding(idOf(state, index))
    if (binding) bindings.set(index, binding)
  }
  return bindings
}

function planDiffers({ runId }: RunState, graphs: readonly TaskGraph[], difference: string): CounterpointError {
  const message =
    graphs.length === 0
      ? `run ${runId} cannot be resumed without its TaskGraph: ${difference}. Pass the graph that it was started with: resume("${runId}", { graph })`
      : `run ${runId} cannot be resumed with ${graphs.length === 1 ? 'this graph' : 'these graphs'}: ${difference}. Pass the graph that it was started with and those that were added to it, or start a new run`
  return new CounterpointError('PLAN_DIFFERS', message, { runId, difference })
}

/** Fills `matched`: by the index of each task, its graph. */
function* differences(
  state: RunState,
  graphs: readonly TaskGraph[],
  matched: Map<number, TaskGraph>,
): Generator<string, undefined> {
  for (const [i, graph] of graphs.entries()) {
    const isMain = i === 0 && state.fromGraph
    if (isMain) yield* planDifferences(state, graph)
    const tasks = isMain ? plannedOf(state, graph) : graph.tasks
    const first = isMain ? 0 : firstIndexOf(state, tasks)
    const { bound } = graph
    for (const [k, task] of tasks.entries()) {
      const index = first + k
      if (!isMain) yield* difference(`task number ${k} of graph "${graph.name}"`, state.specs[index]?.id, task.id)
      const other = matched.get(index)
      if (other) yield `task "${task.id}" is in graph "${other.name}" and in graph "${graph.name}"`
      matched.set(index, graph)
      yield* taskDifferences(state, index, task)
      yield* partDifferences(task.id, state.bound.get(index) ?? [], bound.get(task.id) ?? [])
    }
  }
  for (const [index, parts] of state.bound)
    if (!matched.has(index) && !isTerminal((state.states[index] as TaskState).status))
      yield `task "${idOf(state, index)}" has ${listOf(parts)}, which no journal holds`
}

/** Tasks that are added together have consecutive indexes. -1: none of this graph was added. */
function firstIndexOf(state: RunState, [task]: readonly TaskSpec[]): number {
  return (task && state.ids.get(task.id)) ?? -1
}

function* planDifferences(state: RunState, graph: TaskGraph): Generator<string, undefined> {
  yield* difference('its name', state.name, graph.name)
  yield* difference('its version', state.version, graph.version)
  const lost = state.only?.find(id => !graph.tasks.some(task => task.id === id))
  if (lost !== undefined) yield `it had a task "${lost}", and has none`
  const tasks = plannedOf(state, graph)
  for (let i = 0; i < Math.max(state.plannedTasks, tasks.length); i++)
    yield* difference(`task number ${i}`, i < state.plannedTasks ? state.specs[i]?.id : undefined, tasks[i]?.id)
}

/** The tasks of the graph that the run was started with, if it is this graph. */
function plannedOf({ only }: RunState, graph: TaskGraph): readonly TaskSpec[] {
  return only ? selectTasks(graph.tasks, only) : graph.tasks
}

function* taskDifferences(state: RunState, index: number, task: TaskSpec): Generator<string, undefined> {
  const journaled = state.specs[index] as TaskSpec
  const assigned = state.assigned.get(index)
  for (const key of new Set([...Object.keys(task), ...Object.keys(journaled)]) as Set<keyof TaskSpec>) {
    const planned = assigned?.includes(key) ? undefined : journaled[key]
    if (planned !== task[key]) yield* difference(`${key} of task "${task.id}"`, planned, task[key])
  }
}

function* partDifferences(
  id: string,
  journaled: readonly BoundPart[],
  given: readonly BoundPart[],
): Generator<string, undefined> {
  if (journaled.join() !== given.join()) yield `task "${id}" had ${listOf(journaled)}, and has ${listOf(given)}`
}

const PART_NAMES: Readonly<Record<BoundPart, string>> = {
  input: 'an input function',
  approval: 'an approval function',
  output: 'an output schema',
  run: 'a function',
}

function listOf(parts: readonly BoundPart[]): string {
  return parts.map(part => PART_NAMES[part]).join(' and ') || 'no function and no output schema'
}

function* difference(what: string, journaled: unknown, given: unknown): Generator<string, undefined> {
  const [before, now] = [JSON.stringify(journaled), JSON.stringify(given)]
  if (before !== now) yield `${what} was ${before ?? 'missing'}, and is ${now ?? 'missing'}`
}

function idOf(state: RunState, index: number): string {
  return (state.specs[index] as TaskSpec).id
}
