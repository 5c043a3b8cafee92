import type { TaskSpec } from 'counterpoint'
import { describe, expect, test } from 'vitest'
import { accountsOf } from '../../../src/core/budget/accounts.js'
import { prefersCheapest } from '../../../src/core/budget/admission.js'
import type { StartSignal } from '../../../src/core/scheduler/signals.js'
import { checkHistory } from '../../support/history.js'
import {
  approve,
  budget,
  cancel,
  describeEvents,
  elapse,
  expire,
  fail,
  failWith,
  ok,
  okUsing,
  pause,
  recover,
  reject,
  SchedulerFixture,
  type SchedulerFixtureOptions,
  type Step,
  start,
  startFails,
  startWith,
  stopped,
  unpause,
  wake,
} from '../../support/scheduler-fixture.js'
import { table } from '../../support/table.js'

type Budget = NonNullable<TaskSpec['budget']>
const costs = (costUsd: number, more: Partial<StartSignal> = {}) => ({ estimate: { costUsd }, ...more })
const run = (amount: NonNullable<SchedulerFixtureOptions['budget']>): SchedulerFixtureOptions => ({
  budget: { soft: 1, ...amount },
})
const onTask = (amount: Budget): readonly TaskSpec[] => [
  { id: 'a', description: 'a', pool: 'p', budget: { soft: 1, ...amount } },
  { id: 'b', description: 'b', pool: 'p' },
]
const account = (scene: SchedulerFixture): object => {
  const { settled, reserved } = scene.state.accounts!.run
  return { settled: settled.costUsd, reserved: reserved.costUsd }
}

describe('an attempt', () => {
  test('reserves its estimate, which its usage replaces', () => {
    const scene = SchedulerFixture.of('a b', run({ costUsd: 10 }))
    scene.play(startWith('a', costs(3)))
    expect(account(scene)).toEqual({ settled: 0, reserved: 3 })
    scene.play(okUsing('a', { costUsd: 1 }))
    expect(account(scene)).toEqual({ settled: 1, reserved: 0 })
    expect(scene.task('a')).toMatchObject({ usage: { costUsd: 1 } })
  })

  test('counts its estimate where nothing was reported, and marks it as estimated', () => {
    const scene = SchedulerFixture.of('a b', run({ costUsd: 10 }))
    scene.play(startWith('a', { estimate: { costUsd: 3, tokens: 50 } }), okUsing('a', { tokens: 7 }))
    expect(scene.task('a')).toMatchObject({ usage: { costUsd: 3, tokens: 7, estimated: true } })
    expect(account(scene)).toEqual({ settled: 3, reserved: 0 })
  })

  test('reserves nothing without budgets', () => {
    const scene = SchedulerFixture.of('a b')
    scene.play(startWith('a', costs(3)), ok('a'))
    expect(scene.events.some(event => 'reserved' in event || 'usage' in event)).toBe(false)
  })

  const ends: readonly [string, readonly Step[]][] = [
    ['failed', [fail('a')]],
    ['timed out and stopped', [expire('a'), stopped('a')]],
    ['was abandoned', [expire('a'), stopped('a', true)]],
    ['was cancelled', [cancel('a'), stopped('a')]],
    ['was interrupted', [recover]],
    ['returned an invalid output', [failWith('a', { kind: 'invalid-output' })]],
    ['was being cancelled when its process ended', [cancel('a'), recover]],
  ]
  test('that was throttled and reported no usage has used nothing', () => {
    const scene = SchedulerFixture.of('a b', run({ costUsd: 10 }))
    scene.play(startWith('a', costs(3)), failWith('a', { kind: 'throttled' }))
    expect(account(scene)).toEqual({ settled: 0, reserved: 0 })
  })

  for (const [title, steps] of ends)
    test(`that ${title} without a known usage settles its estimate`, () => {
      const scene = SchedulerFixture.of('a b', run({ costUsd: 10 }))
      scene.play(startWith('a', costs(3)), ...steps)
      expect(account(scene)).toEqual({ settled: 3, reserved: 0 })
      expect(scene.state.tallies[0]!.usage).toEqual({ costUsd: 3, estimated: true })
      checkHistory(scene.events, { settled: false })
      scene.checkReplay()
    })

  test('that failed with a known usage settles that', () => {
    const scene = SchedulerFixture.of('a b', run({ costUsd: 10 }))
    scene.play(startWith('a', costs(3)), failWith('a', {}, { usage: { costUsd: 5 } }))
    expect(account(scene)).toEqual({ settled: 5, reserved: 0 })
    expect(scene.state.tallies[0]!.usage).toEqual({ costUsd: 5 })
  })

  test('whose input function failed needs no room', () => {
    const scene = SchedulerFixture.of('a b c', run({ costUsd: 1 }))
    scene.play(startWith('a', costs(1)))
    expect(describeEvents(scene.play(startFails('b')))).toEqual([
      'attempt.started b 1',
      'attempt.failed b 1 bad-input',
      'task.dead b bad-input',
    ])
  })

  test('whose input function failed costs nothing', () => {
    const scene = SchedulerFixture.of('a b c', run({ costUsd: 10 }))
    scene.play(startWith('b', costs(3, { failure: { kind: 'bad-input', message: 'no' } })))
    expect(account(scene)).toEqual({ settled: 0, reserved: 0 })
  })
})

