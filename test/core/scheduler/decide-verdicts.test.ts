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

/** A scene whose task `a` has failed once, with a judge that always returns `verdict`. */
function judged(verdict: Verdict, more: readonly Step[] = []): SchedulerFixture {
  const scene = SchedulerFixture.of('a z', { judge: () => verdict })
  scene.play(start('a'), fail('a'), ...more)
  return scene
}

describe('the verdict', () => {
  const failed = 'attempt.failed a 1 agent'
  const rows: readonly [string, Verdict, readonly string[]][] = [
    ['retry delays the task', { action: 'retry', delayMs: 7 }, [failed, 'task.delayed a 7']],
    ['park delays the task as long as its pool', { action: 'park', delayMs: 9 }, [failed, 'task.delayed a 9']],
    ['failover does not delay the task', { action: 'failover' }, [failed, 'task.delayed a 0']],
    [
      'failover does not wait until the backend has rested',
      { action: 'failover', restMs: 50 },
      [failed, 'task.delayed a 0'],
    ],
    ['repair delays the task', { action: 'repair', delayMs: 3 }, [failed, 'task.delayed a 3']],
    ['hold holds the task', { action: 'hold', reason: 'unclear' }, [failed, 'task.held a for interrupted']],
    ['dead ends the task', { action: 'dead', reason: 'enough' }, [failed, 'task.dead a agent']],
  ]
  for (const [title, verdict, then] of rows)
    test(title, () => expect(describeEvents(judged(verdict).records.at(-1)!)).toEqual(then))

  const invalid: readonly [string, unknown][] = [
    ['park without a delay', { action: 'park' }],
    ['park with an infinite delay', { action: 'park', delayMs: Number.POSITIVE_INFINITY }],
    ['repair with a delay of NaN', { action: 'repair', delayMs: Number.NaN }],
    ['failover with a rest that is not a number', { action: 'failover', restMs: '5' }],
    ['failover with a negative rest', { action: 'failover', restMs: -5 }],
    ['hold without a reason', { action: 'hold' }],
    ['dead without a reason', { action: 'dead' }],
    ['null', null],
    ['a string', 'retry'],
  ]
  for (const [title, verdict] of invalid)
    test(`${title} is invalid and ends the task`, () =>
      expect(describeEvents(judged(verdict as Verdict).records.at(-1)!)).toEqual([failed, 'task.dead a agent']))
})

