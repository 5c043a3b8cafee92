import { isCounterpointError, WorkerPool } from 'counterpoint'
import { VirtualClock } from 'counterpoint/testing'
import { describe, expect, test } from 'vitest'
import { specs } from '../support/scheduler-fixture.js'
import { setUp } from '../support/set-up.js'
import { TestRun } from '../support/test-run.js'

function poolOf(concurrency: number, agingMs?: number): { pool: WorkerPool; clock: VirtualClock; log: string[] } {
  const clock = new VirtualClock()
  const backend = { run: () => null }
  const pool = new WorkerPool({ name: 'p', backend, concurrency, clock, ...(agingMs !== undefined && { agingMs }) })
  return { pool, clock, log: [] }
}

describe('the order inside a run', () => {
  test('is by priority, then by longest remaining path, then by plan order', () => {
    const { pool } = poolOf(1)
    const run = new TestRun(pool, 'a')
    run.push(0, 0)
    run.paths.set(3, 9)
    run.push(1, 3)
    run.push(4, 4, 2)
    for (const index of [0, 4, 3, 1]) run.release(index)
    expect(run.started).toEqual([0, 4, 3, 1, 2])
  })

  test('raises the priority of a waiting task by one step per `agingMs`', () => {
    const { pool } = poolOf(1, 1_000)
    const run = new TestRun(pool, 'a')
    run.push(0, 0)
    run.queue.add(1, 5, 0)
    for (let second = 0; second < 10; second++) run.queue.add(10 + second, 1, second * 1_000)
    run.queue.dispatch()
    for (let i = 0; i < 10; i++) run.release(run.started.at(-1)!)
    // Priority 5 at second 0 equals priority 1 at second 4, and has the lower index.
    expect(run.started.slice(1, 7)).toEqual([10, 11, 12, 13, 1, 14])
  })

  test('follows a path that grows while its task waits', async () => {
    const { backend, clock, orchestrator } = setUp({ concurrency: 1, defaults: { durationMs: 10 } })
    backend.hold('a')
    const run = orchestrator.run({ tasks: specs('a b c') })
    await backend.started('a')
    await run.add({ tasks: [{ id: 'd', pool: 'p', after: ['c'], durationMs: 5_000 }] })
    backend.release('a')
    await clock.runUntilIdle()
    expect(backend.calls.map(call => call.taskId)).toEqual(['a', 'c', 'd', 'b'])
  })

  test('skips tasks that are no longer ready', () => {
    const { pool } = poolOf(1)
    const run = new TestRun(pool, 'a')
    run.push(0, 4)
    for (const index of [1, 2, 4]) {
      run.notReady.add(index)
      run.queue.withdraw()
    }
    expect(pool.stats()).toMatchObject({ running: 1, queued: 1 })
    run.release(0)
    run.release(3)
    expect(run.started).toEqual([0, 3])
    expect(pool.stats()).toMatchObject({ running: 0, queued: 0 })
  })
})

describe('runs that share a pool', () => {
  /** Releases the oldest slot this many times. Returns how many tasks each run has started meanwhile. */
  function shares(runs: readonly TestRun[], turns: number): readonly number[] {
    const before = runs.map(run => run.started.length)
    for (let i = 0; i < turns; i++) {
      const holder = runs.filter(run => run.leases.size > 0)[i % runs.filter(run => run.leases.size > 0).length]!
      holder.release([...holder.leases.keys()][0]!)
    }
    return runs.map((run, i) => run.started.length - before[i]!)
  }

  test('get equal shares, however many ready tasks one of them has', () => {
    const { pool, log } = poolOf(2)
    const runs = [new TestRun(pool, 'a', log), new TestRun(pool, 'b', log)]
    runs[0]!.push(0, 999)
    runs[1]!.push(0, 99)
    expect(shares(runs, 100).map(share => Math.round(share / 10))).toEqual([5, 5])
  })

  test('get shares by weight', () => {
    const { pool, log } = poolOf(3)
    const runs = [new TestRun(pool, 'a', log, 1), new TestRun(pool, 'b', log, 2)]
    for (const run of runs) run.push(0, 499)
    const [one, two] = shares(runs, 150) as [number, number]
    expect(two / one).toBeGreaterThan(1.9)
    expect(two / one).toBeLessThan(2.1)
  })

  test('save up no turns while they have nothing ready', () => {
    const { pool, log } = poolOf(1)
    const [a, b] = [new TestRun(pool, 'a', log), new TestRun(pool, 'b', log)]
    a.push(0, 99)
    b.push(0, 0)
    for (let i = 0; i < 50; i++) for (const run of [a, b]) run.release(...run.leases.keys())
    log.length = 0
    b.push(1, 20)
    for (let i = 0; i < 20; i++) for (const run of [a, b]) run.release(...run.leases.keys())
    // With saved turns, b would now get fifty in a row.
    expect(log.slice(0, 10).filter(claim => claim.startsWith('b')).length).toBeLessThanOrEqual(6)
    expect(log.slice(0, 10).filter(claim => claim.startsWith('b')).length).toBeGreaterThanOrEqual(4)
  })

  test('get equal shares whatever their priorities', () => {
    const { pool, log } = poolOf(1)
    const [a, b] = [new TestRun(pool, 'a', log), new TestRun(pool, 'b', log)]
    a.push(0, 99, 1)
    b.push(0, 99, 9)
    expect(shares([a, b], 40)).toEqual([20, 20])
  })

  test('get no slots while they are held, or after they are closed', () => {
    const { pool, log } = poolOf(2)
    const [a, b] = [new TestRun(pool, 'a', log), new TestRun(pool, 'b', log)]
    a.queue.setHeld(true)
    a.push(0, 2)
    b.push(0, 3)
    expect(log).toEqual(['b0', 'b1'])
    b.queue.close()
    b.release(0, 1)
    expect([log.length, pool.stats().queued]).toEqual([2, 3])
    a.queue.setHeld(false)
    expect(log.slice(2)).toEqual(['a0', 'a1'])
  })
})

