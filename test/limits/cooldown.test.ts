import { isCounterpointError } from 'counterpoint'
import { VirtualClock } from 'counterpoint/testing'
import { describe, expect, test } from 'vitest'
import { Limit } from '../../src/limits/limit.js'
import { poolWith, TestRun, throttled } from '../support/test-run.js'

const START = Date.UTC(2026, 0, 1)

describe('a throttled pool', () => {
  test('starts nothing until the cooldown ends, and emits both', async () => {
    const clock = new VirtualClock()
    const { pool, events: emitted } = poolWith(clock)
    const run = new TestRun(pool, 'a')
    run.push(0, 9)
    run.throttle(0, 5_000)
    run.succeed(1)
    expect(run.started).toEqual([0, 1, 2, 3])
    expect(emitted).toEqual([
      { type: 'pool.parked', at: START, pool: 'p', until: START + 5_000, reason: 'throttled', message: 'slow down' },
    ])
    expect(pool.stats()).toMatchObject({ parkedUntil: START + 5_000, parkedMs: 5_000, parkedReason: 'throttled' })
    expect([run.parkedChanges, run.queue.isParked]).toEqual([[true], true])
    await clock.advance(4_999)
    expect([run.started.length, pool.stats().parkedMs]).toEqual([4, 1])
    await clock.advance(1)
    expect(run.started.length).toBe(5)
    expect(emitted.at(-1)).toEqual({ type: 'pool.opened', at: START + 5_000, pool: 'p' })
    expect([run.parkedChanges, run.queue.isParked, pool.stats().parkedMs]).toEqual([[true, false], false, undefined])
  })

  test('opens with one attempt, then doubles with each answer', async () => {
    const clock = new VirtualClock()
    const { pool } = poolWith(clock, { concurrency: 8 })
    const run = new TestRun(pool, 'a')
    run.push(0, 99)
    run.throttle(0, 1_000)
    for (const index of [1, 2, 3, 4, 5, 6, 7]) run.release(index)
    await clock.advance(1_000)
    const inFlight = [run.leases.size]
    for (let answered = 0; answered < 5; answered++) {
      run.succeed([...run.leases.keys()][0]!)
      await clock.advance(0)
      inFlight.push(run.leases.size)
    }
    expect(inFlight).toEqual([1, 2, 4, 8, 8, 8])
  })

  test('does not count attempts from before the cooldown; each of their answers allows one more', async () => {
    const clock = new VirtualClock()
    const { pool } = poolWith(clock, { concurrency: 8 })
    const run = new TestRun(pool, 'a')
    run.push(0, 99)
    run.throttle(0, 1_000)
    await clock.advance(1_000)
    expect(run.leases.size).toBe(8)
    run.release(1, 2, 3)
    expect(run.leases.size).toBe(5)
    run.succeed(4)
    expect(run.leases.size).toBe(5)
    run.succeed(8)
    expect(run.leases.size).toBe(7)
  })

  test('raises the limit when the agent refuses, not when the provider fails', async () => {
    const clock = new VirtualClock()
    const { pool } = poolWith(clock)
    const run = new TestRun(pool, 'a')
    run.push(0, 99)
    run.throttle(0, 1_000)
    run.release(1, 2, 3)
    await clock.advance(1_000)
    const verdict = { action: 'retry', delayMs: 0 } as const
    run.end(4, { ok: false, failure: { kind: 'crashed', message: 'reset' }, verdict })
    expect(run.leases.size).toBe(1)
    run.end(5, { ok: false, failure: { kind: 'agent', message: 'no' }, verdict })
    expect(run.leases.size).toBe(2)
  })

  test('is parked until the latest of several ends, and does not emit small changes', async () => {
    const clock = new VirtualClock()
    const { pool, events: emitted } = poolWith(clock)
    const run = new TestRun(pool, 'a')
    run.push(0, 9)
    run.throttle(0, 5_000)
    run.throttle(1, 2_000)
    run.throttle(2, 5_100)
    expect([emitted.length, pool.stats().parkedMs]).toEqual([1, 5_100])
    run.throttle(3, 9_000)
    expect(emitted.map(event => event.type === 'pool.parked' && event.until - START)).toEqual([5_000, 9_000])
    await clock.advance(8_999)
    expect(run.started.length).toBe(4)
    await clock.advance(1)
    expect([run.started.length, run.parkedChanges]).toEqual([5, [true, false]])
  })

  test('opens up to a tenth later at random, at most 5 s', () => {
    const clock = new VirtualClock()
    const parkedMs = (ms: number, lot: number): number | undefined => {
      const { pool } = poolWith(clock, { random: () => lot })
      pool.park(ms)
      return pool.stats().parkedMs
    }
    expect([parkedMs(1_000, 0.5), parkedMs(10_000, 1), parkedMs(3_600_000, 0.5)]).toEqual([1_050, 11_000, 3_602_500])
  })

  test('is parked again by each first attempt that is throttled', async () => {
    const clock = new VirtualClock()
    const { pool, events: emitted } = poolWith(clock)
    const run = new TestRun(pool, 'a')
    run.push(0, 99)
    for (let turn = 0; turn < 10; turn++) {
      for (const index of [...run.leases.keys()]) run.throttle(index, 1_000)
      await clock.advance(1_000)
    }
    expect(run.started.length).toBe(4 + 10)
    expect(emitted.filter(event => event.type === 'pool.opened').length).toBe(10)
  })
})

