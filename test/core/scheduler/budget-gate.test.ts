import type { StartSignal, TaskSpec } from 'counterpoint'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Dice } from '../../support/dice.js'
import { checkHistory } from '../../support/history.js'
import {
  approve,
  budget,
  cancel,
  drain,
  fail,
  mode,
  ok,
  okUsing,
  pause,
  recover,
  reject,
  Scene,
  type SceneOptions,
  specs,
  startWith,
  tell,
  unpause,
  wake,
} from '../../support/scene.js'
import { table } from '../../support/table.js'

type Budget = NonNullable<TaskSpec['budget']>
const costs = (costUsd: number, more: Partial<StartSignal> = {}) => ({ estimate: { costUsd }, ...more })
const run = (costUsd: number, more: Budget = {}): SceneOptions => ({ budget: { soft: 1, costUsd, ...more } })
const ask = run(10, { onHard: 'hold' })
/** `a` runs and has 6 of 10 set aside; `b` and `c` want 5 each. */
const waiting = [startWith('a', costs(6)), startWith('b', costs(5)), startWith('c', costs(5))]
/** Tasks of a pool `p` and a pool `q`. */
const inPools = (p: string, q: string): readonly TaskSpec[] => [
  ...specs(p),
  ...specs(q).map(spec => ({ ...spec, pool: 'q' })),
]

describe('a task that does not fit because of what others have set aside', () => {
  test('waits, with what it needs told, and no budget is said to be reached', () => {
    const scene = Scene.of('a b', run(10))
    scene.play(startWith('a', costs(6)))
    const told = scene.play(startWith('b', costs(5)))
    expect(told).toMatchObject([{ type: 'task.held', reason: 'reserved', estimate: { costUsd: 5 } }])
    expect(scene.task('b')).toMatchObject({ status: 'held', reason: 'reserved', estimate: { costUsd: 5 } })
    checkHistory(scene.events, { settled: false })
  })

  for (const onHard of ['stop', 'hold'] as const)
    test(`waits, and does not ${onHard}, whatever its budget says of what does not fit`, () => {
      const scene = Scene.of('a b', run(10, { onHard }))
      expect(tell(scene.play(startWith('a', costs(6)), startWith('b', costs(5))))).toEqual(['task.held b for reserved'])
    })

  test('goes to the cheapest backend first where the budget says so, and waits there', () => {
    const scene = Scene.of('a b', run(10, { onHard: 'degrade' }))
    expect(tell(scene.play(startWith('a', costs(6)), startWith('b', costs(5))))).toEqual([])
    expect(tell(scene.play(startWith('b', costs(4.5, { degraded: true }))))).toEqual(['task.held b for reserved'])
  })

  table([
    [
      'goes on by itself when one that ran has used less',
      'a b c',
      waiting,
      okUsing('a', { costUsd: 1 }),
      ['task.succeeded a', 'task.ready b'],
      ask,
    ],
    [
      'goes on by itself to hear that there is no room, when nothing runs that it could wait for',
      'a b c',
      waiting,
      okUsing('a', { costUsd: 6 }),
      ['task.succeeded a', 'task.ready b'],
      ask,
    ],
    [
      'is asked about then, and so are the others',
      'a b c',
      [...waiting, okUsing('a', { costUsd: 6 })],
      startWith('b', costs(5)),
      ['budget.reached b run hard costUsd hold', 'task.held b for budget', 'task.ready c'],
      ask,
    ],
    [
      'stops the run then, where the budget says so',
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
      'waits on while another runs, though the one that ended makes no room',
      'a b c d',
      [startWith('d', costs(1)), startWith('a', costs(6)), startWith('b', costs(5))],
      okUsing('d', { costUsd: 1 }),
      ['task.succeeded d'],
      ask,
    ],
    [
      'is let go alone: the next one when that has started, if there is still room',
      'a b c d',
      [...waiting, okUsing('a', { costUsd: 0 })],
      startWith('b', costs(5)),
      ['attempt.started b 1', 'task.ready c'],
      ask,
    ],
    [
      'waits on when the one before it has taken the room',
      'a b c d',
      [...waiting, okUsing('a', { costUsd: 1 })],
      startWith('b', costs(5)),
      ['attempt.started b 1'],
      ask,
    ],
    [
      'is let go when there is more budget',
      'a b c',
      waiting,
      budget({ costUsd: 99, soft: 1 }),
      ['budget.changed', 'task.ready b', 'task.ready c'],
      ask,
    ],
    [
      'may be approved, as what is held for want of budget',
      'a b c',
      waiting,
      approve('b'),
      ['task.ready b approved'],
      ask,
    ],
    [
      'may go over the budget then',
      'a b c',
      [...waiting, approve('b')],
      startWith('b', costs(50)),
      ['attempt.started b 1', 'budget.reached run soft costUsd tell'],
      ask,
    ],
    ['may be rejected', 'a b c', waiting, reject('b'), ['task.dead b refused'], ask],
    ['may be called off', 'a b c', waiting, cancel('b'), ['task.cancelled b'], ask],
    [
      'is let go by a failed attempt, too',
      'a b c',
      waiting,
      fail('a', 'throttled'),
      /* nothing was used */ ['attempt.failed a 1 throttled', 'task.delayed a 500', 'task.ready b'],
      ask,
    ],
    ['is not let go in a pause', 'a b c', [...waiting, pause], okUsing('a', { costUsd: 1 }), ['task.succeeded a'], ask],
    [
      'is let go after the pause in which the last attempt ended',
      'a b c',
      [...waiting, pause, okUsing('a', { costUsd: 1 })],
      unpause,
      ['run.unpaused', 'task.ready b'],
      ask,
    ],
    [
      'stays behind in a run that drains',
      'a b c',
      [...waiting, drain],
      okUsing('a', { costUsd: 1 }),
      ['task.succeeded a', 'run.suspended'],
      ask,
    ],
    [
      'is let go when the run is resumed',
      'a b c',
      [...waiting, drain, okUsing('a', { costUsd: 1 })],
      recover,
      ['run.recovered 2', 'task.ready b'],
      ask,
    ],
    [
      'is let go when the process that ran the others has ended',
      'a b c',
      waiting,
      recover,
      ['run.recovered 2', 'attempt.failed a 1 interrupted', 'task.delayed a 0', 'task.ready b'],
      ask,
    ],
    [
      'is let go in a serial run, too',
      'a b c',
      [...waiting, mode('serial')],
      okUsing('a', { costUsd: 1 }),
      ['task.succeeded a', 'task.ready b'],
      ask,
    ],
  ])

  test('keeps its place in the line of its pool, and is out of it when it has ended', () => {
    const scene = Scene.of('a b c d', ask)
    scene.play(...waiting, startWith('d', costs(5)), cancel('b'))
    expect([...scene.state.heldForReservations]).toEqual([['p', new Set([2, 3])]])
    scene.play(cancel())
    expect(scene.state.heldForReservations.size).toBe(0)
  })
})

