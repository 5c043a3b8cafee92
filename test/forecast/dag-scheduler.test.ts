import { DagScheduler, isCounterpointError, type TaskData, TaskGraph, type TaskSpec } from 'counterpoint'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decide } from '../../src/core/scheduler/decide.js'
import { emptyState } from '../../src/core/state/new-state.js'
import { forecast } from '../../src/forecast/forecast.js'
import { graphs } from '../support/graphs.js'
import { specs } from '../support/scheduler-fixture.js'
import { SeededRandom } from '../support/seeded-random.js'

const scheduler = new DagScheduler()

/** Without approvals, which hold a task, and without budgets. */
function simple(tasks: readonly TaskSpec[]): readonly TaskSpec[] {
  return tasks.map(({ approval, budget, ...task }) => task)
}

describe('ready', () => {
  test('gives what the scheduler of a run would start, whatever has happened before', () => {
    fc.assert(
      fc.property(graphs({ rich: true }), fc.nat(), (plan, seed) => {
        const tasks = simple(plan)
        const dice = new SeededRandom(seed)
        const context = { at: 0, random: () => 0, judge: () => ({ action: 'dead' as const, reason: '' }) }
        const state = emptyState('r')
        decide(state, { type: 'add', tasks }, context)
        const withStatus = (...statuses: string[]): number[] =>
          [...tasks.keys()].filter(index => statuses.includes(state.states[index]?.status ?? ''))
        for (let step = 0; step < 60; step++) {
          const started = tasks.map(({ id }, index) => ({ id, status: state.states[index]?.status ?? 'blocked' }))
          const ready = withStatus('ready').map(index => tasks[index]?.id)
          expect([...scheduler.ready({ tasks }, started)].sort()).toEqual(ready.sort())
          const [index, running] = [dice.pick(withStatus('ready')), dice.pick(withStatus('running'))]
          if (index !== undefined && dice.chance(0.6))
            decide(state, { type: 'start', index, pool: 'p', backend: 'p', input: null }, context)
          else if (running !== undefined && dice.chance(0.7))
            decide(state, { type: 'succeed', index: running, attempt: 1, output: null }, context)
          else if (running !== undefined) {
            const failure = { kind: 'agent', message: 'no' } as const
            decide(state, { type: 'fail', index: running, attempt: 1, failure }, context)
          }
        }
      }),
      { numRuns: 60 },
    )
  })

  test('gives them by priority, then longest remaining path, then place', () => {
    fc.assert(
      fc.property(graphs({ maxTasks: 15 }), plan => {
        const pathOf = (task: TaskSpec): number =>
          (task.durationMs ?? 0) +
          Math.max(0, ...plan.filter(({ after }) => after?.includes(task.id)).map(dependent => pathOf(dependent)))
        const free = plan.filter(task => task.after === undefined)
        const expected = free.toSorted(
          (a, b) => (a.priority ?? 3) - (b.priority ?? 3) || pathOf(b) - pathOf(a) || plan.indexOf(a) - plan.indexOf(b),
        )
        expect(scheduler.ready({ tasks: plan })).toEqual(expected.map(({ id }) => id))
      }),
    )
  })

  test('takes ids of tasks that have succeeded, and uses its order', () => {
    const graph = new TaskGraph('g')
    const a = graph.task('a', { durationMs: 5 })
    graph.task('b', { after: [a], context: { rank: 2 } })
    graph.task('c', { after: [a], context: { rank: 1 } })
    const byRank = new DagScheduler({ order: ({ context }) => (context as { rank: number }).rank })
    expect(scheduler.ready(graph)).toEqual(['a'])
    expect(scheduler.ready(graph, ['a'])).toEqual(['b', 'c'])
    expect(byRank.ready(graph, ['a'])).toEqual(['c', 'b'])
  })

  test('ignores the results of tasks that the plan does not have', () => {
    const started = [{ id: 'added-live', status: 'succeeded' }, { id: 'a', status: 'succeeded' }] as const // biome-ignore format: one line
    expect(scheduler.ready({ tasks: [{ id: 'a' }, { id: 'b', after: ['a'] }] }, started)).toEqual(['b'])
  })

  test('gives its order the facts that OrderFacts documents for it', () => {
    const calls: unknown[] = []
    const recording = new DagScheduler({ order: (_task, facts) => calls.push(facts) })
    recording.ready({ tasks: [{ id: 'a' }, { id: 'b', pool: 'p' }] })
    const facts = { runId: '', readyAt: 0, agingMs: 60_000, remainingPath: 1, attempt: 1 }
    expect(calls).toEqual([{ ...facts, pool: '' }, { ...facts, pool: 'p' }]) // biome-ignore format: one line
  })

  test.each([
    ['a string, which is a list of letters', 'ab', 'started', /expected a list of ids or of task results, got "ab"/],
    ['a number', 5, 'started', /expected a list of ids or of task results, got 5/],
    ['an unknown id', ['aa'], 'started[0]', /no task "aa".*did you mean "a"/],
    ['something else', ['a', null], 'started[1]', /no task/],
    ['an unknown status', [{ id: 'a', status: 'done' }], 'started[0].status', /expected one of blocked.*got "done"/],
  ])('refuses %s', (_what, started, path, message) => {
    const ready = (): unknown => scheduler.ready({ tasks: specs('a') }, started as never)
    expect(ready).toThrow(message)
    expect(ready).toThrow(expect.objectContaining({ details: { issues: [expect.objectContaining({ path })] } }))
  })
})

