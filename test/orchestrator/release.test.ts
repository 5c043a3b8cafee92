import { Limit, Orchestrator, WorkerPool } from 'counterpoint'
import { VirtualClock } from 'counterpoint/testing'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { ProbeJournal } from '../support/probe-journal.js'
import { specs } from '../support/scheduler-fixture.js'
import { setUp } from '../support/set-up.js'

const { get } = Map.prototype

/** Makes a repeated lookup throw, because an endless loop would keep the test from failing. */
function guardLoops(key: string): void {
  let times = 0
  Map.prototype.get = function (lookedUp) {
    if (lookedUp === key && ++times > 10_000) throw new Error('an endless loop')
    return get.call(this, lookedUp)
  }
}

afterEach(() => {
  Map.prototype.get = get
})

const plan = { tasks: specs('a') }

describe('a pool, or a limit, of the host', () => {
  test('keeps no orchestrator that was drained: it gets no events, and counts for nothing', async () => {
    const clock = new VirtualClock()
    const limit = new Limit({ key: 'k', clock })
    const pool = new WorkerPool({ name: 'own', backend: () => 1, clock, limit })
    const heard: string[] = []
    const use = async (index: number): Promise<void> => {
      // `q` is made by the orchestrator, and joins the limit of the host by its key.
      const pools = { p: pool, q: { backend: () => 1, limitKey: 'k', queueLimit: 3 } }
      const orchestrator = new Orchestrator<string>({ clock, pools })
      orchestrator.on('pool.parked', ({ pool: name }) => heard.push(`${index}${name}`))
      const run = orchestrator.run({ tasks: [{ id: 'a', pool: 'p' }] })
      await clock.runUntilIdle()
      await run.result
      await orchestrator.drain()
    }
    for (let index = 0; index < 3; index++) await use(index)
    pool.park(1_000)
    limit.park(2_000)
    pool.queueLimit = 5
    expect(heard).toEqual([])
    const live = new Orchestrator({ clock, pools: { p: pool } })
    live.on('pool.parked', ({ pool: name }) => heard.push(name))
    limit.park(5_000)
    expect(heard).toEqual(['p'])
  })
})

describe('a run', () => {
  test('is kept until it is released, and its result stays available', async () => {
    const { orchestrator } = setUp()
    const run = orchestrator.run(plan, { runId: 'x' })
    expect(run.release()).toBe(false)
    await run.result
    expect(orchestrator.runs.get('x')).toBe(run)
    expect([run.release(), orchestrator.runs.get('x')]).toEqual([true, undefined])
    expect([(await run.result).outcome, run.progress().status, run.task('a')?.status]).toEqual([
      'completed',
      'settled',
      'succeeded',
    ])
  })

  test('can be released twice', async () => {
    const { orchestrator } = setUp()
    const run = orchestrator.run(plan)
    await run.result
    run.release()
    run.release()
    expect((await orchestrator.run(plan).result).outcome).toBe('completed')
  })

  test("is removed from the default journal on release, but not from a host's journal", async () => {
    const own = setUp().orchestrator
    const first = own.run(plan, { runId: 'x' })
    await first.result
    first.release()
    await expect(own.resume('x')).rejects.toMatchObject({ code: 'NOT_FOUND' })
    const journal = new ProbeJournal()
    const { orchestrator } = setUp({}, { journal })
    const second = orchestrator.run(plan, { runId: 'x' })
    await second.result
    second.release()
    expect((await (await orchestrator.resume('x')).result).outcome).toBe('completed')
  })
})

