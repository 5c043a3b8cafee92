import { Orchestrator, TaskGraph, type TaskSpec } from 'counterpoint'
import { fail, hang, ignoreAbort, succeed } from 'counterpoint/testing'
import { describe, expect, test } from 'vitest'
import { checkHistory } from '../../support/history.js'
import { type SetUp, setUp } from '../../support/set-up.js'

const DAY_MS = 86_400_000

/** Runs one task `a`; its pool has the other options. */
async function ended(fixture: SetUp, spec: Partial<TaskSpec>) {
  const run = fixture.orchestrator.run({ tasks: [{ id: 'a', retries: 0, ...spec }] })
  await fixture.clock.runUntilIdle()
  const { tasks, times } = await run.result
  expect([fixture.clock.pending, fixture.orchestrator.pools.get('p')?.stats()]).toMatchObject([
    0,
    { running: 0, queued: 0 },
  ])
  const events = []
  for await (const event of run.events()) events.push(event)
  checkHistory(events)
  const [{ status, failure, attempts, abandoned } = {} as never] = tasks
  return { status, timeout: failure?.timeout, wallMs: times.wallMs, attempts, abandoned }
}

describe('the idle timeout of an attempt', () => {
  test('expires when the agent reports nothing for that long, also at the start', async () => {
    const fixture = setUp()
    fixture.backend.answer('a', hang())
    expect(await ended(fixture, { idleTimeoutMs: 100 })).toMatchObject({ status: 'dead', timeout: 'idle', wallMs: 100 })
  })

  test.each([
    ['progress', { progress: 0.5 }],
    ['a message', { message: 'at it' }],
    ['usage', { usage: { costUsd: 1 } }],
    ['nothing at all', {}],
  ])('starts again with each report: %s', async (_, report) => {
    const fixture = setUp()
    const progress = Array.from({ length: 10 }, () => report)
    fixture.backend.answer('a', succeed('done', { afterMs: 900, progress }))
    expect(await ended(fixture, { idleTimeoutMs: 100 })).toMatchObject({ status: 'succeeded', wallMs: 900 })
    const late = setUp()
    late.backend.answer('a', succeed('done', { afterMs: 1_100, progress }))
    expect(await ended(late, { idleTimeoutMs: 100 })).toMatchObject({ timeout: 'idle', wallMs: 100 })
  })

  test('does not extend the timeout of the attempt', async () => {
    const fixture = setUp()
    fixture.backend.answer('a', succeed('x', { afterMs: 10_000, progress: Array.from({ length: 1_000 }, () => ({})) }))
    const end = await ended(fixture, { idleTimeoutMs: 50, timeoutMs: 300 })
    expect(end).toMatchObject({ timeout: 'attempt', wallMs: 300 })
  })

  test('is a failure that is retried, each attempt with its own idle timeout', async () => {
    const fixture = setUp({ defaults: { backoff: { baseMs: 0 } } })
    fixture.backend.answers('a', [hang(), hang(), succeed('x', { afterMs: 99 })])
    expect(await ended(fixture, { idleTimeoutMs: 100, retries: 2 })).toMatchObject({ attempts: 3, wallMs: 299 })
  })

  test('abandons an agent that ignores the abort; its later reports and answer change nothing', async () => {
    const fixture = setUp({ graceMs: 30 })
    fixture.backend.answer('a', (_, { report, signal }) => {
      const beat = (): void => {
        report({ progress: 1, usage: { costUsd: 5 } })
        if (fixture.clock.monotonic() < 1_000) fixture.clock.schedule(beat, 20)
      }
      signal.addEventListener('abort', beat)
      return ignoreAbort(900, 'late')
    })
    expect(await ended(fixture, { idleTimeoutMs: 100 })).toMatchObject({ status: 'dead', wallMs: 130, abandoned: 1 })
  })

  test('does not run during the input function, nor after the answer while the journal is slow', async () => {
    const { clock, orchestrator } = setUp()
    const graph = new TaskGraph('g')
    const input = (): Promise<string> => new Promise(resolve => clock.schedule(() => resolve('in'), 500))
    graph.task('a', { pool: 'p', idleTimeoutMs: 100, retries: 0, input })
    const run = orchestrator.run(graph)
    await clock.runUntilIdle()
    expect((await run.result).outcome).toBe('completed')
  })

  test('can be longer than 2^31 ms, with the real clock too', async () => {
    const fixture = setUp()
    fixture.backend.answer('a', hang())
    expect(await ended(fixture, { idleTimeoutMs: 40 * DAY_MS, timeoutMs: 80 * DAY_MS })).toMatchObject({
      wallMs: 40 * DAY_MS,
    })
    const backend = (): Promise<string> => new Promise(resolve => setTimeout(resolve, 20, 'x'))
    const orchestrator = new Orchestrator({ pools: { p: { backend } } })
    const long = 2 ** 40
    const limits = { idleTimeoutMs: long, timeoutMs: long, queueTimeoutMs: long, totalTimeoutMs: long }
    expect((await orchestrator.run({ tasks: [{ id: 'a', ...limits }] }).result).outcome).toBe('completed')
  })
})

