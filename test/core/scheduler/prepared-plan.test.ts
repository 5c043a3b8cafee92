import assert from 'node:assert/strict'
import { parsePlan, type RunEvent, TaskGraph, type TaskSpec } from 'counterpoint'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { CriticalRanks } from '../../../src/core/scheduler/critical-rank.js'
import { decide } from '../../../src/core/scheduler/decide.js'
import { preparedPlanOf } from '../../../src/core/scheduler/prepared-plan.js'
import { replay } from '../../../src/core/state/evolve.js'
import { emptyState } from '../../../src/core/state/new-state.js'
import type { RunState } from '../../../src/core/state/run-state.js'
import { graphs } from '../../support/graphs.js'
import { checkInvariants } from '../../support/invariants.js'

const context = { at: 1_000, random: () => 0.5, judge: () => ({ action: 'dead', reason: 'x' }) as const }

function send(state: RunState, signal: Parameters<typeof decide>[1]): RunEvent[] {
  return decide(state, signal, context)
}

/** A run that begins with these tasks, and its events. */
function begun(tasks: readonly TaskSpec[]): { readonly state: RunState; readonly events: RunEvent[] } {
  const state = emptyState('r')
  return { state, events: send(state, { type: 'add', tasks }) }
}

const idsOf = ({ specs, ids }: RunState): unknown => specs.map(({ id }) => ids.get(id))

/** A state without its references to shared objects. */
function same(one: RunState, other: RunState): void {
  assert.deepEqual({ ...one, ids: idsOf(one) }, { ...other, ids: idsOf(other) })
  assert.equal(one.ids.size, other.ids.size)
}

describe('the tasks of a checked plan', () => {
  test('are added all at once, with the same events and state as one by one', () => {
    fc.assert(
      fc.property(fc.oneof(graphs(), graphs({ rich: true })), specs => {
        const { tasks } = parsePlan({ tasks: specs })
        // A list that was not checked before is added task by task.
        const [atOnce, oneByOne] = [begun(tasks), begun([...tasks])]
        assert.deepEqual(atOnce.events, oneByOne.events)
        same(atOnce.state, oneByOne.state)
        same(replay('r', atOnce.events), atOnce.state)
      }),
      { numRuns: 300 },
    )
  })

  test('have the same ranks as tasks that are added one by one, also after further tasks were added', () => {
    fc.assert(
      fc.property(graphs({ maxTasks: 12 }), specs => {
        const { tasks } = parsePlan({ tasks: specs })
        const { state } = begun([...tasks])
        const own = new CriticalRanks()
        own.extend(state, 0)
        const shared = preparedPlanOf(tasks)?.criticalRanks.copy() as CriticalRanks
        const first = state.specs.length
        send(state, {
          type: 'add',
          tasks: [{ id: 'late', description: 'late', after: tasks.slice(0, 2).map(t => t.id) }],
        })
        for (const ranks of [own, shared]) if (first > 0) ranks.extend(state, first)
        for (let index = 0; first > 0 && index < state.specs.length; index++)
          assert.equal(shared.of(index), own.of(index))
        // The shared ranks have not changed.
        const again = preparedPlanOf(tasks)?.criticalRanks.copy() as CriticalRanks
        const fresh = new CriticalRanks()
        fresh.extend(begun([...tasks]).state, 0)
        tasks.forEach((_, index) => void assert.equal(again.of(index), fresh.of(index)))
      }),
      { numRuns: 200 },
    )
  })

  test('are not changed by a run, nor by tasks that are added to it', () => {
    fc.assert(
      fc.property(graphs({ maxTasks: 12, rich: 'settled' }), specs => {
        const { tasks } = parsePlan({ tasks: specs })
        const [first, second] = [begun(tasks), begun(tasks)]
        const before = structuredClone({ ...second.state, ids: idsOf(second.state) })
        const late = { id: 'late', description: 'late', after: tasks.slice(0, 3).map(({ id }) => id) }
        for (const spec of tasks) {
          const index = first.state.ids.get(spec.id) as number
          if (first.state.states[index]?.status !== 'ready') continue
          send(first.state, { type: 'start', index, pool: 'p', backend: 'p', input: null })
          send(first.state, { type: 'succeed', index, attempt: 1, output: index })
        }
        if (first.state.phase.status === 'running') send(first.state, { type: 'add', tasks: [late] })
        checkInvariants(first.state)
        assert.deepEqual({ ...second.state, ids: idsOf(second.state) }, before)
        assert.equal(second.state.ids.has('late'), false)
        same(begun(tasks).state, begun([...tasks]).state)
      }),
      { numRuns: 300 },
    )
  })

  test('can be bound to functions, which is recorded in their events', () => {
    const graph = new TaskGraph('g')
    const a = graph.task('a', { pool: 'p' })
    graph.task('b', { pool: 'p', after: [a], input: ({ a }) => a })
    const state = emptyState('r')
    const events = send(state, { type: 'add', tasks: graph.tasks, bound: graph.bound })
    expect(events.flatMap(event => (event.type === 'task.added' ? [event] : [])).map(event => event.bound)).toEqual([
      undefined,
      ['input'],
    ])
    expect([...state.bound]).toEqual([[1, ['input']]])
    same(replay('r', events), state)
  })

  test('are added one by one if one of them has a budget: its account belongs to the run', () => {
    const { tasks } = parsePlan({ tasks: [{ id: 'a', budget: { costUsd: 1 } }] })
    expect(preparedPlanOf(tasks)).toBeUndefined()
    expect(begun(tasks).state.accounts?.tasks.size).toBe(1)
  })
})
