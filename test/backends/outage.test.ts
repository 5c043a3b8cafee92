import { AgentError, Orchestrator, type PoolOptions, type TaskData } from 'counterpoint'
import { VirtualClock } from 'counterpoint/testing'
import { describe, expect, test } from 'vitest'

interface Call {
  readonly at: number
  readonly isFirst: boolean
}

/** Runs `count` tasks with 3 retries against a backend until `untilMs`, and records its calls. */
async function calls(
  count: number,
  untilMs: number,
  answer: (now: number) => unknown,
  pool: Partial<PoolOptions> = {},
): Promise<{ readonly calls: readonly Call[]; readonly counts: Readonly<Record<string, number>> }> {
  const clock = new VirtualClock()
  const made: Call[] = []
  const backend = ({ task }: { task: { id: string } }, { attempt }: { attempt: number }): unknown => {
    made.push({ at: clock.monotonic(), isFirst: attempt === 1 })
    return answer(clock.monotonic()) ?? task.id
  }
  const orchestrator = new Orchestrator({
    clock,
    pools: { p: { backend, concurrency: 100, defaults: { retries: 3 }, ...pool } },
  })
  const run = orchestrator.run({ tasks: Array.from({ length: count }, (_, i) => ({ id: `t${i}`, pool: 'p' })) })
  await clock.advance(untilMs)
  const { counts } = run.progress()
  // It may have settled.
  await run.cancel().catch(error => expect(error).toMatchObject({ code: 'RUN_ENDED' }))
  await clock.advance(10_000)
  expect(clock.pending).toBe(0)
  return { calls: made, counts }
}

/** The most calls in any minute beyond 1.2 times the first attempts of that minute. */
function excess(made: readonly Call[]): number {
  let most = Number.NEGATIVE_INFINITY
  let firsts = 0
  for (let from = 0, to = 0; to < made.length; to++) {
    if (made[to]!.isFirst) firsts++
    while (made[to]!.at - made[from]!.at >= 60_000) if (made[from++]!.isFirst) firsts--
    if (!made[to]!.isFirst) most = Math.max(most, to - from + 1 - 1.2 * firsts)
  }
  return most
}

describe('an outage of a pool with 10,000 tasks and 3 retries', () => {
  const fails = (error: Error) => (): unknown => Promise.reject(error)
  test.each<[string, (now: number) => unknown]>([
    ['that fails as `agent`', fails(new Error('no'))],
    ['that fails as `crashed`', fails(new AgentError('crashed', 'no'))],
    ['that fails as `overloaded`', fails(new AgentError('overloaded', 'no'))],
  ])('%s causes in any minute at most 1.2 calls per first attempt, plus the floor', async (_title, answer) => {
    const { calls: made, counts } = await calls(10_000, 600_000, answer)
    expect(made.length).toBeGreaterThan(20)
    expect(excess(made)).toBeLessThanOrEqual(100)
    // ... and does not mark everything dead.
    expect(counts.dead).toBeLessThan(1_000)
  })

  test('ends soon after the backend is back, and the tasks succeed', async () => {
    const outage = (now: number): unknown =>
      now < 120_000 ? Promise.reject(new AgentError('crashed', 'no')) : undefined
    const { calls: made, counts } = await calls(2_000, 900_000, outage, { retryBudget: { floor: 100 } })
    expect(counts.succeeded).toBeGreaterThan(1_990)
    expect(made.length).toBeLessThan(2_200)
  })
})

