import type { Upstream } from '../scheduler/trigger-rule.js'
import { endKindOf, isTerminal, type RunState } from './run-state.js'
import type { TaskSpec, TaskState } from './task.js'

const NO_NEEDS: readonly number[] = Object.freeze([])

/** Draws the edges of a task that has just been added, to it and from it: a batch may name tasks that come later in it. */
export function addEdges(state: RunState, index: number, { id, after, orderAfter, triggerRule }: TaskSpec): void {
  const waits = after !== undefined && after.length > 0
  if (waits && triggerRule !== undefined && triggerRule !== 'all_success')
    state.upstreams.set(index, { rule: triggerRule, total: after.length, succeeded: 0, failed: 0, skipped: 0 })
  state.dependencies.push(waits ? [] : NO_NEEDS)
  if (waits) for (const need of after) drawTo(state, need, index)
  if (orderAfter !== undefined) for (const before of orderAfter) drawTo(state, before, ~index)
  const waiting = state.pendingEdges.size === 0 ? undefined : state.pendingEdges.get(id)
  if (waiting === undefined) return
  state.pendingEdges.delete(id)
  for (const to of waiting) {
    if (isCountedOpen(state, to)) (state.openDependencies[indexOf(to)] as number)--
    drawEdge(state, index, to)
  }
}

/** Task `index` has ended: those that wait for it count it. Without a function for each of them: it is done for every task. */
export function updateDependents(state: RunState, index: number): void {
  const { firstEdge, nextEdge, edgeTo, upstreams, openDependencies: open } = state
  const ended = state.states[index] as TaskState
  for (let edge = firstEdge[index] as number; edge !== -1; edge = nextEdge[edge] as number) {
    const to = edgeTo[edge] as number
    const upstream = to < 0 || upstreams.size === 0 ? undefined : upstreams.get(to)
    if (upstream) countEnd(upstream, ended)
    else if (to < 0 || ended.status === 'succeeded') (open[indexOf(to)] as number)--
  }
}

/** `to` is a task, or `~` of one that waits only for the end. */
function indexOf(to: number): number {
  return to < 0 ? ~to : to
}

function drawTo(state: RunState, id: string, to: number): void {
  const from = state.ids.get(id)
  if (from !== undefined) return drawEdge(state, from, to)
  const waiting = state.pendingEdges.get(id)
  if (waiting) waiting.push(to)
  else state.pendingEdges.set(id, [to])
  if (isCountedOpen(state, to)) (state.openDependencies[indexOf(to)] as number)++
}

function isCountedOpen(state: RunState, to: number): boolean {
  return to < 0 || !state.upstreams.has(to)
}

function drawEdge(state: RunState, from: number, to: number): void {
  const edge = state.edgeTo.push(to) - 1
  state.nextEdge.push(-1)
  const last = state.lastEdge[from] as number
  if (last === -1) state.firstEdge[from] = edge
  else state.nextEdge[last] = edge
  state.lastEdge[from] = edge
  if (to < 0) drawOrder(state, from, ~to)
  else drawNeed(state, from, to)
}

function drawOrder(state: RunState, from: number, to: number): void {
  const orders = state.orderDependencies.get(to)
  if (orders) orders.push(from)
  else state.orderDependencies.set(to, [from])
  if (!isTerminal((state.states[from] as TaskState).status)) (state.openDependencies[to] as number)++
}

function drawNeed(state: RunState, from: number, to: number): void {
  ;(state.dependencies[to] as number[]).push(from)
  const was = state.states[from] as TaskState
  const upstream = state.upstreams.size === 0 ? undefined : state.upstreams.get(to)
  if (upstream) countEnd(upstream, was)
  else if (was.status !== 'succeeded') (state.openDependencies[to] as number)++
}

function countEnd(upstream: Upstream, task: TaskState): void {
  const ended = endKindOf(task)
  if (ended !== undefined) upstream[ended]++
}
