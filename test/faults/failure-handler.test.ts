import {
  type Backoff,
  FailureHandler,
  type FailureHandlerOptions,
  type FailureKind,
  Orchestrator,
  type TaskResult,
} from 'counterpoint'
import { type Answer, fail, hang, ignoreAbort, MockBackend, succeed } from 'counterpoint/testing'
import { describe, expect, test } from 'vitest'
import { type Played, Stage } from './stage.js'

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
}: Case): Promise<Played & { readonly a: TaskResult }> {
  const stage = new Stage(undefined, {
    failureHandler: new FailureHandler(handler),
    random: () => random,
    pool: { graceMs: 10 },
  })
  stage.mock.answers('a', answers)
  const played = await stage.play([{ id: 'a', ...task }])
  return { ...played, a: played.tasks.a! }
}

/** The waits between attempts, in milliseconds. */
function waits({ events }: Played): readonly number[] {
  return events.flatMap(event => (event.type === 'task.delayed' ? [event.until - event.at] : []))
}

describe('retries', () => {
  test.each<FailureKind>(['agent', 'crashed', 'timeout', 'invalid-output', 'incomplete-output'])(
    'are consumed by failures of kind %s: `retries: 2` is three attempts',
    async kind => {
      const { a } = await play({ answers: [fail(kind)], task: { retries: 2 } })
      expect(a).toMatchObject({ status: 'dead', attempts: 3, failure: { kind } })
    },
  )

  test.each([
    ['a time-out', hang()],
    ['an attempt that was abandoned', ignoreAbort()],
    ['an output that is no JSON', () => 10n],
    ['an error that was thrown', fail(new Error('no'))],
  ])('are consumed by %s', async (_, answer) => {
    const { a } = await play({ answers: [answer], task: { retries: 2, timeoutMs: 50 } })
    expect(a).toMatchObject({ status: 'dead', attempts: 3 })
  })

  test.each<FailureKind>(['refused', 'bad-input'])('are no use for kind %s: one attempt', async kind => {
    const { a, events } = await play({ answers: [fail(kind), 'never asked'], task: { retries: 9 } })
    expect(a).toMatchObject({ status: 'dead', attempts: 1 })
    expect(events.find(({ type }) => type === 'attempt.failed')).toMatchObject({
      verdict: { action: 'dead', reason: `${kind} is not retried` },
    })
  })

  test.each<FailureKind>(['throttled', 'overloaded', 'quota'])(
    'are not consumed by kind %s, which has a bound of its own',
    async kind => {
      const away = Array.from({ length: 5 }, () => fail(kind))
      expect((await play({ answers: [...away, 'x'], task: { retries: 0 } })).a).toMatchObject({
        status: 'succeeded',
        attempts: 6,
      })
      expect((await play({ answers: [fail(kind)], task: { retries: 0 } })).a).toMatchObject({
        status: 'dead',
        attempts: 21,
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

  test('and being turned away are counted apart, in any order', async () => {
    const [own, away] = [fail('agent'), fail('throttled')]
    const answers = [away, own, away, own, away, own, 'never asked']
    expect((await play({ answers, task: { retries: 2 } })).a).toMatchObject({
      status: 'dead',
      attempts: 6,
      failure: { kind: 'agent' },
    })
    expect((await play({ answers: [own, away, own, 'x'], handler: { retries: 2, maxThrottled: 1 } })).a.status).toBe(
      'succeeded',
    )
    expect(
      (await play({ answers: [own, away, own, away, 'x'], handler: { retries: 2, maxThrottled: 1 } })).a,
    ).toMatchObject({
      status: 'dead',
      failure: { kind: 'throttled' },
    })
  })

  test('go by the task, else by its pool, else by the handler, else are two', async () => {
    const attempts = async (
      pool: object,
      task: object,
      handler: FailureHandlerOptions,
    ): Promise<number | undefined> => {
      const stage = new Stage(undefined, { pool: { defaults: pool }, failureHandler: new FailureHandler(handler) })
      stage.mock.answer('a', fail('agent'))
      return (await stage.play([{ id: 'a', ...task }])).tasks.a?.attempts
    }
    expect(await attempts({}, {}, {})).toBe(3)
    expect(await attempts({}, {}, { retries: 4 })).toBe(5)
    expect(await attempts({ retries: 1 }, {}, { retries: 4 })).toBe(2)
    expect(await attempts({ retries: 1 }, { retries: 0 }, { retries: 4 })).toBe(1)
  })

  test('are not used up by an interruption, which has a bound of its own', async () => {
    const failureHandler = new FailureHandler({ maxInterrupted: 2, retries: 0 })
    const first = new Stage(undefined, { failureHandler })
    first.mock.hold('a')
    first.start(['a'], { runId: 'run-1' })
    await first.mock.started('a')
    // Each process dies with the attempt under way, and leaves its journal to the next.
    const journal = first.journal.afterCrash()
    for (const expected of ['running', 'running', 'dead']) {
      const next = new Stage(undefined, { journal, failureHandler })
      next.mock.hold('a')
      const run = await next.orchestrator.resume('run-1')
      await next.clock.advance(0)
      expect(run.task('a')?.status).toBe(expected)
      if (expected === 'dead') expect(run.task('a')).toMatchObject({ attempts: 3, failure: { kind: 'interrupted' } })
    }
  })
})

describe('the wait before the next attempt', () => {
  const three = { answers: [fail('agent')], task: { retries: 5 } }

  test('is bounded by 1, 2, 4, 8, ... seconds, and is anything below that bound', async () => {
    expect(waits(await play({ ...three, random: 0 }))).toEqual([0, 0, 0, 0, 0])
    expect(waits(await play({ ...three, random: 0.5 }))).toEqual([500, 1_000, 2_000, 4_000, 8_000])
    expect(waits(await play({ ...three, random: 1 - 2 ** -53 }))).toEqual([1_000, 2_000, 4_000, 8_000, 16_000])
  })

  test('is never longer than a minute, whatever the number of failures', async () => {
    const many = await play({ answers: [fail('agent')], task: { retries: 1_000 }, random: 1 - 2 ** -53 })
    expect([many.a.attempts, Math.max(...waits(many)), waits(many).at(-1)]).toEqual([1_001, 60_000, 60_000])
  })

  test.each<[Backoff, readonly number[]]>([
    [{ baseMs: 100 }, [100, 200, 400]],
    [{ baseMs: 100, factor: 1 }, [100, 100, 100]],
    [{ baseMs: 100, factor: 10, maxMs: 500 }, [100, 500, 500]],
    [{ maxMs: 0 }, [0, 0, 0]],
    [{ baseMs: 0 }, [0, 0, 0]],
  ])('follows the backoff of the task: %j', async (backoff, expected) => {
    expect(
      waits(await play({ answers: [fail('agent')], task: { retries: 3, backoff }, random: 1 - 2 ** -53 })),
    ).toEqual(expected)
    expect(
      waits(await play({ answers: [fail('agent')], task: { retries: 3 }, handler: { backoff }, random: 1 - 2 ** -53 })),
    ).toEqual(expected)
  })

  test('stays within its bounds over many draws', async () => {
    let seed = 1
    const random = (): number => {
      seed = (seed * 48_271) % 2_147_483_647
      return seed / 2_147_483_647
    }
    const handler = new FailureHandler()
    const facts = {
      runId: 'r',
      task: { id: 'a', description: 'a' },
      attempt: 3,
      failures: 2,
      throttled: 0,
      interrupted: 0,
      random,
    }
    const drawn = Array.from({ length: 2_000 }, () => {
      const verdict = handler.verdict({ kind: 'agent', message: '' }, { ...facts, task: { ...facts.task, retries: 9 } })
      return verdict.action === 'retry' ? verdict.delayMs : Number.NaN
    })
    expect(Math.min(...drawn)).toBeGreaterThanOrEqual(0)
    expect(Math.max(...drawn)).toBeLessThanOrEqual(4_000)
    // Full jitter: the mean is half the bound.
    expect(drawn.reduce((sum, wait) => sum + wait, 0) / drawn.length).toBeGreaterThan(1_900)
    expect(drawn.reduce((sum, wait) => sum + wait, 0) / drawn.length).toBeLessThan(2_100)
  })

  test.each<[number, number]>([
    [0, 500],
    [200, 500],
    [5_000, 5_000],
    [60_001, 60_000],
    [3_600_000, 60_000],
    [1e12, 60_000],
    [-1, 500],
    [Number.NaN, 500],
    [Number.POSITIVE_INFINITY, 500],
    [Number.NEGATIVE_INFINITY, 500],
  ])(
    'for retryAfterMs %d is %d ms: at least what was asked for, at most the cap; nonsense is not trusted',
    async (retryAfterMs, expected) => {
      for (const kind of ['throttled', 'overloaded', 'quota', 'agent'] as const) {
        const { events } = await play({ answers: [fail({ kind, retryAfterMs }), 'x'] })
        expect(events.find(({ type }) => type === 'attempt.failed')).toMatchObject({
          verdict: { action: 'retry', delayMs: expected },
        })
      }
      const thrown = await play({
        answers: [fail(Object.assign(new Error('429'), { status: 429, retryAfterMs })), 'x'],
      })
      expect(waits(thrown)).toEqual([expected])
    },
  )

  test.each(['abc', '3600', new Date(0), {}, null, true])(
    'ignores a retryAfterMs that is no number: %j',
    async retryAfterMs => {
      expect(
        waits(await play({ answers: [fail(Object.assign(new Error('429'), { status: 429, retryAfterMs })), 'x'] })),
      ).toEqual([500])
    },
  )

  test('of one task holds nothing else up, and needs no slot', async () => {
    const stage = new Stage(undefined, { pool: { concurrency: 1 } })
    stage.mock.answers('a', [fail('agent'), 'x']).answer('b', succeed('x', { afterMs: 100 }))
    const { tasks, result } = await stage.play(['a', 'b'])
    expect(tasks.b?.endedAt).toBe(result.startedAt + 100)
    expect(tasks.a?.endedAt).toBe(result.startedAt + 500)
  })

  test('may be longer than 2^31 ms, when the host says so', async () => {
    const delayMs = 2 ** 31 + 10
    const stage = new Stage(undefined, { failureHandler: () => ({ action: 'retry', delayMs }) })
    stage.mock.answers('a', [fail('agent'), 'x'])
    expect((await stage.play(['a'])).result.times.wallMs).toBe(delayMs)
  })

  test('never ends early in real time', async () => {
    const backend = new MockBackend().answers('a', [fail('agent'), fail('agent'), 'x'])
    const failureHandler = (): { action: 'retry'; delayMs: number } => ({ action: 'retry', delayMs: 20 })
    const run = new Orchestrator({ failureHandler, pools: { pool: { backend } } }).run({
      tasks: [{ id: 'a', description: 'a' }],
    })
    await run.result
    const [first, second, third] = backend.calls.map(({ startedAt }) => startedAt)
    expect(second! - first!).toBeGreaterThanOrEqual(19)
    expect(third! - second!).toBeGreaterThanOrEqual(19)
  })
})

describe('usage', () => {
  const used = (costUsd: number): { readonly usage: { readonly costUsd: number; readonly inputTokens: number } } => ({
    usage: { costUsd, inputTokens: 100 * costUsd },
  })

  test('is summed over every attempt, failed ones too', async () => {
    const answers = [fail('agent', used(1)), fail('throttled', used(2)), succeed('x', used(4))]
    const { a, result } = await play({ answers })
    expect([a.usage, result.usage]).toEqual([
      { costUsd: 7, inputTokens: 700 },
      { costUsd: 7, inputTokens: 700 },
    ])
  })

  test('of a task that died is counted', async () => {
    const { result } = await play({ answers: [fail('agent', used(1))], task: { retries: 2 } })
    expect(result.usage.costUsd).toBe(3)
  })

  test('of an attempt that timed out is what it had reported', async () => {
    const answers = [succeed('late', { afterMs: 100, progress: [used(1), used(2)] }), succeed('x', used(8))]
    const { result } = await play({ answers, task: { timeoutMs: 80 } })
    expect(result.usage.costUsd).toBe(10)
  })

  test('of an attempt that was abandoned is what it had reported', async () => {
    const { a } = await play({
      answers: [ignoreAbort(5_000, succeed('late', { progress: [used(3)] }))],
      task: { timeoutMs: 80, retries: 0 },
    })
    expect(a).toMatchObject({ abandoned: 1, usage: { costUsd: 3 } })
  })

  test('of an attempt that was cancelled is counted', async () => {
    const stage = new Stage()
    stage.mock.answer('a', succeed('late', { afterMs: 1_000, progress: [used(5)] }))
    const run = stage.start(['a'])
    await stage.clock.advance(500)
    await run.cancel()
    expect((await stage.finish(run)).result.usage.costUsd).toBe(5)
  })

  test('that comes with an error after the abort is counted', async () => {
    const { a } = await play({
      answers: [ignoreAbort(55, fail('agent', used(6)))],
      task: { timeoutMs: 50, retries: 0 },
    })
    expect(a).toMatchObject({ abandoned: 0, usage: { costUsd: 6 } })
  })

  // BUG: attempt.ts, #answered: the usage of a reply is noted only while the attempt runs; #threw notes it always. Paid for and not counted.
  test.fails('that comes with a reply after the abort is counted', async () => {
    const { a } = await play({
      answers: [ignoreAbort(55, succeed('late', used(6)))],
      task: { timeoutMs: 50, retries: 0 },
    })
    expect(a).toMatchObject({ abandoned: 0, usage: { costUsd: 6 } })
  })

  test('of tasks that nobody reported for stays unknown', async () => {
    const { a, result } = await play({ answers: ['x'] })
    expect([a.usage, result.usage]).toEqual([undefined, {}])
  })
})