describe('parallel attempts do not exceed a budget together:', () => {
  table([
    [
      'one that fits is started',
      'a b',
      [startWith('a', costs(4))],
      startWith('b', costs(6)),
      ['attempt.started b 1', 'budget.reached run soft costUsd tell'],
      run({ costUsd: 10 }),
    ],
    [
      'one that does not fit beside the other waits for it',
      'a b c',
      [startWith('a', costs(4))],
      startWith('b', costs(6.1)),
      ['task.held b for reserved'],
      run({ costUsd: 10, onHard: 'hold' }),
    ],
    [
      'one that would not fit alone does not wait',
      'a b c',
      [startWith('a', costs(4))],
      startWith('b', costs(10.1)),
      ['budget.reached b run hard costUsd hold', 'task.held b for budget'],
      run({ costUsd: 10, onHard: 'hold' }),
    ],
    [
      'one that does not fit beside settled usage does not wait',
      'a b c',
      [startWith('c', costs(4)), okUsing('c', { costUsd: 4 }), startWith('a', costs(4))],
      startWith('b', costs(6.1)),
      ['budget.reached b run hard costUsd hold', 'task.held b for budget'],
      run({ costUsd: 10, onHard: 'hold' }),
    ],
    [
      'one without an estimate fits while anything is left',
      'a b',
      [startWith('a', costs(9))],
      start('b'),
      ['attempt.started b 1'],
      run({ costUsd: 10, onHard: 'hold' }),
    ],
    [
      'one without an estimate waits when everything is reserved',
      'a b',
      [startWith('a', costs(10))],
      start('b'),
      ['task.held b for reserved'],
      run({ costUsd: 10, onHard: 'hold' }),
    ],
    [
      'one without an estimate does not fit when everything has been used',
      'a b',
      [startWith('a', costs(10)), ok('a')],
      start('b'),
      ['budget.reached b run hard costUsd hold', 'task.held b for budget'],
      run({ costUsd: 10, onHard: 'hold' }),
    ],
    [
      'a settled attempt makes room',
      'a b',
      [startWith('a', costs(9)), okUsing('a', { costUsd: 1 })],
      startWith('b', costs(9)),
      ['attempt.started b 1', 'budget.reached run soft costUsd tell'],
      run({ costUsd: 10 }),
    ],
    [
      'rounding errors do not prevent the last start',
      'a b c',
      [startWith('a', costs(0.1)), startWith('b', costs(0.2))],
      startWith('c', costs(0.7)),
      ['attempt.started c 1', 'budget.reached run soft costUsd tell'],
      run({ costUsd: 1, onHard: 'hold' }),
    ],
    [
      'a budget of 0 lets nothing start',
      'a b',
      [],
      start('a'),
      ['budget.reached a run hard tokens hold', 'task.held a for budget'],
      run({ tokens: 0, onHard: 'hold', soft: 1 }),
    ],
  ])

  test('the five of ten that fit are started', () => {
    const ids = Array.from({ length: 10 }, (_, i) => `t${i}`)
    const scene = SchedulerFixture.of(ids.join(' '), run({ tokens: 500, onHard: 'hold' }))
    scene.play(...ids.map(id => startWith(id, { estimate: { tokens: 100 } })))
    expect([scene.state.counts.running, scene.state.counts.held]).toEqual([5, 5])
    expect(describeEvents(scene.events).some(line => /hard/.test(line))).toBe(false)
    checkHistory(scene.events, { settled: false })
  })
})

