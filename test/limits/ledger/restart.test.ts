import type { OrchestratorOptions } from 'counterpoint'
import { VirtualClock } from 'counterpoint/testing'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type BuiltPools, buildPools } from '../../../src/pools/build-pools.js'
import { FakeStream } from '../../support/fake-stream.js'
import { TestRun, throttled } from '../../support/test-run.js'

const backend = (): null => null
const account = {
  pools: { p: { backend, concurrency: 50, limitKey: 'account', requests: { limit: 10, perMs: 60_000 } } },
}

/** One process: its pools, with a run in `p`. */
interface Life {
  readonly clock: VirtualClock
  readonly built: BuiltPools
  readonly run: TestRun
}

function live(stream: FakeStream, options: OrchestratorOptions, startAt: number): Life {
  const clock = new VirtualClock({ startAt })
  const world = { clock, random: () => 0, publish: () => {}, report: () => {}, shared: stream }
  const built = buildPools(options, world)
  return { clock, built, run: new TestRun(built.workers.get('p')!, 'r') }
}

describe('after a restart', () => {
  test.each<[string, OrchestratorOptions]>([
    ['of a limit key', account],
    ['of a pool', { pools: { p: { backend, concurrency: 50, requests: { limit: 10, perMs: 60_000 } } } }],
  ])('the window %s counts what had started before', async (_title, options) => {
    const stream = new FakeStream()
    const one = live(stream, options, 1e12)
    one.run.push(0, 6)
    await one.clock.advance(30_000)
    expect(one.run.started.length).toBe(7)
    await one.built.close()
    const two = live(stream, options, 1e12 + 40_000)
    two.run.push(0, 99)
    await two.clock.advance(0)
    expect(two.run.started.length).toBe(3)
    await two.clock.advance(20_100)
    expect(two.run.started.length).toBe(10)
  })

  test.each(['requests', 'tokens'] as const)(
    'a pool that is live and gets its first limit of %s goes on',
    async kind => {
      const stream = new FakeStream()
      const one = live(stream, { pools: { p: { backend, concurrency: 50 } } }, 1e12)
      one.run.push(0, 1)
      await one.clock.advance(0)
      expect(one.run.started.length).toBe(2)
      one.built.workers.get('p')![kind] = { limit: 3, perMs: 60_000 }
      one.run.push(2, 19)
      await one.clock.advance(100)
      expect(one.run.started.length).toBeGreaterThan(2)
      await one.built.close()
      const two = live(
        stream,
        { pools: { p: { backend, concurrency: 50, [kind]: { limit: 3, perMs: 60_000 } } } },
        1e12 + 1_000,
      )
      two.run.push(0, 99)
      await two.clock.advance(100)
      expect(two.run.started.length).toBe(kind === 'requests' ? 0 : 50)
    },
  )

  test('what a crashed process may have started counts as started', async () => {
    const stream = new FakeStream()
    const one = live(stream, account, 1e12)
    one.run.push(0, 4)
    await one.clock.advance(0)
    const two = live(stream, account, 1e12 + 1_000)
    two.run.push(0, 99)
    await two.clock.advance(0)
    expect(two.run.started.length).toBeGreaterThan(2)
    expect(two.run.started.length).toBeLessThanOrEqual(5)
  })

  test.each([
    ['a limit key', account],
    ['a pool', { pools: { p: { backend } } }],
  ])('%s that was parked is parked for the remaining time, unless the host had ended that', async (_title, options) => {
    const stream = new FakeStream()
    const one = live(stream, options, 1e12)
    one.run.push(0, 9)
    await one.clock.advance(0)
    one.run.end(0, throttled(3_600_000))
    await one.clock.advance(1_000)
    const two = live(stream, options, 1e12 + 600_000)
    two.run.push(0, 99)
    await two.clock.advance(0)
    const pool = two.built.workers.get('p')!
    expect(two.run.started).toEqual([])
    expect(pool.stats()).toMatchObject({ parkedMs: 3_000_000, parkedReason: 'throttled' })
    expect([two.run.queue.isParked, two.run.parkedChanges]).toEqual([true, [true]])
    ;(two.built.limits.get('account') ?? pool).unpark()
    await two.clock.advance(0)
    expect(two.run.started.length).toBe(1)
    const three = live(stream, options, 1e12 + 700_000)
    three.run.push(0, 99)
    await three.clock.advance(0)
    expect(three.run.started.length).toBeGreaterThan(1)
  })

  test('a cooldown that the library began itself is forgotten, and an expired one has ended', async () => {
    const stream = new FakeStream()
    const options = { pools: { p: { backend, breaker: { failures: 1, openMs: 1e6 }, concurrency: 1 } } }
    const one = live(stream, options, 1e12)
    one.run.push(0, 9)
    await one.clock.advance(0)
    const failure = { kind: 'crashed', message: 'no' } as const
    one.run.end(0, { ok: false, failure, verdict: { action: 'retry', delayMs: 0 } })
    expect(one.built.workers.get('p')!.stats().parkedReason).toBe('unhealthy')
    one.built.workers.get('p')!.park(5_000)
    await one.clock.advance(0)
    const two = live(stream, options, 1e12 + 5_000)
    two.run.push(0, 9)
    await two.clock.advance(0)
    expect(two.run.started).toEqual([0])
  })
})

