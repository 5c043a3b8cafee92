import { describe, expect, test } from 'vitest'
import {
  add,
  cancel,
  describeEvents,
  fail,
  ok,
  pause,
  recover,
  SchedulerFixture,
  specs,
  start,
} from '../../support/scheduler-fixture.js'
import { table } from '../../support/table.js'

const dead = { retries: 0 }

describe('adding a plan', () => {
  test.each([
    [
      'makes tasks without dependencies ready',
      'a b<a',
      ['run.started', 'task.added a', 'task.added b', 'task.ready a'],
    ],
    [
      'adds its tasks in order, whatever they depend on',
      'b<a a',
      ['run.started', 'task.added b', 'task.added a', 'task.ready a'],
    ],
    ['without tasks settles the run at once', '', ['run.started', 'run.settled completed']],
  ])('%s', (_title, tasks, then) => {
    expect(describeEvents(SchedulerFixture.of(tasks).events)).toEqual(then)
  })

  test('records its name and failure mode', () => {
    const scene = new SchedulerFixture()
    scene.send({ type: 'add', tasks: specs('a'), name: 'story', failureMode: 'kill' })
    expect(scene.events[0]).toMatchObject({
      type: 'run.started',
      name: 'story',
      failureMode: 'kill',
      seq: 1,
      runId: 'r',
    })
  })

  test('accepts tasks that depend on later ones: each waits for all its dependencies', () => {
    const scene = SchedulerFixture.of('d<b,c b<a c<a a')
    expect(scene.picture).toBe('d:blocked b:blocked c:blocked a:ready')
    scene.play(start('a'), ok('a'), start('b'), ok('b'), start('c'))
    expect(describeEvents(scene.play(ok('c')))).toEqual(['task.succeeded c', 'task.ready d'])
  })

  test('accepts a dependency that is listed twice', () => {
    const scene = SchedulerFixture.of('a b<a,a')
    expect(describeEvents(scene.play(start('a'), ok('a')))).toEqual(['task.succeeded a', 'task.ready b'])
  })
})

describe('a task that is added to a live run', () => {
  table([
    [
      'is ready when its dependencies have succeeded',
      'a b',
      [start('a'), ok('a')],
      add('c<a'),
      ['task.added c', 'task.ready c'],
    ],
    ['is blocked by a running task', 'a', [start('a')], add('b<a'), ['task.added b']],
    ['is blocked by a ready task', 'a', [], add('b<a'), ['task.added b']],
    ['is blocked by a delayed task', 'a', [start('a'), fail('a')], add('b<a'), ['task.added b']],
    ['is blocked by a task that is being stopped', 'a b', [start('a'), cancel('a')], add('c<a'), ['task.added c']],
    [
      'is skipped when a dependency is dead (trap 4)',
      'a b',
      [start('a'), fail('a')],
      add('c<a'),
      ['task.added c', 'task.skipped c because a'],
      dead,
    ],
    [
      'is skipped when a dependency was cancelled',
      'a b',
      [cancel('a')],
      add('c<a'),
      ['task.added c', 'task.skipped c because a'],
    ],
    [
      'is skipped, with the root cause, when a dependency was skipped',
      'a b<a z',
      [cancel('a')],
      add('c<b'),
      ['task.added c', 'task.skipped c because a'],
    ],
    [
      'is skipped together with its dependents of the same batch, in any order',
      'a z',
      [start('a'), fail('a')],
      add('e<d d<c c<a'),
      [
        'task.added e',
        'task.added d',
        'task.added c',
        'task.skipped c because a',
        'task.skipped d because a',
        'task.skipped e because a',
      ],
      dead,
    ],
    [
      'is skipped when one of several dependencies is dead, even if another is in flight',
      'a b',
      [start('a'), start('b'), fail('a')],
      add('c<b,a'),
      ['task.added c', 'task.skipped c because a'],
      dead,
    ],
    ['can depend on later tasks of its batch', 'a', [start('a')], add('c<b b<a'), ['task.added c', 'task.added b']],
    ['becomes ready during a pause', 'a', [pause], add('b'), ['task.added b', 'task.ready b']],
    [
      'is cancelled when the run is being cancelled',
      'a',
      [start('a'), cancel()],
      add('b c<a'),
      ['task.added b', 'task.added c', 'task.cancelled b', 'task.cancelled c'],
    ],
    ['is ignored if the run has settled', 'a', [start('a'), ok('a')], add('b'), []],
    ['is accepted by a recovered run', 'a', [start('a'), recover], add('b'), ['task.added b', 'task.ready b']],
  ])

  test('is made ready once by dependencies that were added after it', () => {
    const scene = SchedulerFixture.of('z')
    scene.play(add('b<a a'), start('a'))
    expect(describeEvents(scene.play(ok('a')))).toEqual(['task.succeeded a', 'task.ready b'])
  })
})
