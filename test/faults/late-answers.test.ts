import type { RunEvent } from 'counterpoint'
import { fail, ignoreAbort, succeed } from 'counterpoint/testing'
import { describe, expect, test } from 'vitest'
import { Stage, unhandledDuring } from './stage.js'

describe('an answer that comes too late', () => {
  test.each([
    ['a result', ignoreAbort(20_000, 'too late')],
    ['a rejection', ignoreAbort(20_000, fail('crashed'))],
  ])('%s after the attempt was abandoned changes nothing and disturbs nobody', async (_, answer) => {
    const stage = new Stage(undefined, { pool: { graceMs: 1_000 } })
    stage.mock.answer('a', answer)
    const unhandled = await unhandledDuring(async () => {
      const run = stage.start([
        { id: 'a', timeoutMs: 1_000, retries: 0 },
        { id: 'b', after: ['a'] },
      ])
      const heard: RunEvent[] = []
      run.on('event', event => void heard.push(event as RunEvent))
      const played = await stage.finish(run)
      const before = heard.length
      await stage.clock.advance(60_000)
      expect(stage.mock.calls[0]?.endedAt).toBeDefined()
      expect(heard.length).toBe(before)
      expect(played.tasks).toMatchObject({
        a: { status: 'dead', abandoned: 1 },
        b: { status: 'skipped', rootCause: 'a' },
      })
      expect(run.task('a')).toEqual(played.tasks.a)
    })
    expect(unhandled).toEqual([])
  })

  test('within the grace is not taken either: the attempt has timed out', async () => {
    const stage = new Stage(undefined, { pool: { graceMs: 5_000 } })
    stage.mock.answers('a', [ignoreAbort(3_000, 'too late'), 'in time'])
    const { tasks, events } = await stage.play([{ id: 'a', timeoutMs: 1_000, retries: 1 }])
    expect(tasks.a).toMatchObject({ status: 'succeeded', output: 'in time', attempts: 2, abandoned: 0 })
    // The slot came back when the backend ended, not when the grace did.
    const failed = events.find(event => event.type === 'attempt.failed')!
    expect(failed.at - events[0]!.at).toBe(3_000)
  })

  test('of an attempt before is not taken for the one that runs', async () => {
    const stage = new Stage(undefined, { pool: { graceMs: 0 } })
    stage.mock.answers('a', [ignoreAbort(1_500, 'of the first'), succeed('of the second', { afterMs: 900 })])
    const { tasks } = await stage.play([{ id: 'a', timeoutMs: 1_000, retries: 1, backoff: { maxMs: 0 } }])
    expect(tasks.a).toMatchObject({ status: 'succeeded', output: 'of the second' })
  })

  test('after its run was cancelled or let go does no harm', async () => {
    const stage = new Stage(undefined, { pool: { graceMs: 0 } })
    stage.mock.answer('good', ignoreAbort(5_000, 'x')).answer('bad', ignoreAbort(5_000, fail('agent')))
    const unhandled = await unhandledDuring(async () => {
      const run = stage.start(['good', 'bad'])
      await stage.mock.started('bad')
      await run.cancel()
      await stage.clock.advance(1)
      const result = await run.result
      expect(run.release()).toBe(true)
      await stage.clock.advance(60_000)
      expect(stage.mock.running).toBe(0)
      expect(result.tasks.map(({ status, abandoned }) => [status, abandoned])).toEqual([
        ['cancelled', 1],
        ['cancelled', 1],
      ])
    })
    expect(unhandled).toEqual([])
  })
})

test('an answer after the orchestrator was closed leaves no record, and the run can be resumed', async () => {
  const stage = new Stage(undefined, { pool: { graceMs: 100 } })
  stage.mock.answer('good', ignoreAbort(60_000, 'late')).answer('bad', ignoreAbort(60_000, fail('agent')))
  const unhandled = await unhandledDuring(async () => {
    const run = stage.start(['good', 'bad'], { runId: 'run-1' })
    await stage.mock.started('bad')
    const closed = stage.orchestrator.drain({ timeoutMs: 1_000 })
    await stage.clock.advance(2_000)
    await closed
    await expect(run.result).rejects.toMatchObject({ code: 'RUN_SUSPENDED' })
    const before = stage.journal.durableRecords('run-1')
    await stage.clock.advance(120_000)
    expect([stage.mock.running, stage.clock.pending, stage.journal.durableRecords('run-1')]).toEqual([0, 0, before])
  })
  expect(unhandled).toEqual([])
  const next = new Stage(() => 'x', { journal: stage.journal.afterCrash() })
  const { result, tasks } = await next.finish(await next.orchestrator.resume('run-1'))
  expect([result.outcome, tasks.good?.output]).toEqual(['completed', 'x'])
})
