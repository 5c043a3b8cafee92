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

describe('a plan begins', () => {
  test.each([
    ['with what waits for nothing', 'a b<a', ['run.started', 'task.added a', 'task.added b', 'task.ready a']],
    [
      'in the order of its tasks, whatever they wait for',
      'b<a a',
      ['run.started', 'task.added b', 'task.added a', 'task.ready a'],
    ],
    ['and settles at once when it has no tasks', '', ['run.started', 'run.settled completed']],
  ])('%s', (_title, tasks, then) => {
    expect(describeEvents(SchedulerFixture.of(tasks).events)).toEqual(then)
  })

  test('with its name and failure mode', () => {
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

  test('with tasks that name each other ahead: each waits for all that it names', () => {
    const scene = SchedulerFixture.of('d<b,c b<a c<a a')
    expect(scene.picture).toBe('d:blocked b:blocked c:blocked a:ready')
    scene.play(start('a'), ok('a'), start('b'), ok('b'), start('c'))
    expect(describeEvents(scene.play(ok('c')))).toEqual(['task.succeeded c', 'task.ready d'])
  })

  test('with a dependency that is named twice', () => {
    const scene = SchedulerFixture.of('a b<a,a')
    expect(describeEvents(scene.play(start('a'), ok('a')))).toEqual(['task.succeeded a', 'task.ready b'])
  })
})

describe('a task is added to a live run', () => {
  table([
    [
      'and is ready when what it waits for has succeeded',
      'a b',
      [start('a'), ok('a')],
      add('c<a'),
      ['task.added c', 'task.ready c'],
    ],
    ['and waits for what runs', 'a', [start('a')], add('b<a'), ['task.added b']],
    ['and waits for what is ready', 'a', [], add('b<a'), ['task.added b']],
    ['and waits for what waits for its next attempt', 'a', [start('a'), fail('a')], add('b<a'), ['task.added b']],
    ['and waits for what is being stopped', 'a b', [start('a'), cancel('a')], add('c<a'), ['task.added c']],
    [
      'trap 4: and is skipped when what it waits for is dead',
      'a b',
      [start('a'), fail('a')],
      add('c<a'),
      ['task.added c', 'task.skipped c because a'],
      dead,
    ],
    [
      'and is skipped when what it waits for was cancelled',
      'a b',
      [cancel('a')],
      add('c<a'),
      ['task.added c', 'task.skipped c because a'],
    ],
    [
      'and is skipped, with the root cause, when what it waits for was skipped',
      'a b<a z',
      [cancel('a')],
      add('c<b'),
      ['task.added c', 'task.skipped c because a'],
    ],
    [
      'and takes along what waits for it in the same batch, in whatever order they stand',
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
      'and is skipped when one of several has died, though another still runs',
      'a b',
      [start('a'), start('b'), fail('a')],
      add('c<b,a'),
      ['task.added c', 'task.skipped c because a'],
      dead,
    ],
    ['together with others that it names ahead', 'a', [start('a')], add('c<b b<a'), ['task.added c', 'task.added b']],
    ['and is ready in a pause: it starts when that is over', 'a', [pause], add('b'), ['task.added b', 'task.ready b']],
    [
      'that is being cancelled: it is cancelled',
      'a',
      [start('a'), cancel()],
      add('b c<a'),
      ['task.added b', 'task.added c', 'task.cancelled b', 'task.cancelled c'],
    ],
    ['that has settled: it is refused', 'a', [start('a'), ok('a')], add('b'), []],
    ['that was recovered', 'a', [start('a'), recover], add('b'), ['task.added b', 'task.ready b']],
  ])

  test('and is let go by what it named ahead, once', () => {
    const scene = SchedulerFixture.of('z')
    scene.play(add('b<a a'), start('a'))
    expect(describeEvents(scene.play(ok('a')))).toEqual(['task.succeeded a', 'task.ready b'])
  })
})
