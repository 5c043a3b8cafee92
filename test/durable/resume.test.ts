import type { Run } from 'counterpoint'
import { fail, ignoreAbort, succeed } from 'counterpoint/testing'
import { describe, expect, test } from 'vitest'
import { checkHistory } from '../support/history.js'
import { specs } from '../support/scheduler-fixture.js'
import { eventsOf, JOURNAL_KINDS, TestHost } from './test-host.js'

const RUN = { runId: 'x' } as const
const HOUR_MS = 3_600_000
const TEN_YEARS_MS = 10 * 365 * 24 * HOUR_MS

/** Checks that the history of a settled run is complete and equals the journal. */
async function checkSettled(host: TestHost, run: Run): Promise<void> {
  const events = await eventsOf(run)
  checkHistory(events)
  expect((await host.records(run.id)).flat()).toEqual(events)
}

describe.each(JOURNAL_KINDS)('with a journal of kind %s, a run', kind => {
  test('of plain data resumes from its journal alone: succeeded tasks do not run again', async () => {
    const first = new TestHost(kind, { pool: { concurrency: 1 } })
    first.backend.answer('a', { from: 'a', text: 'é'.repeat(20_000) }).hold('b')
    const before = first.orchestrator.run({ name: 'plan', tasks: specs('a b<a c<b') }, RUN)
    await first.until(() => first.backend.callsOf('b').length > 0)
    const second = await first.next()
    const run = await second.orchestrator.resume('x')
    const { outcome, outputs } = await second.done(run.result)
    expect([outcome, outputs]).toEqual(['completed', { a: before.task('a')!.output, b: 'b', c: 'c' }])
    expect([first.called, second.called]).toEqual(['a1 b1', 'b2 c1'])
    expect(second.backend.calls[0]!.request.outputs).toEqual({ a: before.task('a')!.output })
    await checkSettled(second, run)
  })

  test('that dies four times while a task runs marks that task dead, and continues with the others', async () => {
    let host = new TestHost(kind)
    host.backend.hold('a')
    host.orchestrator.run({ tasks: specs('a b<a c') }, RUN)
    for (let attempt = 1; attempt <= 4; attempt++) {
      await host.until(() => host.called.includes(`a${attempt}`) && host.orchestrator.runs.get('x')?.task('c')?.endedAt)
      host = await host.next()
      host.backend.hold('a')
      void host.orchestrator.resume('x')
    }
    await host.until(() => host.orchestrator.runs.get('x')?.progress().status === 'settled')
    const run = host.orchestrator.runs.get('x')!
    expect(run.task('a')).toMatchObject({ status: 'dead', attempts: 4, failure: { kind: 'interrupted' } })
    expect(run.task('b')).toMatchObject({ status: 'skipped', rootCause: 'a' })
    expect([run.task('c')?.status, (await run.result).outcome, host.called]).toEqual(['succeeded', 'partial', ''])
    await checkSettled(host, run)
  })

  test('does not count an interruption as a retry', async () => {
    let host = new TestHost(kind)
    host.orchestrator.run({ tasks: [{ id: 'a', description: 'a', retries: 2 }] }, RUN)
    for (let attempt = 1; attempt <= 3; attempt++) {
      host.backend.hold('a')
      await host.until(() => host.called.includes(`a${attempt}`))
      host = await host.next()
      void host.orchestrator.resume('x')
    }
    host.backend.answers('a', [...Array(5).fill(fail('crashed')), 'at last'])
    await host.until(() => host.orchestrator.runs.get('x'))
    const run = host.orchestrator.runs.get('x')!
    const { outputs, tasks } = await host.done(run.result, 1_000)
    expect([outputs, tasks[0]!.attempts, host.called]).toEqual([{ a: 'at last' }, 6, 'a4 a5 a6'])
    await checkSettled(host, run)
  })

  test('that has settled returns its result again, without calling an agent', async () => {
    const first = new TestHost(kind)
    first.backend.answer('b', fail('refused'))
    const before = first.orchestrator.run({ tasks: specs('a b c<b') }, RUN)
    const expected = await first.done(before.result)
    const second = await first.next()
    const run = await second.orchestrator.resume('x')
    expect(JSON.stringify(await run.result)).toBe(JSON.stringify(expected))
    expect([second.called, await eventsOf(run)]).toEqual(['', await eventsOf(before)])
  })

  test('that is paused stays paused over a crash and a drain, until it is unpaused', async () => {
    const first = new TestHost(kind)
    first.backend.hold('a')
    const run = first.orchestrator.run({ tasks: specs('a b<a') }, RUN)
    await first.reached(run, 'a', 'running')
    await first.done(run.pause())
    const second = await first.next()
    const paused = await second.orchestrator.resume('x')
    await second.clock.advance(HOUR_MS)
    expect([second.called, paused.progress().status]).toEqual(['', 'paused'])
    await second.done(second.orchestrator.drain())
    const third = await second.next()
    const last = await third.orchestrator.resume('x')
    await third.until(() => last.progress().status === 'paused')
    await third.clock.advance(HOUR_MS)
    expect(third.called).toBe('')
    await third.done(last.unpause())
    expect((await third.done(last.result)).outcome).toBe('completed')
    await checkSettled(third, last)
  })

  test('that was being cancelled ends as cancelled, and starts nothing', async () => {
    const first = new TestHost(kind, { pool: { graceMs: HOUR_MS } })
    first.backend.answer('a', ignoreAbort())
    const before = first.orchestrator.run({ tasks: specs('a b<a') }, RUN)
    await first.reached(before, 'a', 'running')
    await first.done(before.cancel('enough'), 1)
    expect(before.progress().status).toBe('stopping')
    const second = await first.next()
    const run = await second.orchestrator.resume('x')
    const { outcome, tasks } = await second.done(run.result)
    expect([outcome, tasks.map(task => task.reason), second.called]).toEqual(['cancelled', ['enough', 'enough'], ''])
    await checkSettled(second, run)
  })

  test.each(['no-new', 'kill'] as const)(
    'whose failure mode %s had ended it starts nothing again',
    async failureMode => {
      const first = new TestHost(kind, { pool: { graceMs: HOUR_MS } })
      first.backend.answer('a', fail('refused')).answer('b', ignoreAbort())
      const before = first.orchestrator.run({ tasks: specs('b a c<b'), failureMode }, RUN)
      await first.until(() => before.progress().status === 'stopping')
      const second = await first.next()
      const run = await second.orchestrator.resume('x')
      const { outcome, tasks } = await second.done(run.result)
      expect([outcome, second.called]).toEqual(['failed', ''])
      expect(tasks.map(task => task.status)).toEqual([
        failureMode === 'kill' ? 'cancelled' : 'dead',
        'dead',
        'cancelled',
      ])
      await checkSettled(second, run)
    },
  )

  test('gives a repeated attempt its full timeout', async () => {
    const options = { pool: { defaults: { timeoutMs: 100, retries: 0 } } }
    const first = new TestHost(kind, options)
    first.backend.answer('a', succeed('a', { afterMs: 90 }))
    const before = first.orchestrator.run({ tasks: specs('a') }, RUN)
    await first.reached(before, 'a', 'running')
    await first.clock.advance(60)
    const second = await first.next(options)
    second.backend.answer('a', succeed('a', { afterMs: 90 }))
    const run = await second.orchestrator.resume('x')
    expect((await second.done(run.result)).tasks[0]).toMatchObject({ status: 'succeeded', attempts: 2 })
    await checkSettled(second, run)
  })

  test('counts an attempt that was stopping because of a timeout as a timeout', async () => {
    const options = { pool: { graceMs: HOUR_MS, defaults: { timeoutMs: 50, retries: 0 } } }
    const first = new TestHost(kind, options)
    first.backend.answer('a', ignoreAbort())
    const before = first.orchestrator.run({ tasks: specs('a') }, RUN)
    await first.reached(before, 'a', 'running')
    await first.clock.advance(50)
    await first.reached(before, 'a', 'stopping')
    const second = await first.next(options)
    const run = await second.orchestrator.resume('x')
    const [task] = (await second.done(run.result)).tasks
    expect([task!.failure, second.called]).toMatchObject([{ kind: 'timeout', timeout: 'attempt' }, ''])
    await checkSettled(second, run)
  })

  test('that dies during a resume does not count a second interruption', async () => {
    const first = new TestHost(kind)
    first.backend.hold('a')
    first.orchestrator.run({ tasks: specs('a') }, RUN)
    await first.until(() => first.called)
    const second = await first.next()
    void second.orchestrator.resume('x')
    const third = await second.next()
    const run = await third.orchestrator.resume('x')
    await third.done(run.result)
    const events = await eventsOf(run)
    expect(events.flatMap(event => (event.type === 'run.recovered' ? [event.epoch] : []))).toEqual([2])
    expect(events.filter(event => event.type === 'attempt.failed')).toHaveLength(1)
    await checkSettled(third, run)
  })

  test.each([
    ['stood still', 0, 400],
    ['jumped an hour back', -HOUR_MS, 400],
    ['jumped ten years ahead', TEN_YEARS_MS, 0],
  ])('whose task waits for its next attempt still does, when the wall clock %s', async (_, jumpMs, leastMs) => {
    const first = new TestHost(kind)
    first.backend.answer('a', fail('agent'))
    const before = first.orchestrator.run({ tasks: specs('a') }, RUN)
    await first.reached(before, 'a', 'delayed')
    const second = await first.next({ jumpMs })
    const run = await second.orchestrator.resume('x')
    await second.until(() => second.clock.pending > 0 || second.called)
    // The wait of 500 ms, half of the bound of a first one, does not grow, whatever the clock says.
    await second.clock.advance(leastMs)
    if (leastMs > 0) expect(second.called).toBe('')
    await second.clock.advance(500 - leastMs)
    await second.until(() => second.called)
    expect((await second.done(run.result)).outcome).toBe('completed')
    await checkSettled(second, run)
  })

  test('whose wall clock jumps while it runs times out on time', async () => {
    const first = new TestHost(kind, { pool: { graceMs: 0, defaults: { timeoutMs: 1_000, retries: 0 } } })
    first.backend.answer('a', ignoreAbort())
    const run = first.orchestrator.run({ tasks: specs('a') }, RUN)
    await first.reached(run, 'a', 'running')
    first.clock.jump(TEN_YEARS_MS)
    await first.clock.advance(900)
    first.clock.jump(-2 * TEN_YEARS_MS)
    expect(run.task('a')?.status).toBe('running')
    await first.clock.advance(100)
    expect((await first.done(run.result)).tasks[0]?.failure).toMatchObject({ kind: 'timeout' })
    await checkSettled(first, run)
  })
})
