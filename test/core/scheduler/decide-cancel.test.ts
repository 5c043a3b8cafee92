import { describe, expect, test } from 'vitest'
import {
  cancel,
  describeEvents,
  expire,
  fail,
  ok,
  pause,
  SchedulerFixture,
  start,
  stopped,
} from '../../support/scheduler-fixture.js'
import { table } from '../../support/table.js'

const dead = { retries: 0 }

describe('cancelling a task', () => {
  table([
    [
      'that is blocked skips its dependents',
      'a b<a c<b',
      [],
      cancel('b'),
      ['task.cancelled b', 'task.skipped c because b'],
    ],
    ['while it is ready', 'a b', [], cancel('a'), ['task.cancelled a']],
    ['while it waits for its next attempt', 'a b', [start('a'), fail('a')], cancel('a'), ['task.cancelled a']],
    [
      'in flight aborts its attempt; dependents stay blocked',
      'a b<a',
      [start('a')],
      cancel('a'),
      ['attempt.stopping a 1 cancel'],
    ],
    [
      'in flight ends it when its attempt has stopped',
      'a b<a c',
      [start('a'), cancel('a')],
      stopped('a'),
      ['task.cancelled a', 'task.skipped b because a'],
    ],
    [
      'that is being stopped for a timeout takes precedence',
      'a b',
      [start('a'), expire('a')],
      cancel('a'),
      ['attempt.stopping a 1 cancel'],
    ],
    [
      'that has timed out is not retried',
      'a b',
      [start('a'), expire('a'), cancel('a')],
      stopped('a'),
      ['task.cancelled a'],
    ],
    ['has an effect once', 'a b', [start('a'), cancel('a')], cancel('a'), []],
    ['has no effect after it succeeded', 'a b', [start('a'), ok('a')], cancel('a'), []],
    ['has no effect after it died', 'a b', [start('a'), fail('a')], cancel('a'), [], dead],
    ['has no effect after it was skipped', 'a b<a c', [cancel('a')], cancel('b'), []],
    ['in a paused run', 'a b', [pause], cancel('a'), ['task.cancelled a']],
    [
      'settles the run if it was the last one',
      'a b',
      [start('a'), ok('a')],
      cancel('b'),
      ['task.cancelled b', 'run.settled partial'],
    ],
    [
      'that is the only one settles the run as failed',
      'a',
      [],
      cancel('a'),
      ['task.cancelled a', 'run.settled failed'],
    ],
    ['does not trigger the failure mode', 'a b', [], cancel('a'), ['task.cancelled a'], { failureMode: 'kill' }],
  ])
})

describe('cancelling a run', () => {
  table([
    [
      'before anything started ends it at once',
      'a b<a',
      [],
      cancel(),
      ['run.stopping cancelled', 'task.cancelled a', 'task.cancelled b', 'run.settled cancelled'],
    ],
    [
      'aborts the attempts in flight',
      'a b<a',
      [start('a')],
      cancel(),
      ['run.stopping cancelled', 'attempt.stopping a 1 cancel', 'task.cancelled b'],
    ],
    [
      'settles it once they have stopped',
      'a b<a',
      [start('a'), cancel()],
      stopped('a'),
      ['task.cancelled a', 'run.settled cancelled'],
    ],
    [
      'settles it once they are abandoned',
      'a',
      [start('a'), cancel()],
      stopped('a', true),
      ['attempt.abandoned a 1', 'task.cancelled a', 'run.settled cancelled'],
    ],
    [
      'ignores a success that arrives afterwards',
      'a',
      [start('a'), cancel()],
      ok('a'),
      ['task.cancelled a', 'run.settled cancelled'],
    ],
    [
      'cancels delayed tasks',
      'a',
      [start('a'), fail('a')],
      cancel(),
      ['run.stopping cancelled', 'task.cancelled a', 'run.settled cancelled'],
    ],
    ['in a pause', 'a', [pause], cancel(), ['run.stopping cancelled', 'task.cancelled a', 'run.settled cancelled']],
    ['has an effect once', 'a', [start('a'), cancel()], cancel(), []],
    ['has no effect after it has settled', 'a', [start('a'), ok('a')], cancel(), []],
    [
      'while an attempt is being stopped for a timeout prevents its retry',
      'a',
      [start('a'), expire('a'), cancel()],
      stopped('a'),
      ['task.cancelled a', 'run.settled cancelled'],
    ],
    [
      'while a failure mode ends it makes the outcome `cancelled`',
      'a b',
      [start('a'), start('b'), fail('a')],
      cancel(),
      ['run.stopping cancelled', 'attempt.stopping b 1 cancel'],
      { retries: 0, failureMode: 'no-new' },
    ],
    [
      'keeps what has succeeded',
      'a b',
      [start('a'), ok('a')],
      cancel(),
      ['run.stopping cancelled', 'task.cancelled b', 'run.settled cancelled'],
    ],
    ['before its tasks were added ends them when they are', 'a b<a', [], cancel(), [], { cancelled: 'too late' }],
  ])

  test('before its tasks were added: no task becomes ready', () => {
    const scene = SchedulerFixture.of('a b<a', { cancelled: 'too late' })
    const events = ['run.started', 'run.stopping cancelled', 'task.added a', 'task.added b']
    expect(describeEvents(scene.events)).toEqual([
      ...events,
      'task.cancelled a',
      'task.cancelled b',
      'run.settled cancelled',
    ])
  })

  test('before it has started does nothing', () => {
    expect(new SchedulerFixture().play(cancel())).toEqual([])
  })
})