/** `b` waits for the only slot, which `a` holds for this time. */
function behind(busyMs: number, spec: Partial<TaskSpec>) {
  const fixture = setUp({ concurrency: 1 })
  fixture.backend.answer('a', succeed('a', { afterMs: busyMs }))
  const run = fixture.orchestrator.run({
    tasks: [
      { id: 'a', priority: 1 },
      { id: 'b', ...spec },
    ],
  })
  return { ...fixture, run }
}

describe('the queue timeout', () => {
  test('makes a task without a slot dead, without retry, and skips its dependents', async () => {
    const { clock, run, backend } = behind(1_000, { queueTimeoutMs: 100, retries: 5 })
    await run.add({ tasks: [{ id: 'c', pool: 'p', after: ['b'] }] })
    await clock.advance(100)
    expect(run.task('b')).toMatchObject({ status: 'dead', failure: { kind: 'timeout', timeout: 'queue' }, attempts: 0 })
    await clock.runUntilIdle()
    expect([(await run.result).tasks[2]?.rootCause, backend.callsOf('b')]).toEqual(['b', []])
  })

  test('does not apply once the task has a slot', async () => {
    const { clock, run } = behind(99, { queueTimeoutMs: 100 })
    await clock.runUntilIdle()
    expect((await run.result).outcome).toBe('completed')
  })

  test('is stopped while the run is paused', async () => {
    const { clock, run } = behind(150, { queueTimeoutMs: 100 })
    await clock.advance(50)
    await run.pause()
    await clock.advance(DAY_MS)
    expect([run.task('b')?.status, clock.pending]).toEqual(['ready', 0])
    await run.unpause()
    await clock.runUntilIdle()
    expect((await run.result).outcome).toBe('completed')
  })

  test('continues after the pause with the rest of the time', async () => {
    const fixture = setUp({ concurrency: 1 })
    fixture.backend.hold('a')
    const run = fixture.orchestrator.run({
      tasks: [
        { id: 'a', priority: 1 },
        { id: 'b', queueTimeoutMs: 100 },
      ],
    })
    await fixture.clock.advance(60)
    await run.pause()
    await fixture.clock.advance(500)
    await run.unpause()
    await fixture.clock.advance(39)
    expect(run.task('b')?.status).toBe('ready')
    await fixture.clock.advance(1)
    expect(run.task('b')?.failure).toMatchObject({ timeout: 'queue' })
    await run.cancel()
  })

  test('starts again when the task waits for another attempt', async () => {
    const fixture = setUp({ concurrency: 1, defaults: { backoff: { baseMs: 500 } } })
    fixture.backend.answers('a', [fail('crashed', { afterMs: 90 }), succeed('x')])
    expect(await ended(fixture, { queueTimeoutMs: 100, retries: 1 })).toMatchObject({ status: 'succeeded' })
  })

  test('does not apply while the input function of a task with a slot runs', async () => {
    const { clock, orchestrator } = setUp()
    const graph = new TaskGraph('g')
    const input = (): Promise<string> => new Promise(resolve => clock.schedule(() => resolve('in'), 500))
    graph.task('a', { pool: 'p', queueTimeoutMs: 100, retries: 0, input })
    const run = orchestrator.run(graph)
    await clock.runUntilIdle()
    expect((await run.result).outcome).toBe('completed')
  })
})

