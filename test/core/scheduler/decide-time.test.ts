import { describe } from 'vitest'
import { cancel, expire, fail, ok, pause, start, stopped, unpause, wake } from '../../support/scheduler-fixture.js'
import { table } from '../../support/table.js'

describe('expire, stopped and wake', () => {
  table([
    [
      'an attempt is stopped when its time limit expires',
      'a',
      [start('a')],
      expire('a'),
      ['attempt.stopping a 1 timeout'],
    ],
    ['an attempt is stopped once', 'a', [start('a'), expire('a')], expire('a'), []],
    ['an expired limit of another attempt is ignored', 'a', [start('a')], expire('a', 2), []],
    ['a limit that expires after the answer is ignored', 'a b', [start('a'), ok('a')], expire('a', 1), []],
    ['a limit that expires before the start is ignored', 'a', [], expire('a', 1), []],
    [
      'an attempt that has stopped at its time limit fails with a timeout',
      'a',
      [start('a'), expire('a')],
      stopped('a'),
      ['attempt.failed a 1 timeout', 'task.delayed a 500'],
    ],
    [
      'an attempt that does not stop at its time limit is abandoned, and fails with a timeout',
      'a',
      [start('a'), expire('a')],
      stopped('a', true),
      ['attempt.abandoned a 1', 'attempt.failed a 1 timeout', 'task.delayed a 500'],
    ],
    [
      'an attempt that does not stop when it is cancelled is abandoned, and its task is cancelled',
      'a b',
      [start('a'), cancel('a')],
      stopped('a', true),
      ['attempt.abandoned a 1', 'task.cancelled a'],
    ],
    ['a stopped signal is ignored if the attempt is not being stopped', 'a', [start('a')], stopped('a'), []],
    ['a second stopped signal is ignored', 'a b', [start('a'), cancel('a'), stopped('a')], stopped('a', true, 1), []],
    ['a stopped signal of another attempt is ignored', 'a', [start('a'), expire('a')], stopped('a', false, 2), []],
    ['a wake makes a delayed task ready', 'a', [start('a'), fail('a')], wake('a'), ['task.ready a']],
    ['a second wake is ignored', 'a', [start('a'), fail('a'), wake('a')], wake('a'), []],
    ['a wake of a blocked task is ignored', 'a b<a', [], wake('b'), []],
    [
      'a wake of a task that was cancelled during its delay is ignored',
      'a b',
      [start('a'), fail('a'), cancel('a')],
      wake('a'),
      [],
    ],
    ['a wake makes a task ready during a pause, too', 'a', [start('a'), fail('a'), pause], wake('a'), ['task.ready a']],
  ])
})

describe('pause and unpause', () => {
  table([
    ['a live run can be paused', 'a', [], pause, ['run.paused']],
    ['a paused run is not paused again', 'a', [pause], pause, []],
    ['a paused run can be unpaused', 'a', [pause], unpause, ['run.unpaused']],
    ['unpausing a run that is not paused changes nothing', 'a', [], unpause, []],
    ['a run that is being cancelled cannot be paused', 'a', [start('a'), cancel()], pause, []],
    ['a cancel ends a pause', 'a', [start('a'), pause, cancel()], unpause, []],
    ['a settled run cannot be paused', 'a', [start('a'), ok('a')], pause, []],
    [
      'a paused run settles when its last task succeeds',
      'a',
      [start('a'), pause],
      ok('a'),
      ['task.succeeded a', 'run.settled completed'],
    ],
  ])
})