/** An attempt of `a` that does not fit, for the budgets of the run, the pool and the task. */
describe('when an attempt does not fit', () => {
  const used: readonly Step[] = [startWith('a', { estimate: { costUsd: 5, tokens: 5 } }), fail('a'), wake('a')]
  const next = startWith('a', { estimate: { costUsd: 6, tokens: 6 } })
  const cheap = startWith('a', { backend: 'cheap', degraded: true })
  const cheapestDoesNotFit = startWith('a', { backend: 'cheap', degraded: true, estimate: { costUsd: 6, tokens: 6 } })
  const stopRun = ['run.stopping budget', 'task.cancelled a', 'task.cancelled b', 'run.settled failed']
  const scopes: readonly [string, (amount: Budget) => SchedulerFixture, readonly string[]][] = [
    ['run', amount => SchedulerFixture.of('a b', run(amount)), stopRun],
    [
      'pool',
      amount => SchedulerFixture.of('a b', { budget: { pools: { p: { soft: 1, ...amount } } } }),
      ['task.dead a quota'],
    ],
    ['task', amount => SchedulerFixture.of(onTask(amount)), ['task.dead a quota']],
  ]
  for (const [scope, make, stopped] of scopes)
    for (const measure of ['costUsd', 'tokens'] as const) {
      const reached = `budget.reached a ${scope} hard ${measure}`
      const of = (amount: Budget): SchedulerFixture => {
        const scene = make({ [measure]: 10, ...amount })
        scene.play(...used)
        return scene
      }
      const title = `${measure} of the ${scope}`
      test(`${title}: stop, which is the default`, () => {
        for (const scene of [of({}), of({ onHard: 'stop' })])
          expect(describeEvents(scene.play(next))).toEqual([`${reached} stop`, ...stopped])
      })
      test(`${title}: hold`, () => {
        const scene = of({ onHard: 'hold' })
        expect(describeEvents(scene.play(next))).toEqual([`${reached} hold`, 'task.held a for budget'])
        // After approval it may exceed the budget. The next one is held without another budget event.
        expect(describeEvents(scene.play(approve('a'), next))).toEqual(['attempt.started a 2'])
        checkHistory(scene.events, { settled: false })
      })
      test(`${title}: degrade without an estimate`, () => {
        expect(describeEvents(of({ onHard: 'degrade' }).play(cheap))).toEqual(['attempt.started a 2'])
      })
      test(`${title}: degrade when that does not fit either`, () => {
        expect(describeEvents(of({ onHard: 'degrade' }).play(cheapestDoesNotFit))).toEqual([
          `${reached} stop`,
          ...stopped,
        ])
      })
      test(`${title}: soft, reported once`, () => {
        const scene = of({ soft: 0.5 })
        expect(describeEvents(scene.events)).toContain(
          `budget.reached ${scope === 'task' ? 'a ' : ''}${scope} soft ${measure} tell`,
        )
        scene.play(startWith('a', { estimate: { costUsd: 1, tokens: 1 } }), fail('a'))
        expect(scene.events.filter(event => event.type === 'budget.reached')).toHaveLength(1)
      })
      test(`${title}: soft, and degrade`, () => {
        expect(describeEvents(of({ soft: 0.5, onSoft: 'degrade' }).events)).toContain(
          `budget.reached ${scope === 'task' ? 'a ' : ''}${scope} soft ${measure} degrade`,
        )
      })
    }

  for (const [scope, make, stopped] of scopes.slice(1))
    test(`wallMs of the ${scope}: the time of its attempts is used up`, () => {
      const scene = make({ wallMs: 500 })
      scene.play(start('a'))
      scene.at += 600
      scene.play(fail('a'), wake('a'))
      expect(describeEvents(scene.play(start('a')))).toEqual([`budget.reached a ${scope} hard wallMs stop`, ...stopped])
    })

  test('in several, the budget of the run decides', () => {
    const scene = SchedulerFixture.of(
      onTask({ costUsd: 1 }),
      run({ costUsd: 1, onHard: 'hold', pools: { p: { costUsd: 1 } } }),
    )
    expect(describeEvents(scene.play(startWith('a', costs(2))))).toEqual([
      'budget.reached a run hard costUsd hold',
      'task.held a for budget',
    ])
  })

  test('in the budget of another pool, it starts', () => {
    const scene = SchedulerFixture.of('a b', { budget: { pools: { q: { costUsd: 0 } } } })
    expect(describeEvents(scene.play(start('a')))).toEqual(['attempt.started a 1'])
  })

  test('in a second budget, it is refused though the first would let it start degraded', () => {
    const scene = SchedulerFixture.of(onTask({ costUsd: 5, onHard: 'hold' }), run({ costUsd: 8, onHard: 'degrade' }))
    scene.play(startWith('a', costs(5)), fail('a'), wake('a'), startWith('b', costs(3)))
    expect(describeEvents(scene.play(cheap))).toEqual([
      'budget.reached a task hard costUsd hold',
      'task.held a for budget',
    ])
  })

  test('degrade with an estimate of 0', () => {
    const scene = SchedulerFixture.of('a b', run({ costUsd: 5, onHard: 'degrade' }))
    scene.play(startWith('a', costs(5)), fail('a'), wake('a'))
    expect(describeEvents(scene.play(startWith('a', costs(0, { degraded: true }))))).toEqual(['attempt.started a 2'])
  })

  test('degrade: nothing is stopped before the cheapest backend has been tried', () => {
    const scene = SchedulerFixture.of('a b', run({ costUsd: 5, onHard: 'degrade' }))
    scene.play(startWith('a', costs(5)), startWith('b', costs(5)))
    expect(scene.state.phase.status).toBe('running')
  })
})

