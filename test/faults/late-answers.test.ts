import type { RunEvent } from 'counterpoint'
import { fail, ignoreAbort, succeed } from 'counterpoint/testing'
import { describe, expect, test } from 'vitest'
import { unhandledDuring } from '../support/unhandled.js'
import { Fixture } from './fixture.js'

describe('an answer that arrives too late', () => {
  test.each([
    ['a result', ignoreAbort(20_000, 'too late')],
    ['a rejection', ignoreAbort(20_000, fail('crashed'))],
  ])('%s after the attempt was abandoned changes nothing and causes no unhandled rejection', async (_, answer) => {
    const fixture = new Fixture(undefined, { pool: { graceMs: 1_000 } })
    fixture.mock.answer('a', answer)
    const unhandled = await unhandledDuring(async () => {
      const run = fixture.start([
        { id: 'a', timeoutMs: 1_000, retries: 0 },
        { id: 'b', after: ['a'] },
      ])
      const received: RunEvent[] = []
      run.on('event', event => void received.push(event as RunEvent))
      const played = await fixture.finish(run)
      const before = received.length
      await fixture.clock.advance(60_000)
      expect(fixture.mock.calls[0]?.endedAt).toBeDefined()
      expect(received.length).toBe(before)
      expect(played.tasks).toMatchObject({
        a: { status: 'dead', abandoned: 1 },
        b: { status: 'skipped', rootCause: 'a' },
      })
      expect(run.task('a')).toEqual(played.tasks.a)
    })
    expect(unhandled).toEqual([])
  })

  test('within the grace period is not accepted: the attempt has timed out', async () => {
    const fixture = new Fixture(undefined, { pool: { graceMs: 5_000 } })
    fixture.mock.answers('a', [ignoreAbort(3_000, 'too late'), 'in time'])
    const { tasks, events } = await fixture.run([{ id: 'a', timeoutMs: 1_000, retries: 1 }])
    expect(tasks.a).toMatchObject({ status: 'succeeded', output: 'in time', attempts: 2, abandoned: 0 })
    // The slot was given back when the backend ended, not at the end of the grace period.
    const failed = events.find(event => event.type === 'attempt.failed')!
    expect(failed.at - events[0]!.at).toBe(3_000)
  })

  test('of an earlier attempt is not accepted for the running one', async () => {
    const fixture = new Fixture(undefined, { pool: { graceMs: 0 } })
    fixture.mock.answers('a', [ignoreAbort(1_500, 'of the first'), succeed('of the second', { afterMs: 900 })])
    const { tasks } = await fixture.run([{ id: 'a', timeoutMs: 1_000, retries: 1, backoff: { maxMs: 0 } }])
    expect(tasks.a).toMatchObject({ status: 'succeeded', output: 'of the second' })
  })

  test('after its run was cancelled or released changes nothing', async () => {
    const fixture = new Fixture(undefined, { pool: { graceMs: 0 } })
    fixture.mock.answer('good', ignoreAbort(5_000, 'x')).answer('bad', ignoreAbort(5_000, fail('agent')))
    const unhandled = await unhandledDuring(async () => {
      const run = fixture.start(['good', 'bad'])
      await fixture.mock.started('bad')
      await run.cancel()
      await fixture.clock.advance(1)
      const result = await run.result
      expect(run.release()).toBe(true)
      await fixture.clock.advance(60_000)
      expect(fixture.mock.running).toBe(0)
      expect(result.tasks.map(({ status, abandoned }) => [status, abandoned])).toEqual([
        ['cancelled', 1],
        ['cancelled', 1],
      ])
    })
    expect(unhandled).toEqual([])
  })
})

test('an answer after the orchestrator was closed leaves no record, and the run can be resumed', async () => {
  const fixture = new Fixture(undefined, { pool: { graceMs: 100 } })
  fixture.mock.answer('good', ignoreAbort(60_000, 'late')).answer('bad', ignoreAbort(60_000, fail('agent')))
  const unhandled = await unhandledDuring(async () => {
    const run = fixture.start(['good', 'bad'], { runId: 'run-1' })
    await fixture.mock.started('bad')
    const closed = fixture.orchestrator.drain({ timeoutMs: 1_000 })
    await fixture.clock.advance(2_000)
    await closed
    await expect(run.result).rejects.toMatchObject({ code: 'RUN_SUSPENDED' })
    const before = fixture.journal.durableRecords('run-1')
    await fixture.clock.advance(120_000)
    expect([fixture.mock.running, fixture.clock.pending, fixture.journal.durableRecords('run-1')]).toEqual([
      0,
      0,
      before,
    ])
  })
  expect(unhandled).toEqual([])
  const next = new Fixture(() => 'x', { journal: fixture.journal.afterCrash() })
  const { result, tasks } = await next.finish(await next.orchestrator.resume('run-1'))
  expect([result.outcome, tasks.good?.output]).toEqual(['completed', 'x'])
})
