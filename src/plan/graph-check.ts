import { isChecked } from '../core/scheduler/prepared-plan.js'
import type { TaskSpec } from '../core/state/task.js'
import { didYouMean } from '../error-text.js'
import { CounterpointError } from '../errors.js'

/** The members of a task that the checks read. */
export type GraphNode = Pick<TaskSpec, 'id' | 'after' | 'softAfter' | 'orderAfter'>

type IsKnown = (id: string) => boolean

/**
 * Checks that `tasks` can be run: ids are unique, every dependency exists, and no task waits for itself, directly or through others.
 * `isKnown` says which ids a live run already has: `tasks` may depend on those and must not repeat them.
 * Linear in tasks and dependencies, without recursion: a million tasks take about a second.
 *
 * @throws CounterpointError `DUPLICATE_ID`; then `UNKNOWN_DEPENDENCY` or `CYCLE`, whichever is found first.
 */
export function checkGraph(tasks: readonly GraphNode[], isKnown?: IsKnown): void {
  if (isKnown === undefined && isChecked(tasks)) return
  const known = isKnown ?? (() => false)
  const indexes = indexesOf(tasks, known)
  checkWaits(tasks, indexes, known)
  checkSoftDependencies(tasks, indexes, known)
}

/** The index of each task by its id. A map, not an object: `constructor` and `toString` are valid ids. */
function indexesOf(tasks: readonly GraphNode[], isKnown: IsKnown): ReadonlyMap<string, number> {
  const indexes = new Map<string, number>()
  for (let i = 0; i < tasks.length; i++) {
    const { id } = tasks[i]!
    if (isKnown(id)) throw duplicateId(id, `tasks[${i}]: the run has a task "${id}" already`)
    if (indexes.has(id)) throw duplicateId(id, `tasks[${i}]: the id "${id}" is taken by tasks[${indexes.get(id)}]`)
    indexes.set(id, i)
  }
  return indexes
}

const ON_STACK = 1
const DONE = 2

/**
 * Finds unknown ids and cycles among the hard and order-only dependencies. Depth first, with an explicit stack: each task on it waits
 * for the next one, so a dependency that is already on the stack closes a cycle.
 */
function checkWaits(tasks: readonly GraphNode[], indexes: ReadonlyMap<string, number>, isKnown: IsKnown): void {
  const marks = new Uint8Array(tasks.length)
  const nextDependency = new Int32Array(tasks.length)
  const stack: number[] = []
  for (let root = 0; root < tasks.length; root++) {
    if (marks[root] !== DONE) stack.push(root)
    while (stack.length > 0) {
      const index = stack.at(-1)!
      marks[index] = ON_STACK
      const id = dependencyAt(tasks[index]!, nextDependency[index]!++)
      const dependency = id === undefined ? undefined : indexes.get(id)
      if (id === undefined) {
        marks[index] = DONE
        stack.pop()
      } else if (dependency === undefined) {
        // A task of the live run cannot depend on one that is only now added: no cycle goes through it.
        if (!isKnown(id)) throw unknownDependency(tasks[index]!.id, id, indexes.keys())
      } else if (marks[dependency] === ON_STACK) throw cycleError(tasks, stack.slice(stack.indexOf(dependency)))
      else if (marks[dependency] !== DONE) stack.push(dependency)
    }
  }
}

/** A soft dependency delays no task, so the only cycle that it can make is with itself. */
function checkSoftDependencies(
  tasks: readonly GraphNode[],
  indexes: ReadonlyMap<string, number>,
  isKnown: IsKnown,
): void {
  for (const { id, softAfter = NONE } of tasks)
    for (const soft of softAfter) {
      if (soft === id) throw cycleError(tasks, [indexes.get(id)!])
      if (!indexes.has(soft) && !isKnown(soft)) throw unknownDependency(id, soft, indexes.keys())
    }
}

const NONE: readonly string[] = []

/** The dependencies that a task waits for, one by one; undefined after the last. */
function dependencyAt({ after = NONE, orderAfter = NONE }: GraphNode, position: number): string | undefined {
  return position < after.length ? after[position] : orderAfter[position - after.length]
}

/** The error for an id that is taken; `found` says where and by what. */
export function duplicateId(taskId: string, found: string): CounterpointError<'DUPLICATE_ID'> {
  return new CounterpointError('DUPLICATE_ID', `${found}; rename one of the two`, { id: taskId })
}

function unknownDependency(taskId: string, dependency: string, ids: Iterable<string>): CounterpointError {
  const found = `task "${taskId}" depends on "${dependency}", which does not exist${didYouMean(dependency, ids)}`
  const details = { taskId, dependency }
  return new CounterpointError('UNKNOWN_DEPENDENCY', `${found}; add that task, or remove the dependency`, details)
}

/** The most ids of a cycle that a message shows; `details` has them all. */
const SHOWN_IDS = 20

function cycleError(tasks: readonly GraphNode[], indexes: readonly number[]): CounterpointError<'CYCLE'> {
  const cycle = indexes.map(index => tasks[index]!.id)
  cycle.push(cycle[0]!)
  const shown = cycle.slice(0, SHOWN_IDS).map(id => `"${id}"`)
  if (cycle.length > SHOWN_IDS) shown.push(`... (${cycle.length - SHOWN_IDS - 1} more)`, `"${cycle[0]}"`)
  const what = indexes.length === 1 ? `task "${cycle[0]}" depends on itself` : 'tasks depend on each other'
  return new CounterpointError('CYCLE', `${what}: ${shown.join(' -> ')}; remove one of these dependencies`, { cycle })
}
