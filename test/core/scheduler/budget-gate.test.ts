import type { TaskSpec } from 'counterpoint'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { StartSignal } from '../../../src/core/scheduler/signals.js'
import { checkHistory } from '../../support/history.js'
import {
  approve,
  budget,
  cancel,
  describeEvents,
  drain,
  fail,
  mode,
  ok,
  okUsing,
  pause,
  recover,
  reject,
  SchedulerFixture,
  type SchedulerFixtureOptions,
  specs,
  startWith,
  unpause,
  wake,
} from '../../support/scheduler-fixture.js'
import { SeededRandom } from '../../support/seeded-random.js'
import { table } from '../../support/table.js'

type Budget = NonNullable<TaskSpec['budget']>
const costs = (costUsd: number, more: Partial<StartSignal> = {}) => ({ estimate: { costUsd }, ...more })
const run = (costUsd: number, more: Budget = {}): SchedulerFixtureOptions => ({ budget: { soft: 1, costUsd, ...more } })
const onHold = run(10, { onHard: 'hold' })
/** `a` is in flight with 6 of 10 reserved; `b` and `c` need 5 each. */
const waiting = [startWith('a', costs(6)), startWith('b', costs(5)), startWith('c', costs(5))]
/** Tasks of a pool `p` and a pool `q`. */
const inPools = (p: string, q: string): readonly TaskSpec[] => [
  ...specs(p),
  ...specs(q).map(spec => ({ ...spec, pool: 'q' })),
]

describe('a task that does not fit because of the reservations of others', () => {
  test('is held with its estimate, and no budget is reported as reached', () => {
    const scene = SchedulerFixture.of('a b', run(10))
    scene.play(startWith('a', costs(6)))
    const held = scene.play(startWith('b', costs(5)))
    expect(held).toMatchObject([{ type: 'task.held', reason: 'reserved', estimate: { costUsd: 5 } }])
    expect(scene.task('b')).toMatchObject({ status: 'held', reason: 'reserved', estimate: { costUsd: 5 } })
    checkHistory(scene.events, { settled: false })
  })

  for (const onHard of ['stop', 'hold'] as const)
    test(`waits with onHard ${onHard}`, () => {
      const scene = SchedulerFixture.of('a b', run(10, { onHard }))
      expect(describeEvents(scene.play(startWith('a', costs(6)), startWith('b', costs(5))))).toEqual([
        'task.held b for reserved',
      ])
    })

  test('goes to the cheapest backend first with onHard degrade, and waits there', () => {
    const scene = SchedulerFixture.of('a b', run(10, { onHard: 'degrade' }))
    expect(describeEvents(scene.play(startWith('a', costs(6)), startWith('b', costs(5))))).toEqual([])
    expect(describeEvents(scene.play(startWith('b', costs(4.5, { degraded: true }))))).toEqual([
      'task.held b for reserved',
    ])
  })

  table([
    [
      'is ready when an attempt has used less',
      'a b c',
      waiting,
      okUsing('a', { costUsd: 1 }),
      ['task.succeeded a', 'task.ready b'],
      onHold,
    ],
    [
      'is ready when no attempt is in flight, even if it still does not fit',
      'a b c',
      waiting,
      okUsing('a', { costUsd: 6 }),
      ['task.succeeded a', 'task.ready b'],
      onHold,
    ],
    [
      'is held by the budget if it still does not fit',
      'a b c',
      [...waiting, okUsing('a', { costUsd: 6 })],
      startWith('b', costs(5)),
      ['budget.reached b run hard costUsd hold', 'task.held b for budget', 'task.ready c'],
      onHold,
    ],
    [
      'stops the run if it still does not fit, with onHard stop',
      'a b c',
      [...waiting, okUsing('a', { costUsd: 6 })],
      startWith('b', costs(5)),
      [
        'budget.reached b run hard costUsd stop',
        'run.stopping budget',
        'task.cancelled b',
        'task.cancelled c',
        'run.settled partial',
      ],
      run(10),
    ],
    [
      'keeps waiting while another attempt is in flight',
      'a b c d',
      [startWith('d', costs(1)), startWith('a', costs(6)), startWith('b', costs(5))],
      okUsing('d', { costUsd: 1 }),
      ['task.succeeded d'],
      onHold,
    ],
    [
      'is ready alone: the next one follows after its start if it still fits',
      'a b c d',
      [...waiting, okUsing('a', { costUsd: 0 })],
      startWith('b', costs(5)),
      ['attempt.started b 1', 'task.ready c'],
      onHold,
    ],
    [
      'keeps waiting if it no longer fits after the start of the previous one',
      'a b c d',
      [...waiting, okUsing('a', { costUsd: 1 })],
      startWith('b', costs(5)),
      ['attempt.started b 1'],
      onHold,
    ],
    [
      'is ready when the budget is raised',
      'a b c',
      waiting,
      budget({ costUsd: 99, soft: 1 }),
      ['budget.changed', 'task.ready b', 'task.ready c'],
      onHold,
    ],
    ['can be approved', 'a b c', waiting, approve('b'), ['task.ready b approved'], onHold],
    [
      'may exceed the budget after approval',
      'a b c',
      [...waiting, approve('b')],
      startWith('b', costs(50)),
      ['attempt.started b 1', 'budget.reached run soft costUsd tell'],
      onHold,
    ],
    ['can be rejected', 'a b c', waiting, reject('b'), ['task.dead b refused'], onHold],
    ['can be cancelled', 'a b c', waiting, cancel('b'), ['task.cancelled b'], onHold],
    [
      'is ready after a failed attempt, too',
      'a b c',
      waiting,
      fail('a', 'throttled'),
      /* nothing was used */ ['attempt.failed a 1 throttled', 'task.delayed a 500', 'task.ready b'],
      onHold,
    ],
    [
      'is not ready in a pause',
      'a b c',
      [...waiting, pause],
      okUsing('a', { costUsd: 1 }),
      ['task.succeeded a'],
      onHold,
    ],
    [
      'is ready after the pause in which the last attempt ended',
      'a b c',
      [...waiting, pause, okUsing('a', { costUsd: 1 })],
      unpause,
      ['run.unpaused', 'task.ready b'],
      onHold,
    ],
    [
      'stays held in a draining run',
      'a b c',
      [...waiting, drain],
      okUsing('a', { costUsd: 1 }),
      ['task.succeeded a', 'run.suspended'],
      onHold,
    ],
    [
      'is ready when the run is resumed',
      'a b c',
      [...waiting, drain, okUsing('a', { costUsd: 1 })],
      recover,
      ['run.recovered 2', 'task.ready b'],
      onHold,
    ],
    [
      'is ready after a restart, which ends the reservations of others',
      'a b c',
      waiting,
      recover,
      ['run.recovered 2', 'attempt.failed a 1 interrupted', 'task.delayed a 0', 'task.ready b'],
      onHold,
    ],
    [
      'is ready in a serial run, too',
      'a b c',
      [...waiting, mode('serial')],
      okUsing('a', { costUsd: 1 }),
      ['task.succeeded a', 'task.ready b'],
      onHold,
    ],
  ])

  test('keeps its position in the queue of its pool, and leaves it when it has ended', () => {
    const scene = SchedulerFixture.of('a b c d', onHold)
    scene.play(...waiting, startWith('d', costs(5)), cancel('b'))
    expect([...scene.state.heldForReservations]).toEqual([['p', new Set([2, 3])]])
    scene.play(cancel())
    expect(scene.state.heldForReservations.size).toBe(0)
  })
})

