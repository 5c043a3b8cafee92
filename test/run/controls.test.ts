import { memoryJournal, type Run, type RunEvent } from 'counterpoint'
import { fail, hang, ignoreAbort, succeed } from 'counterpoint/testing'
import { describe, expect, test } from 'vitest'
import { checkHistory } from '../support/history.js'
import { specs } from '../support/scheduler-fixture.js'
import { setUp } from '../support/set-up.js'

async function eventsOf(run: Run): Promise<readonly RunEvent[]> {
  const events: RunEvent[] = []
  for await (const event of run.events()) events.push(event)
  return events
}

const WORK = succeed('ok', { afterMs: 100 })

describe('the signal of a run', () => {
  test('cancels running, waiting, held and paused tasks with its reason, and leaves no timer', async () => {
    const { backend, clock, orchestrator } = setUp({ concurrency: 2 })
    backend.hold('a').answer('b', fail('crashed')).answer('*', WORK)
    const controller = new AbortController()
    const plan = { tasks: specs('a b c! d e<a f') }
    const run = orchestrator.run(plan, { signal: controller.signal, budget: { wallMs: 86_400_000 } })
    await clock.advance(10)
    await run.pause()
    controller.abort(new Error('enough'))
    await clock.advance(0)
    const { outcome, tasks } = await run.result
    expect([outcome, tasks.map(({ status }) => status)]).toEqual(['cancelled', Array(6).fill('cancelled')])
    expect([tasks[2]?.reason, clock.pending, orchestrator.pools.get('p')?.stats()]).toMatchObject([
      'enough',
      0,
      { running: 0, queued: 0 },
    ])
    checkHistory(await eventsOf(run))
  })

  test('starts nothing when aborted before, and changes nothing when aborted after the end', async () => {
    const { backend, clock, orchestrator } = setUp()
    const run = orchestrator.run({ tasks: specs('a b!') }, { signal: AbortSignal.abort() })
    await clock.runUntilIdle()
    expect([(await run.result).outcome, backend.calls.length]).toEqual(['cancelled', 0])
    const controller = new AbortController()
    const other = orchestrator.run({ tasks: specs('a') }, { signal: controller.signal })
    await clock.runUntilIdle()
    controller.abort()
    expect((await other.result).outcome).toBe('completed')
  })

  test('cancels a draining run, which settles instead of being suspended', async () => {
    const { backend, clock, orchestrator } = setUp()
    backend.hold('a')
    const controller = new AbortController()
    const run = orchestrator.run({ tasks: specs('a b<a') }, { signal: controller.signal })
    await backend.started('a')
    const drained = orchestrator.drain()
    controller.abort()
    await clock.runUntilIdle()
    await drained
    expect([(await run.result).outcome, clock.pending]).toEqual(['cancelled', 0])
  })
})

describe('`await using`', () => {
  test('lets running attempts end, starts no others, and rejects further runs', async () => {
    const { backend, clock, orchestrator } = setUp()
    backend.answer('*', WORK)
    const run = orchestrator.run({ tasks: specs('a b<a') })
    await clock.advance(10)
    const closing = (async () => {
      await using _ = orchestrator
    })()
    await clock.runUntilIdle()
    await closing
    await expect(run.result).rejects.toMatchObject({ code: 'RUN_SUSPENDED' })
    expect([backend.calls.length, run.progress().counts.succeeded, clock.pending]).toEqual([1, 1, 0])
    expect(() => orchestrator.run({ tasks: [] })).toThrow(expect.objectContaining({ code: 'CLOSED' }))
  })

  test('ends after ten seconds and the grace period, whatever the agents do', async () => {
    const { backend, clock, orchestrator } = setUp({ graceMs: 1_000 })
    backend.answer('a', ignoreAbort())
    const run = orchestrator.run({ tasks: specs('a') })
    await clock.advance(0)
    const closing = orchestrator[Symbol.asyncDispose]()
    await clock.runUntilIdle()
    await closing
    expect(clock.monotonic()).toBe(11_000)
    await expect(run.result).rejects.toMatchObject({ code: 'RUN_SUSPENDED' })
  })
})

