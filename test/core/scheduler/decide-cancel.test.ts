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

describe('a task is cancelled', () => {
  table([
    [
      'while it is blocked: what waits for it is skipped',
      'a b<a c<b',
      [],
      cancel('b'),
      ['task.cancelled b', 'task.skipped c because b'],
    ],
    ['while it is ready', 'a b', [], cancel('a'), ['task.cancelled a']],
    ['while it waits for its next attempt', 'a b', [start('a'), fail('a')], cancel('a'), ['task.cancelled a']],
    [
      'while it runs: it is told to stop, and what waits goes on waiting',
      'a b<a',
      [start('a')],
      cancel('a'),
      ['attempt.stopping a 1 cancel'],
    ],
    [
      'once it has stopped',
      'a b<a c',
      [start('a'), cancel('a')],
      stopped('a'),
      ['task.cancelled a', 'task.skipped b because a'],
    ],
    [
      'while it is being stopped for its limit: the cancel goes first',
      'a b',
      [start('a'), expire('a')],
      cancel('a'),
      ['attempt.stopping a 1 cancel'],
    ],
    ['and is not tried again then', 'a b', [start('a'), expire('a'), cancel('a')], stopped('a'), ['task.cancelled a']],
    ['once only', 'a b', [start('a'), cancel('a')], cancel('a'), []],
    ['not after it succeeded', 'a b', [start('a'), ok('a')], cancel('a'), []],
    ['not after it died', 'a b', [start('a'), fail('a')], cancel('a'), [], dead],
    ['not after it was skipped', 'a b<a c', [cancel('a')], cancel('b'), []],
    ['in a paused run', 'a b', [pause], cancel('a'), ['task.cancelled a']],
    [
      'as the last one: the run settles',
      'a b',
      [start('a'), ok('a')],
      cancel('b'),
      ['task.cancelled b', 'run.settled partial'],
    ],
    ['as the only one: nothing was delivered', 'a', [], cancel('a'), ['task.cancelled a', 'run.settled failed']],
    ['without a failure mode having a say', 'a b', [], cancel('a'), ['task.cancelled a'], { failureMode: 'kill' }],
  ])
})

describe('a run is cancelled', () => {
  table([
    [
      'before anything started: all of it ends at once',
      'a b<a',
      [],
      cancel(),
      ['run.stopping cancelled', 'task.cancelled a', 'task.cancelled b', 'run.settled cancelled'],
    ],
    [
      'while something runs: it is told to stop',
      'a b<a',
      [start('a')],
      cancel(),
      ['run.stopping cancelled', 'attempt.stopping a 1 cancel', 'task.cancelled b'],
    ],
    [
      'and settles once that has stopped',
      'a b<a',
      [start('a'), cancel()],
      stopped('a'),
      ['task.cancelled a', 'run.settled cancelled'],
    ],
    [
      'and settles once that is abandoned',
      'a',
      [start('a'), cancel()],
      stopped('a', true),
      ['attempt.abandoned a 1', 'task.cancelled a', 'run.settled cancelled'],
    ],
    [
      'and a success that comes then changes nothing',
      'a',
      [start('a'), cancel()],
      ok('a'),
      ['task.cancelled a', 'run.settled cancelled'],
    ],
    [
      'in a wait',
      'a',
      [start('a'), fail('a')],
      cancel(),
      ['run.stopping cancelled', 'task.cancelled a', 'run.settled cancelled'],
    ],
    ['in a pause', 'a', [pause], cancel(), ['run.stopping cancelled', 'task.cancelled a', 'run.settled cancelled']],
    ['once only', 'a', [start('a'), cancel()], cancel(), []],
    ['not after it has settled', 'a', [start('a'), ok('a')], cancel(), []],
    [
      'while an attempt is being stopped for its limit: it is not tried again',
      'a',
      [start('a'), expire('a'), cancel()],
      stopped('a'),
      ['task.cancelled a', 'run.settled cancelled'],
    ],
    [
      'while a failure mode ends it: that is an outcome of its own',
      'a b',
      [start('a'), start('b'), fail('a')],
      cancel(),
      ['run.stopping cancelled', 'attempt.stopping b 1 cancel'],
      { retries: 0, failureMode: 'no-new' },
    ],
    [
      'with what had succeeded staying so',
      'a b',
      [start('a'), ok('a')],
      cancel(),
      ['run.stopping cancelled', 'task.cancelled b', 'run.settled cancelled'],
    ],
    ['before its tasks came: they are added, and end', 'a b<a', [], cancel(), [], { cancelled: 'too late' }],
  ])

  test('before its tasks came: nothing of it is ready for a moment', () => {
    const scene = SchedulerFixture.of('a b<a', { cancelled: 'too late' })
    const told = ['run.started', 'run.stopping cancelled', 'task.added a', 'task.added b']
    expect(describeEvents(scene.events)).toEqual([
      ...told,
      'task.cancelled a',
      'task.cancelled b',
      'run.settled cancelled',
    ])
  })

  test('before it has begun: there is nothing to cancel', () => {
    expect(new SchedulerFixture().play(cancel())).toEqual([])
  })
})