describe('a run that stops for its budget', () => {
  test('lets attempts in flight end, and is partial', () => {
    const scene = SchedulerFixture.of('a b c<a', run({ costUsd: 5 }))
    scene.play(startWith('a', costs(5)), startWith('b', costs(6)))
    expect(scene.picture).toBe('a:running b:cancelled c:cancelled')
    expect(describeEvents(scene.play(ok('a')))).toEqual(['task.succeeded a', 'run.settled partial'])
    checkHistory(scene.events)
  })

  test('does not retry an attempt that fails afterwards', () => {
    const scene = SchedulerFixture.of('a b', run({ costUsd: 5 }))
    scene.play(startWith('a', costs(5)), startWith('b', costs(6)))
    expect(describeEvents(scene.play(fail('a')))).toEqual([
      'attempt.failed a 1 agent',
      'task.dead a agent',
      'run.settled failed',
    ])
  })

  test('can be cancelled', () => {
    const scene = SchedulerFixture.of('a b', run({ costUsd: 5 }))
    scene.play(startWith('a', costs(5)), startWith('b', costs(6)), cancel(), stopped('a'))
    expect(scene.state.phase).toEqual({ status: 'settled', outcome: 'cancelled' })
  })
})

describe('a task that is held by a budget', () => {
  const held = [startWith('a', costs(5)), ok('a'), startWith('b', costs(5))]
  const onHold = run({ costUsd: 8, onHard: 'hold' })
  table([
    [
      'is ready again when the budget is raised',
      'a b',
      held,
      budget({ costUsd: 20, soft: 1 }),
      ['budget.changed', 'task.ready b'],
      onHold,
    ],
    [
      'starts after the budget was raised',
      'a b',
      [...held, budget({ costUsd: 20 })],
      startWith('b', costs(5)),
      ['attempt.started b 1'],
      onHold,
    ],
    [
      'is held again when that is not enough, and that is reported again',
      'a b',
      [...held, budget({ costUsd: 9, onHard: 'hold', soft: 1 })],
      startWith('b', costs(5)),
      ['budget.reached b run hard costUsd hold', 'task.held b for budget'],
      onHold,
    ],
    [
      'is held again without a report when nothing has changed',
      'a b',
      [...held, budget()],
      startWith('b', costs(5)),
      ['task.held b for budget'],
      onHold,
    ],
    ['is dead when a person rejects it', 'a b c', held, reject('b'), ['task.dead b refused'], onHold],
    ['is still held after a restart', 'a b', held, recover, ['run.recovered 2'], onHold],
    [
      'is exempt after a restart, too',
      'a b',
      [...held, approve('b'), recover],
      startWith('b', costs(99)),
      ['attempt.started b 1'],
      onHold,
    ],
  ])

  test('may exceed the budget in all its attempts once a person has approved it; others may not', () => {
    const scene = SchedulerFixture.of('a b c', onHold)
    scene.play(...held, approve('b'), startWith('b', costs(5)), fail('b'), wake('b'))
    expect(describeEvents(scene.play(startWith('b', costs(50))))[0]).toBe('attempt.started b 2')
    expect(describeEvents(scene.play(startWith('c', costs(4))))).toEqual(['task.held c for budget'])
    checkHistory(scene.events, { settled: false })
  })
})