describe('cancelTask', () => {
  test.each([
    ['while it runs', 'a b<a c<b other', 'a', () => WORK],
    ['while it waits for its next attempt', 'a b<a c<b other', 'a', () => fail('crashed')],
    ['in its grace period after a timeout', 'a b<a c<b other', 'a', () => ignoreAbort()],
    ['before it has begun', 'root a<root b<a c<b other', 'root', () => WORK],
  ])('%s takes what waits for it along, and nothing else', async (_, plan, hanging, answer) => {
    const { backend, clock, orchestrator } = setUp({ graceMs: 50 })
    backend.answer(hanging, answer()).answer('other', WORK)
    const tasks = specs(plan).map(spec => ({ ...spec, ...(spec.id === 'a' && { timeoutMs: 20 }) }))
    const run = orchestrator.run({ tasks })
    await clock.advance(30)
    await run.cancelTask('a', 'not this')
    await clock.runUntilIdle()
    const { tasks: ended, rootCauses, outcome } = await run.result
    const ends = Object.fromEntries(ended.map(({ id, status }) => [id, status]))
    expect([outcome, ends]).toMatchObject([
      'partial',
      { a: 'cancelled', b: 'skipped', c: 'skipped', other: 'succeeded' },
    ])
    expect(rootCauses).toEqual([{ taskId: 'a', status: 'cancelled', reason: 'not this', skipped: ['b', 'c'] }])
    checkHistory(await eventsOf(run))
  })

  test('does not trigger the failure mode, and does not change a task that has ended', async () => {
    const { backend, clock, orchestrator } = setUp()
    backend.answer('a', WORK).answer('b', WORK)
    const run = orchestrator.run({ tasks: specs('a b c') }, { failureMode: 'kill' })
    await clock.advance(10)
    await run.cancelTask('a')
    await expect(run.cancelTask('c')).rejects.toMatchObject({ code: 'TASK_ENDED', details: { status: 'succeeded' } })
    await clock.runUntilIdle()
    const { tasks, outcome } = await run.result
    expect([outcome, tasks.map(({ status }) => status)]).toEqual(['partial', ['cancelled', 'succeeded', 'succeeded']])
  })
})

describe('pausing and draining', () => {
  test('a drained paused run is still paused after resume, with its held and waiting tasks', async () => {
    const journal = memoryJournal()
    const first = setUp({}, { journal })
    first.backend.answer('b', fail('crashed'))
    const before = first.orchestrator.run({ tasks: specs('a! b c<b') }, { runId: 'x' })
    await first.clock.advance(1)
    await before.pause()
    void first.orchestrator.drain()
    await first.clock.runUntilIdle()
    const { clock, orchestrator } = setUp({}, { journal })
    const run = await orchestrator.resume('x')
    await clock.runUntilIdle()
    expect(run.progress()).toMatchObject({ status: 'paused', counts: { held: 1, ready: 1, blocked: 1 } })
    await run.approve('a')
    await run.unpause()
    await clock.runUntilIdle()
    expect((await run.result).outcome).toBe('completed')
    checkHistory(await eventsOf(run))
  })

  test('cancelTask during the drain cancels the task whose attempt is being interrupted', async () => {
    const { backend, clock, orchestrator } = setUp({ graceMs: 100 })
    backend.answer('a', ignoreAbort())
    const run = orchestrator.run({ tasks: specs('a b<a') })
    await clock.advance(0)
    const drained = orchestrator.drain({ timeoutMs: 10 })
    await clock.advance(20)
    await run.cancelTask('a')
    await clock.runUntilIdle()
    await drained
    expect((await run.result).tasks.map(({ status }) => status)).toEqual(['cancelled', 'skipped'])
    checkHistory(await eventsOf(run))
  })

  test('many times in a row lose and double no attempt', async () => {
    const { backend, clock, orchestrator } = setUp({ concurrency: 2 })
    backend.answer('*', WORK)
    const run = orchestrator.run({ tasks: specs('a b c d<a e<b f') })
    for (let i = 0; i < 20; i++) {
      await clock.advance(17)
      void (i % 2 === 0 ? run.pause() : run.unpause())
    }
    await clock.runUntilIdle()
    expect([(await run.result).outcome, backend.calls.length, clock.pending]).toEqual(['completed', 6, 0])
    checkHistory(await eventsOf(run))
  })

  test('a drain interrupts a task that hangs, and it runs again after resume', async () => {
    const journal = memoryJournal()
    const first = setUp({}, { journal })
    first.backend.answer('a', hang())
    first.orchestrator.run({ tasks: [{ id: 'a', retries: 0 }] }, { runId: 'x' })
    await first.clock.advance(1)
    void first.orchestrator.drain({ timeoutMs: 5 })
    await first.clock.runUntilIdle()
    const { clock, orchestrator } = setUp({}, { journal })
    const run = await orchestrator.resume('x')
    await clock.runUntilIdle()
    expect((await run.result).tasks[0]).toMatchObject({ status: 'succeeded', attempts: 2 })
  })
})
