import { FailureHandler, type FailureHandlerOptions, Orchestrator, type TaskResult } from 'counterpoint'
import { type Answer, fail, MockBackend, succeed } from 'counterpoint/testing'
import { describe, expect, test } from 'vitest'
import type { Backoff } from '../../src/core/state/task.js'
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

/** The delays between attempts, in milliseconds. */
function waits({ events }: FinishedRun): readonly number[] {
  return events.flatMap(event => (event.type === 'task.delayed' ? [event.until - event.at] : []))
}

describe('the delay before the next attempt', () => {
  const three = { answers: [fail('agent')], task: { retries: 5 } }

  test('is between 0 and 1, 2, 4, 8, ... seconds', async () => {
    expect(waits(await play({ ...three, random: 0 }))).toEqual([0, 0, 0, 0, 0])
    expect(waits(await play({ ...three, random: 0.5 }))).toEqual([500, 1_000, 2_000, 4_000, 8_000])
    expect(waits(await play({ ...three, random: 1 - 2 ** -53 }))).toEqual([1_000, 2_000, 4_000, 8_000, 16_000])
  })

  test('is at most a minute, whatever the number of failures', async () => {
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
      failovers: 0,
      repairs: 0,
      feedback: undefined,
      alternatives: 0,
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

  const DAY = 86_400_000
  test.each<[number, number, number]>([
    [0, 500, 0],
    [200, 500, 200],
    [5_000, 5_000, 5_000],
    [60_001, 60_001, 60_001],
    [3_600_000, 3_600_000, 3_600_000],
    [1e12, DAY, DAY],
  ])(
    'for retryAfterMs %d of a throttled attempt is %d ms, and parks the pool for %d ms: as requested, at most a day',
    async (retryAfterMs, expected, delayMs) => {
      for (const kind of ['throttled', 'overloaded'] as const) {
        const { events } = await play({ answers: [fail({ kind, retryAfterMs }), 'x'] })
        const failed = events.find(event => event.type === 'attempt.failed')
        const longer = expected > delayMs && { taskDelayMs: expected }
        expect(failed?.verdict).toEqual({ action: 'park', delayMs, ...longer })
      }
      const thrown = await play({
        answers: [fail(Object.assign(new Error('429'), { status: 429, retryAfterMs })), 'x'],
      })
      expect(waits(thrown)).toEqual([expected])
    },
  )

  test.each([-1, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])(
    'ignores an invalid retryAfterMs of %d',
    async retryAfterMs => {
      for (const kind of ['throttled', 'overloaded', 'agent'] as const) {
        const { events } = await play({ answers: [fail({ kind, retryAfterMs }), 'x'] })
        expect(events.find(({ type }) => type === 'attempt.failed')).toMatchObject({
          verdict: { action: 'retry', delayMs: 500 },
        })
      }
    },
  )

  test.each<[number, number]>([
    [200, 500],
    [5_000, 5_000],
    [3_600_000, 60_000],
  ])(
    'for retryAfterMs %d of a failure of its own is %d ms: at most the cap of its backoff',
    async (retryAfterMs, expected) => {
      const { events } = await play({ answers: [fail({ kind: 'agent', retryAfterMs }), 'x'] })
      expect(events.find(({ type }) => type === 'attempt.failed')).toMatchObject({
        verdict: { action: 'retry', delayMs: expected },
      })
    },
  )

  test.each<[number | undefined, number]>([
    [undefined, 60_000],
    [0, 0],
    [3_600_000, 3_600_000],
    [1e12, DAY],
    [-1, 60_000],
  ])('for a quota that resets in %d ms is %d ms, and parks the pool', async (retryAfterMs, delayMs) => {
    const answer = fail({ kind: 'quota', ...(retryAfterMs !== undefined && { retryAfterMs }) })
    const { events } = await play({ answers: [answer, 'x'] })
    expect(events.find(({ type }) => type === 'attempt.failed')).toMatchObject({ verdict: { action: 'park', delayMs } })
  })

  test.each(['abc', '3600', new Date(0), {}, null, true])(
    'ignores a retryAfterMs that is not a number: %j',
    async retryAfterMs => {
      expect(
        waits(await play({ answers: [fail(Object.assign(new Error('429'), { status: 429, retryAfterMs })), 'x'] })),
      ).toEqual([500])
    },
  )

  test('delays no other task, and needs no slot', async () => {
    const fixture = new Fixture(undefined, { pool: { concurrency: 1 } })
    fixture.mock.answers('a', [fail('agent'), 'x']).answer('b', succeed('x', { afterMs: 100 }))
    const { tasks, result } = await fixture.run(['a', 'b'])
    expect(tasks.b?.endedAt).toBe(result.startedAt + 100)
    expect(tasks.a?.endedAt).toBe(result.startedAt + 500)
  })

  test('can be configured to be longer than 2^31 ms', async () => {
    const delayMs = 2 ** 31 + 10
    const fixture = new Fixture(undefined, { failureHandler: () => ({ action: 'retry', delayMs }) })
    fixture.mock.answers('a', [fail('agent'), 'x'])
    expect((await fixture.run(['a'])).result.times.wallMs).toBe(delayMs)
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
