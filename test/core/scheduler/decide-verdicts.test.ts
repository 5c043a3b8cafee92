import type { RunEvent, Verdict } from 'counterpoint'
import { describe, expect, test } from 'vitest'
import { checkHistory } from '../../support/history.js'
import {
  describeEvents,
  expire,
  fail,
  failWith,
  ok,
  recover,
  SchedulerFixture,
  type Step,
  start,
  startWith,
  stopped,
  wake,
} from '../../support/scheduler-fixture.js'

/** A scene with one task whose first attempt fails, and a judge who always says the same. */
function judged(verdict: Verdict, more: readonly Step[] = []): SchedulerFixture {
  const scene = SchedulerFixture.of('a z', { judge: () => verdict })
  scene.play(start('a'), fail('a'), ...more)
  return scene
}

describe('a verdict is followed:', () => {
  const failed = 'attempt.failed a 1 agent'
  const rows: readonly [string, Verdict, readonly string[]][] = [
    ['retry', { action: 'retry', delayMs: 7 }, [failed, 'task.delayed a 7']],
    ['park has the task wait as long as its pool', { action: 'park', delayMs: 9 }, [failed, 'task.delayed a 9']],
    ['failover does not wait', { action: 'failover' }, [failed, 'task.delayed a 0']],
    [
      'failover does not wait for the backend that rests',
      { action: 'failover', restMs: 50 },
      [failed, 'task.delayed a 0'],
    ],
    ['repair', { action: 'repair', delayMs: 3 }, [failed, 'task.delayed a 3']],
    ['hold', { action: 'hold', reason: 'who knows' }, [failed, 'task.held a for interrupted']],
    ['dead', { action: 'dead', reason: 'enough' }, [failed, 'task.dead a agent']],
  ]
  for (const [title, verdict, then] of rows)
    test(title, () => expect(describeEvents(judged(verdict).records.at(-1)!)).toEqual(then))

  const nonsense: readonly [string, unknown][] = [
    ['park without a time', { action: 'park' }],
    ['park for ever', { action: 'park', delayMs: Number.POSITIVE_INFINITY }],
    ['repair for NaN', { action: 'repair', delayMs: Number.NaN }],
    ['failover with a rest that is no number', { action: 'failover', restMs: '5' }],
    ['failover with a rest of less than nothing', { action: 'failover', restMs: -5 }],
    ['hold without a reason', { action: 'hold' }],
    ['dead without a reason', { action: 'dead' }],
    ['null', null],
    ['a word', 'retry'],
  ]
  for (const [title, verdict] of nonsense)
    test(`not ${title}: the task is dead`, () =>
      expect(describeEvents(judged(verdict as Verdict).records.at(-1)!)).toEqual([failed, 'task.dead a agent']))
})

describe('what a judge is told', () => {
  test('are all the counts, the feedback and the other backends', () => {
    const told: unknown[] = []
    const actions: Verdict[] = [
      { action: 'failover' },
      { action: 'repair', delayMs: 0 },
      { action: 'park', delayMs: 0 },
      { action: 'retry', delayMs: 0 },
    ]
    const scene = SchedulerFixture.of('a', {
      judge: (_, { failures, throttled, interrupted, failovers, repairs, feedback, alternatives, attempt }) => {
        told.push([failures, throttled, interrupted, failovers, repairs, feedback?.message, alternatives])
        return actions[attempt - 1] ?? { action: 'retry', delayMs: 0 }
      },
    })
    const again = [wake('a'), start('a')]
    scene.play(
      ...[start('a'), failWith('a', { kind: 'crashed' }, { alternatives: 2 }), ...again],
      ...[failWith('a', { kind: 'invalid-output', message: 'wrong' }), ...again],
      ...[fail('a', 'quota'), ...again, fail('a'), ...again, recover],
    )
    expect(told).toEqual([
      [0, 0, 0, 0, 0, undefined, 2],
      [0, 0, 0, 1, 0, undefined, 0],
      [0, 0, 0, 1, 1, 'wrong', 0],
      [0, 1, 0, 1, 1, 'wrong', 0],
      [1, 1, 0, 1, 1, 'wrong', 0],
    ])
    expect(scene.state.tallies[0]).toMatchObject({ attempts: 5, failures: 1, throttled: 1, interrupted: 1 })
  })
})