describe('a budget with two measures', () => {
  const both: SchedulerFixtureOptions = {
    budget: { pools: { p: { soft: 1, costUsd: 1, wallMs: 50, onHard: 'degrade' } } },
  }

  test('starts no degraded attempt when one measure is reserved and the other used up', () => {
    const scene = SchedulerFixture.of('a b c', both)
    scene.play(startWith('a', costs(0)), startWith('b', costs(1)))
    scene.at += 100
    scene.play(okUsing('a', { costUsd: 0 }))
    scene.play(startWith('c', { degraded: true }))
    expect(scene.task('c').status).not.toBe('running')
  })
})

describe('tasks that wait in two pools', () => {
  test('are checked pool by pool: one that fits is not blocked by one in the other pool', () => {
    const options: SchedulerFixtureOptions = { budget: { soft: 1, pools: { p: { costUsd: 10 }, q: { costUsd: 10 } } } }
    const scene = SchedulerFixture.of(inPools('a b c', 'd e'), options)
    const inQ = (costUsd: number): Partial<StartSignal> => costs(costUsd, { pool: 'q' })
    scene.play(startWith('a', costs(6)), startWith('b', costs(5)), startWith('d', inQ(6)), startWith('e', inQ(5)))
    expect(describeEvents(scene.play(okUsing('d', { costUsd: 1 })))).toEqual(['task.succeeded d', 'task.ready e'])
  })

  test('are ready in both: the pool of the first may be parked', () => {
    const scene = SchedulerFixture.of(inPools('a b', 'c'), run(10))
    scene.play(startWith('a', costs(10)), startWith('b', costs(2)), startWith('c', costs(2, { pool: 'q' })))
    scene.play(okUsing('a', { costUsd: 0 }))
    expect(scene.picture).toBe('a:succeeded b:ready c:ready')
  })

  test('do not wait behind one that can never fit, while a task is ready in a parked pool', () => {
    const scene = SchedulerFixture.of(inPools('z', 'a b c'), onHold)
    const inQ = (costUsd: number): Partial<StartSignal> => costs(costUsd, { pool: 'q' })
    scene.play(startWith('a', inQ(7)), startWith('b', inQ(6)), startWith('c', inQ(4)))
    expect(scene.picture).toBe('z:ready a:running b:held c:held')
    scene.play(okUsing('a', { costUsd: 5 }))
    if (scene.task('b').status === 'ready') scene.play(startWith('b', inQ(6)))
    expect(scene.task('b')).toMatchObject({ status: 'held', reason: 'budget' })
    expect(scene.task('c').status).toBe('ready')
  })
})