describe('the total timeout', () => {
  test('counts attempts and the delays between them, and is not retried', async () => {
    const fixture = setUp({ defaults: { backoff: { baseMs: 200 } } })
    fixture.backend.answer('a', fail('crashed', { afterMs: 100 }))
    // 100 running, 100 delayed (half of the bound), 100 running, 200 delayed: expired at 450.
    expect(await ended(fixture, { totalTimeoutMs: 450, retries: 9 })).toMatchObject({
      timeout: 'total',
      wallMs: 450,
      attempts: 2,
    })
  })

  test('stops a running attempt, which is counted', async () => {
    const fixture = setUp({ defaults: { backoff: { baseMs: 0 } } })
    fixture.backend.answer('a', fail('crashed', { afterMs: 100 }))
    expect(await ended(fixture, { totalTimeoutMs: 250, retries: 9 })).toMatchObject({
      timeout: 'total',
      wallMs: 250,
      attempts: 3,
    })
  })

  test('counts the time in the queue, but not the time before the task was ready', async () => {
    const { clock, run } = behind(100, { totalTimeoutMs: 120 })
    await run.add({ tasks: [{ id: 'c', pool: 'p', after: ['a'], totalTimeoutMs: 50 }] })
    await clock.runUntilIdle()
    expect((await run.result).outcome).toBe('completed')
    const fixture = setUp({ concurrency: 1 })
    fixture.backend.answer('*', succeed('x', { afterMs: 100 }))
    const late = fixture.orchestrator.run({
      tasks: [
        { id: 'a', priority: 1 },
        { id: 'b', totalTimeoutMs: 150 },
      ],
    })
    await fixture.clock.runUntilIdle()
    expect((await late.result).tasks[1]).toMatchObject({ status: 'dead', failure: { timeout: 'total' }, attempts: 1 })
  })

  test('ends the task after the grace period when the agent ignores the abort', async () => {
    const fixture = setUp({ graceMs: 30 })
    fixture.backend.answer('a', ignoreAbort(1_000, 'late'))
    expect(await ended(fixture, { totalTimeoutMs: 100, retries: 5 })).toMatchObject({
      timeout: 'total',
      wallMs: 130,
      abandoned: 1,
    })
  })

  test('that expires within the grace period of an attempt still applies', async () => {
    const fixture = setUp({ graceMs: 50, defaults: { backoff: { baseMs: 0 } } })
    fixture.backend.answer('a', ignoreAbort())
    expect(await ended(fixture, { timeoutMs: 100, totalTimeoutMs: 120, retries: 5 })).toMatchObject({
      timeout: 'total',
      attempts: 1,
    })
  })

  test('with several timeouts, the first to expire applies', async () => {
    for (const [first, limits] of [
      ['idle', { idleTimeoutMs: 10, timeoutMs: 20, totalTimeoutMs: 30, queueTimeoutMs: 5 }],
      ['attempt', { idleTimeoutMs: 20, timeoutMs: 10, totalTimeoutMs: 30, queueTimeoutMs: 5 }],
      ['total', { idleTimeoutMs: 20, timeoutMs: 30, totalTimeoutMs: 10, queueTimeoutMs: 5 }],
    ] as const) {
      const fixture = setUp()
      fixture.backend.answer('a', hang())
      expect(await ended(fixture, limits)).toMatchObject({ timeout: first, wallMs: 10, attempts: 1 })
    }
  })
})

describe.each(['queueTimeoutMs', 'totalTimeoutMs'] as const)('%s', option => {
  test('is stopped in a pool that was parked before the first task of the run', async () => {
    const fixture = setUp()
    fixture.orchestrator.pools.get('p')?.park(10_000)
    expect(await ended(fixture, { [option]: 5_000 })).toMatchObject({ status: 'succeeded' })
  })

  test('is stopped from the start when the key of the pool is parked, also for a task that is added live', async () => {
    const fixture = setUp({ limitKey: 'account' })
    fixture.orchestrator.limits.get('account')?.park(10_000)
    const run = fixture.orchestrator.run({ tasks: [] }, {})
    expect((await run.result).outcome).toBe('completed')
    expect(await ended(fixture, { [option]: 5_000 })).toMatchObject({ status: 'succeeded' })
  })

  test('runs on when the pool opens while the approval function of the task has not answered', async () => {
    const fixture = setUp()
    fixture.orchestrator.pools.get('p')?.park(1_000)
    const graph = new TaskGraph('g')
    const late = () => new Promise<boolean>(resolve => fixture.clock.schedule(() => resolve(false), 90_000))
    graph.task('a', { totalTimeoutMs: 5_000, approval: late })
    const run = fixture.orchestrator.run(graph)
    await fixture.clock.runUntilIdle()
    const [task] = (await run.result).tasks
    expect(task).toMatchObject({ status: 'dead', failure: { timeout: 'total' } })
  })

  test('with a parking and a time limit of fractional length: time passes until nothing is left to do', async () => {
    const fixture = setUp()
    await fixture.clock.advance(86_400_000.3)
    fixture.orchestrator.pools.get('p')?.park(1_234.567_89)
    fixture.backend.hold('a')
    const run = fixture.orchestrator.run({
      tasks: [{ id: 'a', [option]: 777.123_456_7, timeoutMs: 33.3, retries: 40 }],
    })
    await fixture.clock.runUntilIdle({ limitMs: DAY_MS })
    expect((await run.result).tasks[0]?.status).toBe('dead')
  })
})
