import { isCounterpointError } from 'counterpoint'
import { VirtualClock } from 'counterpoint/testing'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Limit } from '../../src/limits/limit.js'
import { poolWith, TestRun } from '../support/test-run.js'

/** Records when each attempt starts; each succeeds after `ms`. */
function answering(run: TestRun, clock: VirtualClock, ms: number, starts: number[] = []): number[] {
  run.onStart = index => {
    starts.push(clock.monotonic())
    clock.schedule(() => run.succeed(index), ms)
  }
  return starts
}

/** The highest number of starts in any closed window of `perMs`. */
function fullest(starts: readonly number[], perMs: number): number {
  let most = 0
  for (let from = 0, to = 0; to < starts.length; to++) {
    while (starts[to]! - starts[from]! > perMs) from++
    most = Math.max(most, to - from + 1)
  }
  return most
}

describe('requests per window', () => {
  test('never exceed the limit in any window, and use it fully', async () => {
    const clock = new VirtualClock()
    const { pool } = poolWith(clock, { concurrency: 50, requests: { limit: 10, perMs: 1_000 } })
    const run = new TestRun(pool, 'a')
    const starts = answering(run, clock, 10)
    run.push(0, 99)
    await clock.runUntilIdle()
    expect([starts.length, fullest(starts, 1_000)]).toEqual([100, 10])
    expect(starts.at(-1)).toBeLessThan(9 * 1_001)
    expect(clock.pending).toBe(0)
  })

  test('can be raised, lowered, removed and added while the pool works', async () => {
    const clock = new VirtualClock()
    const { pool } = poolWith(clock, { concurrency: 100 })
    const run = new TestRun(pool, 'a')
    const starts = answering(run, clock, 1)
    pool.requests = { limit: 5, perMs: 1_000 }
    run.push(0, 99)
    await clock.advance(10)
    expect(starts.length).toBe(5)
    pool.requests = { limit: 8, perMs: 1_000 }
    await clock.advance(10)
    expect(starts.length).toBe(8)
    pool.requests = { limit: 2, perMs: 1_000 }
    await clock.advance(1_100)
    expect(starts.length).toBe(10)
    expect(pool.stats().requests).toEqual({ used: 2, limit: 2, perMs: 1_000 })
    pool.requests = undefined
    await clock.advance(10)
    expect([starts.length, pool.requests, pool.stats().requests]).toEqual([100, undefined, undefined])
  })

  test('can be added by a listener inside a claim', async () => {
    const clock = new VirtualClock()
    const { pool } = poolWith(clock, { concurrency: 4 })
    const run = new TestRun(pool, 'a')
    const starts = answering(run, clock, 1)
    const { onStart: onClaim } = run
    run.onStart = (index, lease) => {
      onClaim(index, lease)
      if (index === 0) pool.requests = { limit: 2, perMs: 100 }
    }
    run.push(0, 9)
    await clock.runUntilIdle()
    expect([starts.length, fullest(starts.slice(1), 100)]).toEqual([10, 2])
  })

  test('count an attempt when its backend is called, not when its slot is claimed', async () => {
    const clock = new VirtualClock()
    const { pool } = poolWith(clock, { concurrency: 10, requests: { limit: 2, perMs: 1_000 } })
    const run = new TestRun(pool, 'a')
    const late: (() => void)[] = []
    run.start = (index, lease) => {
      run.started.push(index)
      late.push(() => lease.started())
      run.leases.set(index, lease)
      return true
    }
    run.push(0, 9)
    await clock.advance(5_000)
    // Both have their slots, and none has started: a third one might start together with them.
    expect([run.started, pool.stats().requests!.used]).toEqual([[0, 1], 2])
    for (const start of late) start()
    await clock.advance(1_000)
    expect(run.started.length).toBe(2)
    await clock.advance(1)
    expect(run.started.length).toBe(4)
    // A claim that never starts releases its capacity.
    run.release(2)
    expect(run.started.length).toBe(5)
  })

  test('do not count a claim that started nothing', async () => {
    const clock = new VirtualClock()
    const { pool } = poolWith(clock, { concurrency: 10, requests: { limit: 2, perMs: 1_000 } })
    const run = new TestRun(pool, 'a')
    for (const index of [0, 1, 2]) run.notReady.add(index)
    run.push(0, 9)
    expect(run.started).toEqual([3, 4])
  })
})

