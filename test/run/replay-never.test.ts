import { type FailureKind, memoryJournal, type PoolOptions, type RunEvent, TaskGraph } from 'counterpoint'
import { fail, hang, ignoreAbort, slowJournal, succeed } from 'counterpoint/testing'
import { describe, expect, test } from 'vitest'
import { checkHistory } from '../support/history.js'
import { type SetUp, setUp } from '../support/set-up.js'

const ONCE = { id: 'a', pool: 'p', replay: 'never' } as const
const NEXT = { id: 'b', pool: 'p', after: ['a'] } as const

/** The process ends while `a` is running, and another one resumes the run. */
async function restarted(pool: Partial<PoolOptions> = {}): Promise<SetUp & { events: RunEvent[] }> {
  const journal = slowJournal()
  const first = setUp(pool, { journal })
  first.backend.hold('a')
  first.orchestrator.run({ tasks: [ONCE, NEXT] }, { runId: 'x' })
  while (first.backend.calls.length === 0) await journal.flush()
  const next = setUp(pool, { journal: journal.afterCrash() })
  const events: RunEvent[] = []
  next.orchestrator.on('event', event => void events.push(event as RunEvent))
  return { ...next, events }
}

describe('a task with replay never', () => {
  test('is held after a restart with the failure of its attempt, and no agent is called', async () => {
    const { backend, clock, orchestrator } = await restarted()
    const run = await orchestrator.resume('x')
    await clock.runUntilIdle()
    expect(run.progress()).toMatchObject({
      status: 'running',
      held: [{ id: 'a', reason: 'interrupted', failure: { kind: 'interrupted' } }],
      counts: { held: 1, blocked: 1 },
    })
    expect([backend.calls.length, clock.pending]).toEqual([0, 0])
    await run.cancel()
  })

  test('runs again when it is approved, as another attempt of the same request', async () => {
    const { backend, clock, orchestrator } = await restarted()
    const run = await orchestrator.resume('x')
    await clock.advance(0)
    await run.approve('a', { by: 'Ada' })
    await clock.runUntilIdle()
    expect((await run.result).outcome).toBe('completed')
    expect(backend.calls.map(({ context }) => [context.idempotencyKey, context.attempt])).toEqual([
      ['x/a/1', 2],
      ['x/b/1', 1],
    ])
  })

  test('is dead when it is rejected', async () => {
    const { backend, clock, orchestrator } = await restarted()
    const run = await orchestrator.resume('x')
    await clock.advance(0)
    await run.reject('a', 'it was paid for already')
    const { outcome, tasks } = await run.result
    expect([outcome, tasks[0]?.failure, tasks[1]?.rootCause]).toMatchObject([
      'failed',
      { kind: 'refused', code: 'REJECTED', message: 'it was paid for already' },
      'a',
    ])
    expect(backend.calls).toEqual([])
  })

  test('that was never started starts after a restart', async () => {
    const journal = memoryJournal()
    const first = setUp({}, { journal })
    const before = first.orchestrator.run({ tasks: [ONCE] }, { runId: 'x' })
    await before.pause()
    void first.orchestrator.drain()
    await first.clock.runUntilIdle()
    const next = setUp({}, { journal })
    const run = await next.orchestrator.resume('x')
    await next.clock.advance(0)
    await run.unpause()
    await next.clock.runUntilIdle()
    expect([(await run.result).outcome, next.backend.calls.length]).toEqual(['completed', 1])
  })

  test('is held when a drain interrupts it, and after the restart', async () => {
    const journal = memoryJournal()
    const first = setUp({}, { journal })
    first.backend.hold('a')
    const before = first.orchestrator.run({ tasks: [ONCE, NEXT] }, { runId: 'x' })
    await first.backend.started('a')
    void first.orchestrator.drain({ timeoutMs: 100 })
    await first.clock.runUntilIdle()
    await expect(before.result).rejects.toMatchObject({ code: 'RUN_SUSPENDED' })
    const { backend, clock, orchestrator } = setUp({}, { journal })
    const run = await orchestrator.resume('x')
    await clock.runUntilIdle()
    expect([run.progress().held, backend.calls.length]).toMatchObject([[{ id: 'a', reason: 'interrupted' }], 0])
    await run.approve('a')
    await clock.runUntilIdle()
    expect((await run.result).outcome).toBe('completed')
  })

  test('is not held when it ends within the timeout of a drain', async () => {
    const journal = memoryJournal()
    const first = setUp({}, { journal })
    first.backend.answer('a', succeed('paid', { afterMs: 50 }))
    first.orchestrator.run({ tasks: [ONCE, NEXT] }, { runId: 'x' })
    await first.backend.started('a')
    void first.orchestrator.drain({ timeoutMs: 100 })
    await first.clock.runUntilIdle()
    const { clock, orchestrator } = setUp({}, { journal })
    const run = await orchestrator.resume('x')
    await clock.runUntilIdle()
    expect((await run.result).outputs).toEqual({ a: 'paid', b: 'b' })
  })

  test.each([
    ['a timeout', hang(), { timeout: 'attempt' }],
    ['a timeout that its agent ignores', ignoreAbort(5_000), { timeout: 'attempt' }],
    ['a crash', fail('crashed'), { kind: 'crashed' }],
    ['a truncated output', fail('incomplete-output'), { kind: 'incomplete-output' }],
  ])('is held after %s: the attempt may have had effects', async (_, answer, failure) => {
    const { backend, clock, orchestrator } = setUp({ graceMs: 10 })
    backend.answer('a', answer)
    const run = orchestrator.run({ tasks: [{ ...ONCE, timeoutMs: 100 }] })
    await clock.advance(1_000)
    expect([run.progress().held, backend.calls.length]).toMatchObject([[{ reason: 'interrupted', failure }], 1])
    expect(orchestrator.pools.get('p')?.stats().running).toBe(0)
    await run.reject('a')
    await clock.runUntilIdle()
    expect([(await run.result).tasks[0]?.status, clock.pending]).toEqual(['dead', 0])
  })

  test.each(['agent', 'refused', 'invalid-output', 'bad-input'] satisfies FailureKind[])(
    'is dead after a failure of kind %s: the agent did answer',
    async kind => {
      const { backend, clock, orchestrator } = setUp()
      backend.answer('a', fail(kind))
      const run = orchestrator.run({ tasks: [ONCE] })
      await clock.runUntilIdle()
      expect([(await run.result).tasks[0]?.status, backend.calls.length]).toEqual(['dead', 1])
    },
  )

  test.each(['throttled', 'overloaded', 'quota'] satisfies FailureKind[])(
    'is retried when it was rejected (%s): nothing was done',
    async kind => {
      const { backend, clock, orchestrator } = setUp()
      backend.answers('a', [fail(kind), succeed('done')])
      const run = orchestrator.run({ tasks: [ONCE] })
      await clock.runUntilIdle()
      expect((await run.result).outcome).toBe('completed')
    },
  )

  test('can be approved repeatedly, each approval counting once', async () => {
    const { backend, clock, orchestrator } = setUp()
    backend.answers('a', [fail('crashed'), fail('crashed'), succeed('at last')])
    const run = orchestrator.run({ tasks: [{ ...ONCE, retries: 0 }] })
    const events: RunEvent[] = []
    run.on('event', event => void events.push(event as RunEvent))
    for (let i = 0; i < 2; i++) {
      await clock.advance(0)
      await run.approve('a')
    }
    await clock.runUntilIdle()
    expect([(await run.result).outcome, backend.calls.length]).toEqual(['completed', 3])
    checkHistory(events)
  })

  test('is not held when its input timed out: no agent was called', async () => {
    const { backend, clock, orchestrator } = setUp()
    const graph = new TaskGraph('g')
    let calls = 0
    graph.task('a', {
      pool: 'p',
      replay: 'never',
      timeoutMs: 100,
      input: () => (++calls === 1 ? new Promise<string>(() => {}) : 'input'),
    })
    const run = orchestrator.run(graph)
    await clock.advance(10_000)
    const { held } = run.progress()
    if (held.length > 0) await run.reject('a')
    await clock.runUntilIdle()
    expect([held, backend.calls.length]).toEqual([[], 1])
  })
})
