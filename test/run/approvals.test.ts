import { CounterpointError, memoryJournal, type RunEvent } from 'counterpoint'
import { fail, succeed } from 'counterpoint/testing'
import { describe, expect, test } from 'vitest'
import { checkHistory } from '../support/history.js'
import { specs } from '../support/scheduler-fixture.js'
import { setUp } from '../support/set-up.js'

describe('a task that needs approval', () => {
  test('is held when it is ready, without a slot, and other tasks continue', async () => {
    const { backend, clock, orchestrator } = setUp({ concurrency: 1 })
    const run = orchestrator.run({ tasks: specs('a b!<a c d<c e<b') })
    await clock.runUntilIdle()
    expect(run.progress()).toMatchObject({
      status: 'running',
      counts: { held: 1, succeeded: 3, blocked: 1 },
      held: [{ id: 'b', reason: 'approval' }],
      running: [],
    })
    expect(orchestrator.pools.get('p')?.stats()).toMatchObject({ running: 0, queued: 0 })
    await run.approve('b', { by: 'Ada' })
    await clock.runUntilIdle()
    expect([(await run.result).outcome, backend.callsOf('b').length]).toEqual(['completed', 1])
  })

  test('is approved once, with the name of the person', async () => {
    const { backend, clock, orchestrator } = setUp({ defaults: { backoff: { baseMs: 0 } } })
    backend.answers('b', [fail('crashed'), succeed('b')])
    const run = orchestrator.run({ tasks: specs('a b!<a') })
    await clock.runUntilIdle()
    await run.approve('b', { by: 'Ada' })
    await clock.runUntilIdle()
    expect((await run.result).outcome).toBe('completed')
    const events = await journalled(run)
    expect(events.filter(({ type }) => type === 'task.held')).toHaveLength(1)
    expect(events.filter(event => event.type === 'task.ready' && event.approved)).toMatchObject([
      { taskId: 'b', by: 'Ada' },
    ])
    checkHistory(events)
  })

  test('is dead when rejected, and its dependents are skipped', async () => {
    const { clock, orchestrator } = setUp()
    const run = orchestrator.run({ tasks: specs('a! b<a clean:all_done<a') })
    await clock.runUntilIdle()
    await run.reject('a', 'too expensive')
    await clock.runUntilIdle()
    const { outcome, rootCauses } = await run.result
    expect([outcome, rootCauses]).toMatchObject([
      'partial',
      [{ taskId: 'a', failure: { kind: 'refused', code: 'REJECTED', message: 'too expensive' }, skipped: ['b'] }],
    ])
  })

  test('ends the run when rejected, if the failure mode is not continue', async () => {
    const { clock, backend, orchestrator } = setUp()
    backend.hold('b')
    const run = orchestrator.run({ tasks: specs('a! b c! d<b') }, { failureMode: 'kill' })
    await clock.advance(0)
    await run.reject('a')
    await clock.advance(0)
    const { outcome, tasks } = await run.result
    expect([outcome, tasks.map(({ status }) => status)]).toEqual([
      'failed',
      ['dead', 'cancelled', 'cancelled', 'cancelled'],
    ])
  })

  test('cannot be approved or rejected when it is not held or unknown', async () => {
    const { clock, backend, orchestrator } = setUp()
    backend.hold('b')
    const run = orchestrator.run({ tasks: specs('a! b c<b') })
    await clock.advance(0)
    for (const [id, code, details] of [
      ['b', 'NOT_HELD', { id: 'b', status: 'running' }],
      ['c', 'NOT_HELD', { id: 'c', status: 'blocked' }],
      ['z', 'NOT_FOUND', { id: 'z' }],
    ] as const)
      for (const say of ['approve', 'reject'] as const)
        await expect(run[say](id)).rejects.toMatchObject({ constructor: CounterpointError, code, details })
    await run.approve('a')
    await expect(run.approve('a')).rejects.toMatchObject({ code: 'NOT_HELD' })
    backend.release('b')
    await clock.advance(0)
    await run.result
    await expect(run.reject('a')).rejects.toMatchObject({ code: 'NOT_HELD', details: { status: 'succeeded' } })
  })

  test('is known right after `run()`', async () => {
    const { orchestrator } = setUp()
    const run = orchestrator.run({ tasks: specs('a!') })
    await run.approve('a')
    expect((await run.result).outcome).toBe('completed')
  })

  test('can get the option from its pool, or be added to a live run', async () => {
    const { clock, orchestrator } = setUp({ defaults: { approval: true } })
    const run = orchestrator.run({ tasks: [{ id: 'a' }, { id: 'b', approval: false }] })
    await clock.runUntilIdle()
    await run.add({ tasks: specs('c<b') })
    await clock.runUntilIdle()
    expect(run.progress().held.map(({ id }) => id)).toEqual(['a', 'c'])
    await Promise.all([run.approve('a'), run.reject('c')])
    await clock.runUntilIdle()
    expect((await run.result).outcome).toBe('partial')
  })

  test('can be cancelled, alone, with its branch, or with the run', async () => {
    const { clock, orchestrator } = setUp()
    const run = orchestrator.run({ tasks: specs('a! b<a c! d') })
    await clock.runUntilIdle()
    await run.cancelTask('a', 'no more')
    expect(run.progress().held.map(({ id }) => id)).toEqual(['c'])
    await run.cancel()
    const { outcome, tasks } = await run.result
    expect([outcome, tasks.map(({ status }) => status)]).toEqual([
      'cancelled',
      ['cancelled', 'skipped', 'cancelled', 'succeeded'],
    ])
  })

  test('starts after unpause when approved while paused', async () => {
    const { backend, clock, orchestrator } = setUp()
    const run = orchestrator.run({ tasks: specs('a!') })
    await clock.runUntilIdle()
    await run.pause()
    await run.approve('a')
    await clock.runUntilIdle()
    expect([backend.calls.length, run.task('a')?.status]).toEqual([0, 'ready'])
    await run.unpause()
    await clock.runUntilIdle()
    expect((await run.result).outcome).toBe('completed')
  })

  test('keeps no timer, and its timeouts are stopped', async () => {
    const { clock, orchestrator } = setUp()
    const tasks = [{ id: 'a', approval: true, queueTimeoutMs: 10, totalTimeoutMs: 20, timeoutMs: 5, idleTimeoutMs: 5 }]
    const run = orchestrator.run({ tasks })
    await clock.advance(86_400_000)
    expect([run.task('a')?.status, clock.pending]).toEqual(['held', 0])
    await run.approve('a')
    await clock.runUntilIdle()
    expect((await run.result).outcome).toBe('completed')
  })

  test('does not delay a drain, and is held after it; the result says how to continue', async () => {
    const journal = memoryJournal()
    const first = setUp({}, { journal })
    const run = first.orchestrator.run({ tasks: specs('a! b') }, { runId: 'x' })
    await first.clock.runUntilIdle()
    const drained = first.orchestrator.drain()
    await first.clock.runUntilIdle()
    await drained
    await expect(run.result).rejects.toMatchObject({ code: 'RUN_SUSPENDED' })
    const next = setUp({}, { journal })
    const again = await next.orchestrator.resume('x')
    await next.clock.runUntilIdle()
    expect(again.progress()).toMatchObject({ held: [{ id: 'a', reason: 'approval' }], counts: { succeeded: 1 } })
    await again.approve('a')
    await next.clock.runUntilIdle()
    expect([(await again.result).outcome, next.backend.calls.map(({ taskId }) => taskId)]).toEqual(['completed', ['a']])
    checkHistory([...(await journalled(again))])
  })

  test('cannot be approved on a suspended run', async () => {
    const { clock, orchestrator } = setUp()
    const run = orchestrator.run({ tasks: specs('a!') })
    await clock.runUntilIdle()
    void orchestrator.drain()
    await run.result.catch(() => {})
    await expect(run.approve('a')).rejects.toMatchObject({ code: 'RUN_SUSPENDED' })
  })

  test('does not keep `await using` from ending', async () => {
    const { clock, orchestrator } = setUp()
    const run = orchestrator.run({ tasks: specs('a!') })
    await clock.runUntilIdle()
    {
      await using _ = orchestrator
    }
    await expect(run.result).rejects.toMatchObject({ code: 'RUN_SUSPENDED' })
    expect(clock.pending).toBe(0)
  })
})

async function journalled(run: { events(): AsyncIterable<RunEvent> }): Promise<readonly RunEvent[]> {
  const events: RunEvent[] = []
  for await (const event of run.events()) events.push(event)
  return events
}
