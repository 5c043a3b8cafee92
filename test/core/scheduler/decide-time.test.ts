import { describe } from 'vitest'
import { cancel, expire, fail, ok, pause, start, stopped, unpause, wake } from '../../support/scheduler-fixture.js'
import { table } from '../../support/table.js'

describe('expire, stopped and wake', () => {
  table([
    [
      'an attempt that runs out of time is told to stop',
      'a',
      [start('a')],
      expire('a'),
      ['attempt.stopping a 1 timeout'],
    ],
    ['it is told so once', 'a', [start('a'), expire('a')], expire('a'), []],
    ['a limit of another attempt is refused', 'a', [start('a')], expire('a', 2), []],
    ['a limit that runs out after the answer is refused', 'a b', [start('a'), ok('a')], expire('a', 1), []],
    ['a limit that runs out before the start is refused', 'a', [], expire('a', 1), []],
    [
      'an attempt that has stopped failed by its limit',
      'a',
      [start('a'), expire('a')],
      stopped('a'),
      ['attempt.failed a 1 timeout', 'task.delayed a 500'],
    ],
    [
      'an attempt that does not stop is abandoned, and failed by its limit',
      'a',
      [start('a'), expire('a')],
      stopped('a', true),
      ['attempt.abandoned a 1', 'attempt.failed a 1 timeout', 'task.delayed a 500'],
    ],
    [
      'an attempt that does not stop for a cancel is abandoned, and the task cancelled',
      'a b',
      [start('a'), cancel('a')],
      stopped('a', true),
      ['attempt.abandoned a 1', 'task.cancelled a'],
    ],
    ['what has not been told to stop cannot have stopped', 'a', [start('a')], stopped('a'), []],
    ['a stop is taken once', 'a b', [start('a'), cancel('a'), stopped('a')], stopped('a', true, 1), []],
    ['a stop of another attempt is refused', 'a', [start('a'), expire('a')], stopped('a', false, 2), []],
    ['a wait that is over makes the task ready', 'a', [start('a'), fail('a')], wake('a'), ['task.ready a']],
    ['a wait is over once', 'a', [start('a'), fail('a'), wake('a')], wake('a'), []],
    ['what does not wait is not woken', 'a b<a', [], wake('b'), []],
    ['what was cancelled in its wait is not woken', 'a b', [start('a'), fail('a'), cancel('a')], wake('a'), []],
    [
      'a wait ends in a pause, too: nothing starts all the same',
      'a',
      [start('a'), fail('a'), pause],
      wake('a'),
      ['task.ready a'],
    ],
  ])
})

describe('pause and unpause', () => {
  table([
    ['a run is paused', 'a', [], pause, ['run.paused']],
    ['a paused run is not paused again', 'a', [pause], pause, []],
    ['a paused run goes on', 'a', [pause], unpause, ['run.unpaused']],
    ['a run that goes on needs no unpausing', 'a', [], unpause, []],
    ['a run that is being cancelled is not paused', 'a', [start('a'), cancel()], pause, []],
    ['a pause does not outlive a cancel', 'a', [start('a'), pause, cancel()], unpause, []],
    ['a settled run is not paused', 'a', [start('a'), ok('a')], pause, []],
    [
      'a paused run settles when what ran was the last',
      'a',
      [start('a'), pause],
      ok('a'),
      ['task.succeeded a', 'run.settled completed'],
    ],
  ])
})