describe('parking by the host', () => {
  test('parks a pool and ends that', async () => {
    const clock = new VirtualClock()
    const { pool, events: emitted } = poolWith(clock)
    const run = new TestRun(pool, 'a')
    pool.park(60_000, 'quota', 'the account is empty')
    run.push(0, 9)
    expect([run.started, run.queue.isParked, run.parkedChanges]).toEqual([[], true, [true]])
    pool.unpark()
    expect(run.started).toEqual([0])
    expect(emitted.map(({ type }) => type)).toEqual(['pool.parked', 'pool.opened'])
    pool.unpark()
    expect(emitted.length).toBe(2)
    await clock.runUntilIdle()
  })

  test.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY, '5' as unknown as number])('rejects %s ms', ms => {
    const { pool } = poolWith(new VirtualClock())
    try {
      pool.park(ms)
    } catch (error) {
      expect(isCounterpointError(error, 'INVALID_INPUT')).toBe(true)
    }
    expect(pool.stats().parkedMs).toBeUndefined()
  })
})

describe('the pools of a limit key', () => {
  test('are parked together, each emits it, and they open with one attempt between them', async () => {
    const clock = new VirtualClock()
    const limit = new Limit({ key: 'account', clock, random: () => 0 })
    const [one, two] = [poolWith(clock, { name: 'one', limit }), poolWith(clock, { name: 'two', limit })]
    const other = poolWith(clock, { name: 'other' })
    const runs = [one, two, other].map(({ pool }, i) => new TestRun(pool, `r${i}`))
    for (const run of runs) run.push(0, 99)
    runs[0]!.throttle(0, 5_000)
    for (const run of runs) run.release(...run.leases.keys())
    expect(runs.map(run => run.leases.size)).toEqual([0, 0, 4])
    expect(
      [one, two, other].map(({ events }) => events.map(event => event.type === 'pool.parked' && event.key)),
    ).toEqual([['account'], ['account'], []])
    expect(limit.stats()).toMatchObject({ running: 0, parkedMs: 5_000, parkedReason: 'throttled' })
    await clock.advance(5_000)
    expect(runs[0]!.leases.size + runs[1]!.leases.size).toBe(1)
    const inFlight: number[] = []
    for (let answered = 0; answered < 5; answered++) {
      const run = runs[0]!.leases.size > 0 ? runs[0]! : runs[1]!
      run.succeed([...run.leases.keys()][0]!)
      inFlight.push(runs[0]!.leases.size + runs[1]!.leases.size)
    }
    expect(inFlight).toEqual([2, 4, 8, 8, 8])
  })

  test('open when both the cooldown of the key and that of the pool have ended', async () => {
    const clock = new VirtualClock()
    const limit = new Limit({ key: 'account', clock, random: () => 0 })
    const { pool, events: emitted } = poolWith(clock, { limit })
    const run = new TestRun(pool, 'a')
    run.push(0, 9)
    run.release(0, 1, 2, 3)
    const before = run.started.length
    pool.park(3_000)
    limit.park(1_000, 'quota')
    run.release(...run.leases.keys())
    await clock.advance(1_000)
    expect(run.started.length).toBe(before)
    limit.park(5_000, 'overloaded')
    await clock.advance(2_000)
    expect([run.started.length, pool.stats().parkedReason]).toEqual([before, 'overloaded'])
    await clock.advance(3_000)
    expect(run.started.length).toBe(before + 1)
    expect(emitted.filter(event => event.type === 'pool.opened').length).toBe(1)
  })
})

describe('a cooldown without runs', () => {
  test('leaves no timer when the last run has gone, and is still there for the next run', async () => {
    const clock = new VirtualClock()
    const limit = new Limit({ key: 'account', clock, random: () => 0, requests: { limit: 1, perMs: 60_000 } })
    const { pool, events: emitted } = poolWith(clock, { limit })
    const [a, b] = [new TestRun(pool, 'a'), new TestRun(pool, 'b')]
    a.push(0, 9)
    b.push(0, 9)
    a.end(0, throttled(5_000))
    pool.park(9_000)
    // Of the key and of the pool: a parked pool does not wait for its window.
    expect(clock.pending).toBe(2)
    a.queue.close()
    expect(clock.pending).toBe(2)
    b.queue.close()
    expect(clock.pending).toBe(0)
    await clock.advance(6_000)
    expect(pool.stats()).toMatchObject({ parkedMs: 3_000 })
    const c = new TestRun(pool, 'c')
    expect([c.queue.isParked, clock.pending]).toEqual([true, 1])
    c.push(0, 0)
    await clock.advance(3_000)
    expect(emitted.at(-1)!.type).toBe('pool.opened')
    c.queue.close()
    expect(clock.pending).toBe(0)
  })

  test('has no timer in an unused pool, and has ended when it is used', async () => {
    const clock = new VirtualClock()
    const { pool, events: emitted } = poolWith(clock)
    pool.park(1_000)
    expect(clock.pending).toBe(0)
    await clock.advance(2_000)
    expect(pool.stats().parkedMs).toBeUndefined()
    const run = new TestRun(pool, 'a')
    run.push(0, 9)
    expect([run.started, run.parkedChanges]).toEqual([[0], [false]])
    expect(emitted.map(({ type }) => type)).toEqual(['pool.parked', 'pool.opened'])
  })
})
