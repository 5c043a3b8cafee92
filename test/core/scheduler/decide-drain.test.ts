import { describe, expect, test } from 'vitest'
import {
  add,
  cancel,
  describeEvents,
  drain,
  expire,
  fail,
  interrupt,
  ok,
  pause,
  recover,
  SchedulerFixture,
  start,
  stopped,
  unpause,
  wake,
} from '../../support/scheduler-fixture.js'
import { table } from '../../support/table.js'

describe('a draining run', () => {
  table([
    ['while something runs: it waits for that', 'a b', [start('a')], drain, ['run.draining']],
    ['while nothing runs: it is suspended at once', 'a b<a', [], drain, ['run.draining', 'run.suspended']],
    ['once', 'a b', [start('a'), drain], drain, []],
    ['in a pause', 'a', [pause], drain, ['run.draining', 'run.suspended']],
    ['not while it is being cancelled', 'a', [start('a'), cancel()], drain, []],
    ['not after it has settled', 'a', [start('a'), ok('a')], drain, []],
    ['starts no further attempts', 'a b', [start('a'), drain], start('b'), []],
    [
      'is suspended when its last attempt has ended',
      'a b',
      [start('a'), drain],
      ok('a'),
      ['task.succeeded a', 'run.suspended'],
    ],
    ['and not before', 'a b c', [start('a'), start('b'), drain], ok('a'), ['task.succeeded a']],
    [
      'retries a failed attempt after the suspension',
      'a',
      [start('a'), drain],
      fail('a'),
      ['attempt.failed a 1 agent', 'task.delayed a 500', 'run.suspended'],
    ],
    [
      'settles when its last attempt leaves nothing to do',
      'a b',
      [start('a'), ok('a'), start('b'), drain],
      ok('b'),
      ['task.succeeded b', 'run.settled completed'],
    ],
    [
      'ends fail-fast when a task is dead and its failure mode says so',
      'a b',
      [start('a'), drain],
      fail('a', 'refused'),
      [
        'attempt.failed a 1 refused',
        'task.dead a refused',
        'run.stopping fail-fast',
        'task.cancelled b',
        'run.settled failed',
      ],
      { failureMode: 'no-new' },
    ],
    [
      'can be cancelled',
      'a b',
      [start('a'), drain],
      cancel(),
      ['run.stopping cancelled', 'attempt.stopping a 1 cancel', 'task.cancelled b'],
    ],
    ['and takes tasks, for later', 'a', [start('a'), drain], add('b'), ['task.added b', 'task.ready b']],
  ])
})

describe('an interrupted attempt', () => {
  table([
    ['while it runs: it is told to stop', 'a', [start('a'), drain], interrupt('a'), ['attempt.stopping a 1 interrupt']],
    [
      'is retried at once after the suspension',
      'a',
      [start('a'), drain, interrupt('a')],
      stopped('a'),
      ['attempt.failed a 1 interrupted', 'task.delayed a 0', 'run.suspended'],
    ],
    [
      'is not changed by a late result',
      'a',
      [start('a'), drain, interrupt('a')],
      ok('a'),
      ['attempt.failed a 1 interrupted', 'task.delayed a 0', 'run.suspended'],
    ],
    [
      'is abandoned when it does not stop',
      'a',
      [start('a'), drain, interrupt('a')],
      stopped('a', true),
      ['attempt.abandoned a 1', 'attempt.failed a 1 interrupted', 'task.delayed a 0', 'run.suspended'],
    ],
    ['and cancelled on the way', 'a b', [start('a'), interrupt('a')], cancel('a'), ['attempt.stopping a 1 cancel']],
    ['not when it is being stopped already', 'a', [start('a'), expire('a')], interrupt('a'), []],
    ['not when it does not run', 'a', [], interrupt('a'), []],
    ['not when it has ended', 'a b', [start('a'), ok('a')], interrupt('a'), []],
  ])

  test('counts neither as a failure nor as an interruption', () => {
    const scene = SchedulerFixture.of('a', { retries: 0, maxInterrupted: 1 })
    for (let i = 0; i < 5; i++) scene.play(start('a'), drain, interrupt('a'), stopped('a'), recover, wake('a'))
    expect(scene.state.tallies[0]).toMatchObject({ attempts: 5, failures: 0, interrupted: 0 })
    expect(describeEvents(scene.play(start('a'), ok('a')))).toEqual(['task.succeeded a', 'run.settled completed'])
  })
})

describe('a suspended run', () => {
  const suspended = [start('a'), drain, ok('a')]
  table([
    ['starts nothing', 'a b', suspended, start('b'), []],
    ['is not paused', 'a b', suspended, pause, []],
    ['is not cancelled', 'a b', suspended, cancel(), []],
    ['has no task cancelled', 'a b', suspended, cancel('b'), []],
    ['takes no tasks', 'a b', suspended, add('c'), []],
    ['wakes nothing', 'a', [start('a'), drain, fail('a')], wake('a'), []],
    ['goes on when it is recovered', 'a b', suspended, recover, ['run.recovered 2']],
    ['and starts what was ready then', 'a b', [...suspended, recover], start('b'), ['attempt.started b 1']],
    ['goes on in the pause that it was in', 'a', [pause, drain, recover], start('a'), []],
    ['and out of that pause', 'a', [pause, drain, recover], unpause, ['run.unpaused']],
  ])

  test('whose process ended before it was suspended can be recovered', () => {
    const scene = SchedulerFixture.of('a b')
    expect(describeEvents(scene.play(start('a'), drain, recover))).toEqual([
      'run.recovered 2',
      'attempt.failed a 1 interrupted',
      'task.delayed a 0',
    ])
    expect(describeEvents(scene.play(start('b')))).toEqual(['attempt.started b 1'])
  })
})
