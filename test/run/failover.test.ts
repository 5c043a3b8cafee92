import { type FailureKind, Orchestrator, type RunEvent } from 'counterpoint'
import { type Answer, fail, hang, MockBackend, succeed, VirtualClock } from 'counterpoint/testing'
import { describe, expect, test } from 'vitest'
import { checkHistory } from '../support/history.js'
import { specs } from '../support/scheduler-fixture.js'

/** A pool with three backends, and the answer of each. */
function failoverPool(answers: readonly [Answer, Answer, Answer], pool: object = {}) {
  const clock = new VirtualClock()
  const backends = answers.map((answer, i) => new MockBackend({ clock, name: `b${i}` }).answer('*', answer))
  const orchestrator = new Orchestrator({ clock, random: () => 0.5, pools: { p: { backends, graceMs: 10, ...pool } } })
  const events: RunEvent[] = []
  orchestrator.on('event', event => 'runId' in event && void events.push(event as RunEvent))
  const started = (): readonly string[] =>
    events.flatMap(event =>
      event.type === 'attempt.started' ? [`${event.taskId}${event.attempt} ${event.backend}`] : [],
    )
  return { clock, backends, orchestrator, events, started }
}

describe('a failure that another backend may not have', () => {
  test.each(['throttled', 'overloaded', 'quota', 'crashed', 'refused'] satisfies FailureKind[])(
    '(%s) fails over to the next backend at once, and consumes no retry',
    async kind => {
      const { clock, orchestrator, events, started } = failoverPool([fail(kind), 'second', 'third'])
      const run = orchestrator.run({ tasks: [{ id: 'a', retries: 0 }] })
      await clock.runUntilIdle()
      const { outputs, times } = await run.result
      expect([outputs, times.wallMs, started()]).toEqual([{ a: 'second' }, 0, ['a1 b0', 'a2 b1']])
      checkHistory(events)
    },
  )

  test('fails over past failing backends to the one that works', async () => {
    const { clock, orchestrator, started } = failoverPool([fail('crashed'), fail('throttled'), 'third'])
    const run = orchestrator.run({ tasks: [{ id: 'a', retries: 0 }] })
    await clock.runUntilIdle()
    expect([(await run.result).outputs, started()]).toEqual([{ a: 'third' }, ['a1 b0', 'a2 b1', 'a3 b2']])
  })

  test('has a limit of failovers, after which failures consume retries', async () => {
    const { clock, orchestrator, started, events } = failoverPool([fail('crashed'), fail('crashed'), fail('crashed')])
    const run = orchestrator.run({ tasks: [{ id: 'a', retries: 1 }] })
    await clock.runUntilIdle()
    const [task] = (await run.result).tasks
    // Five failovers, then one retry.
    expect([task?.status, task?.attempts, started()[5]]).toEqual(['dead', 7, 'a6 b2'])
    checkHistory(events)
  })

  test('keeps the idempotency key of the request', async () => {
    const { clock, backends, orchestrator } = failoverPool([fail('overloaded'), 'second', 'third'])
    const run = orchestrator.run({ tasks: specs('a') }, { runId: 'x' })
    await clock.runUntilIdle()
    await run.result
    expect(backends.flatMap(({ calls }) => calls.map(({ context }) => context.idempotencyKey))).toEqual([
      'x/a/1',
      'x/a/1',
    ])
  })
})

describe('a failure of the task itself', () => {
  test.each(['agent', 'invalid-output', 'bad-input'] satisfies FailureKind[])('(%s) does not fail over', async kind => {
    const { clock, backends, orchestrator } = failoverPool([fail(kind), 'second', 'third'])
    const run = orchestrator.run({ tasks: [{ id: 'a', retries: 0 }] })
    await clock.runUntilIdle()
    expect([(await run.result).outcome, backends[1]?.calls.length]).toEqual(['failed', 0])
  })

  test('with replay never, does not fail over unless the backend rejected the request', async () => {
    const never = { id: 'a', replay: 'never' } as const
    const crashed = failoverPool([fail('crashed'), 'second', 'third'])
    const run = crashed.orchestrator.run({ tasks: [never] })
    await crashed.clock.runUntilIdle()
    expect([run.progress().held.length, crashed.started()]).toEqual([1, ['a1 b0']])
    await run.cancel()
    const throttled = failoverPool([fail('throttled'), 'second', 'third'])
    const other = throttled.orchestrator.run({ tasks: [never] })
    await throttled.clock.runUntilIdle()
    expect((await other.result).outputs).toEqual({ a: 'second' })
  })
})

test('a timeout fails over to the next backend if the failure handler is configured so', async () => {
  const { clock, orchestrator, started } = failoverPool([hang(), 'second', 'third'], {
    defaults: { timeoutMs: 100, retries: 0 },
  })
  const run = orchestrator.run({ tasks: [{ id: 'a' }] })
  await clock.runUntilIdle()
  expect([(await run.result).outcome, started()]).toEqual(['completed', ['a1 b0', 'a2 b1']])
})

test('many tasks that one backend rejects all succeed on another, each once', async () => {
  const { clock, orchestrator, events, backends } = failoverPool(
    [fail({ kind: 'throttled', retryAfterMs: 60_000 }), succeed('ok', { afterMs: 5 }), succeed('ok', { afterMs: 5 })],
    { concurrency: 8 },
  )
  const tasks = Array.from({ length: 200 }, (_, i) => ({ id: `t${i}` }))
  const run = orchestrator.run({ tasks })
  await clock.runUntilIdle()
  const { outcome, times } = await run.result
  expect(outcome).toBe('completed')
  expect(times.wallMs).toBeLessThan(60_000)
  expect(backends[0]!.calls.length).toBeLessThanOrEqual(8)
  checkHistory(events)
})
