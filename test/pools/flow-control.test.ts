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

describe('several backends', () => {
  test('fail over while one is unhealthy, probe it with a single attempt, and return to it', async () => {
    const clock = new VirtualClock()
    const { pool, events } = poolWith(clock, { backends: [named('a'), named('b')], breaker: { failures: 3 } })
    const run = new TestRun(pool, 'r')
    run.push(0, 99)
    expect(names(run)).toEqual(['a', 'a', 'a', 'a'])
    for (let failures = 0; failures < 3; failures++) run.end(first(run), failed('crashed'))
    expect(names(run)).toEqual(['a', 'a', 'a', 'b'])
    expect(events.map(event => [event.type, 'backend' in event && event.backend])).toEqual([['pool.unhealthy', 'a']])
    for (let turn = 0; turn < 3; turn++) run.release(first(run))
    expect(names(run)).toEqual(['b', 'b', 'b', 'b'])
    await clock.advance(10_000)
    run.succeed(first(run))
    run.succeed(first(run))
    expect(names(run)).toEqual(['b', 'b', 'a', 'b'])
    const probe = [...run.leases].find(([, lease]) => lease.backendName === 'a')![0]
    run.succeed(probe)
    expect(names(run)).toEqual(['b', 'b', 'b', 'a'])
    expect(events.at(-1)).toMatchObject({ type: 'pool.healthy', backend: 'a' })
    expect(pool.stats().backends.map(({ name, healthy }) => [name, healthy])).toEqual([
      ['a', true],
      ['b', true],
    ])
  })

  test('serve an attempt with the one after the failed one, or with the cheapest, as required', () => {
    const { pool } = poolWith(new VirtualClock(), { backends: [named('a'), named('b'), named('c')] })
    const run = new TestRun(pool, 'r')
    run.required.set(0, { after: 'a' })
    run.required.set(1, { cheapest: true })
    run.required.set(2, { after: 'c' })
    run.push(0, 3)
    expect(names(run)).toEqual(['b', 'c', 'a', 'a'])
    expect([...run.leases.values()].map(({ alternatives }) => alternatives)).toEqual([2, 2, 2, 2])
  })

  test('park the pool while none may be used', async () => {
    const clock = new VirtualClock()
    const breaker = { failures: 1, openMs: 5_000 }
    const { pool, events } = poolWith(clock, { backends: [named('a'), named('b')], breaker, concurrency: 1 })
    const run = new TestRun(pool, 'r')
    run.push(0, 99)
    run.end(0, failed('crashed'))
    await clock.advance(1_000)
    run.end(1, failed('timeout'))
    expect(run.started).toEqual([0, 1])
    expect(pool.stats()).toMatchObject({ parkedReason: 'unhealthy', parkedMs: 4_000 })
    expect(events.map(({ type }) => type)).toEqual(['pool.unhealthy', 'pool.unhealthy', 'pool.parked'])
    await clock.advance(4_000)
    expect(names(run)).toEqual(['a'])
    run.succeed(2)
    expect([run.started.length, run.parkedChanges]).toEqual([4, [true, false]])
  })

  test('are probed again when a probe hangs, whose late answer is ignored', async () => {
    const clock = new VirtualClock()
    const { pool } = poolWith(clock, { breaker: { failures: 2, openMs: 1_000, probeMs: 5_000 }, concurrency: 3 })
    const run = new TestRun(pool, 'r')
    run.push(0, 99)
    run.end(0, failed('crashed'))
    run.end(1, failed('crashed'))
    // Two attempts from before continue; the pool is parked.
    expect([run.leases.size, pool.stats().parkedReason]).toEqual([2, 'unhealthy'])
    await clock.advance(1_000)
    expect(run.leases.size).toBe(3)
    run.succeed(2)
    expect(run.started.length).toBe(5)
    run.succeed(run.started.at(-1)!)
    expect(pool.stats().backends[0]).toMatchObject({ healthy: true })
  })
})