describe('while the stream', () => {
  test('has not been read, nothing starts, and it is not read before there is a run', async () => {
    const stream = new FakeStream()
    const clock = new VirtualClock()
    const world = { clock, random: () => 0, publish: () => {}, report: () => {}, shared: stream }
    const built = buildPools(account, world)
    await clock.advance(1_000)
    expect(stream.reads).toBe(0)
    const run = new TestRun(built.workers.get('p')!, 'r')
    run.push(0, 99)
    expect([stream.reads, run.started]).toEqual([1, []])
    await clock.advance(0)
    expect(run.started.length).toBe(10)
  })

  test('cannot be written, no more starts than was granted', async () => {
    const stream = new FakeStream()
    const one = live(stream, account, 1e12)
    await one.clock.advance(0)
    stream.error = new Error('disk full')
    one.run.push(0, 99)
    await one.clock.advance(1_000)
    expect(one.run.started.length).toBe(0)
    stream.error = undefined
    await one.clock.advance(120_000)
    expect(one.run.started.length).toBeGreaterThanOrEqual(10)
    one.run.queue.close()
    await one.built.close()
    expect(one.clock.pending).toBe(0)
  })
})

test('no window is exceeded over any number of crashes', async () => {
  const step = fc.record({
    runMs: fc.nat(4_000),
    downMs: fc.nat(1_500),
    tasks: fc.nat(12),
    closes: fc.boolean(),
    takesMs: fc.nat(900),
  })
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 1, maxLength: 5 }),
      fc.integer({ min: 1, max: 8 }),
      async (steps, limit) => {
        const stream = new FakeStream({ replaces: true })
        const requests = { limit, perMs: 2_000 }
        const starts: number[] = []
        let startAt = 1e12
        for (const { runMs, downMs, tasks, closes, takesMs } of steps) {
          const { clock, built, run } = live(stream, { pools: { p: { backend, concurrency: 5, requests } } }, startAt)
          run.onStart = index => {
            starts.push(clock.now())
            clock.schedule(() => run.succeed(index), takesMs)
          }
          run.push(0, tasks)
          await clock.advance(runMs)
          if (closes) await built.close()
          startAt = clock.now() + downMs
        }
        for (const [i, at] of starts.entries()) {
          const inWindow = starts.slice(i).filter(other => other - at <= requests.perMs)
          expect(inWindow.length).toBeLessThanOrEqual(limit)
        }
      },
    ),
    { numRuns: 100 },
  )
})
