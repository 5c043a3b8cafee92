import { type memoryJournal, Orchestrator, type Run } from 'counterpoint'
import { MockBackend, slowJournal, succeed, VirtualClock } from 'counterpoint/testing'
import { describe, expect, test } from 'vitest'

const IDS = ['a', 'b', 'c', 'd']

interface Given {
  readonly clock: VirtualClock
  readonly orchestrator: Orchestrator<'p' | 'q'>
  readonly run: Run
  readonly backend: MockBackend
}

/** Four starts have been decided, and are not durable: no backend has been called. */
async function decided(
  options: { tokens?: number } = {},
): Promise<Given & { readonly journal: ReturnType<typeof slowJournal> }> {
  const clock = new VirtualClock()
  const journal = slowJournal({ clock, delayMs: 10 })
  const backend = new MockBackend({ clock }).answer('*', ({ task }) => task.id)
  const orchestrator = new Orchestrator({
    clock,
    journal,
    random: () => 0,
    pools: {
      p: { backend, limitKey: 'k', health: { everyMs: 1e9 } },
      q: { backend, limitKey: 'k' },
    },
    limits: { k: { concurrency: 8, requests: { limit: 100, perMs: 1_000 }, tokens: { limit: 1_000, perMs: 1_000 } } },
  })
  const tasks = IDS.map(id => ({ id, pool: 'p', timeoutMs: 5_000, estimate: { tokens: options.tokens ?? 100 } }))
  const run = orchestrator.run({ tasks }, { runId: 'run' })
  await clock.advance(15)
  expect([backend.calls.length, orchestrator.pools.get('p')!.stats().running]).toEqual([0, 4])
  return { clock, journal, orchestrator, run, backend }
}

type Way = readonly [string, (given: Given) => unknown, (given: Given) => unknown, number]

/** What holds calls back, what ends that, and how many are made meanwhile. */
const WAYS: readonly Way[] = [
  ['pool.pause()', given => pool(given).pause(), given => pool(given).unpause(), 0],
  ['pool.park()', given => pool(given).park(1e9), given => pool(given).unpark(), 0],
  ['limit.park()', given => limit(given).park(1e9), given => limit(given).unpark(), 0],
  ['run.pause()', ({ run }) => run.pause(), ({ run }) => run.unpause(), 0],
  [
    'a concurrency of 1',
    given => {
      pool(given).concurrency = 1
    },
    given => {
      pool(given).concurrency = 4
    },
    1,
  ],
  [
    'a concurrency of the key of 2',
    given => {
      limit(given).concurrency = 2
    },
    given => {
      limit(given).concurrency = undefined
    },
    2,
  ],
  [
    'a lower window of requests',
    given => {
      limit(given).requests = { limit: 3, perMs: 1e9 }
    },
    given => {
      limit(given).requests = undefined
    },
    3,
  ],
  [
    'a lower window of tokens',
    given => {
      limit(given).tokens = { limit: 200, perMs: 1e9 }
    },
    given => {
      limit(given).tokens = undefined
    },
    2,
  ],
]

function pool({ orchestrator }: Given) {
  return orchestrator.pools.get('p')!
}

function limit({ orchestrator }: Given) {
  return orchestrator.limits.get('k')!
}