describe('tokens per window', () => {
  test('count by the estimates of tasks, and by their usage once it is known', async () => {
    const clock = new VirtualClock()
    const { pool } = poolWith(clock, { concurrency: 10, tokens: { limit: 1_000, perMs: 60_000 } })
    const run = new TestRun(pool, 'a')
    for (let index = 0; index < 10; index++) run.required.set(index, { tokens: 400 })
    run.push(0, 9)
    expect([run.started.length, pool.stats().tokens!.used]).toEqual([2, 800])
    run.end(0, { ok: true }, 150)
    expect([run.started.length, pool.stats().tokens!.used]).toEqual([3, 950])
    run.end(1, { ok: true }, 900)
    expect([run.started.length, pool.stats().tokens!.used]).toEqual([3, 1_450])
    run.end(2, { ok: true })
    expect(pool.stats().tokens!.used).toBe(1_450)
    await clock.advance(60_001)
    expect(run.started.length).toBe(5)
  })

  test('allow a task that needs more than the limit to run alone, without being overtaken', async () => {
    const clock = new VirtualClock()
    const { pool } = poolWith(clock, { concurrency: 10, tokens: { limit: 100, perMs: 1_000 } })
    const run = new TestRun(pool, 'a')
    const starts = answering(run, clock, 10)
    const tokens = [10, 500, 10, 10]
    for (const [index, needs] of tokens.entries()) run.required.set(index, { tokens: needs })
    run.push(0, 3)
    await clock.runUntilIdle()
    expect(run.started).toEqual([0, 1, 2, 3])
    expect(starts[1]).toBeGreaterThan(1_000)
    expect(starts[2]).toBeGreaterThan(2_000)
  })
})

describe('a limit key', () => {
  test('bounds the attempts in flight over all its pools, which start in turn', async () => {
    const clock = new VirtualClock()
    const limit = new Limit({ key: 'account', clock, concurrency: 3 })
    const log: string[] = []
    const runs = ['x', 'y', 'z'].map(name => new TestRun(poolWith(clock, { name, limit }).pool, name, log))
    for (const run of runs) run.push(0, 99)
    for (let turn = 0; turn < 30; turn++) {
      const run = runs.find(({ name }) => log[turn]!.startsWith(name))!
      run.succeed([...run.leases.keys()][0]!)
      expect([limit.stats().running, runs.reduce((sum, { leases }) => sum + leases.size, 0)]).toEqual([3, 3])
      await clock.advance(0)
    }
    for (const run of runs) expect(Math.abs(run.started.length - 11)).toBeLessThanOrEqual(2)
    limit.concurrency = 5
    await clock.advance(0)
    expect(limit.stats()).toMatchObject({ running: 5, concurrency: 5 })
    limit.concurrency = undefined
    await clock.advance(0)
    expect(limit.stats().running).toBe(12)
  })

  test('gives capacity that one pool cannot use to the others', async () => {
    const clock = new VirtualClock()
    const limit = new Limit({ key: 'account', clock, requests: { limit: 6, perMs: 1_000 } })
    const narrow = new TestRun(poolWith(clock, { name: 'narrow', limit, concurrency: 1 }).pool, 'narrow')
    const wide = new TestRun(poolWith(clock, { name: 'wide', limit, concurrency: 50 }).pool, 'wide')
    const paused = poolWith(clock, { name: 'paused', limit }).pool
    paused.pause()
    new TestRun(paused, 'paused').push(0, 9)
    narrow.push(0, 9)
    wide.push(0, 9)
    await clock.advance(500)
    expect([narrow.started.length, wide.started.length]).toEqual([1, 5])
  })

  test('is never exceeded in random histories', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          pools: fc.array(
            fc.record({ slots: fc.integer({ min: 1, max: 6 }), takesMs: fc.integer({ min: 0, max: 700 }) }),
            {
              minLength: 1,
              maxLength: 3,
            },
          ),
          most: fc.integer({ min: 1, max: 6 }),
          perMs: fc.integer({ min: 1, max: 900 }),
          concurrency: fc.integer({ min: 1, max: 8 }),
          tasks: fc.integer({ min: 1, max: 25 }),
          laterMs: fc.array(fc.integer({ min: 0, max: 500 }), { maxLength: 4 }),
        }),
        async ({ pools, most, perMs, concurrency, tasks, laterMs }) => {
          const clock = new VirtualClock()
          const limit = new Limit({ key: 'k', clock, concurrency, requests: { limit: most, perMs } })
          const starts: number[] = []
          let inFlight = 0
          const runs = pools.map(({ slots, takesMs }, i) => {
            const run = new TestRun(poolWith(clock, { name: `p${i}`, limit, concurrency: slots }).pool, `r${i}`)
            run.onStart = index => {
              starts.push(clock.monotonic())
              inFlight++
              expect(inFlight).toBeLessThanOrEqual(concurrency)
              const end = (): void => {
                inFlight--
                run.succeed(index)
              }
              if (takesMs === 0) end()
              else clock.schedule(end, takesMs)
            }
            return run
          })
          for (const run of runs) run.push(0, tasks - 1)
          let next = 100
          for (const ms of laterMs) {
            await clock.advance(ms)
            for (const run of runs) run.push(next, next + 3)
            next += 4
          }
          await clock.runUntilIdle({ limitMs: 10_000_000 })
          for (const run of runs) expect(run.started.length).toBe(tasks + 4 * laterMs.length)
          expect(fullest(starts, perMs)).toBeLessThanOrEqual(most)
          for (const run of runs) run.queue.close()
          expect(clock.pending).toBe(0)
        },
      ),
      { numRuns: 150 },
    )
  })

  test('starves no pool while another one is always busy', async () => {
    const clock = new VirtualClock()
    const limit = new Limit({ key: 'k', clock, requests: { limit: 2, perMs: 100 } })
    const busy = new TestRun(poolWith(clock, { name: 'busy', limit }).pool, 'busy')
    const idle = new TestRun(poolWith(clock, { name: 'idle', limit }).pool, 'idle')
    answering(busy, clock, 1)
    answering(idle, clock, 1)
    busy.push(0, 999)
    for (let turn = 0; turn < 20; turn++) {
      idle.push(turn, turn)
      await clock.advance(202)
      expect(idle.started.length).toBe(turn + 1)
    }
  })
})