describe('a budget that is changed', () => {
  test('counts what was used before, also before there was a budget', () => {
    const scene = SchedulerFixture.of('a b c')
    scene.play(start('a'), okUsing('a', { costUsd: 3, inputTokens: 10, outputTokens: 5 }))
    scene.play(start('b'), failWith('b', {}, { usage: { costUsd: 2 } }), wake('b'), start('c'))
    scene.play(budget({ costUsd: 9, onHard: 'hold', pools: { p: { tokens: 15, onHard: 'hold' } } }))
    const { run, pools } = scene.state.accounts!
    expect([run.settled.costUsd, run.settled.tokens, pools.get('p')!.settled.tokens]).toEqual([5, 15, 15])
    expect(describeEvents(scene.play(start('b')))).toEqual([
      'budget.reached b pool hard tokens hold',
      'task.held b for budget',
    ])
    checkHistory(scene.events, { settled: false })
    scene.checkReplay()
  })

  test('keeps reservations, also for a pool that had no budget', () => {
    const scene = SchedulerFixture.of('a b', run({ costUsd: 9 }))
    scene.play(startWith('a', costs(4)), budget({ costUsd: 5, pools: { p: { costUsd: 5 } } }))
    const { run: ofRun, pools } = scene.state.accounts!
    expect([ofRun.reserved.costUsd, pools.get('p')!.reserved.costUsd]).toEqual([4, 4])
    scene.play(okUsing('a', { costUsd: 1 }))
    expect([ofRun.reserved.costUsd, pools.get('p')!.reserved.costUsd, pools.get('p')!.settled.costUsd]).toEqual([
      0, 0, 1,
    ])
  })

  test('counts what a pool used while it had no budget', () => {
    const scene = SchedulerFixture.of('a b', { budget: { pools: { p: { costUsd: 9 } } } })
    scene.play(startWith('a', costs(4)), fail('a'), budget({}), budget({ pools: { p: { costUsd: 5 } } }))
    expect(scene.state.accounts!.pools.get('p')!.settled.costUsd).toBe(4)
  })

  test('comes with a task added to a live run: the run counts usage, without a bound', () => {
    const scene = SchedulerFixture.of('a b')
    scene.play(start('a'), okUsing('a', { costUsd: 3 }))
    scene.send({ type: 'add', tasks: [{ id: 'c', description: 'c', pool: 'p', budget: { costUsd: 1 } }] })
    expect(scene.state.accounts!.run.settled.costUsd).toBe(3)
    expect(describeEvents(scene.play(startWith('b', costs(1e9))))).toEqual(['attempt.started b 1'])
    expect(describeEvents(scene.play(startWith('c', costs(2))))).toContain('task.dead c quota')
  })

  test('reports its soft bound again', () => {
    const scene = SchedulerFixture.of('a b', { budget: { costUsd: 10, soft: 0.1 } })
    scene.play(startWith('a', costs(5)), budget({ costUsd: 12, soft: 0.1 }), fail('a'))
    expect(scene.events.filter(event => event.type === 'budget.reached')).toHaveLength(2)
  })

  test('has no effect before the run has begun, nor after its end', () => {
    expect(new SchedulerFixture().play(budget({ costUsd: 1 }))).toEqual([])
    const scene = SchedulerFixture.of('a')
    scene.play(start('a'), ok('a'))
    expect(scene.play(budget({ costUsd: 1 }))).toEqual([])
  })

  test('where there was none reserves the estimates of attempts in flight', () => {
    const scene = SchedulerFixture.of([{ id: 'a', description: 'a', pool: 'p', estimate: { costUsd: 4 } }])
    scene.play(startWith('a', costs(4)), budget({ costUsd: 5 }))
    expect(account(scene)).toEqual({ settled: 0, reserved: 4 })
  })
})