describe('attempts whose start was decided before', () => {
  test.each(WAYS)(
    '%s are not called, take no slot, and are called once when it is over',
    async (_, hold, open, calls) => {
      const given = await decided()
      const { backend, clock, run } = given
      backend.answer('*', succeed('done', { afterMs: 2_000 }))
      const held = hold(given)
      // Longer than their time limit, which has not begun.
      await clock.advance(calls === 0 ? 60_000 : 1_000)
      await held
      expect([backend.calls.length, pool(given).stats()]).toMatchObject([calls, { running: calls, queued: 4 - calls }])
      expect(run.progress().counts.running).toBe(4)
      void open(given)
      await clock.runUntilIdle()
      const { outcome, tasks } = await run.result
      expect([outcome, tasks.map(({ attempts }) => attempts), clock.pending]).toEqual(['completed', [1, 1, 1, 1], 0])
      expect(backend.calls.map(({ taskId }) => taskId).toSorted()).toEqual(IDS)
      expect(pool(given).stats()).toMatchObject({ running: 0, queued: 0 })
    },
  )

  test('leave their part of the limit to other pools, and their slots to other runs', async () => {
    const given = await decided({ tokens: 250 })
    const { clock, orchestrator, run } = given
    void run.pause()
    await clock.advance(50)
    const estimate = { tokens: 1_000 }
    for (const other of ['q', 'p'] as const) {
      const next = orchestrator.run({ tasks: [{ id: 'x', pool: other, estimate }] })
      await clock.advance(2_000)
      expect((await next.result).outcome).toBe('completed')
    }
    void run.unpause()
    await clock.runUntilIdle()
    expect((await run.result).outcome).toBe('completed')
  })

  test.each([
    ['are cancelled', (given: Given) => given.run.cancel(), 'cancelled'],
    ['are cancelled one by one', ({ run }: Given) => Promise.all(IDS.map(id => run.cancelTask(id))), 'failed'],
  ] as const)('are never called when they %s meanwhile', async (_, end, outcome) => {
    const given = await decided()
    const { backend, clock, run } = given
    pool(given).pause()
    await clock.advance(50)
    void end(given)
    await clock.advance(50)
    expect((await run.result).outcome).toBe(outcome)
    pool(given).unpause()
    await clock.runUntilIdle()
    expect([backend.calls, clock.pending, pool(given).stats()]).toMatchObject([[], 0, { running: 0, queued: 0 }])
  })

  test.each(['at once', 'after a pause of the pool', 'after a pause of the run'])(
    'are never called when the orchestrator drains, %s, and are done after a resume',
    async when => {
      const given = await decided()
      const { backend, clock, journal, orchestrator, run } = given
      if (when.endsWith('pool')) pool(given).pause()
      if (when.endsWith('run')) void run.pause()
      if (when !== 'at once') await clock.advance(50)
      run.result.catch(() => {})
      const drained = orchestrator.drain()
      await clock.advance(100)
      await drained
      expect(backend.calls).toEqual([])
      await resumed(journal, clock, when.endsWith('run'))
    },
  )

  test.each([
    ['the pool', pool],
    ['the limit', limit],
  ] as const)('start slowly when %s was parked and has opened meanwhile', async (_, target) => {
    const given = await decided()
    const { backend, clock, run } = given
    backend.answer('*', succeed('done', { afterMs: 2_000 }))
    target(given).park(1_000)
    target(given).unpark()
    await clock.advance(1_000)
    expect([backend.calls.length, pool(given).stats()]).toMatchObject([1, { running: 1, queued: 3 }])
    await clock.advance(2_000)
    expect([backend.calls.length, pool(given).stats()]).toMatchObject([3, { running: 2, queued: 1 }])
    await clock.runUntilIdle()
    expect([(await run.result).outcome, backend.calls.length, clock.pending]).toEqual(['completed', 4, 0])
  })

  test('are done after a resume when the process is lost meanwhile', async () => {
    const given = await decided()
    pool(given).pause()
    await given.clock.advance(50)
    await resumed(given.journal.afterCrash(), given.clock, false)
  })

  test('of one batch are not called when the first one pauses the pool, parks it or pauses the run', async () => {
    for (const act of ['pause', 'park', 'run'] as const) {
      const clock = new VirtualClock()
      const calls: string[] = []
      const backend = ({ task }: { task: { id: string } }): string => {
        calls.push(task.id)
        if (calls.length > 1) return task.id
        if (act === 'run') void run.pause()
        else if (act === 'park') orchestrator.pools.get('p')!.park(1_000)
        else orchestrator.pools.get('p')!.pause()
        return task.id
      }
      const orchestrator = new Orchestrator({ clock, random: () => 0, pools: { p: { backend } } })
      const run = orchestrator.run({ tasks: IDS.map(id => ({ id, pool: 'p' })) })
      await clock.advance(500)
      expect([act, calls]).toEqual([act, ['a']])
      orchestrator.pools.get('p')!.unpause()
      if (act === 'run') await run.unpause()
      await clock.runUntilIdle()
      expect([act, calls, (await run.result).outcome]).toEqual([act, IDS, 'completed'])
    }
  })
})

/** The run is done in another process. */
async function resumed(
  journal: ReturnType<typeof slowJournal> | ReturnType<typeof memoryJournal>,
  clock: VirtualClock,
  isPaused: boolean,
): Promise<void> {
  const backend = new MockBackend({ clock }).answer('*', ({ task }) => task.id)
  const resuming = new Orchestrator({ clock, journal, pools: { p: { backend }, q: { backend } } }).resume('run')
  await clock.advance(10)
  const run = await resuming
  if (isPaused) void run.unpause()
  await clock.runUntilIdle()
  expect([(await run.result).outcome, backend.calls.map(({ taskId }) => taskId)]).toEqual(['completed', IDS])
}