describe('an invalid value is rejected and changes nothing:', () => {
  const code = (act: () => void): string | undefined => {
    try {
      act()
    } catch (error) {
      return isCounterpointError(error, 'INVALID_INPUT') ? error.details.issues[0]!.path : String(error)
    }
    return undefined
  }
  const clock = new VirtualClock()
  const limit = new Limit({ key: 'k', clock, requests: { limit: 5, perMs: 10 } })
  const { pool } = poolWith(clock, { requests: { limit: 5, perMs: 10 } })
  test.each<[string, () => void, string]>([
    [
      '0 requests',
      () => {
        limit.requests = { limit: 0, perMs: 10 }
      },
      'limits.k.requests.limit',
    ],
    [
      'a window of 0 ms',
      () => {
        limit.tokens = { limit: 1, perMs: 0 }
      },
      'limits.k.tokens.perMs',
    ],
    [
      'NaN tokens',
      () => {
        limit.tokens = { limit: Number.NaN, perMs: 1 }
      },
      'limits.k.tokens.limit',
    ],
    [
      'a concurrency of 1.5',
      () => {
        limit.concurrency = 1.5
      },
      'limits.k.concurrency',
    ],
    [
      'a number instead of a window',
      () => {
        pool.requests = 5 as never
      },
      'pools.p.requests',
    ],
    [
      'null instead of a window',
      () => {
        pool.tokens = null as never
      },
      'pools.p.tokens',
    ],
    [
      'negative requests of a pool',
      () => {
        pool.requests = { limit: -1, perMs: 10 }
      },
      'pools.p.requests.limit',
    ],
    [
      'a queue limit of 0',
      () => {
        pool.queueLimit = 0
      },
      'pools.p.queueLimit',
    ],
    [
      'a range with min above max',
      () => {
        pool.concurrency = { min: 4, max: 2 }
      },
      'pools.p.concurrency.max',
    ],
    [
      'a concurrency in words',
      () => {
        pool.concurrency = 'many' as never
      },
      'pools.p.concurrency',
    ],
  ])('%s', (_title, act, path) => {
    expect(code(act)).toBe(path)
    expect([limit.requests, limit.tokens, pool.requests, pool.queueLimit, pool.concurrency]).toEqual([
      { limit: 5, perMs: 10 },
      undefined,
      { limit: 5, perMs: 10 },
      undefined,
      4,
    ])
  })
})
