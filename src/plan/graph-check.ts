import { isChecked } from '../core/scheduler/prepared-plan.js'
import type { TaskSpec } from '../core/state/task.js'
import { didYouMean } from '../error-text.js'
import { CounterpointError } from '../errors.js'

/** What the checks look at. */
export type GraphNode = Pick<TaskSpec, 'id' | 'after' | 'softAfter' | 'orderAfter'>

/**
 * Makes sure that `tasks` can be run: ids are unique, every dependency is there, and nothing waits for itself.
 * `known` says which ids a live run already has: `tasks` may wait for those and must not repeat them.
 * Linear in tasks and dependencies, without recursion: a million tasks take about a second.
 *
 * @throws CounterpointError `DUPLICATE_ID`; then `UNKNOWN_DEPENDENCY` or `CYCLE`, whichever is found first.
 */
export function checkGraph(tasks: readonly GraphNode[], known?: (id: string) => boolean): void {
  if (known === undefined && isChecked(tasks)) return
  if (!allLookBack(tasks, known)) walk(tasks, known)
  checkSoft(tasks, known)
}

/** Nothing waits for a soft dependency, so it makes no cycle; but it must be there, and be another task. */
function checkSoft(tasks: readonly GraphNode[], known: ((id: string) => boolean) | undefined): void {
  if (tasks.every(task => task.softAfter === undefined)) return
  const ids = new Set(tasks.map(task => task.id))
  for (let i = 0; i < tasks.length; i++) {
    const { id, softAfter = [] } = tasks[i]!
    for (const soft of softAfter) {
      if (soft === id) throw cycleError(tasks, [i])
      if (!ids.has(soft) && !known?.(soft)) throw unknownDependency(id, soft, ids)
    }
  }
}

/** What a task waits for, hard and order-only, one by one; undefined past the last. */
function waitedFor({ after = NONE, orderAfter = NONE }: GraphNode, place: number): string | undefined {
  return place < after.length ? after[place] : orderAfter[place - after.length]
}

const NONE: readonly string[] = []

/**
 * Finds repeated ids. True when every task waits only for earlier ones: then none is unknown and there is no cycle.
 * Ids stand in sets and maps, never in an object: `constructor` and `toString` are ids like others.
 */
function allLookBack(tasks: readonly GraphNode[], known: ((id: string) => boolean) | undefined): boolean {
  const earlier = new Set<string>()
  let lookBack = true
  for (let i = 0; i < tasks.length; i++) {
    const { id, after, orderAfter } = tasks[i]!
    const isThere = (dependency: string): boolean => earlier.has(dependency) || known?.(dependency) === true
    if (after !== undefined && lookBack) lookBack = after.every(isThere)
    if (orderAfter !== undefined && lookBack) lookBack = orderAfter.every(isThere)
    if (known?.(id)) throw duplicateId(id, `tasks[${i}]: the run has a task "${id}" already`)
    // One look-up a task: the size tells whether it was new.
    if (earlier.add(id).size > i) continue
    const first = tasks.findIndex(task => task.id === id)
    throw duplicateId(id, `tasks[${i}]: the id "${id}" is taken by tasks[${first}]`)
  }
  return lookBack
}

/** The error for an id that is taken; `found` says where and by what. */
export function duplicateId(taskId: string, found: string): CounterpointError<'DUPLICATE_ID'> {
  return new CounterpointError('DUPLICATE_ID', `${found}; give one of the two another id`, { id: taskId })
}

function unknownDependency(taskId: string, dependency: string, ids: Iterable<string>): CounterpointError {
  const found = `task "${taskId}" waits for "${dependency}", and there is no such task${didYouMean(dependency, ids)}`
  const details = { taskId, dependency }
  return new CounterpointError('UNKNOWN_DEPENDENCY', `${found}; add it, or take the dependency away`, details)
}

/**
 * Finds unknown dependencies and cycles: walks the dependencies depth first, with a stack of its own.
 * Invariant: the tasks on the stack are the `open` ones, each waiting for the next; to meet an open one again is a cycle.
 */
function walk(tasks: readonly GraphNode[], known: ((id: string) => boolean) | undefined): void {
  const places = new Map<string, number>()
  for (let i = 0; i < tasks.length; i++) places.set(tasks[i]!.id, i)
  const open = 1
  const done = 2
  const marks = new Uint8Array(tasks.length)
  const nextEdge = new Int32Array(tasks.length)
  const stack: number[] = []
  for (let root = 0; root < tasks.length; root++) {
    if (marks[root] === 0) stack.push(root)
    while (stack.length > 0) {
      const at = stack[stack.length - 1]!
      marks[at] = open
      const edge = nextEdge[at]!++
      const waited = waitedFor(tasks[at]!, edge)
      if (waited === undefined) {
        marks[at] = done
        stack.pop()
        continue
      }
      const dependency = places.get(waited)
      if (dependency === undefined) {
        // A task of the live run cannot wait for one that is only now added: no cycle goes through it.
        if (known?.(waited)) continue
        throw unknownDependency(tasks[at]!.id, waited, places.keys())
      }
      if (marks[dependency] === done) continue
      if (marks[dependency] === open) throw cycleError(tasks, stack.slice(stack.indexOf(dependency)))
      stack.push(dependency)
    }
  }
}

/** The most ids of a cycle that a message shows; `details` has them all. */
const SHOWN_IDS = 20

function cycleError(tasks: readonly GraphNode[], around: readonly number[]): CounterpointError<'CYCLE'> {
  const cycle = around.map(place => tasks[place]!.id)
  cycle.push(cycle[0]!)
  const shown = cycle.slice(0, SHOWN_IDS).map(id => `"${id}"`)
  if (cycle.length > SHOWN_IDS) shown.push(`... (${cycle.length - SHOWN_IDS - 1} more)`, `"${cycle[0]}"`)
  const what = around.length === 1 ? `task "${cycle[0]}" waits for itself` : 'tasks wait for each other'
  const message = `${what}: ${shown.join(' -> ')}; take one of these dependencies away`
  return new CounterpointError('CYCLE', message, { cycle })
}

/** As many things wrong as one error lists. */
export const MAX_ISSUES = 20
