import type { AgentBackend, Failure, FailureKind } from 'counterpoint'
import { VirtualClock } from 'counterpoint/testing'
import { describe, expect, test } from 'vitest'
import type { AttemptOutcome } from '../../src/core/failure/attempt-outcome.js'
import { poolWith, TestRun } from '../support/test-run.js'

const failed = (kind: FailureKind): AttemptOutcome => {
  const failure: Failure = { kind, message: 'no', ...(kind === 'timeout' && { timeout: 'attempt' }) }
  return { ok: false, failure, verdict: { action: 'retry', delayMs: 0 } }
}
const named = (name: string, more: Partial<AgentBackend> = {}): AgentBackend => ({ name, run: () => null, ...more })
const names = (run: TestRun): string[] => [...run.leases.values()].map(lease => lease.backendName)
const first = (run: TestRun): number => [...run.leases.keys()][0]!

describe('a ladder of backends', () => {
  test('goes down while one is ill, probes it with a single attempt when its time is up, and comes back', async () => {
    const clock = new VirtualClock()
    const { pool, heard } = poolWith(clock, { backends: [named('a'), named('b')], breaker: { failures: 3 } })
    const run = new TestRun(pool, 'r')
    run.push(0, 99)
    expect(names(run)).toEqual(['a', 'a', 'a', 'a'])
    for (let failures = 0; failures < 3; failures++) run.end(first(run), failed('crashed'))
    expect(names(run)).toEqual(['a', 'a', 'a', 'b'])
    expect(heard.map(event => [event.type, 'backend' in event && event.backend])).toEqual([['pool.unhealthy', 'a']])
    for (let turn = 0; turn < 3; turn++) run.release(first(run))
    expect(names(run)).toEqual(['b', 'b', 'b', 'b'])
    await clock.advance(10_000)
    run.succeed(first(run))
    run.succeed(first(run))
    expect(names(run)).toEqual(['b', 'b', 'a', 'b'])
    const probe = [...run.leases].find(([, lease]) => lease.backendName === 'a')![0]
    run.succeed(probe)
    expect(names(run)).toEqual(['b', 'b', 'b', 'a'])
    expect(heard.at(-1)).toMatchObject({ type: 'pool.healthy', backend: 'a' })
    expect(pool.stats().backends.map(({ name, healthy }) => [name, healthy])).toEqual([
      ['a', true],
      ['b', true],
    ])
  })

  test('gives an attempt the one after that which failed it, or the cheapest, where it asks for that', () => {
    const { pool } = poolWith(new VirtualClock(), { backends: [named('a'), named('b'), named('c')] })
    const run = new TestRun(pool, 'r')
    run.required.set(0, { after: 'a' })
    run.required.set(1, { cheapest: true })
    run.required.set(2, { after: 'c' })
    run.push(0, 3)
    expect(names(run)).toEqual(['b', 'c', 'a', 'a'])
    expect([...run.leases.values()].map(({ alternatives }) => alternatives)).toEqual([2, 2, 2, 2])
  })

  test('parks the pool while none may be used, until the first of them may', async () => {
    const clock = new VirtualClock()
    const breaker = { failures: 1, openMs: 5_000 }
    const { pool, heard } = poolWith(clock, { backends: [named('a'), named('b')], breaker, concurrency: 1 })
    const run = new TestRun(pool, 'r')
    run.push(0, 99)
    run.end(0, failed('crashed'))
    await clock.advance(1_000)
    run.end(1, failed('timeout'))
    expect(run.claimed).toEqual([0, 1])
    expect(pool.stats()).toMatchObject({ parkedReason: 'unhealthy', parkedMs: 4_000 })
    expect(heard.map(({ type }) => type)).toEqual(['pool.unhealthy', 'pool.unhealthy', 'pool.parked'])
    await clock.advance(4_000)
    expect(names(run)).toEqual(['a'])
    run.succeed(2)
    expect([run.claimed.length, run.parkedChanges]).toEqual([4, [true, false]])
  })

  test('of which one hangs lets another probe go, and what hung says nothing any more', async () => {
    const clock = new VirtualClock()
    const { pool } = poolWith(clock, { breaker: { failures: 2, openMs: 1_000, probeMs: 5_000 }, concurrency: 3 })
    const run = new TestRun(pool, 'r')
    run.push(0, 99)
    run.end(0, failed('crashed'))
    run.end(1, failed('crashed'))
    // Two that have started before go on; the pool is parked for the rest.
    expect([run.leases.size, pool.stats().parkedReason]).toEqual([2, 'unhealthy'])
    await clock.advance(1_000)
    expect(run.leases.size).toBe(3)
    run.succeed(2)
    expect(run.claimed.length).toBe(5)
    run.succeed(run.claimed.at(-1)!)
    expect(pool.stats().backends[0]).toMatchObject({ healthy: true })
  })
})

