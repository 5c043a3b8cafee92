import type { RunEvent } from 'counterpoint'
import { describe, expect, test } from 'vitest'
import {
  cancel,
  describeEvents,
  expire,
  fail,
  ok,
  pause,
  recover,
  SchedulerFixture,
  type SchedulerFixtureOptions,
  type Step,
  start,
  stopped,
  unpause,
  wake,
} from '../../support/scheduler-fixture.js'

/** title, tasks, what happened before, the events of the recovery */
type Row = readonly [string, string, readonly Step[], readonly string[], SchedulerFixtureOptions?]

describe('a run is recovered', () => {
  const rows: readonly Row[] = [
    ['with what was blocked and ready as it was', 'a b<a', [], ['run.recovered 2']],
    [
      'with what ran as interrupted, to be tried again at once',
      'a b',
      [start('a')],
      ['run.recovered 2', 'attempt.failed a 1 interrupted', 'task.delayed a 0'],
    ],
    [
      'with what was being stopped for its limit as timed out',
      'a',
      [start('a'), expire('a')],
      ['run.recovered 2', 'attempt.failed a 1 timeout', 'task.delayed a 500'],
    ],
    [
      'with what was being cancelled as cancelled',
      'a b<a c',
      [start('a'), cancel('a')],
      ['run.recovered 2', 'task.cancelled a', 'task.skipped b because a'],
    ],
    ['with what waited for its next attempt waiting', 'a', [start('a'), fail('a')], ['run.recovered 2']],
    ['with what had succeeded left alone', 'a b', [start('a'), ok('a')], ['run.recovered 2']],
    [
      'with what was dead and skipped left alone',
      'a b<a c',
      [start('a'), fail('a')],
      ['run.recovered 2'],
      { retries: 0 },
    ],
    [
      'with a pause going on',
      'a',
      [start('a'), pause],
      ['run.recovered 2', 'attempt.failed a 1 interrupted', 'task.delayed a 0'],
    ],
    [
      'while it was being cancelled: it settles',
      'a b',
      [start('a'), cancel()],
      ['run.recovered 2', 'task.cancelled a', 'run.settled cancelled'],
    ],
    [
      'while fail-fast let something run to its end: that is not tried again',
      'a b',
      [start('a'), start('b'), fail('a', 'refused')],
      ['run.recovered 2', 'attempt.failed b 1 interrupted', 'task.dead b interrupted', 'run.settled failed'],
      { failureMode: 'no-new' },
    ],
    [
      'with what had been interrupted too often as dead: it may be what ends the process',
      'a b<a',
      [start('a'), recover, wake('a'), start('a')],
      [
        'run.recovered 3',
        'attempt.failed a 2 interrupted',
        'task.dead a interrupted',
        'task.skipped b because a',
        'run.settled failed',
      ],
      { maxInterrupted: 1 },
    ],
    [
      'with a death by interruption ending the rest where the failure mode says so',
      'c a b',
      [start('a'), start('b'), start('c')],
      [
        'run.recovered 2',
        'attempt.failed c 1 interrupted',
        'task.dead c interrupted',
        'run.stopping fail-fast',
        'attempt.stopping a 1 cancel',
        'attempt.stopping b 1 cancel',
        'task.cancelled a',
        'task.cancelled b',
        'run.settled failed',
      ],
      { maxInterrupted: 0, failureMode: 'kill' },
    ],
    ['not after it has settled', 'a', [start('a'), ok('a')], []],
  ]
  test.each(rows.map(([title, ...row]) => ({ title, row })))('$title', ({ row: [tasks, given, then, options] }) => {
    const before = SchedulerFixture.of(tasks, options)
    before.play(...given)
    const scene = new SchedulerFixture(options, before.records)
    scene.at = before.at
    expect(describeEvents(scene.play(recover))).toEqual(then)
    scene.checkReplay()
  })

  test('and what the process before still says changes nothing', () => {
    const scene = SchedulerFixture.of('a b<a')
    scene.play(start('a'), recover)
    for (const late of [ok('a', 'late', 1), fail('a', 'agent', 1), expire('a', 1), stopped('a', true, 1)])
      expect(scene.play(late)).toEqual([])
    expect(describeEvents(scene.play(wake('a'), start('a'), ok('a')))).toEqual(['task.succeeded a', 'task.ready b'])
  })

  test('and interruptions consume no retry', () => {
    const scene = SchedulerFixture.of('a', { retries: 1 })
    scene.play(
      start('a'),
      recover,
      wake('a'),
      start('a'),
      recover,
      wake('a'),
      start('a'),
      fail('a'),
      wake('a'),
      start('a'),
    )
    expect(describeEvents(scene.play(fail('a')))).toEqual([
      'attempt.failed a 4 agent',
      'task.dead a agent',
      'run.settled failed',
    ])
  })

  test('and the time of its events does not go back when the clock of the new machine does', () => {
    const before = SchedulerFixture.of('a')
    before.play(start('a'))
    const scene = new SchedulerFixture({}, before.records)
    scene.at = -1_000_000
    scene.play(recover)
    expect(scene.events.at(-1)!.at).toBe(before.events.at(-1)!.at)
  })

  test('in a pause, and goes on when that is over', () => {
    const scene = SchedulerFixture.of('a')
    scene.play(pause, recover)
    expect(scene.play(start('a'))).toEqual([])
    expect(describeEvents(scene.play(unpause, start('a')))).toEqual(['attempt.started a 1'])
  })
})

