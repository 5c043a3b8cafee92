import { Orchestrator, type RunBudget, type RunEvent, type TaskSpec } from 'counterpoint'
import { MockBackend, succeed, VirtualClock } from 'counterpoint/testing'
import { describe, expect, test } from 'vitest'
import { checkHistory } from '../support/history.js'
import { specs } from '../support/scheduler-fixture.js'

const costing = (costUsd: number, text: string, pool = 'p'): readonly TaskSpec[] =>
  specs(text).map(spec => ({ ...spec, pool, estimate: { costUsd } }))

/** Pools `p` and `q`, whose agents take 10 ms and use 0.1 dollars. */
function fixture(concurrency = 4) {
  const clock = new VirtualClock()
  const backend = new MockBackend({ clock }).answer('*', succeed('ok', { afterMs: 10, usage: { costUsd: 0.1 } }))
  const orchestrator = new Orchestrator({
    clock,
    pools: { p: { backend, concurrency }, q: { backend, concurrency } },
  })
  const events: RunEvent[] = []
  orchestrator.on('event', event => void ('seq' in event && events.push(event as RunEvent)))
  const begin = (tasks: readonly TaskSpec[], budget: RunBudget) => orchestrator.run({ tasks }, { budget })
  return { clock, backend, orchestrator, events, begin }
}

function heldOf(events: readonly RunEvent[]): readonly string[] {
  return events.flatMap(event => (event.type === 'task.held' ? [`${event.taskId} ${event.reason}`] : []))
}

describe('tasks that do not fit because of reservations', () => {
  for (const onHard of ['stop', 'hold'] as const)
    test(`wait, and all are done without a person, even with onHard ${onHard}`, async () => {
      const { clock, backend, events, begin } = fixture()
      const run = begin(costing(1, 'a b c d e f g<a'), { costUsd: 2, onHard, soft: 1 })
      await clock.runUntilIdle()
      const { outcome, usage } = await run.result
      expect([outcome, usage.costUsd?.toFixed(1), backend.maxRunning, clock.pending]).toEqual([
        'completed',
        '0.7',
        2,
        0,
      ])
      expect(new Set(heldOf(events).map(line => line.split(' ')[1]))).toEqual(new Set(['reserved']))
      checkHistory(events)
    })

  test('do not wait when they can use a backend without an estimate: only settled usage counts there', async () => {
    const { clock, backend, events, begin } = fixture()
    const run = begin(costing(1, 'a b c d e f g<a'), { costUsd: 2, onHard: 'degrade', soft: 1 })
    await clock.runUntilIdle()
    expect([(await run.result).outcome, backend.maxRunning, heldOf(events)]).toEqual(['completed', 4, []])
    checkHistory(events)
  })

  test('are shown as held with the reason, and can be approved or rejected', async () => {
    const { clock, backend, events, begin } = fixture()
    backend.hold('a')
    const run = begin(costing(1, 'a b c d<a'), { costUsd: 1 })
    await clock.advance(0)
    expect(run.progress().held).toMatchObject([
      { id: 'b', reason: 'reserved' },
      { id: 'c', reason: 'reserved' },
    ])
    await run.approve('b', { by: 'Ada' })
    await run.reject('c')
    await clock.advance(100)
    expect([run.task('b')?.status, run.task('c')?.status]).toEqual(['succeeded', 'dead'])
    backend.release('a')
    await clock.runUntilIdle()
    expect((await run.result).outcome).toBe('partial')
    checkHistory(events)
  })

  test('continue after a pause, and with a concurrency of one', async () => {
    const { clock, backend, events, begin } = fixture(1)
    const run = begin([...costing(2, 'a b c'), ...costing(2, 'd e f', 'q')], { costUsd: 3 })
    await clock.advance(5)
    await run.pause()
    await clock.advance(50)
    expect(run.progress().counts).toMatchObject({ succeeded: 1 })
    await run.unpause()
    await clock.runUntilIdle()
    expect([(await run.result).outcome, backend.maxRunning]).toEqual(['completed', 1])
    checkHistory(events)
  })

  test('continue in a serial run across two pools', async () => {
    const { clock, events, orchestrator } = fixture()
    const tasks = [...costing(2, 'a b c'), ...costing(2, 'd e f', 'q')]
    const run = orchestrator.run({ tasks }, { budget: { costUsd: 3 }, mode: 'serial' })
    await clock.runUntilIdle()
    expect((await run.result).outcome).toBe('completed')
    expect(heldOf(events)).toEqual([])
    checkHistory(events)
  })

  test('continue while another pool is parked', async () => {
    const { clock, events, orchestrator, begin } = fixture()
    const run = begin([...costing(1, 'z'), ...costing(3, 'a b c', 'q')], { costUsd: 4 })
    orchestrator.pools.get('p')?.park(3_600_000)
    await clock.advance(1_000)
    expect(run.progress().counts).toMatchObject({ succeeded: 3, ready: 1 })
    await clock.runUntilIdle()
    expect((await run.result).outcome).toBe('completed')
    checkHistory(events)
  })

  test('continue in one pool when the other is parked meanwhile', async () => {
    const { clock, orchestrator, begin } = fixture()
    const run = begin([...costing(4, 'a'), ...costing(1, 'b'), ...costing(1, 'c', 'q')], { costUsd: 4 })
    await clock.advance(5)
    expect(run.progress().held).toMatchObject([{ id: 'b' }, { id: 'c' }])
    orchestrator.pools.get('p')?.pause()
    await clock.advance(1_000)
    expect(run.progress().counts).toMatchObject({ succeeded: 2, ready: 1 })
  })

  test('10,000 of them are each held at most twice', async () => {
    const { clock, backend, events, begin } = fixture(16)
    backend.answer('*', succeed('ok', { afterMs: 10, usage: { costUsd: 0 } }))
    const tasks = Array.from({ length: 10_000 }, (_, i) => ({
      id: `t${i}`,
      description: '',
      pool: 'p',
      estimate: { costUsd: 1 },
    }))
    const run = begin(tasks, { costUsd: 8, soft: 1 })
    await clock.runUntilIdle()
    const { outcome, times } = await run.result
    expect([outcome, backend.maxRunning, times.wallMs]).toEqual(['completed', 8, (10_000 / 8) * 10])
    const held = heldOf(events).length
    expect([held >= 9_000, held < 20_000]).toEqual([true, true])
  })
})