describe('concurrency', () => {
  test('can be raised and lowered while the pool works', async () => {
    const { pool, clock } = poolOf(2)
    const run = new TestRun(pool, 'a')
    run.push(0, 19)
    pool.concurrency = 5
    expect(pool.stats()).toMatchObject({ running: 5, queued: 15, concurrency: 5, paused: false })
    pool.concurrency = 1
    run.release(0, 1, 2, 3)
    expect(pool.stats()).toMatchObject({ running: 1, queued: 15 })
    run.release(4)
    expect(pool.stats()).toMatchObject({ running: 1, queued: 14 })
    pool.concurrency = 3
    await clock.advance(0)
    expect(pool.stats()).toMatchObject({ running: 3, queued: 12 })
  })

  test('is not exceeded in any sequence of changes, pauses and releases', async () => {
    const { pool, clock } = poolOf(3)
    const run = new TestRun(pool, 'a')
    run.push(0, 199)
    let allowed = 3
    for (let i = 0; i < 300 && run.started.length < 200; i++) {
      const before = run.leases.size
      if (i % 7 === 0) pool.concurrency = 1 + ((i * 5) % 6)
      if (i % 11 === 0) pool.pause()
      if (i % 11 === 4) pool.unpause()
      allowed = Math.max(pool.concurrency, before)
      expect(pool.stats().running).toBeLessThanOrEqual(allowed)
      expect(pool.stats().running).toBe(run.leases.size)
      run.release([...run.leases.keys()][0] ?? -1)
      await clock.advance(0)
    }
    pool.unpause()
    expect(run.started.length).toBeGreaterThan(100)
    expect(new Set(run.started).size).toBe(run.started.length)
  })

  test.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, '4', null])('rejects %s and keeps its value', value => {
    const { pool } = poolOf(2)
    const error = (() => {
      try {
        pool.concurrency = value as number
      } catch (thrown) {
        return thrown
      }
    })()
    expect(isCounterpointError(error, 'INVALID_INPUT') && error.details.issues[0]).toMatchObject({
      path: 'pools.p.concurrency',
    })
    expect(pool.concurrency).toBe(2)
    expect(() => poolOf(value as number)).toThrow(/positive integer/)
  })

  test('can be set by an agent inside its own start', async () => {
    const { orchestrator } = setUp({
      concurrency: 1,
      backend: ({ task }) => {
        orchestrator.pools.get('p')!.concurrency = 1 + Number(task.id.length)
        return task.id
      },
    })
    expect((await orchestrator.run({ tasks: specs('a bb ccc dd e') }).result).outcome).toBe('completed')
  })
})

describe('a pause of a pool', () => {
  test('lets attempts in flight continue and starts no others', () => {
    const { pool } = poolOf(2)
    const run = new TestRun(pool, 'a')
    run.push(0, 9)
    pool.pause()
    run.release(0, 1)
    expect(pool.stats()).toMatchObject({ running: 0, queued: 8, concurrency: 2, paused: true })
    pool.concurrency = 4
    run.push(10, 11)
    expect(run.started).toEqual([0, 1])
    pool.unpause()
    expect(pool.stats()).toMatchObject({ running: 4, paused: false })
  })

  test('that is set twice ends with one unpause', () => {
    const { pool } = poolOf(1)
    const run = new TestRun(pool, 'a')
    pool.pause()
    pool.pause()
    run.push(0, 0)
    pool.unpause()
    pool.unpause()
    expect(run.started).toEqual([0])
  })
})

describe('a slot', () => {
  test('is released once, however often its lease is released', () => {
    const { pool } = poolOf(1)
    const run = new TestRun(pool, 'a')
    run.push(0, 2)
    const lease = run.leases.get(0)!
    lease.release()
    lease.release()
    lease.release()
    expect([run.started, pool.stats().running]).toEqual([[0, 1], 1])
  })

  test('that is released inside its own start is used again without recursion', async () => {
    const { pool, clock } = poolOf(2)
    const run = new TestRun(pool, 'a')
    run.instant = true
    run.push(0, 20_000)
    await clock.runUntilIdle()
    expect([run.started.length, pool.stats().running]).toEqual([20_001, 0])
  })
})