describe('retention', () => {
  test('keeps the last settled runs, and releases the oldest first', async () => {
    const { orchestrator } = setUp({}, { retain: 2 })
    for (const runId of ['a', 'b', 'c', 'd']) await orchestrator.run(plan, { runId }).result
    expect(orchestrator.runs.live.map(run => run.id)).toEqual(['c', 'd'])
  })

  test('counts the settled runs that are resumed', async () => {
    const journal = new ProbeJournal()
    const first = setUp({}, { journal }).orchestrator
    for (const runId of ['a', 'b', 'c', 'd']) await first.run(plan, { runId }).result
    const { orchestrator } = setUp({}, { journal, retain: 2 })
    const { signal } = new AbortController()
    const added = vi.spyOn(signal, 'addEventListener')
    const removed = vi.spyOn(signal, 'removeEventListener')
    for (const runId of ['a', 'b', 'c', 'd']) await orchestrator.resume(runId, { signal })
    expect(orchestrator.runs.live.map(run => run.id)).toEqual(['c', 'd'])
    expect(added.mock.calls.length - removed.mock.calls.length).toBe(0)
    const again = await orchestrator.resume('a')
    expect((await again.result).outcome).toBe('completed')
    expect(orchestrator.runs.live.map(run => run.id)).toEqual(['d', 'a'])
  })

  test.each([0, 1, 2, 9])(
    'of %i holds however the runs ended: started, resumed settled or unsettled, at once or in turn',
    async retain => {
      const journal = new ProbeJournal()
      const first = setUp({}, { journal })
      for (const runId of ['a', 'b', 'c']) await first.orchestrator.run(plan, { runId }).result
      first.backend.hold('*')
      for (const runId of ['d', 'e']) first.orchestrator.run(plan, { runId }).result.catch(() => {})
      await first.backend.started('a')
      const drained = first.orchestrator.drain({ timeoutMs: 0 })
      await first.clock.runUntilIdle()
      await drained
      const { orchestrator, backend, clock } = setUp({ concurrency: 9 }, { journal, retain })
      const ids = (): string[] => orchestrator.runs.live.map(run => run.id)
      const last = (...ended: string[]): string[] => (retain === 0 ? [] : ended.slice(-retain))
      await Promise.all(['a', 'b', 'c'].map(runId => orchestrator.resume(runId)))
      expect(ids()).toEqual(last('a', 'b', 'c'))
      backend.hold('*')
      const live = await Promise.all(['d', 'e'].map(runId => orchestrator.resume(runId)))
      expect(ids()).toEqual([...last('a', 'b', 'c'), 'd', 'e'])
      for (const runId of ['a', 'b']) await orchestrator.resume(runId)
      expect(ids().filter(id => id === 'd' || id === 'e')).toEqual(['d', 'e'])
      expect(ids()).toHaveLength(2 + Math.min(retain, 3))
      await clock.advance(60_000)
      backend.release('*')
      await clock.runUntilIdle()
      await Promise.all(live.map(run => run.result))
      expect(ids()).toHaveLength(Math.min(retain, 5))
      await orchestrator.resume('c')
      expect(ids().at(-1)).toBe(retain === 0 ? undefined : retain < 5 ? 'c' : 'e')
      expect(ids()).toHaveLength(Math.min(retain, 5))
    },
  )

  test('keeps every live run', async () => {
    const { backend, orchestrator } = setUp({ concurrency: 9 }, { retain: 0 })
    backend.hold('*')
    const runs = ['a', 'b', 'c'].map(runId => orchestrator.run(plan, { runId }))
    await new Promise(resolve => setImmediate(resolve))
    expect(orchestrator.runs.live).toEqual(runs)
    backend.release('*')
    await Promise.all(runs.map(run => run.result))
    expect(orchestrator.runs.live).toEqual([])
  })

  // It is released before it is counted as settled, so it must not be searched among the settled runs forever.
  test('handles a run that is released in the listener of its last event', async () => {
    guardLoops('early')
    const { orchestrator } = setUp({}, { retain: 0 })
    const run = orchestrator.run(plan, { runId: 'early' })
    run.on('run.settled', () => void run.release())
    expect((await run.result).outcome).toBe('completed')
    expect((await orchestrator.run(plan).result).outcome).toBe('completed')
  })

  test('handles a run whose journal failed', async () => {
    guardLoops('stalled')
    const journal = new ProbeJournal()
    journal.refuseFrom = 2
    const { orchestrator } = setUp({}, { journal, retain: 0 })
    orchestrator.on('error', () => {})
    await expect(orchestrator.run(plan, { runId: 'stalled' }).result).rejects.toMatchObject({ code: 'JOURNAL' })
    expect(orchestrator.runs.live).toEqual([])
  })

  test('handles a run that never began', async () => {
    guardLoops('unborn')
    const { orchestrator } = setUp(
      {},
      { retain: 0, distributor: async () => Promise.reject(new Error('no classifier')) },
    )
    await expect(orchestrator.run({ tasks: [{ id: 'a' }] }, { runId: 'unborn' }).result).rejects.toThrow(
      'no classifier',
    )
    expect(orchestrator.runs.live).toEqual([])
    expect((await orchestrator.run(plan).result).outcome).toBe('completed')
  })

  test('frees the memory of a thousand runs', async () => {
    const orchestrator = new Orchestrator({ pools: { p: { backend: () => 'x'.repeat(10_000) } }, retain: 10 })
    for (let i = 0; i < 1_000; i++) await orchestrator.run(plan).result
    expect(orchestrator.runs.live).toHaveLength(10)
    expect(await orchestrator.runs.list()).toHaveLength(10)
  })
})