describe('repair', () => {
  const invalid = (message: string, output?: string): Step =>
    failWith('a', { kind: 'invalid-output', message, ...(output !== undefined && { output }) })
  const again = [wake('a'), start('a')]
  const keys = (scene: SchedulerFixture): readonly string[] =>
    scene.events.flatMap((event: RunEvent) => (event.type === 'attempt.started' ? [event.key] : []))

  test('has the next attempt know what was wrong, and makes a new revision of the request', () => {
    const scene = SchedulerFixture.of('a')
    scene.play(start('a'), invalid('no id', '{}'), ...again)
    expect(scene.state.tallies[0]).toMatchObject({
      repairs: 1,
      failures: 0,
      feedback: { attempt: 1, kind: 'invalid-output', message: 'no id', output: '{}' },
    })
    expect(keys(scene)).toEqual(['r/a/1', 'r/a/2'])
    expect(describeEvents(scene.play(ok('a')))).toEqual(['task.succeeded a', 'run.settled completed'])
    checkHistory(scene.events)
  })

  test('keeps the revision over retries and restarts, and the feedback with it', () => {
    const scene = SchedulerFixture.of('a')
    scene.play(start('a'), fail('a'), ...again, invalid('one'), ...again, fail('a'), ...again, recover, ...again)
    expect(keys(scene)).toEqual(['r/a/1', 'r/a/1', 'r/a/2', 'r/a/2', 'r/a/2'])
    expect(scene.state.tallies[0]).toMatchObject({
      failures: 2,
      repairs: 1,
      interrupted: 1,
      feedback: { message: 'one' },
    })
    scene.checkReplay()
  })

  test('is bounded', () => {
    const scene = SchedulerFixture.of('a')
    scene.play(start('a'), invalid('one'), ...again, invalid('two'), ...again)
    expect(describeEvents(scene.play(invalid('three')))).toEqual([
      'attempt.failed a 3 invalid-output',
      'task.dead a invalid-output',
      'run.settled failed',
    ])
    expect(keys(scene)).toEqual(['r/a/1', 'r/a/2', 'r/a/3'])
  })

  test('ends when the same failure comes back unchanged', () => {
    const scene = SchedulerFixture.of('a z', { maxRepairs: 9 })
    scene.play(start('a'), invalid('no id', '{}'), ...again)
    expect(describeEvents(scene.play(invalid('no id', '{}')))).toEqual([
      'attempt.failed a 2 invalid-output',
      'task.dead a invalid-output',
    ])
  })

  test('goes on when the answer was another', () => {
    const scene = SchedulerFixture.of('a z', { maxRepairs: 9 })
    scene.play(start('a'), invalid('no id', '{}'), ...again)
    expect(describeEvents(scene.play(invalid('no id', '{"x":1}')))).toEqual([
      'attempt.failed a 2 invalid-output',
      'task.delayed a 0',
    ])
  })

  test('is followed for every kind that a judge says it of', () => {
    const scene = SchedulerFixture.of('a', { judge: () => ({ action: 'repair', delayMs: 0 }) })
    scene.play(start('a'), fail('a', 'overloaded'), ...again)
    expect(scene.state.tallies[0]).toMatchObject({ repairs: 1, feedback: { kind: 'overloaded' } })
  })
})

describe('fail over', () => {
  const elsewhere = { alternatives: 1 }
  const crash = failWith('a', { kind: 'crashed' }, elsewhere)
  const again = [wake('a'), startWith('a', { backend: 'second' })]

  test('asks for a backend after the one that failed, once', () => {
    const scene = SchedulerFixture.of('a')
    scene.play(startWith('a', { backend: 'first' }), crash)
    expect(scene.state.tallies[0]).toMatchObject({ failovers: 1, failures: 0, failedOverFrom: 'first' })
    scene.play(...again, crash)
    expect(scene.state.tallies[0]).toMatchObject({ failovers: 2, failedOverFrom: 'second' })
    scene.play(wake('a'), startWith('a', { backend: 'first' }), fail('a'))
    expect(scene.state.tallies[0]).toMatchObject({ failovers: 2, failures: 1, failedOverFrom: undefined })
    checkHistory(scene.events, { settled: false })
  })

  test('is bounded: then its failures count as its own', () => {
    const scene = SchedulerFixture.of('a', { maxFailovers: 1, retries: 0 })
    scene.play(start('a'), crash, ...again)
    expect(describeEvents(scene.play(crash))).toEqual([
      'attempt.failed a 2 crashed',
      'task.dead a crashed',
      'run.settled failed',
    ])
  })

  test('does not come without another backend', () => {
    const scene = SchedulerFixture.of('a z')
    scene.play(start('a'))
    expect(describeEvents(scene.play(fail('a', 'refused')))).toEqual([
      'attempt.failed a 1 refused',
      'task.dead a refused',
    ])
  })

  test('comes with a time-out of ours, too', () => {
    const scene = SchedulerFixture.of('a z')
    scene.play(start('a'), expire('a'))
    scene.play(failWith('a', { kind: 'crashed' }, elsewhere))
    expect(scene.state.tallies[0]).toMatchObject({ failovers: 1, failures: 0 })
  })
})

describe('a time in which no process had the run', () => {
  test('does not count as time of an attempt that was cut off by it', () => {
    const scene = SchedulerFixture.of('a z')
    scene.play(start('a'))
    scene.at += 1_000_000
    scene.play(recover)
    expect(scene.state.tallies[0]!.busyMs).toBeLessThan(100)
  })

  test.each([
    ['out of time', expire('a')],
    [
      'being called off',
      (): { type: 'cancel'; taskId: string; reason: string } => ({ type: 'cancel', taskId: 'a', reason: 'x' }),
    ],
  ] as const)('does not count for an attempt that was %s by then', (_title, step) => {
    const scene = SchedulerFixture.of('a z')
    scene.play(start('a'), step)
    scene.at += 1_000_000
    scene.play(recover)
    expect(scene.state.tallies[0]!.busyMs).toBeLessThan(100)
  })
})

describe('an attempt that is abandoned', () => {
  test('leaves the verdict as it is, and is counted', () => {
    const scene = SchedulerFixture.of('a z')
    scene.play(start('a'), expire('a'))
    expect(describeEvents(scene.play(stopped('a', true)))).toEqual([
      'attempt.abandoned a 1',
      'attempt.failed a 1 timeout',
      'task.delayed a 500',
    ])
    expect(scene.state.tallies[0]).toMatchObject({ abandoned: 1, failures: 1 })
  })
})
