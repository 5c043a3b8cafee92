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

/** Title, tasks, preceding steps, the events of the recovery, and options. */
type Row = readonly [string, string, readonly Step[], readonly string[], SchedulerFixtureOptions?]

describe('the recovery of a run', () => {
  const rows: readonly Row[] = [
    ['leaves blocked and ready tasks unchanged', 'a b<a', [], ['run.recovered 2']],
    [
      'retries a running attempt at once, as interrupted',
      'a b',
      [start('a')],
      ['run.recovered 2', 'attempt.failed a 1 interrupted', 'task.delayed a 0'],
    ],
    [
      'counts an attempt that was being stopped for its timeout as timed out',
      'a',
      [start('a'), expire('a')],
      ['run.recovered 2', 'attempt.failed a 1 timeout', 'task.delayed a 500'],
    ],
    [
      'cancels a task that was being cancelled',
      'a b<a c',
      [start('a'), cancel('a')],
      ['run.recovered 2', 'task.cancelled a', 'task.skipped b because a'],
    ],
    ['leaves a delayed task unchanged', 'a', [start('a'), fail('a')], ['run.recovered 2']],
    ['leaves a succeeded task unchanged', 'a b', [start('a'), ok('a')], ['run.recovered 2']],
    [
      'leaves dead and skipped tasks unchanged',
      'a b<a c',
      [start('a'), fail('a')],
      ['run.recovered 2'],
      { retries: 0 },
    ],
    [
      'keeps a pause',
      'a',
      [start('a'), pause],
      ['run.recovered 2', 'attempt.failed a 1 interrupted', 'task.delayed a 0'],
    ],
    [
      'settles a run that was being cancelled',
      'a b',
      [start('a'), cancel()],
      ['run.recovered 2', 'task.cancelled a', 'run.settled cancelled'],
    ],
    [
      'does not retry an attempt interrupted after the failure mode no-new has stopped the run',
      'a b',
      [start('a'), start('b'), fail('a', 'refused')],
      ['run.recovered 2', 'attempt.failed b 1 interrupted', 'task.dead b interrupted', 'run.settled failed'],
      { failureMode: 'no-new' },
    ],
    [
      'ends a task that was interrupted too often, because it may be the cause',
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
      'stops the run when a task dies of interruptions and the failure mode is kill',
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
    ['does nothing in a settled run', 'a', [start('a'), ok('a')], []],
  ]
  test.each(rows.map(([title, ...row]) => ({ title, row })))('$title', ({ row: [tasks, given, then, options] }) => {
    const before = SchedulerFixture.of(tasks, options)
    before.play(...given)
    const scene = new SchedulerFixture(options, before.records)
    scene.at = before.at
    expect(describeEvents(scene.play(recover))).toEqual(then)
    scene.checkReplay()
  })

  test('makes signals about attempts of the previous process stale', () => {
    const scene = SchedulerFixture.of('a b<a')
    scene.play(start('a'), recover)
    for (const late of [ok('a', 'late', 1), fail('a', 'agent', 1), expire('a', 1), stopped('a', true, 1)])
      expect(scene.play(late)).toEqual([])
    expect(describeEvents(scene.play(wake('a'), start('a'), ok('a')))).toEqual(['task.succeeded a', 'task.ready b'])
  })

  test('does not count interruptions as retries', () => {
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

  test('does not let event times go back when the clock of the new machine is behind', () => {
    const before = SchedulerFixture.of('a')
    before.play(start('a'))
    const scene = new SchedulerFixture({}, before.records)
    scene.at = -1_000_000
    scene.play(recover)
    expect(scene.events.at(-1)!.at).toBe(before.events.at(-1)!.at)
  })

  test('keeps a run paused until it is unpaused', () => {
    const scene = SchedulerFixture.of('a')
    scene.play(pause, recover)
    expect(scene.play(start('a'))).toEqual([])
    expect(describeEvents(scene.play(unpause, start('a')))).toEqual(['attempt.started a 1'])
  })
})

describe('a custom judge', () => {
  const verdicts: readonly [string, unknown, readonly string[]][] = [
    ['can retry after a delay', { action: 'retry', delayMs: 7 }, ['attempt.failed a 1 agent', 'task.delayed a 7']],
    ['can retry at once', { action: 'retry', delayMs: 0 }, ['attempt.failed a 1 agent', 'task.delayed a 0']],
    ['can end the task', { action: 'dead', reason: 'no' }, ['attempt.failed a 1 agent', 'task.dead a agent']],
    ['that returns undefined ends the task', undefined, ['attempt.failed a 1 agent', 'task.dead a agent']],
    [
      'that returns an unknown action ends the task',
      { action: 'later' },
      ['attempt.failed a 1 agent', 'task.dead a agent'],
    ],
    [
      'that returns a negative delay ends the task',
      { action: 'retry', delayMs: -1 },
      ['attempt.failed a 1 agent', 'task.dead a agent'],
    ],
    [
      'that returns an infinite delay ends the task',
      { action: 'retry', delayMs: Number.POSITIVE_INFINITY },
      ['attempt.failed a 1 agent', 'task.dead a agent'],
    ],
    [
      'that returns NaN as the delay ends the task',
      { action: 'retry', delayMs: Number.NaN },
      ['attempt.failed a 1 agent', 'task.dead a agent'],
    ],
  ]
  test.each(verdicts)('%s', (_title, verdict, then) => {
    const scene = SchedulerFixture.of('a b', { judge: () => verdict as never })
    expect(describeEvents(scene.play(start('a'), fail('a')))).toEqual(then)
  })

  test('that throws ends the task, with the reason in the verdict', () => {
    const scene = SchedulerFixture.of('a b', {
      judge: () => {
        throw new Error('oops')
      },
    })
    const [failed] = scene.play(start('a'), fail('a')) as RunEvent[]
    expect(failed).toMatchObject({ verdict: { action: 'dead', reason: 'the failure handler threw' } })
  })

  test('receives the task, the attempt and the counts of earlier failures', () => {
    const received: unknown[] = []
    const scene = SchedulerFixture.of('a', {
      judge: (_failure, { runId, task, attempt, failures, throttled, interrupted }) => {
        received.push([runId, task.id, attempt, failures, throttled, interrupted])
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
    expect(received).toEqual([
      ['r', 'a', 1, 0, 0, 0],
      ['r', 'a', 2, 1, 0, 0],
      ['r', 'a', 3, 1, 1, 0],
      ['r', 'a', 4, 1, 1, 1],
    ])
  })
})
