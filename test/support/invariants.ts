import assert from 'node:assert/strict'
import type { EventOf, TaskStatus } from 'counterpoint'
import type { RunState } from '../../src/core/state/run-state.js'
import type { TaskState } from '../../src/core/state/task.js'
import { airflow, type Done } from './airflow.js'

const STATUSES: readonly TaskStatus[] = [
  'blocked',
  'ready',
  'held',
  'running',
  'stopping',
  'delayed',
  'succeeded',
  'dead',
  'skipped',
  'cancelled',
]

/** Invariants that hold after every event. Throws an AssertionError for a violation. */
export function checkInvariants(state: RunState): void {
  const size = state.specs.length
  for (const list of [
    state.states,
    state.tallies,
    state.openDependencies,
    state.dependencies,
    state.firstEdge,
    state.lastEdge,
  ])
    assert.equal(list.length, size, 'every list has an entry per task')
  assert.equal(state.ids.size, size, 'every task has its own id')
  recount(state)
  for (let index = 0; index < size; index++) {
    assert.equal(state.ids.get(state.specs[index]!.id), index, 'ids lead to their tasks')
    checkWaiting(state, index)
    checkEdges(state, index)
    checkTask(state, index)
  }
}

/** Additional invariants between two records: no decision is pending. */
export function checkAtRest(state: RunState): void {
  const { phase } = state
  assert.equal(state.pendingEdges.size, 0, 'no task depends on one that was never added')
  const unfinished = state.states.filter(task => !isOver(task.status)).length
  if (phase.status === 'planning') assert.equal(state.specs.length, 0, 'a run that has not begun has no tasks')
  else assert.equal(phase.status === 'settled', unfinished === 0, 'a run is settled exactly when all tasks have ended')
  const { running, stopping } = state.counts
  if (phase.status === 'draining')
    assert.ok(running + stopping > 0, 'a run drains until its last attempt, and no longer')
  if (phase.status === 'suspended') assert.equal(running + stopping, 0, 'nothing runs in a run that is suspended')
  checkReserved(state)
  checkReservedOut(state)
  for (let index = 0; index < state.specs.length; index++) checkTaskAtRest(state, index)
}

/** Invariants of the key of an attempt that has just started. */
export function checkKey(state: RunState, { index, key }: EventOf<'attempt.started'>): void {
  assert.equal(key.split('/').at(-1), String(state.tallies[index]!.repairs + 1), 'feedback starts a new revision')
}

export function isOver(status: TaskStatus): boolean {
  return status === 'succeeded' || status === 'dead' || status === 'skipped' || status === 'cancelled'
}

function recount(state: RunState): void {
  const counts = Object.fromEntries(STATUSES.map(status => [status, 0])) as Record<TaskStatus, number>
  for (const task of state.states) counts[task.status]++
  assert.deepEqual(state.counts, counts, 'the counts equal a recount')
}

/** The dependency counters of a task equal a recount. Order-only dependencies block a task until they have ended. */
function checkWaiting(state: RunState, index: number): void {
  const { after = [], orderAfter = [], triggerRule = 'all_success' } = state.specs[index]!
  const ends = after.map(id => endOf(state, id))
  const unended = orderAfter.filter(id => endOf(state, id) === undefined).length
  const ruled = triggerRule !== 'all_success' && after.length > 0
  const unmet = ruled ? 0 : ends.filter(end => end !== 'success').length
  assert.equal(state.openDependencies[index], unended + unmet, `open[${index}] equals a recount`)
  assert.equal(state.upstreams.has(index), ruled, 'ends are counted for exactly the tasks with a trigger rule')
  const upstream = state.upstreams.get(index)
  if (upstream === undefined) return
  assert.deepEqual(upstream, {
    rule: triggerRule,
    total: after.length,
    succeeded: ends.filter(end => end === 'success').length,
    failed: ends.filter(end => end === 'failed' || end === 'upstream_failed').length,
    upstreamFailed: ends.filter(end => end === 'upstream_failed').length,
    skipped: ends.filter(end => end === 'skipped').length,
  })
}

function endOf(state: RunState, id: string): Done | undefined {
  const index = state.ids.get(id)
  const task: TaskState | undefined = index === undefined ? undefined : state.states[index]
  if (task === undefined || !isOver(task.status)) return undefined
  if (task.status === 'skipped') return task.rule === undefined ? 'upstream_failed' : 'skipped'
  return task.status === 'succeeded' ? 'success' : 'failed'
}