describe('a task does not alternate between held and ready', () => {
  test('while nothing has changed', () => {
    const scene = SchedulerFixture.of('a b', run(10))
    scene.play(startWith('a', costs(6)), startWith('b', costs(5)), ok('a'), startWith('b', costs(4)))
    expect(scene.attempt('b')).toBe(1)
    checkHistory(scene.events, { settled: false })
  })

  test('when the budget of the orchestrator was changed', () => {
    const scene = SchedulerFixture.of('a b c', onHold)
    expect(describeEvents(scene.play(...waiting, budget()))).toEqual([])
  })

  test('and becomes ready only after an attempt has ended', () => {
    const scene = SchedulerFixture.of('a b c d', onHold)
    scene.play(...waiting)
    for (const step of [
      pause,
      unpause,
      mode('serial'),
      mode('parallel'),
      wake('d'),
      budget({ costUsd: 10, onHard: 'hold' }),
    ])
      scene.play(step)
    scene.play(startWith('b', costs(5)), startWith('c', costs(5)))
    expect(describeEvents(scene.play(wake('d')))).toEqual([])
    checkHistory(scene.events, { settled: false })
  })
})

describe('any number of waiting tasks', () => {
  /** Runs a scene in which `n` tasks wait for reservations, until all have ended. Returns the number of signals that took. */
  function runToEnd(n: number, limit: number, dice: SeededRandom): { scene: SchedulerFixture; signals: number } {
    const tasks = Array.from({ length: n }, (_, i) => ({ id: `t${i}`, description: '', pool: dice.pick(['p', 'q']) }))
    const scene = SchedulerFixture.of(tasks, { ...run(limit, { onHard: 'hold' }), checks: n <= 40 })
    const open = new Set(tasks.map((_, index) => index))
    let signals = 0
    while (scene.state.phase.status !== 'settled') {
      let moved = false
      for (const index of [...open]) {
        const task = scene.state.states[index]!
        if (task.status === 'succeeded' || task.status === 'dead') open.delete(index)
        if (task.status === 'held' && task.reason === 'budget') scene.play(reject(`t${index}`))
        else if (task.status === 'ready')
          scene.play(startWith(`t${index}`, costs(1 + (index % 3), { pool: tasks[index]!.pool })))
        else if (task.status === 'running' && dice.chance(0.5))
          scene.play(okUsing(`t${index}`, { costUsd: dice.next() }))
        else continue
        moved = true
        signals++
      }
      // Only what runs may be left alone for a round.
      if (!moved && scene.state.counts.running === 0) throw new Error(`it hangs: ${scene.picture}`)
    }
    return { scene, signals }
  }

  test('ends without a person, in any order, and is ready no more often than attempts end', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 0, max: 12 }), fc.nat(), (n, limit, seed) => {
        const { scene, signals } = runToEnd(n, limit, new SeededRandom(seed))
        checkHistory(scene.events)
        scene.checkReplay()
        expect(signals).toBeLessThan(10 * n + 10)
      }),
      { numRuns: 300 },
    )
  })

  test('of 10,000 is held once each, and not checked by every decision', () => {
    const ids = Array.from({ length: 10_000 }, (_, i) => `t${i}`)
    const scene = SchedulerFixture.of(ids.join(' '), { ...run(10_000), checks: false })
    scene.play(...ids.map(id => startWith(id, costs(id === 't0' ? 10_000 : 9_000))))
    expect(scene.state.counts.held).toBe(9_999)
    for (const [place, id] of ids.entries()) {
      scene.play(okUsing(id, { costUsd: 0 }))
      const next = ids[place + 1]
      if (next) scene.play(startWith(next, costs(9_000)))
    }
    expect(scene.state.phase).toEqual({ status: 'settled', outcome: 'completed' })
    expect(scene.events.filter(({ type }) => type === 'task.held')).toHaveLength(9_999)
  })
})