describe('the wall time of a run', () => {
  const wall = (amount: Budget = {}): SchedulerFixtureOptions => run({ wallMs: 1_000, ...amount })
  table([
    [
      'stops attempts in flight when it has elapsed',
      'a b',
      [start('a')],
      elapse,
      ['budget.reached run hard wallMs stop', 'run.stopping budget', 'attempt.stopping a 1 cancel', 'task.cancelled b'],
      wall(),
    ],
    ['is reported once', 'a b', [start('a'), elapse], elapse, [], wall()],
    [
      'pauses the run with onHard hold',
      'a b',
      [start('a')],
      elapse,
      ['budget.reached run hard wallMs hold', 'run.paused'],
      wall({ onHard: 'hold' }),
    ],
    ['pauses the run once', 'a b', [elapse, unpause], elapse, [], wall({ onHard: 'hold' })],
    [
      'is reported during a pause, too',
      'a b',
      [pause],
      elapse,
      ['budget.reached run hard wallMs hold'],
      wall({ onHard: 'hold' }),
    ],
    [
      'cannot be degraded',
      'a',
      [],
      elapse,
      ['budget.reached run hard wallMs stop', 'run.stopping budget', 'task.cancelled a', 'run.settled failed'],
      wall({ onHard: 'degrade' }),
    ],
    ['has no effect without a bound', 'a', [], elapse, [], run({ costUsd: 1 })],
    ['has no effect without budgets', 'a', [], elapse, []],
    [
      'pauses again after a change',
      'a',
      [elapse, unpause, budget({ wallMs: 2_000, onHard: 'hold', soft: 1 })],
      elapse,
      ['budget.reached run hard wallMs hold', 'run.paused'],
      wall({ onHard: 'hold' }),
    ],
    [
      'does not prevent the start of an attempt, because a timer enforces it',
      'a',
      [],
      start('a'),
      ['attempt.started a 1', 'budget.reached run soft wallMs tell'],
      wall({ wallMs: 0 }),
    ],
  ])

  test('reaches its soft bound whatever attempts cost', () => {
    const scene = SchedulerFixture.of('a b', { budget: { wallMs: 1_000 } })
    scene.at += 900
    expect(describeEvents(scene.play(start('a')))).toEqual([
      'attempt.started a 1',
      'budget.reached run soft wallMs tell',
    ])
  })

  test('is enforced after the cost budget was exceeded, too', () => {
    const scene = SchedulerFixture.of('a b', wall({ costUsd: 1, onHard: 'hold' }))
    scene.play(startWith('a', costs(2)))
    expect(describeEvents(scene.play(elapse))).toEqual(['budget.reached run hard wallMs hold', 'run.paused'])
  })
})

describe('a task goes to the cheapest backend', () => {
  const degraded = (scene: SchedulerFixture, estimate?: { costUsd: number }): boolean =>
    prefersCheapest(accountsOf(scene.state, 0, 'p'), estimate)

  test('from the soft bound on, with onSoft degrade', () => {
    const scene = SchedulerFixture.of('a b', { budget: { costUsd: 10, soft: 0.5, onSoft: 'degrade' } })
    expect(degraded(scene, { costUsd: 99 })).toBe(false)
    scene.play(startWith('b', costs(5)))
    expect(degraded(scene)).toBe(true)
  })

  test('where it does not fit, with onHard degrade', () => {
    const scene = SchedulerFixture.of('a b', run({ costUsd: 10, onHard: 'degrade' }))
    expect([degraded(scene, { costUsd: 10 }), degraded(scene, { costUsd: 11 })]).toEqual([false, true])
    expect(degraded(SchedulerFixture.of('a', run({ costUsd: 10 })), { costUsd: 11 })).toBe(false)
    expect(degraded(SchedulerFixture.of('a'), { costUsd: 11 })).toBe(false)
  })

  test('but not for the summed time of parallel attempts', () => {
    const scene = SchedulerFixture.of('a b c', run({ wallMs: 1_000, onHard: 'degrade' }))
    scene.play(start('b'), start('c'))
    scene.at += 600
    scene.play(ok('b'), ok('c'))
    expect(degraded(scene)).toBe(false)
  })
})