describe('a budget with two measures', () => {
  const both: SceneOptions = { budget: { pools: { p: { soft: 1, costUsd: 1, wallMs: 50, onHard: 'degrade' } } } }

  test('lets no degraded attempt go when the one is set aside and the other is used up', () => {
    const scene = Scene.of('a b c', both)
    scene.play(startWith('a', costs(0)), startWith('b', costs(1)))
    scene.at += 100
    scene.play(okUsing('a', { costUsd: 0 }))
    scene.play(startWith('c', { degraded: true }))
    expect(scene.task('c').status).not.toBe('running')
  })
})

describe('what waits in two pools', () => {
  test('is looked at pool by pool: what fits in one is not kept by what does not fit in the other', () => {
    const options: SceneOptions = { budget: { soft: 1, pools: { p: { costUsd: 10 }, q: { costUsd: 10 } } } }
    const scene = Scene.of(inPools('a b c', 'd e'), options)
    const inQ = (costUsd: number): Partial<StartSignal> => costs(costUsd, { pool: 'q' })
    scene.play(startWith('a', costs(6)), startWith('b', costs(5)), startWith('d', inQ(6)), startWith('e', inQ(5)))
    expect(tell(scene.play(okUsing('d', { costUsd: 1 })))).toEqual(['task.succeeded d', 'task.ready e'])
  })

  test('is let go in both: the pool of the first may be parked', () => {
    const scene = Scene.of(inPools('a b', 'c'), run(10))
    scene.play(startWith('a', costs(10)), startWith('b', costs(2)), startWith('c', costs(2, { pool: 'q' })))
    scene.play(okUsing('a', { costUsd: 0 }))
    expect(scene.picture).toBe('a:succeeded b:ready c:ready')
  })

  test('does not wait behind one that can never fit, while something is ready in a parked pool', () => {
    const scene = Scene.of(inPools('z', 'a b c'), ask)
    const inQ = (costUsd: number): Partial<StartSignal> => costs(costUsd, { pool: 'q' })
    scene.play(startWith('a', inQ(7)), startWith('b', inQ(6)), startWith('c', inQ(4)))
    expect(scene.picture).toBe('z:ready a:running b:held c:held')
    scene.play(okUsing('a', { costUsd: 5 }))
    if (scene.task('b').status === 'ready') scene.play(startWith('b', inQ(6)))
    expect(scene.task('b')).toMatchObject({ status: 'held', reason: 'budget' })
    expect(scene.task('c').status).toBe('ready')
  })
})

describe('nothing goes to and fro between held and ready', () => {
  test('because of a person who says nothing: it is the budgets that hold it', () => {
    const scene = Scene.of('a b', run(10))
    scene.play(startWith('a', costs(6)), startWith('b', costs(5)), ok('a'), startWith('b', costs(4)))
    expect(scene.attempt('b')).toBe(1)
    checkHistory(scene.events, { settled: false })
  })

  test('when it is the budget of all runs that was changed', () => {
    const scene = Scene.of('a b c', ask)
    expect(tell(scene.play(...waiting, budget()))).toEqual([])
  })

  test('whatever comes in between: each time it is let go an attempt has ended since', () => {
    const scene = Scene.of('a b c d', ask)
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
    expect(tell(scene.play(wake('d')))).toEqual([])
    checkHistory(scene.events, { settled: false })
  })
})

describe('any number that waits', () => {
  /** A scene in which `n` tasks wait for the one that runs, and how many signals it takes to let all of them run. */
  function fed(n: number, limit: number, dice: Dice): { scene: Scene; signals: number } {
    const tasks = Array.from({ length: n }, (_, i) => ({ id: `t${i}`, description: '', pool: dice.pick(['p', 'q']) }))
    const scene = Scene.of(tasks, { ...run(limit, { onHard: 'hold' }), checks: n <= 40 })
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

  test('comes to its end without a person, in an order of any kind, and is let go no more often than attempts end', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 0, max: 12 }), fc.nat(), (n, limit, seed) => {
        const { scene, signals } = fed(n, limit, new Dice(seed))
        checkHistory(scene.events)
        scene.checkReplay()
        expect(signals).toBeLessThan(10 * n + 10)
      }),
      { numRuns: 300 },
    )
  })

  test('of 10,000 is held once each, and not looked at by every decision', () => {
    const ids = Array.from({ length: 10_000 }, (_, i) => `t${i}`)
    const scene = Scene.of(ids.join(' '), { ...run(10_000), checks: false })
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
