import { memoryJournal, type TaskSpec } from 'counterpoint'
import { fail, succeed } from 'counterpoint/testing'
import { describe, expect, test } from 'vitest'
import { ProbeJournal } from '../../support/probe-journal.js'
import { setUp } from '../../support/set-up.js'

const DAY_MS = 86_400_000

/** `b` was ready for 60 ms; after a day without a process another one resumes the run, with no free slot for a while. */
async function resumedAfter(pausedMs: number, spec: Partial<TaskSpec>, busyMs: number, restarts = 1) {
  const journal = new ProbeJournal()
  const first = setUp({ concurrency: 1 }, { journal })
  first.backend.hold('a')
  const run = first.orchestrator.run(
    {
      tasks: [
        { id: 'a', priority: 1 },
        { id: 'b', ...spec },
      ],
    },
    { runId: 'x' },
  )
  await first.clock.advance(60)
  if (pausedMs > 0) await run.pause()
  await first.clock.advance(pausedMs)
  // An event at that time.
  await (pausedMs > 0 ? run.unpause() : run.add({ tasks: [{ id: 'c', after: ['b'] }] }))
  let [left, at] = [ProbeJournal.after(journal, 99), 60 + pausedMs]
  for (let i = 1; ; i++) {
    at += DAY_MS
    const { clock, orchestrator } = setUp({ concurrency: 1 }, { journal: left })
    clock.jump(at)
    orchestrator.pools.get('p')?.pause()
    const again = await orchestrator.resume('x')
    await clock.advance(0)
    if (i < restarts) {
      left = ProbeJournal.after(left, 99)
      continue
    }
    await clock.advance(busyMs)
    orchestrator.pools.get('p')?.unpause()
    await clock.runUntilIdle()
    const { failure, status } = (await again.result).tasks[1]!
    return failure?.timeout ?? status
  }
}

describe('after a restart, waiting tasks', () => {
  test('have the rest of their time: time without a process does not count', async () => {
    for (const spec of [{ queueTimeoutMs: 100 }, { totalTimeoutMs: 100 }]) {
      expect(await resumedAfter(0, spec, 30)).toBe('succeeded')
      expect(await resumedAfter(0, spec, 50)).toBe('queueTimeoutMs' in spec ? 'queue' : 'total')
    }
  })

  test('have the rest of their time after a second restart, too', async () => {
    for (const spec of [{ queueTimeoutMs: 100 }, { totalTimeoutMs: 100 }])
      expect(await resumedAfter(0, spec, 30, 2)).toBe('succeeded')
  })

  test('do not lose the time of a pause before the restart', async () => {
    for (const spec of [{ queueTimeoutMs: 100 }, { totalTimeoutMs: 100 }])
      expect(await resumedAfter(1_000, spec, 30)).toBe('succeeded')
  })

  test('do not lose the time in which they were held', async () => {
    const journal = new ProbeJournal()
    const first = setUp({}, { journal })
    const tasks = [{ id: 'a', approval: true, totalTimeoutMs: 100 }, { id: 'b' }]
    const run = first.orchestrator.run({ tasks }, { runId: 'x' })
    await first.clock.advance(5_000)
    await run.add({ tasks: [{ id: 'c' }] })
    await first.clock.advance(0)
    const next = setUp({}, { journal: ProbeJournal.after(journal, 99) })
    next.clock.jump(5_000)
    next.backend.answer('a', succeed('a', { afterMs: 50 }))
    const again = await next.orchestrator.resume('x')
    await next.clock.advance(0)
    await again.approve('a')
    await next.clock.runUntilIdle()
    expect((await again.result).outcome).toBe('completed')
  })
})

test('a resumed run of which all tasks are delayed shows that their pool is parked', async () => {
  const journal = memoryJournal()
  const first = setUp({}, { journal })
  first.backend.answers('a', [fail({ kind: 'throttled', retryAfterMs: 60_000 })])
  const run = first.orchestrator.run({ tasks: [{ id: 'a', totalTimeoutMs: 30_000 }] }, { runId: 'x' })
  await first.clock.advance(10)
  const drained = first.orchestrator.drain()
  await first.clock.runUntilIdle()
  await drained
  await expect(run.result).rejects.toThrow('suspended')
  const { clock, orchestrator } = setUp({}, { journal })
  clock.jump(20_000)
  const again = await orchestrator.resume('x')
  await clock.advance(1)
  expect(again.task('a')?.status).toBe('delayed')
  expect(again.progress().parked).toMatchObject([{ pool: 'p', reason: 'throttled' }])
  await clock.runUntilIdle()
  expect((await again.result).outcome).toBe('completed')
})