describe('health checks', () => {
  test('take a backend out and bring it back; the pool is parked meanwhile', async () => {
    const clock = new VirtualClock()
    let healthy = true
    const { pool, heard } = poolWith(clock, {
      backends: [named('a', { health: () => healthy })],
      health: { everyMs: 1_000 },
    })
    const run = new TestRun(pool, 'r')
    run.push(0, 99)
    await clock.advance(1_500)
    healthy = false
    await clock.advance(1_000)
    run.succeed(0, 1, 2, 3)
    expect([run.claimed.length, pool.stats().parkedReason]).toEqual([4, 'unhealthy'])
    await clock.advance(10_000)
    expect(run.claimed.length).toBe(4)
    healthy = true
    await clock.advance(1_000)
    expect(run.claimed.length).toBe(5)
    expect(heard.map(({ type }) => type)).toEqual(['pool.unhealthy', 'pool.parked', 'pool.healthy', 'pool.opened'])
    run.queue.close()
    expect(clock.pending).toBe(0)
  })

  test('go on only while there are runs, or until the pool is closed', async () => {
    const clock = new VirtualClock()
    let checks = 0
    const health = (): boolean => ++checks > 0
    const { pool } = poolWith(clock, { backends: [named('a', { health })], health: { everyMs: 1_000 } })
    await clock.advance(5_000)
    expect(checks).toBe(0)
    const run = new TestRun(pool, 'r')
    await clock.advance(2_500)
    expect(checks).toBe(3)
    run.queue.close()
    expect(clock.pending).toBe(0)
    new TestRun(pool, 's')
    await clock.advance(1_000)
    pool.close()
    expect(clock.pending).toBe(0)
  })

  test('before each attempt: none starts before a check that was begun for it says so', async () => {
    const clock = new VirtualClock()
    const asked: ((healthy: boolean) => void)[] = []
    const health = (): Promise<boolean> => new Promise(resolve => asked.push(resolve))
    const { pool } = poolWith(clock, {
      backends: [named('a', { health })],
      health: { everyMs: 1e9, beforeEach: true },
    })
    const run = new TestRun(pool, 'r')
    run.push(0, 99)
    await clock.advance(0)
    expect([asked.length, run.claimed.length]).toEqual([1, 0])
    asked[0]!(true)
    await clock.advance(0)
    // They waited together.
    expect([asked.length, run.claimed.length]).toEqual([1, 4])
    run.succeed(0)
    await clock.advance(0)
    expect([asked.length, run.claimed.length]).toEqual([2, 4])
    asked[1]!(false)
    await clock.advance(0)
    expect([run.claimed.length, pool.stats().parkedReason]).toEqual([4, 'unhealthy'])
  })

  test('before each attempt go on with the next backend when the first is ill', async () => {
    const clock = new VirtualClock()
    const backends = [named('a', { health: () => false }), named('b', { health: () => true })]
    const { pool } = poolWith(clock, { backends, health: { beforeEach: true }, concurrency: 1 })
    const run = new TestRun(pool, 'r')
    run.push(0, 9)
    await clock.advance(10)
    expect(names(run)).toEqual(['b'])
  })
})

describe('the retry budget', () => {
  const ask = (run: TestRun, from: number, to: number): void => {
    for (let index = from; index <= to; index++) run.required.set(index, { isRetry: true })
  }

  test('parks the pool when it is spent; the task keeps its place', async () => {
    const clock = new VirtualClock()
    const { pool, heard } = poolWith(clock, { retryBudget: { floor: 2, ratio: 0.5 }, concurrency: 1 })
    const run = new TestRun(pool, 'r')
    ask(run, 10, 19)
    run.push(0, 1)
    run.push(10, 19)
    run.push(20, 29, 4)
    for (let turn = 0; turn < 5; turn++) run.end(first(run), failed('agent'))
    expect(run.claimed).toEqual([0, 1, 10, 11, 12])
    expect(heard.map(({ type }) => type)).toEqual(['pool.unhealthy', 'pool.parked'])
    expect(pool.stats()).toMatchObject({ parkedReason: 'retry-budget', parkedMs: 10_000, queued: 17 })
    await clock.advance(59_000)
    expect(run.claimed.length).toBe(5)
    // Retries of a minute ago no longer count.
    await clock.advance(5_000)
    expect(run.claimed).toEqual([0, 1, 10, 11, 12, 13])
  })

  test('lets a first attempt go once the breaker half opens, whatever the budget', async () => {
    const clock = new VirtualClock()
    const { pool } = poolWith(clock, { retryBudget: { floor: 0, ratio: 0 }, concurrency: 4 })
    const run = new TestRun(pool, 'r')
    ask(run, 0, 0)
    run.push(0, 0, 2)
    expect([run.claimed, pool.stats().parkedReason]).toEqual([[], 'retry-budget'])
    run.push(1, 9, 1)
    await clock.advance(9_999)
    expect(run.claimed).toEqual([])
    await clock.advance(1)
    expect(run.claimed).toEqual([1])
  })
})