describe('a pool of an orchestrator', () => {
  test('is parked by its provider with the pools of its limit key only, with events', async () => {
    const clock = new VirtualClock()
    let refused = 0
    const busy = (): unknown => {
      if (clock.monotonic() >= 30_000) return 'done'
      refused++
      throw new AgentError('throttled', 'slow down', { retryAfterMs: 30_000 })
    }
    const orchestrator = new Orchestrator({
      clock,
      random: () => 0,
      pools: {
        a: { backend: busy, limitKey: 'account' },
        b: { backend: () => 'b', limitKey: 'account' },
        c: { backend: () => 'c' },
      },
    })
    const events: string[] = []
    orchestrator.on('pool.parked', ({ pool, key, reason }) => events.push(`${pool} parked: ${key}, ${reason}`))
    orchestrator.on('pool.opened', ({ pool }) => events.push(`${pool} opened`))
    const run = orchestrator.run({
      tasks: Array.from({ length: 30 }, (_, i) => ({ id: `t${i}`, pool: ['a', 'b', 'c'][i % 3]! })),
    })
    await clock.advance(1_000)
    expect(orchestrator.limits.get('account')!.stats()).toMatchObject({ parkedMs: 29_000, parkedReason: 'throttled' })
    expect(run.progress().counts.succeeded).toBeGreaterThanOrEqual(10)
    await clock.runUntilIdle()
    expect((await run.result).outcome).toBe('completed')
    expect(refused).toBeLessThanOrEqual(4)
    expect(events.slice(0, 2).sort()).toEqual(['a parked: account, throttled', 'b parked: account, throttled'])
    expect(events.slice(-2).sort()).toEqual(['a opened', 'b opened'])
  })

  test('admits a waiting run when its queueLimit is raised', async () => {
    const clock = new VirtualClock()
    const orchestrator = new Orchestrator({
      clock,
      pools: { p: { backend: () => new Promise(() => {}), queueLimit: 6 } },
    })
    const tasks = (prefix: string): TaskData[] =>
      Array.from({ length: 6 }, (_, i) => ({ id: `${prefix}${i}`, pool: 'p' }))
    orchestrator.run({ tasks: tasks('a') })
    await clock.advance(0)
    const second = orchestrator.run({ tasks: tasks('b') })
    await clock.advance(0)
    expect(second.progress().total).toBe(0)
    expect(() => orchestrator.run({ tasks: tasks('c') }, { whenFull: 'reject' })).toThrow(/QUEUE_FULL|at most 6/)
    orchestrator.pools.get('p')!.queueLimit = 8
    await clock.advance(0)
    expect(second.progress().total).toBe(6)
  })
})

describe('an orchestrator rejects', () => {
  const backend = (): null => null
  const requests = { limit: 5, perMs: 1_000 }
  test.each<[string, object, RegExp]>([
    [
      'different limits of two pools of one key',
      {
        pools: {
          a: { backend, limitKey: 'k', requests },
          b: { backend, limitKey: 'k', requests: { limit: 6, perMs: 1_000 } },
        },
      },
      /pools\.b\.requests: .*5 per 1000 ms, got 6/,
    ],
    [
      'different limits of a pool and its key',
      { limits: { k: { requests } }, pools: { a: { backend, limitKey: 'k', requests: { limit: 5, perMs: 5 } } } },
      /pools\.a\.requests/,
    ],
    [
      'limits of a key without a pool',
      { limits: { other: { requests } }, pools: { a: { backend, limitKey: 'k' } } },
      /limits\.other/,
    ],
    [
      'a window with the limit 0',
      { pools: { a: { backend, requests: { limit: 0, perMs: 5 } } } },
      /pools\.a\.requests\.limit/,
    ],
    ['both backend and backends', { pools: { a: { backend, backends: [backend] } } }, /pools\.a\.backends/],
    [
      'two backends of the same name',
      {
        pools: {
          a: {
            backends: [
              { name: 'x', run: backend },
              { name: 'x', run: backend },
            ],
          },
        },
      },
      /backends\[1\]\.name/,
    ],
    [
      'a range with min above max',
      { pools: { a: { backend, concurrency: { min: 3, max: 2 } } } },
      /pools\.a\.concurrency\.max/,
    ],
    ['an unknown concurrency', { pools: { a: { backend, concurrency: 'many' } } }, /pools\.a\.concurrency/],
    ['health checks every 0 ms', { pools: { a: { backend, health: { everyMs: 0 } } } }, /pools\.a\.health\.everyMs/],
    [
      'an unknown breaker option',
      { pools: { a: { backend, breaker: { tries: 3 } } } },
      /pools\.a\.breaker\.tries: unknown key/,
    ],
    [
      'a negative retry budget',
      { pools: { a: { backend, retryBudget: { ratio: -1 } } } },
      /pools\.a\.retryBudget\.ratio/,
    ],
  ])('%s', (_title, options, message) => {
    expect(() => new Orchestrator(options as never)).toThrow(message)
  })

  test('and accepts equal limits of pools of one key', () => {
    const { limits } = new Orchestrator({
      limits: { k: { concurrency: 3 } },
      pools: { a: { backend, limitKey: 'k', requests }, b: { backend, limitKey: 'k', requests: { ...requests } } },
    })
    expect([limits.get('k')!.concurrency, limits.get('k')!.requests, limits.size]).toEqual([3, requests, 1])
  })
})
