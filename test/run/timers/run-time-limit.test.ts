import type { RunBudget, RunEvent } from 'counterpoint'
import { ignoreAbort, succeed } from 'counterpoint/testing'
import { describe, expect, test } from 'vitest'
import { checkHistory } from '../../support/history.js'
import { ProbeJournal } from '../../support/probe-journal.js'
import { specs } from '../../support/scheduler-fixture.js'
import { setUp } from '../../support/set-up.js'

const DAY_MS = 86_400_000

/** A chain of tasks of 100 ms each. */
function chain(budget: RunBudget, text = 'a b<a c<b d<c', journal = new ProbeJournal()) {
  const fixture = setUp({ graceMs: 10 }, { journal })
  fixture.backend.answer('*', succeed('ok', { afterMs: 100 }))
  const events: RunEvent[] = []
  fixture.orchestrator.on('event', event => void events.push(event as RunEvent))
  return { ...fixture, events, journal, run: fixture.orchestrator.run({ tasks: specs(text) }, { runId: 'x', budget }) }
}

describe('the wallMs budget of a run', () => {
  test('stops the run in the middle of an attempt, and leaves no timer', async () => {
    const { clock, events, run } = chain({ wallMs: 250 })
    await clock.runUntilIdle()
    const { outcome, tasks, times } = await run.result
    expect([outcome, times.wallMs, clock.pending]).toEqual(['partial', 250, 0])
    expect(tasks.map(({ status }) => status)).toEqual(['succeeded', 'succeeded', 'cancelled', 'cancelled'])
    expect(
      events.filter(({ type }) => type === 'budget.reached').map(event => (event as { level: string }).level),
    ).toEqual(['soft', 'hard'])
    checkHistory(events)
  })

  test('waits for the grace period of an attempt that ignores its abort', async () => {
    const { backend, clock, run } = chain({ wallMs: 250 })
    backend.answer('c', ignoreAbort(1_000))
    await clock.runUntilIdle()
    expect((await run.result).times.wallMs).toBe(260)
  })

  test('leaves no timer when it is not used up', async () => {
    const { clock, run } = chain({ wallMs: DAY_MS * 60 })
    await clock.advance(400)
    expect([(await run.result).outcome, clock.pending]).toEqual(['completed', 0])
  })

  test('counts pauses', async () => {
    const { clock, run } = chain({ wallMs: 250 })
    await clock.advance(50)
    await run.pause()
    await clock.advance(300)
    expect([(await run.result).outcome, (await run.result).times.wallMs]).toEqual(['partial', 250])
  })

  test('with onHard hold, pauses the run until unpause', async () => {
    const { clock, events, run } = chain({ wallMs: 250, onHard: 'hold' })
    await clock.runUntilIdle()
    expect(run.progress()).toMatchObject({ status: 'paused', counts: { succeeded: 3, ready: 1 } })
    await run.unpause()
    await clock.runUntilIdle()
    expect((await run.result).outcome).toBe('completed')
    checkHistory(events)
  })

  test('can be changed: the time that has passed counts', async () => {
    const { clock, run } = chain({ wallMs: 10_000 })
    await clock.advance(150)
    await run.setBudget({ wallMs: 250 })
    await clock.runUntilIdle()
    expect((await run.result).times.wallMs).toBe(250)
    const other = chain({ wallMs: 250 })
    await other.clock.advance(150)
    await other.run.setBudget({})
    await other.clock.runUntilIdle()
    expect((await other.run.result).outcome).toBe('completed')
  })

  test('does not count time without a process, however often the run is resumed', async () => {
    let { clock, journal } = chain({ wallMs: 350 })
    let elapsed = 0
    for (const ms of [50, 60, 70]) {
      await clock.advance(ms)
      elapsed += ms + DAY_MS
      journal = ProbeJournal.after(journal, 99)
      const next = setUp({}, { journal })
      next.clock.jump(elapsed)
      next.backend.answer('*', succeed('ok', { afterMs: 1_000 }))
      clock = next.clock
      const run = await next.orchestrator.resume('x')
      if (ms !== 70) continue
      await clock.runUntilIdle()
      // The last event before each end is the last sign of the earlier process.
      const { times, outcome } = await run.result
      expect([outcome, times.wallMs]).toEqual(['failed', 350])
    }
  })

  test('still applies after costUsd was used up with onHard hold', async () => {
    const { clock, run } = chain({ wallMs: 250, costUsd: 0, onHard: 'hold' }, 'a b<a')
    await clock.runUntilIdle()
    expect(run.progress().held).toMatchObject([{ id: 'a', reason: 'budget' }])
    expect(run.progress().status).toBe('paused')
  })

  test('has a soft limit of its own', async () => {
    const { backend, clock, events, run } = chain({ wallMs: 450, costUsd: 1 })
    backend.answer('a', succeed('ok', { afterMs: 100, usage: { costUsd: 0.9 } }))
    await clock.runUntilIdle()
    await run.result
    const soft = events.flatMap(event =>
      event.type === 'budget.reached' && event.level === 'soft' ? [event.measure] : [],
    )
    expect(soft).toEqual(['costUsd', 'wallMs'])
  })

  const drainedLate = async () => {
    const { clock, journal, orchestrator, run } = chain({ wallMs: 80, onHard: 'hold' })
    await clock.advance(50)
    void orchestrator.drain()
    await clock.runUntilIdle()
    await run.result.catch(() => {})
    const next = setUp({}, { journal: ProbeJournal.after(journal, 99) })
    next.backend.answer('*', succeed('ok', { afterMs: 100 }))
    next.clock.jump(DAY_MS)
    const again = await next.orchestrator.resume('x')
    await next.clock.runUntilIdle()
    return { status: again.progress().status, calls: next.backend.calls.length }
  }

  test('that is used up while the run drains pauses it after resume', async () => {
    expect((await drainedLate()).status).toBe('paused')
  })

  test('that is used up before resume lets nothing start', async () => {
    expect(await drainedLate()).toEqual({ status: 'paused', calls: 0 })
  })

  test('a day without a process does not count as busy time of attempts that were being stopped', async () => {
    const journal = new ProbeJournal()
    const first = setUp({ graceMs: 100 }, { journal })
    first.backend.answer('a', ignoreAbort())
    first.orchestrator.run({ tasks: [{ id: 'a', timeoutMs: 50, retries: 0 }] }, { runId: 'x' })
    await first.clock.advance(60)
    const next = setUp({}, { journal: ProbeJournal.after(journal, 99) })
    next.clock.jump(60 + DAY_MS)
    const run = await next.orchestrator.resume('x')
    await next.clock.runUntilIdle()
    expect((await run.result).tasks[0]?.busyMs).toBeLessThan(DAY_MS)
  })
})