describe('a judge of the host', () => {
  const verdicts: readonly [string, unknown, readonly string[]][] = [
    ['retries after a wait', { action: 'retry', delayMs: 7 }, ['attempt.failed a 1 agent', 'task.delayed a 7']],
    ['retries at once', { action: 'retry', delayMs: 0 }, ['attempt.failed a 1 agent', 'task.delayed a 0']],
    ['ends the task', { action: 'dead', reason: 'no' }, ['attempt.failed a 1 agent', 'task.dead a agent']],
    ['that answers nothing ends it', undefined, ['attempt.failed a 1 agent', 'task.dead a agent']],
    ['that answers nonsense ends it', { action: 'later' }, ['attempt.failed a 1 agent', 'task.dead a agent']],
    [
      'that waits for less than no time ends it',
      { action: 'retry', delayMs: -1 },
      ['attempt.failed a 1 agent', 'task.dead a agent'],
    ],
    [
      'that waits for ever ends it',
      { action: 'retry', delayMs: Number.POSITIVE_INFINITY },
      ['attempt.failed a 1 agent', 'task.dead a agent'],
    ],
    [
      'that waits for NaN ends it',
      { action: 'retry', delayMs: Number.NaN },
      ['attempt.failed a 1 agent', 'task.dead a agent'],
    ],
  ]
  test.each(verdicts)('%s', (_title, verdict, then) => {
    const scene = SchedulerFixture.of('a b', { judge: () => verdict as never })
    expect(describeEvents(scene.play(start('a'), fail('a')))).toEqual(then)
  })

  test('that throws ends the task, and the verdict says why', () => {
    const scene = SchedulerFixture.of('a b', {
      judge: () => {
        throw new Error('oops')
      },
    })
    const [failed] = scene.play(start('a'), fail('a')) as RunEvent[]
    expect(failed).toMatchObject({ verdict: { action: 'dead', reason: 'the failure handler threw' } })
  })

  test('is told the task, the attempt and what came before', () => {
    const told: unknown[] = []
    const scene = SchedulerFixture.of('a', {
      judge: (_failure, { runId, task, attempt, failures, throttled, interrupted }) => {
        told.push([runId, task.id, attempt, failures, throttled, interrupted])
        return { action: 'retry', delayMs: 0 }
      },
    })
    const again = [wake('a'), start('a')]
    scene.play(
      start('a'),
      fail('a'),
      ...again,
      fail('a', 'throttled'),
      ...again,
      recover,
      ...again,
      fail('a', 'timeout'),
    )
    expect(told).toEqual([
      ['r', 'a', 1, 0, 0, 0],
      ['r', 'a', 2, 1, 0, 0],
      ['r', 'a', 3, 1, 1, 0],
      ['r', 'a', 4, 1, 1, 1],
    ])
  })
})