/** How long the plan takes without limits, by playing it. */
function makespan(tasks: readonly TaskSpec[]): number {
  return forecast(tasks, { pools: { p: { concurrency: 1_000 } } }).parallelMs
}

const later = (tasks: readonly TaskSpec[], id: string, ms: number): readonly TaskSpec[] =>
  tasks.map(task => (task.id === id ? { ...task, durationMs: (task.durationMs ?? 0) + ms } : task))

describe('criticalPath and slack', () => {
  test('agree with what happens when a task takes longer', () => {
    fc.assert(
      fc.property(graphs({ maxTasks: 20 }), fc.nat(), (plan, seed) => {
        const dice = new SeededRandom(seed)
        const tasks = plan.map(({ after, ...task }) => {
          if (after === undefined) return task
          return dice.chance(0.3) ? { ...task, orderAfter: after } : { ...task, after }
        })
        const whole = makespan(tasks)
        const { ids, ms } = scheduler.criticalPath({ tasks })
        const slack = scheduler.slack({ tasks })
        expect(ms).toBe(whole)
        expect(ids.reduce((sum, id) => sum + (tasks.find(task => task.id === id)?.durationMs ?? 0), 0)).toBe(ms)
        for (const id of ids) expect(slack.get(id)).toBe(0)
        expect([...slack.keys()]).toEqual(tasks.map(({ id }) => id))
        for (const [id, spare] of slack) {
          expect(makespan(later(tasks, id, spare))).toBe(whole)
          expect(makespan(later(tasks, id, spare + 1))).toBe(whole + 1)
        }
      }),
    )
  })

  test('never allow too much with any trigger rule, and leave out tasks that would be skipped', () => {
    fc.assert(
      fc.property(graphs({ maxTasks: 20, rich: true }), plan => {
        const tasks = simple(plan)
        const whole = makespan(tasks)
        expect(scheduler.criticalPath({ tasks }).ms).toBeLessThanOrEqual(whole)
        const { etaMs } = forecast(tasks, { pools: { p: { concurrency: 1_000 } } })
        const slack = scheduler.slack({ tasks })
        expect([...slack.keys()]).toEqual(tasks.filter((_, i) => etaMs[i] !== undefined).map(({ id }) => id))
        for (const [id, spare] of slack) expect(makespan(later(tasks, id, spare))).toBe(whole)
      }),
    )
  })

  test('count a task without a duration as the average of the others, or 1', () => {
    const tasks = [...specs('b<a c<a'), { id: 'a', durationMs: 10 }]
    expect(scheduler.criticalPath({ tasks })).toEqual({ ids: ['a', 'b'], ms: 20 })
    expect(scheduler.criticalPath({ tasks: specs('a b<a c') })).toEqual({ ids: ['a', 'b'], ms: 2 })
    expect(Object.fromEntries(scheduler.slack({ tasks: specs('a b<a c') }))).toEqual({ a: 0, b: 0, c: 1 })
  })

  test('are exactly 0 on the critical path, whatever rounding does to sums', () => {
    const tasks = [0.1, 0.2, 0.3, 0.7, 0.4].map((durationMs, i) => ({ id: `t${i}`, durationMs, after: i > 0 ? [`t${i - 1}`] : [] })) // biome-ignore format: one line
    expect([...scheduler.slack({ tasks }).values()]).toEqual([0, 0, 0, 0, 0])
  })

  test('of an empty plan are empty', () => {
    expect(scheduler.criticalPath({ tasks: [] })).toEqual({ ids: [], ms: 0 })
    expect(scheduler.slack({ tasks: [] }).size).toBe(0)
    expect(scheduler.ready({ tasks: [] })).toEqual([])
  })

  test('refuse a plan that could not be run', () => {
    const codeOf = (tasks: readonly TaskData[]): unknown => {
      try {
        return scheduler.slack({ tasks })
      } catch (error) {
        return isCounterpointError(error) && error.code
      }
    }
    expect(codeOf([{ id: 'a', after: ['a'] }])).toBe('CYCLE')
    expect(codeOf([{ id: 'a', after: ['b'] }])).toBe('UNKNOWN_DEPENDENCY')
    expect(codeOf([{ id: 'a', priority: 0 }])).toBe('INVALID_INPUT')
  })
})

test('an invalid option is refused', () => {
  expect(() => new DagScheduler({ orders: () => 1 } as never)).toThrow(/did you mean "order"/)
})
