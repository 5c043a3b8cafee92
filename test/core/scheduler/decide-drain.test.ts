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
    ['waits for attempts in flight', 'a b', [start('a')], drain, ['run.draining']],
    ['is suspended at once if no attempt is in flight', 'a b<a', [], drain, ['run.draining', 'run.suspended']],
    ['ignores a second drain', 'a b', [start('a'), drain], drain, []],
    ['can be paused', 'a', [pause], drain, ['run.draining', 'run.suspended']],
    ['cannot be one that is being cancelled', 'a', [start('a'), cancel()], drain, []],
    ['cannot be one that has settled', 'a', [start('a'), ok('a')], drain, []],
    ['starts no further attempts', 'a b', [start('a'), drain], start('b'), []],
    [
      'is suspended when its last attempt has ended',
      'a b',
      [start('a'), drain],
      ok('a'),
      ['task.succeeded a', 'run.suspended'],
    ],
    [
      'is not suspended while another attempt is in flight',
      'a b c',
      [start('a'), start('b'), drain],
      ok('a'),
      ['task.succeeded a'],
    ],
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
      'is stopped by a dead task if the failure mode is no-new',
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
    ['accepts further tasks, which do not start', 'a', [start('a'), drain], add('b'), ['task.added b', 'task.ready b']],
  ])
})

describe('an interrupted attempt', () => {
  table([
    ['is stopped', 'a', [start('a'), drain], interrupt('a'), ['attempt.stopping a 1 interrupt']],
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
    ['can still be cancelled', 'a b', [start('a'), interrupt('a')], cancel('a'), ['attempt.stopping a 1 cancel']],
    ['is not one that is already being stopped', 'a', [start('a'), expire('a')], interrupt('a'), []],
    ['is not one that has not started', 'a', [], interrupt('a'), []],
    ['is not one that has ended', 'a b', [start('a'), ok('a')], interrupt('a'), []],
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
    ['cannot be paused', 'a b', suspended, pause, []],
    ['cannot be cancelled', 'a b', suspended, cancel(), []],
    ['does not cancel a task', 'a b', suspended, cancel('b'), []],
    ['accepts no tasks', 'a b', suspended, add('c'), []],
    ['does not wake a delayed task', 'a', [start('a'), drain, fail('a')], wake('a'), []],
    ['continues when it is recovered', 'a b', suspended, recover, ['run.recovered 2']],
    ['starts its ready tasks after the recovery', 'a b', [...suspended, recover], start('b'), ['attempt.started b 1']],
    ['is still paused after the recovery if it was paused', 'a', [pause, drain, recover], start('a'), []],
    ['can be unpaused after the recovery', 'a', [pause, drain, recover], unpause, ['run.unpaused']],
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
