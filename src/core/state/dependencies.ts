import type { Upstream } from '../scheduler/trigger-rule.js'
import { endKindOf, isTerminal, isUpstreamFailed, type RunState } from './run-state.js'
import type { TaskSpec, TaskState } from './task.js'

// The target of an edge is the index of the dependent task, or `~index` where the dependency is order-only.

const NO_DEPENDENCIES: readonly number[] = Object.freeze([])

/** Adds the edges of a new task: from its dependencies, and to tasks that named it before it was added. */
export function addEdges(
  state: RunState,
  index: number,
  { id, after = [], orderAfter = [], triggerRule }: TaskSpec,
): void {
  if (after.length > 0 && triggerRule !== undefined && triggerRule !== 'all_success')
    state.upstreams.set(index, {
      rule: triggerRule,
      total: after.length,
      succeeded: 0,
      failed: 0,
      upstreamFailed: 0,
      skipped: 0,
    })
  state.dependencies.push(after.length > 0 ? [] : NO_DEPENDENCIES)
  for (const dependency of after) addDependency(state, dependency, index)
  for (const dependency of orderAfter) addDependency(state, dependency, ~index)
  const targets = state.pendingEdges.get(id) ?? []
  state.pendingEdges.delete(id)
  for (const target of targets) {
    if (isCountedAsOpen(state, target)) (state.openDependencies[taskOf(target)] as number)--
    addEdge(state, index, target)
  }
}

/** Counts the end of task `index` for the tasks that depend on it. */
export function updateDependents(state: RunState, index: number): void {
  if (!hasDependents(state, index)) return
  const task = state.states[index] as TaskState
  eachDependent(state, index, (dependent, isOrderOnly) => {
    const upstream = isOrderOnly ? undefined : state.upstreams.get(dependent)
    if (upstream) countEnd(upstream, task)
    else if (isOrderOnly || task.status === 'succeeded') (state.openDependencies[dependent] as number)--
  })
}

/** True when a task depends on task `index`. In a wide plan most tasks have no dependents, and need no list of them. */
export function hasDependents(state: RunState, index: number): boolean {
  return state.firstEdge[index] !== -1
}

/** Calls `visit` with each task that depends on task `index`, in the order in which they were added. */
export function eachDependent(
  state: RunState,
  index: number,
  visit: (dependent: number, isOrderOnly: boolean) => void,
): void {
  for (let edge = state.firstEdge[index] as number; edge !== -1; edge = state.nextEdge[edge] as number) {
    const target = state.edgeTo[edge] as number
    visit(taskOf(target), target < 0)
  }
}

function taskOf(target: number): number {
  return target < 0 ? ~target : target
}

function addDependency(state: RunState, id: string, target: number): void {
  const index = state.ids.get(id)
  if (index !== undefined) return addEdge(state, index, target)
  const pending = state.pendingEdges.get(id)
  if (pending) pending.push(target)
  else state.pendingEdges.set(id, [target])
  if (isCountedAsOpen(state, target)) (state.openDependencies[taskOf(target)] as number)++
}

/** False where the trigger rule of the task counts the ends of its dependencies instead. */
function isCountedAsOpen(state: RunState, target: number): boolean {
  return target < 0 || !state.upstreams.has(target)
}

function addEdge(state: RunState, from: number, target: number): void {
  const edge = state.edgeTo.push(target) - 1
  state.nextEdge.push(-1)
  const last = state.lastEdge[from] as number
  if (last === -1) state.firstEdge[from] = edge
  else state.nextEdge[last] = edge
  state.lastEdge[from] = edge
  if (target < 0) addOrderDependency(state, from, ~target)
  else addHardDependency(state, from, target)
}

function addOrderDependency(state: RunState, from: number, to: number): void {
  const dependencies = state.orderDependencies.get(to)
  if (dependencies) dependencies.push(from)
  else state.orderDependencies.set(to, [from])
  if (!isTerminal((state.states[from] as TaskState).status)) (state.openDependencies[to] as number)++
}

function addHardDependency(state: RunState, from: number, to: number): void {
  ;(state.dependencies[to] as number[]).push(from)
  const task = state.states[from] as TaskState
  const upstream = state.upstreams.get(to)
  if (upstream) countEnd(upstream, task)
  else if (task.status !== 'succeeded') (state.openDependencies[to] as number)++
}

function countEnd(upstream: Upstream, task: TaskState): void {
  const kind = endKindOf(task)
  if (kind !== undefined) upstream[kind]++
  if (isUpstreamFailed(task)) upstream.upstreamFailed++
}