describe('adaptive concurrency', () => {
  test('grows on success, shrinks on trouble, and tells each step', async () => {
    const clock = new VirtualClock()
    const { pool, heard } = poolWith(clock, { concurrency: { min: 1, max: 64 }, breaker: { failures: 1_000 } })
    const run = new TestRun(pool, 'r')
    run.push(0, 29_999)
    const takes = async (ms: number, outcome: (index: number) => AttemptOutcome): Promise<void> => {
      run.onClaim = index => void clock.schedule(() => run.end(index, outcome(index)), ms)
      await clock.advance(20_000)
    }
    for (const index of run.leases.keys()) clock.schedule(() => run.succeed(index), 100)
    await takes(200, () => ({ ok: true }))
    expect([pool.concurrency, pool.stats().range]).toEqual([64, { min: 1, max: 64 }])
    await takes(200, () => failed('overloaded'))
    expect(pool.concurrency).toBe(1)
    const steps = heard.filter(event => event.type === 'pool.limit-changed')
    expect(new Set(steps.map(({ reason }) => reason))).toEqual(new Set(['success', 'overloaded']))
    for (const [i, { limit, before }] of steps.entries()) {
      expect(limit).not.toBe(before)
      if (i > 0) expect(before).toBe(steps[i - 1]!.limit)
    }
  })

  test('may be begun and ended while the pool works: it goes on from where it is', async () => {
    const clock = new VirtualClock()
    const { pool, heard } = poolWith(clock, { concurrency: 10 })
    const run = new TestRun(pool, 'r')
    run.push(0, 99)
    pool.concurrency = { min: 1, max: 20, start: 8 }
    expect(pool.concurrency).toBe(8)
    pool.concurrency = { min: 1, max: 6 }
    expect(pool.concurrency).toBe(6)
    pool.concurrency = 3
    expect([pool.concurrency, pool.stats().range]).toEqual([3, undefined])
    expect(
      heard.map(event => event.type === 'pool.limit-changed' && [event.before, event.limit, event.reason]),
    ).toEqual([
      [10, 8, 'host'],
      [8, 6, 'host'],
      [6, 3, 'host'],
    ])
    run.release(...[...run.leases.keys()].slice(0, 8))
    expect(run.leases.size).toBe(3)
  })

  test('auto fits the machine, and starts no process while there is too little memory', async () => {
    const clock = new VirtualClock()
    const GB = 1024 ** 3
    let free = 8 * GB
    const machine = { cores: () => 2, freeMemory: () => free }
    const backends = [named('cli', { work: 'process', memoryBytes: 0.5 * GB })]
    const { pool } = poolWith(clock, { concurrency: 'auto', machine, backends })
    expect([pool.concurrency, pool.stats().range]).toEqual([8, { min: 1, max: 16 }])
    const run = new TestRun(pool, 'r')
    free = 1.2 * GB
    await clock.advance(2_000)
    run.push(0, 99)
    expect(run.claimed.length).toBeLessThan(4)
    const few = run.claimed.length
    free = 8 * GB
    await clock.advance(1_000)
    expect(run.claimed.length).toBeGreaterThan(few)
    run.queue.close()
    expect(clock.pending).toBe(0)
  })
})

describe('fairness', () => {
  test('holds under windows, too: runs by weight, and what waited long rises', async () => {
    const clock = new VirtualClock()
    const { pool } = poolWith(clock, { requests: { limit: 3, perMs: 100 }, concurrency: 10, agingMs: 1_000 })
    const [a, b] = [new TestRun(pool, 'a', [], 1), new TestRun(pool, 'b', [], 2)]
    for (const run of [a, b]) {
      run.onClaim = index => void clock.schedule(() => run.succeed(index), 1)
      run.queue.add(9_999, 5, 0)
    }
    let next = 0
    const feed = (): void => {
      for (const run of [a, b]) run.push(next++, next++, 1, clock.monotonic())
    }
    for (let turn = 0; turn < 120; turn++) {
      feed()
      await clock.advance(101)
    }
    expect(b.claimed.length / a.claimed.length).toBeGreaterThan(1.9)
    expect(b.claimed.length / a.claimed.length).toBeLessThan(2.1)
    // Priority 5 of second 0 goes before what came with priority 1 after second 4.
    for (const run of [a, b]) expect(run.claimed).toContain(9_999)
  })
})
