import { FailureHandler, type FailureHandlerOptions, type FailureKind, type TaskResult } from 'counterpoint'
import { type Answer, fail, hang, ignoreAbort } from 'counterpoint/testing'
import { describe, expect, test } from 'vitest'
import { type FinishedRun, Fixture } from './fixture.js'

interface Case {
  readonly answers: readonly Answer[]
  readonly task?: object
  readonly handler?: FailureHandlerOptions
  readonly random?: number
}

async function play({
  answers,
  task = {},
  handler = {},
  random = 0.5,
}: Case): Promise<FinishedRun & { readonly a: TaskResult }> {
  const fixture = new Fixture(undefined, {
    failureHandler: new FailureHandler(handler),
    random: () => random,
    pool: { graceMs: 10 },
  })
  fixture.mock.answers('a', answers)
  const played = await fixture.run([{ id: 'a', ...task }])
  return { ...played, a: played.tasks.a! }
}

describe('retries', () => {
  test.each<FailureKind>(['agent', 'crashed', 'timeout', 'incomplete-output'])(
    'are consumed by failures of kind %s: `retries: 2` is three attempts',
    async kind => {
      const { a } = await play({ answers: [fail(kind)], task: { retries: 2 } })
      expect(a).toMatchObject({ status: 'dead', attempts: 3, failure: { kind } })
    },
  )

  test.each([
    ['a timeout', hang()],
    ['an attempt that was abandoned', ignoreAbort()],
    ['an error that was thrown', fail(new Error('no'))],
  ])('are consumed by %s', async (_, answer) => {
    const { a } = await play({ answers: [answer], task: { retries: 2, timeoutMs: 50 } })
    expect(a).toMatchObject({ status: 'dead', attempts: 3 })
  })

  test.each([
    ['kind invalid-output', fail('invalid-output')],
    ['an output that is not JSON', () => 10n],
  ])('are not consumed by %s: it is fed back, and final when it comes back unchanged', async (_, answer) => {
    const { a, events } = await play({ answers: [answer], task: { retries: 2 } })
    expect(a).toMatchObject({ status: 'dead', attempts: 2 })
    expect(events.flatMap(event => (event.type === 'attempt.failed' ? [event.verdict] : []))).toEqual([
      { action: 'repair', delayMs: 0 },
      { action: 'dead', reason: 'the repaired attempt failed in the same way' },
    ])
  })

  test.each<FailureKind>(['refused', 'bad-input'])('are not used for kind %s: one attempt', async kind => {
    const { a, events } = await play({ answers: [fail(kind), 'never called'], task: { retries: 9 } })
    expect(a).toMatchObject({ status: 'dead', attempts: 1 })
    expect(events.find(({ type }) => type === 'attempt.failed')).toMatchObject({
      verdict: { action: 'dead', reason: `${kind} is not retried` },
    })
  })

  test.each<FailureKind>(['throttled', 'overloaded', 'quota'])(
    'are not consumed by kind %s, which has a limit of its own',
    async kind => {
      const throttled = Array.from({ length: 5 }, () => fail(kind))
      expect((await play({ answers: [...throttled, 'x'], task: { retries: 0 } })).a).toMatchObject({
        status: 'succeeded',
        attempts: 6,
      })
      expect((await play({ answers: [fail(kind)], task: { retries: 0 } })).a).toMatchObject({
        status: 'dead',
        attempts: 101,
      })
      expect((await play({ answers: [fail(kind)], handler: { maxThrottled: 3 } })).a).toMatchObject({
        status: 'dead',
        attempts: 4,
      })
      expect((await play({ answers: [fail(kind)], handler: { maxThrottled: 0 } })).a).toMatchObject({
        status: 'dead',
        attempts: 1,
      })
    },
  )

  test('and throttled attempts are counted separately, in any order', async () => {
    const [failed, throttled] = [fail('agent'), fail('throttled')]
    const answers = [throttled, failed, throttled, failed, throttled, failed, 'never called']
    expect((await play({ answers, task: { retries: 2 } })).a).toMatchObject({
      status: 'dead',
      attempts: 6,
      failure: { kind: 'agent' },
    })
    expect(
      (await play({ answers: [failed, throttled, failed, 'x'], handler: { retries: 2, maxThrottled: 1 } })).a.status,
    ).toBe('succeeded')
    expect(
      (await play({ answers: [failed, throttled, failed, throttled, 'x'], handler: { retries: 2, maxThrottled: 1 } }))
        .a,
    ).toMatchObject({
      status: 'dead',
      failure: { kind: 'throttled' },
    })
  })

  test('are set by the task, else by its pool, else by the handler; default two', async () => {
    const attempts = async (
      pool: object,
      task: object,
      handler: FailureHandlerOptions,
    ): Promise<number | undefined> => {
      const fixture = new Fixture(undefined, { pool: { defaults: pool }, failureHandler: new FailureHandler(handler) })
      fixture.mock.answer('a', fail('agent'))
      return (await fixture.run([{ id: 'a', ...task }])).tasks.a?.attempts
    }
    expect(await attempts({}, {}, {})).toBe(3)
    expect(await attempts({}, {}, { retries: 4 })).toBe(5)
    expect(await attempts({ retries: 1 }, {}, { retries: 4 })).toBe(2)
    expect(await attempts({ retries: 1 }, { retries: 0 }, { retries: 4 })).toBe(1)
  })

  test('are not consumed by an interruption, which has a limit of its own', async () => {
    const failureHandler = new FailureHandler({ maxInterrupted: 2, retries: 0 })
    const first = new Fixture(undefined, { failureHandler })
    first.mock.hold('a')
    first.start(['a'], { runId: 'run-1' })
    await first.mock.started('a')
    // Each process dies during the attempt, and the next one resumes from its journal.
    const journal = first.journal.afterCrash()
    for (const expected of ['running', 'running', 'dead']) {
      const next = new Fixture(undefined, { journal, failureHandler })
      next.mock.hold('a')
      const run = await next.orchestrator.resume('run-1')
      await next.clock.advance(0)
      expect(run.task('a')?.status).toBe(expected)
      if (expected === 'dead') expect(run.task('a')).toMatchObject({ attempts: 3, failure: { kind: 'interrupted' } })
    }
  })
})