/** Every edge points to a dependent (`~index` if order-only), and every dependency has an edge. */
function checkEdges(state: RunState, index: number): void {
  const { id, after = [], orderAfter = [] } = state.specs[index]!
  let edges = 0
  for (let edge = state.firstEdge[index]!; edge !== -1; edge = state.nextEdge[edge]!) {
    const to = state.edgeTo[edge]!
    const { after: hard = [], orderAfter: order = [] } = state.specs[to < 0 ? ~to : to]!
    assert.ok((to < 0 ? order : hard).includes(id), 'an edge leads to a dependent')
    assert.ok(++edges <= state.edgeTo.length, 'the edges of a task form no cycle')
    if (state.nextEdge[edge] === -1) assert.equal(state.lastEdge[index], edge, 'the last edge is known')
  }
  for (const [ids, to, drawn] of [
    [after, index, state.dependencies[index]!],
    [orderAfter, ~index, state.orderDependencies.get(index) ?? []],
  ] as const) {
    const here = ids.filter(need => state.ids.has(need))
    assert.deepEqual(
      drawn.map(need => state.specs[need]!.id).sort(),
      [...here].sort(),
      'all its dependencies have edges',
    )
    for (const need of ids)
      if (!state.ids.has(need))
        assert.ok(state.pendingEdges.get(need)?.includes(to), `${need} has a pending edge to each dependent`)
  }
}

/** True if the ends of its dependencies allow task `index` to run. Once true, it stays true. */
function mayRun(state: RunState, index: number): boolean {
  const { after = [], triggerRule = 'all_success' } = state.specs[index]!
  const ends = after.map(id => endOf(state, id))
  return state.openDependencies[index] === 0 && airflow(triggerRule, ends) === 'run'
}

function checkTask(state: RunState, index: number): void {
  const task = state.states[index]!
  const { attempts, failures, throttled, interrupted, failovers, repairs } = state.tallies[index]!
  const booked = failures + throttled + interrupted + failovers + repairs
  assert.ok(booked <= attempts, 'no attempt is counted twice')
  if (task.status === 'running' || task.status === 'stopping') {
    assert.ok(task.attempt === attempts + 1 || task.attempt === attempts, 'attempts are numbered without a gap')
  }
  if (/ready|held|running|stopping|delayed|succeeded/.test(task.status))
    assert.ok(mayRun(state, index), `no task is ${task.status} before its trigger rule is met`)
}

function checkTaskAtRest(state: RunState, index: number): void {
  const task = state.states[index]!
  const spec = state.specs[index]!
  const { phase } = state
  const what = `task ${spec.id} is ${task.status}`
  if (task.status === 'running' || task.status === 'stopping') {
    assert.equal(task.attempt, state.tallies[index]!.attempts + 1, `${what}, and its attempt is not counted yet`)
  }
  if (task.status === 'blocked') {
    const fate = airflow(
      spec.triggerRule ?? 'all_success',
      (spec.after ?? []).map(id => endOf(state, id)),
    )
    const waitsForOrder = (spec.orderAfter ?? []).some(id => endOf(state, id) === undefined)
    assert.ok(fate === 'wait' || (fate === 'run' && waitsForOrder), `${what}, and all its dependencies have ended`)
  }
  if (spec.approval && /running|stopping|succeeded/.test(task.status))
    assert.ok(state.approved.has(index), `${what}, and was not approved`)
  if (phase.status !== 'stopping') return
  assert.ok(!/blocked|ready|held|delayed/.test(task.status), `${what} in a run that starts nothing more`)
  if (phase.reason === 'cancelled') assert.notEqual(task.status, 'running', `${what} in a cancelled run`)
}

/** The reserved amount is the sum of the reservations of running attempts, except those that started before the budget was set. */
function checkReserved(state: RunState): void {
  const { accounts } = state
  if (accounts === undefined) return
  const live = state.states.flatMap((task, index) =>
    task.status === 'running' || task.status === 'stopping'
      ? [{ index, pool: task.pool, reserved: task.reserved }]
      : [],
  )
  const check = (reserved: { costUsd: number; tokens: number }, mine: typeof live): void => {
    const costUsd = mine.reduce((sum, one) => sum + (one.reserved?.costUsd ?? 0), 0)
    assert.ok(Math.abs(reserved.costUsd - costUsd) < 1e-6, `${reserved.costUsd} are reserved instead of ${costUsd}`)
    const tokens = mine.reduce((sum, one) => sum + (one.reserved?.tokens ?? 0), 0)
    assert.ok(Math.abs(reserved.tokens - tokens) < 1e-6, `${reserved.tokens} are reserved instead of ${tokens}`)
  }
  check(accounts.run.reserved, live)
  for (const [pool, account] of accounts.pools)
    check(
      account.reserved,
      live.filter(one => one.pool === pool),
    )
  for (const [index, account] of accounts.tasks)
    check(
      account.reserved,
      live.filter(one => one.index === index),
    )
}

/** The tasks that wait for reservations are listed, and there are reservations. */
function checkReservedOut(state: RunState): void {
  const waiting = state.states.flatMap((task, index) =>
    task.status === 'held' && task.reason === 'reserved' ? [`${state.specs[index]!.pool} ${index}`] : [],
  )
  const known = [...state.heldForReservations].flatMap(([pool, indexes]) =>
    [...indexes].map(index => `${pool} ${index}`),
  )
  assert.deepEqual(known.sort(), waiting.sort(), 'tasks that wait for reservations are listed by pool')
  const { running, stopping, ready } = state.counts
  if (state.phase.status === 'running' && waiting.length > 0)
    assert.ok(running + stopping + ready > 0, 'a task waits for reservations only while an attempt is in flight')
}
