import assert from 'node:assert/strict'
import type { RunState, TaskStatus } from 'counterpoint'

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

/** What holds after every single event. Throws an AssertionError that says what does not. */
export function checkInvariants(state: RunState): void {
  const size = state.specs.length
  for (const list of [state.states, state.tallies, state.open, state.needs, state.firstEdge, state.lastEdge])
    assert.equal(list.length, size, 'every list has a place per task')
  assert.equal(state.ids.size, size, 'every task has its own id')
  recount(state)
  for (let index = 0; index < size; index++) {
    assert.equal(state.ids.get(state.specs[index]!.id), index, 'ids lead to their tasks')
    checkEdges(state, index)
    checkTask(state, index)
  }
}

/** What holds between two records, besides: nothing is left undecided. */
export function checkAtRest(state: RunState): void {
  const { phase } = state
  assert.equal(state.awaited.size, 0, 'nothing waits for a task that was never added')
  const unfinished = state.states.filter(task => !isOver(task.status)).length
  if (phase.status === 'planning') assert.equal(state.specs.length, 0, 'a run that has not begun has no tasks')
  else
    assert.equal(phase.status === 'settled', unfinished === 0, 'a run is settled when everything has ended, not before')
  const { running, stopping } = state.counts
  if (phase.status === 'draining')
    assert.ok(running + stopping > 0, 'a run drains until its last attempt, and no longer')
  if (phase.status === 'suspended') assert.equal(running + stopping, 0, 'nothing runs in a run that is suspended')
  for (let index = 0; index < state.specs.length; index++) checkTaskAtRest(state, index)
}

export function isOver(status: TaskStatus): boolean {
  return status === 'succeeded' || status === 'dead' || status === 'skipped' || status === 'cancelled'
}

function recount(state: RunState): void {
  const counts = Object.fromEntries(STATUSES.map(status => [status, 0])) as Record<TaskStatus, number>
  for (const task of state.states) counts[task.status]++
  assert.deepEqual(state.counts, counts, 'the counts equal a recount')
}

function checkEdges(state: RunState, index: number): void {
  let open = 0
  for (const id of state.specs[index]!.after ?? []) {
    const need = state.ids.get(id)
    if (need === undefined) assert.ok(state.awaited.get(id)?.includes(index), `${id} is awaited by those that need it`)
    else assert.ok(state.needs[index]!.includes(need), 'a dependency that is there is among the needs')
    if (need === undefined || state.states[need]!.status !== 'succeeded') open++
  }
  assert.equal(state.open[index], open, `open[${index}] equals a recount`)
  let edges = 0
  for (let edge = state.firstEdge[index]!; edge !== -1; edge = state.nextEdge[edge]!) {
    assert.ok(state.needs[state.edgeTo[edge]!]!.includes(index), 'an edge leads to a task that needs this one')
    assert.ok(++edges <= state.edgeTo.length, 'the edges of a task are no ring')
    if (state.nextEdge[edge] === -1) assert.equal(state.lastEdge[index], edge, 'the last edge is known')
  }
}

function checkTask(state: RunState, index: number): void {
  const task = state.states[index]!
  const tally = state.tallies[index]!
  const { attempts, failures, throttled, interrupted } = tally
  assert.ok(failures + throttled + interrupted <= attempts, 'no attempt is booked twice')
  if (task.status === 'running' || task.status === 'stopping') {
    assert.ok(task.attempt === attempts + 1 || task.attempt === attempts, 'attempts are numbered without a gap')
    assert.equal(state.open[index], 0, 'nothing runs before what it waits for has succeeded')
  }
  if (task.status === 'ready')
    assert.equal(state.open[index], 0, 'nothing is ready before what it waits for has succeeded')
}

function checkTaskAtRest(state: RunState, index: number): void {
  const task = state.states[index]!
  const { phase } = state
  const what = `task ${state.specs[index]!.id} is ${task.status}`
  if (task.status === 'running' || task.status === 'stopping')
    assert.equal(task.attempt, state.tallies[index]!.attempts + 1, `${what}, and its attempt is not booked yet`)
  if (task.status === 'blocked') {
    assert.ok(state.open[index]! > 0, `${what} although nothing is open`)
    for (const need of state.needs[index]!)
      assert.ok(
        !/dead|skipped|cancelled/.test(state.states[need]!.status),
        `${what}, and what it needs will never come`,
      )
  }
  if (phase.status !== 'stopping') return
  assert.ok(!/blocked|ready|held|delayed/.test(task.status), `${what} in a run that starts nothing any more`)
  if (phase.because === 'cancelled') assert.notEqual(task.status, 'running', `${what} in a cancelled run`)
}