describe('health checks', () => {
  test('park the pool while its backend is unhealthy', async () => {
    const clock = new VirtualClock()
    let healthy = true
    const { pool, events } = poolWith(clock, {
      backends: [named('a', { health: () => healthy })],
      health: { everyMs: 1_000 },
    })
    const run = new TestRun(pool, 'r')
    run.push(0, 99)
    await clock.advance(1_500)
    healthy = false
    await clock.advance(1_000)
    run.succeed(0, 1, 2, 3)
    expect([run.started.length, pool.stats().parkedReason]).toEqual([4, 'unhealthy'])
    await clock.advance(10_000)
    expect(run.started.length).toBe(4)
    healthy = true
    await clock.advance(1_000)
    expect(run.started.length).toBe(5)
    expect(events.map(({ type }) => type)).toEqual(['pool.unhealthy', 'pool.parked', 'pool.healthy', 'pool.opened'])
    run.queue.close()
    expect(clock.pending).toBe(0)
  })

  test('stop without runs, and when the pool is closed', async () => {
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

  test('before each attempt hold it until its check succeeds', async () => {
    const clock = new VirtualClock()
    const checks: ((healthy: boolean) => void)[] = []
    const health = (): Promise<boolean> => new Promise(resolve => checks.push(resolve))
    const { pool } = poolWith(clock, {
      backends: [named('a', { health })],
      health: { everyMs: 1e9, beforeEach: true },
    })
    const run = new TestRun(pool, 'r')
    run.push(0, 99)
    await clock.advance(0)
    expect([checks.length, run.started.length]).toEqual([1, 0])
    checks[0]!(true)
    await clock.advance(0)
    // One check for all four.
    expect([checks.length, run.started.length]).toEqual([1, 4])
    run.succeed(0)
    await clock.advance(0)
    expect([checks.length, run.started.length]).toEqual([2, 4])
    checks[1]!(false)
    await clock.advance(0)
    expect([run.started.length, pool.stats().parkedReason]).toEqual([4, 'unhealthy'])
  })

  test('before each attempt fail over when the first backend is unhealthy', async () => {
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
  const markRetries = (run: TestRun, from: number, to: number): void => {
    for (let index = from; index <= to; index++) run.required.set(index, { isRetry: true })
  }

  test('parks the pool when it is spent; the task keeps its position', async () => {
    const clock = new VirtualClock()
    const { pool, events } = poolWith(clock, { retryBudget: { floor: 2, ratio: 0.5 }, concurrency: 1 })
    const run = new TestRun(pool, 'r')
    markRetries(run, 10, 19)
    run.push(0, 1)
    run.push(10, 19)
    run.push(20, 29, 4)
    for (let turn = 0; turn < 5; turn++) run.end(first(run), failed('agent'))
    expect(run.started).toEqual([0, 1, 10, 11, 12])
    expect(events.map(({ type }) => type)).toEqual(['pool.unhealthy', 'pool.parked'])
    expect(pool.stats()).toMatchObject({ parkedReason: 'retry-budget', parkedMs: 10_000, queued: 17 })
    await clock.advance(59_000)
    expect(run.started.length).toBe(5)
    // Retries from more than a minute ago no longer count.
    await clock.advance(5_000)
    expect(run.started).toEqual([0, 1, 10, 11, 12, 13])
  })

  test('lets a first attempt start once the breaker is half-open', async () => {
    const clock = new VirtualClock()
    const { pool } = poolWith(clock, { retryBudget: { floor: 0, ratio: 0 }, concurrency: 4 })
    const run = new TestRun(pool, 'r')
    markRetries(run, 0, 0)
    run.push(0, 0, 2)
    expect([run.started, pool.stats().parkedReason]).toEqual([[], 'retry-budget'])
    run.push(1, 9, 1)
    await clock.advance(9_999)
    expect(run.started).toEqual([])
    await clock.advance(1)
    expect(run.started).toEqual([1])
  })
})

describe('adaptive concurrency', () => {
  test('grows on success, shrinks on overload, and emits each step', async () => {
    const clock = new VirtualClock()
    const { pool, events } = poolWith(clock, { concurrency: { min: 1, max: 64 }, breaker: { failures: 1_000 } })
    const run = new TestRun(pool, 'r')
    run.push(0, 29_999)
    const runFor = async (ms: number, outcome: (index: number) => AttemptOutcome): Promise<void> => {
      run.onStart = index => void clock.schedule(() => run.end(index, outcome(index)), ms)
      await clock.advance(20_000)
    }
    for (const index of run.leases.keys()) clock.schedule(() => run.succeed(index), 100)
    await runFor(200, () => ({ ok: true }))
    expect([pool.concurrency, pool.stats().range]).toEqual([64, { min: 1, max: 64 }])
    await runFor(200, () => failed('overloaded'))
    expect(pool.concurrency).toBe(1)
    const steps = events.filter(event => event.type === 'pool.limit-changed')
    expect(new Set(steps.map(({ reason }) => reason))).toEqual(new Set(['success', 'overloaded']))
    for (const [i, { limit, before }] of steps.entries()) {
      expect(limit).not.toBe(before)
      if (i > 0) expect(before).toBe(steps[i - 1]!.limit)
    }
  })

  test('can be set while the pool works, and continues from the current limit', async () => {
    const clock = new VirtualClock()
    const { pool, events } = poolWith(clock, { concurrency: 10 })
    const run = new TestRun(pool, 'r')
    run.push(0, 99)
    pool.concurrency = { min: 1, max: 20, start: 8 }
    expect(pool.concurrency).toBe(8)
    pool.concurrency = { min: 1, max: 6 }
    expect(pool.concurrency).toBe(6)
    pool.concurrency = 3
    expect([pool.concurrency, pool.stats().range]).toEqual([3, undefined])
    expect(
      events.map(event => event.type === 'pool.limit-changed' && [event.before, event.limit, event.reason]),
    ).toEqual([
      [10, 8, 'host'],
      [8, 6, 'host'],
      [6, 3, 'host'],
    ])
    run.release(...[...run.leases.keys()].slice(0, 8))
    expect(run.leases.size).toBe(3)
  })

  test('`auto` fits the machine, and starts no process while there is too little memory', async () => {
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
    expect(run.started.length).toBeLessThan(4)
    const few = run.started.length
    free = 8 * GB
    await clock.advance(1_000)
    expect(run.started.length).toBeGreaterThan(few)
    run.queue.close()
    expect(clock.pending).toBe(0)
  })
})

describe('fairness', () => {
  test('holds under windows: runs by weight, and old tasks first', async () => {
    const clock = new VirtualClock()
    const { pool } = poolWith(clock, { requests: { limit: 3, perMs: 100 }, concurrency: 10, agingMs: 1_000 })
    const [a, b] = [new TestRun(pool, 'a', [], 1), new TestRun(pool, 'b', [], 2)]
    for (const run of [a, b]) {
      run.onStart = index => void clock.schedule(() => run.succeed(index), 1)
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
    expect(b.started.length / a.started.length).toBeGreaterThan(1.9)
    expect(b.started.length / a.started.length).toBeLessThan(2.1)
    // Priority 5 at second 0 comes before priority 1 after second 4.
    for (const run of [a, b]) expect(run.started).toContain(9_999)
  })
})
