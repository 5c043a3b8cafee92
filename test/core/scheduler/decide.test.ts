import { describe } from 'vitest'
import { cancel, expire, fail, ok, pause, start, startFails, unpause, wake } from '../../support/scheduler-fixture.js'
import { table } from '../../support/table.js'

const dead = { retries: 0 }

describe('start', () => {
  table([
    ['starts a ready task as attempt 1', 'a', [], start('a'), ['attempt.started a 1']],
    [
      'starts the next attempt under the next number',
      'a',
      [start('a'), fail('a'), wake('a')],
      start('a'),
      ['attempt.started a 2'],
    ],
    ['does not start a blocked task', 'a b<a', [], start('b'), []],
    ['does not start a running task', 'a', [start('a')], start('a'), []],
    ['does not start a delayed task', 'a', [start('a'), fail('a')], start('a'), []],
    ['does not start a succeeded task', 'a b', [start('a'), ok('a')], start('a'), []],
    ['does not start a dead task', 'a b', [start('a'), fail('a')], start('a'), [], dead],
    ['does not start a skipped task', 'a b<a c', [start('a'), fail('a')], start('b'), [], dead],
    ['does not start a cancelled task', 'a b', [cancel('a')], start('a'), []],
    ['starts nothing while the run is paused', 'a', [pause], start('a'), []],
    ['starts again after the pause', 'a', [pause, unpause], start('a'), ['attempt.started a 1']],
    ['starts nothing in a run that has been cancelled', 'a b', [start('a'), cancel()], start('b'), []],
    ['starts nothing in a run that has settled', 'a', [start('a'), ok('a')], start('a'), []],
    [
      'records a failed attempt for a task whose input function failed',
      'a b<a',
      [],
      startFails('a'),
      [
        'attempt.started a 1',
        'attempt.failed a 1 bad-input',
        'task.dead a bad-input',
        'task.skipped b because a',
        'run.settled failed',
      ],
    ],
    ['records no attempt if an input function fails during a pause', 'a', [pause], startFails('a'), []],
  ])
})

describe('succeed', () => {
  table([
    [
      'ends the task and makes its dependents ready',
      'a b<a c',
      [start('a')],
      ok('a'),
      ['task.succeeded a', 'task.ready b'],
    ],
    [
      'does not release a dependent that has other open dependencies',
      'a b c<a,b',
      [start('a')],
      ok('a'),
      ['task.succeeded a'],
    ],
    [
      'makes a dependent ready with the last of several dependencies',
      'a b c<a,b',
      [start('a'), start('b'), ok('b')],
      ok('a'),
      ['task.succeeded a', 'task.ready c'],
    ],
    [
      'makes dependents ready in the order in which they were added',
      'a d<a b<a c<a',
      [start('a')],
      ok('a'),
      ['task.succeeded a', 'task.ready d', 'task.ready b', 'task.ready c'],
    ],
    [
      'settles the run with the last task',
      'a b',
      [start('a'), ok('a'), start('b')],
      ok('b'),
      ['task.succeeded b', 'run.settled completed'],
    ],
    ['counts in a pause, too', 'a b<a', [start('a'), pause], ok('a'), ['task.succeeded a', 'task.ready b']],
    ['is ignored a second time', 'a b', [start('a'), ok('a')], ok('a', 'other', 1), []],
    ['is ignored after the attempt failed', 'a', [start('a'), fail('a')], ok('a', 'late', 1), []],
    ['of an earlier attempt is ignored', 'a', [start('a'), fail('a'), wake('a'), start('a')], ok('a', 'late', 1), []],
    ['of a future attempt is ignored', 'a', [start('a')], ok('a', 'x', 2), []],
    ['is ignored before the first attempt', 'a', [], ok('a', 'x', 1), []],
    ['is ignored after the task was cancelled', 'a b', [cancel('a')], ok('a', 'x', 1), []],
    ['is ignored after the task is dead', 'a b', [start('a'), fail('a')], ok('a', 'x', 1), [], dead],
    [
      'is ignored after the attempt has timed out',
      'a',
      [start('a'), expire('a')],
      ok('a'),
      ['attempt.failed a 1 timeout', 'task.delayed a 500'],
    ],
    [
      'is ignored while the attempt is being cancelled',
      'a b<a c',
      [start('a'), cancel('a')],
      ok('a'),
      ['task.cancelled a', 'task.skipped b because a'],
    ],
    [
      'of another attempt is ignored while an attempt is being stopped',
      'a',
      [start('a'), expire('a')],
      ok('a', 'x', 2),
      [],
    ],
  ])
})

describe('fail', () => {
  table([
    ['delays the next attempt', 'a b<a', [start('a')], fail('a'), ['attempt.failed a 1 agent', 'task.delayed a 500']],
    [
      'delays each further attempt longer',
      'a',
      [start('a'), fail('a'), wake('a'), start('a')],
      fail('a'),
      ['attempt.failed a 2 agent', 'task.delayed a 1000'],
    ],
    [
      'ends the task as dead when no retries are left',
      'a b',
      [start('a')],
      fail('a'),
      ['attempt.failed a 1 agent', 'task.dead a agent'],
      dead,
    ],
    [
      'ends the task as dead at once for a kind that is never retried',
      'a b',
      [start('a')],
      fail('a', 'refused'),
      ['attempt.failed a 1 refused', 'task.dead a refused'],
    ],
    [
      'skips all tasks that depend on it, transitively, with the root cause',
      'a b<a c<b d<c,a e',
      [start('a')],
      fail('a'),
      [
        'attempt.failed a 1 agent',
        'task.dead a agent',
        // Breadth first: its dependents in the order in which they were added, then their dependents.
        'task.skipped b because a',
        'task.skipped d because a',
        'task.skipped c because a',
      ],
      dead,
    ],
    ['is ignored a second time', 'a', [start('a'), fail('a')], fail('a', 'agent', 1), []],
    ['is ignored after the attempt succeeded', 'a b', [start('a'), ok('a')], fail('a', 'agent', 1), []],
    ['of another attempt is ignored', 'a', [start('a')], fail('a', 'agent', 2), []],
    [
      'of an earlier attempt is ignored',
      'a',
      [start('a'), fail('a'), wake('a'), start('a')],
      fail('a', 'agent', 1),
      [],
    ],
    [
      'settles a run in which nothing succeeded as failed',
      'a',
      [start('a')],
      fail('a'),
      ['attempt.failed a 1 agent', 'task.dead a agent', 'run.settled failed'],
      dead,
    ],
    [
      'settles a run in which something succeeded as partial',
      'a b',
      [start('a'), ok('a'), start('b')],
      fail('b'),
      ['attempt.failed b 1 agent', 'task.dead b agent', 'run.settled partial'],
      dead,
    ],
    [
      'of an attempt that is being cancelled ends it as cancelled',
      'a b',
      [start('a'), cancel('a')],
      fail('a'),
      ['task.cancelled a'],
    ],
    [
      'of an attempt that has timed out ends it as timed out',
      'a',
      [start('a'), expire('a')],
      fail('a', 'refused'),
      ['attempt.failed a 1 timeout', 'task.delayed a 500'],
    ],
  ])
})