describe('a judge', () => {
  test('receives all counts, the feedback and the number of other backends', () => {
    const received: unknown[] = []
    const actions: Verdict[] = [
      { action: 'failover' },
      { action: 'repair', delayMs: 0 },
      { action: 'park', delayMs: 0 },
      { action: 'retry', delayMs: 0 },
    ]
    const scene = SchedulerFixture.of('a', {
      judge: (_, { failures, throttled, interrupted, failovers, repairs, feedback, alternatives, attempt }) => {
        received.push([failures, throttled, interrupted, failovers, repairs, feedback?.message, alternatives])
        return actions[attempt - 1] ?? { action: 'retry', delayMs: 0 }
      },
    })
    const again = [wake('a'), start('a')]
    scene.play(
      ...[start('a'), failWith('a', { kind: 'crashed' }, { alternatives: 2 }), ...again],
      ...[failWith('a', { kind: 'invalid-output', message: 'wrong' }), ...again],
      ...[fail('a', 'quota'), ...again, fail('a'), ...again, recover],
    )
    expect(received).toEqual([
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

  test('gives the next attempt the failure as feedback, and a new round in its key', () => {
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

  test('keeps the round over retries and restarts, and the feedback with it', () => {
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

  test('is bounded: then the task is dead', () => {
    const scene = SchedulerFixture.of('a')
    scene.play(start('a'), invalid('one'), ...again, invalid('two'), ...again)
    expect(describeEvents(scene.play(invalid('three')))).toEqual([
      'attempt.failed a 3 invalid-output',
      'task.dead a invalid-output',
      'run.settled failed',
    ])
    expect(keys(scene)).toEqual(['r/a/1', 'r/a/2', 'r/a/3'])
  })

  test('ends when the next attempt fails with the same output and message', () => {
    const scene = SchedulerFixture.of('a z', { maxRepairs: 9 })
    scene.play(start('a'), invalid('no id', '{}'), ...again)
    expect(describeEvents(scene.play(invalid('no id', '{}')))).toEqual([
      'attempt.failed a 2 invalid-output',
      'task.dead a invalid-output',
    ])
  })

  test('continues when the next attempt fails with another output', () => {
    const scene = SchedulerFixture.of('a z', { maxRepairs: 9 })
    scene.play(start('a'), invalid('no id', '{}'), ...again)
    expect(describeEvents(scene.play(invalid('no id', '{"x":1}')))).toEqual([
      'attempt.failed a 2 invalid-output',
      'task.delayed a 0',
    ])
  })

  test('is possible for every failure kind if a custom judge returns it', () => {
    const scene = SchedulerFixture.of('a', { judge: () => ({ action: 'repair', delayMs: 0 }) })
    scene.play(start('a'), fail('a', 'overloaded'), ...again)
    expect(scene.state.tallies[0]).toMatchObject({ repairs: 1, feedback: { kind: 'overloaded' } })
  })
})

describe('failover', () => {
  const elsewhere = { alternatives: 1 }
  const crash = failWith('a', { kind: 'crashed' }, elsewhere)
  const again = [wake('a'), startWith('a', { backend: 'second' })]

  test('records the backend that failed, for the next attempt only', () => {
    const scene = SchedulerFixture.of('a')
    scene.play(startWith('a', { backend: 'first' }), crash)
    expect(scene.state.tallies[0]).toMatchObject({ failovers: 1, failures: 0, failedOverFrom: 'first' })
    scene.play(...again, crash)
    expect(scene.state.tallies[0]).toMatchObject({ failovers: 2, failedOverFrom: 'second' })
    scene.play(wake('a'), startWith('a', { backend: 'first' }), fail('a'))
    expect(scene.state.tallies[0]).toMatchObject({ failovers: 2, failures: 1, failedOverFrom: undefined })
    checkHistory(scene.events, { settled: false })
  })

  test('is bounded: then failures count against the retries', () => {
    const scene = SchedulerFixture.of('a', { maxFailovers: 1, retries: 0 })
    scene.play(start('a'), crash, ...again)
    expect(describeEvents(scene.play(crash))).toEqual([
      'attempt.failed a 2 crashed',
      'task.dead a crashed',
      'run.settled failed',
    ])
  })

  test('does not happen without another backend', () => {
    const scene = SchedulerFixture.of('a z')
    scene.play(start('a'))
    expect(describeEvents(scene.play(fail('a', 'refused')))).toEqual([
      'attempt.failed a 1 refused',
      'task.dead a refused',
    ])
  })

  test('happens for a failure that arrives after the timeout, too', () => {
    const scene = SchedulerFixture.of('a z')
    scene.play(start('a'), expire('a'))
    scene.play(failWith('a', { kind: 'crashed' }, elsewhere))
    expect(scene.state.tallies[0]).toMatchObject({ failovers: 1, failures: 0 })
  })
})

describe('the time in which no process had the run', () => {
  test('does not count for an attempt that was interrupted', () => {
    const scene = SchedulerFixture.of('a z')
    scene.play(start('a'))
    scene.at += 1_000_000
    scene.play(recover)
    expect(scene.state.tallies[0]!.busyMs).toBeLessThan(100)
  })

  test.each([
    ['stopped for its timeout', expire('a')],
    [
      'cancelled',
      (): { type: 'cancel'; taskId: string; reason: string } => ({ type: 'cancel', taskId: 'a', reason: 'x' }),
    ],
  ] as const)('does not count for an attempt that was being %s', (_title, step) => {
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
