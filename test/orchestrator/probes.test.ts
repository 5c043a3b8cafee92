import { AgentError, type AgentFunction, Orchestrator, type PoolOptions, type Run, type TaskData } from 'counterpoint'
import { VirtualClock } from 'counterpoint/testing'
import { describe, expect, test } from 'vitest'

const MINUTE = 60_000
const OPEN_MS = 10_000
const HOUR = 3_600_000

/** An orchestrator without jitter, and when its backend was called, in ms. */
class Stage {
  readonly clock = new VirtualClock()
  readonly orchestrator: Orchestrator
  readonly calls: { readonly id: string; readonly at: number }[] = []

  /** `pools`: one for each name; their options are the same. */
  constructor(answer: AgentFunction, options: Partial<PoolOptions> = {}, pools: readonly string[] = ['p']) {
    const backend: AgentFunction = (request, context) => {
      this.calls.push({ id: request.task.id, at: this.now })
      return answer(request, context)
    }
    const { clock } = this
    const all = Object.fromEntries(pools.map(name => [name, { backend, ...options }]))
    this.orchestrator = new Orchestrator({ clock, random: () => 0, pools: all })
  }

  get now(): number {
    return this.clock.monotonic()
  }

  run(ids: readonly string[], task: Partial<TaskData> = {}): Run {
    const pools = [...this.orchestrator.pools.keys()].filter(name => name !== 'default')
    const tasks = ids.map((id, i) => ({ id, pool: pools[i % pools.length]!, ...task }))
    return this.orchestrator.run({ tasks })
  }

  pass(ms: number): Promise<void> {
    return new Promise(resolve => this.clock.schedule(resolve, ms))
  }

  startOf(id: string): number | undefined {
    return this.calls.find(call => call.id === id)?.at
  }
}

const ids = (count: number): readonly string[] => Array.from({ length: count }, (_, i) => `t${i}`)
const hang = (): Promise<never> => new Promise(() => {})

describe('agents that take 20 minutes each', () => {
  const throttledAtFirst = (stage: () => Stage, kind: 'throttled' | 'quota' | 'overloaded') => async () => {
    if (stage().now < 1_000) throw new AgentError(kind, 'slow down', { retryAfterMs: 30_000 })
    await stage().pass(20 * MINUTE)
    return 'done'
  }

  test.each([
    ['throttled', undefined, ['p']],
    ['quota', undefined, ['p']],
    ['overloaded', undefined, ['p']],
    ['throttled', 'account', ['p']],
    ['throttled', 'account', ['p', 'q']],
    ['quota', 'account', ['p', 'q', 'r']],
  ] as const)('take little longer than that after a cooldown: %s, key %s, pools %j', async (kind, limitKey, pools) => {
    const stage: Stage = new Stage(
      throttledAtFirst(() => stage, kind),
      { concurrency: 8, limitKey },
      pools,
    )
    const { result } = stage.run(ids(8))
    await stage.clock.runUntilIdle()
    expect((await result).outcome).toBe('completed')
    // A used-up quota opens the breakers, too, which admit one more each minute.
    expect(stage.now).toBeLessThan((kind === 'quota' ? 28 : 23) * MINUTE)
    // It still begins with one.
    expect(stage.calls.filter(({ at }) => at === 30_000)).toHaveLength(1)
  })

  test('start at most in doubling steps of a minute, and 64 of them within four minutes', async () => {
    const stage: Stage = new Stage(
      throttledAtFirst(() => stage, 'throttled'),
      { concurrency: 64 },
    )
    stage.run(ids(64))
    const started = (): number => stage.calls.filter(({ at }) => at >= 1_000).length
    const steps: number[] = []
    await stage.clock.advance(30_000)
    for (let minute = 0; minute < 4; minute++) {
      steps.push(started())
      await stage.clock.advance(MINUTE)
    }
    expect(steps).toEqual([1, 3, 11, 64])
  })

  test('start in the same way after `unpark`, and with a `probeMs` of their pool', async () => {
    for (const by of ['park', 'unpark'] as const) {
      const stage: Stage = new Stage(() => hang(), { concurrency: 4, breaker: { probeMs: 5_000 } })
      const pool = stage.orchestrator.pools.get('p')!
      pool.park(10_000)
      stage.run(ids(4))
      if (by === 'unpark') pool.unpark()
      await stage.clock.advance(by === 'unpark' ? 0 : 10_000)
      const counts = [stage.calls.length]
      for (let step = 0; step < 2; step++) {
        await stage.clock.advance(5_000)
        counts.push(stage.calls.length)
      }
      expect(counts).toEqual([1, 3, 4])
    }
  })
})

describe('the first attempt after a cooldown, when it hangs', () => {
  test.each([undefined, 'account'])('blocks its pool for a minute only (key %s)', async limitKey => {
    const stage: Stage = new Stage(
      async () => {
        if (stage.now === 0) throw new AgentError('throttled', 'slow down', { retryAfterMs: 5_000 })
        return stage.calls.filter(({ at }) => at > 0).length === 1 ? hang() : 'done'
      },
      { limitKey, concurrency: 2 },
    )
    const run = stage.run(ids(10))
    await stage.clock.advance(5_000 + MINUTE - 1)
    expect(run.progress().counts.succeeded).toBe(0)
    await stage.clock.advance(1)
    expect(run.progress().counts).toMatchObject({ succeeded: 9, running: 1 })
  })

  test('leaves no timer when its run is cancelled or drained, and the next run starts at once', async () => {
    for (const end of ['cancel', 'cancelTask', 'drain'] as const) {
      const stage: Stage = new Stage(({ task }) => (task.id === 'next' ? 'done' : hang()), { graceMs: 100 })
      stage.orchestrator.pools.get('p')!.park(1_000)
      const run = stage.run(['hung', 'waits'])
      await stage.clock.advance(2_000)
      expect(stage.calls).toHaveLength(1)
      if (end === 'cancelTask') {
        await run.cancelTask('hung')
        await stage.clock.advance(100)
        expect(stage.startOf('waits')).toBe(2_100)
        await run.cancel()
      } else if (end === 'cancel') await run.cancel()
      else {
        const drained = stage.orchestrator.drain({ timeoutMs: 0 })
        await stage.clock.advance(100)
        await drained
      }
      await stage.clock.advance(100)
      expect([end, stage.clock.pending]).toEqual([end, 0])
      if (end === 'drain') continue
      const next = stage.run(['next'])
      await stage.clock.advance(0)
      expect((await next.result).outcome).toBe('completed')
    }
  })
})

describe('a pool whose half-open breaker waits for a probe', () => {
  const fail = (kind: ConstructorParameters<typeof AgentError>[0], retryAfterMs?: number) => (): never => {
    throw new AgentError(kind, 'no', { retryAfterMs })
  }
  /** What happens with the probe after a second, and when the next attempt starts, in seconds after the probe. */
  const ends: readonly (readonly [string, (run: Run) => unknown, number, Partial<TaskData>])[] = [
    ['succeeds', () => 'done', 1, {}],
    ['is refused', fail('refused'), 1, {}],
    ['fails with bad-input', fail('bad-input'), 1, {}],
    ['fails with invalid-output', fail('invalid-output'), 1, {}],
    ['fails with incomplete-output', fail('incomplete-output'), 1, {}],
    ['gives an output that is no JSON', () => 10n, 1, {}],
    ['fails as agent', fail('agent'), 1, {}],
    ['says that it was interrupted', fail('interrupted'), 1, {}],
    ['crashes', fail('crashed'), 21, {}],
    ['is overloaded', fail('overloaded'), 21, {}],
    ['is overloaded for 2 s', fail('overloaded', 2_000), 21, {}],
    ['is throttled for 2 s', fail('throttled', 2_000), 3, {}],
    ['is throttled for 0.1 s', fail('throttled', 100), 1.1, {}],
    ['is throttled', fail('throttled'), 1, {}],
    ['has no quota for 30 s', fail('quota', 30_000), 31, {}],
    ['exceeds its own timeout', hang, 21, { timeoutMs: 1_000 }],
    ['exceeds its idle timeout', hang, 21, { idleTimeoutMs: 1_000 }],
    ['is cancelled', run => run.cancelTask('probe').then(hang), 1, {}],
    ['ends with its run, which is cancelled', run => run.cancel().then(hang), 1, {}],
    ['hangs', hang, 60, {}],
  ]

  describe.each([undefined, 'account'])('limit key %s', limitKey => {
    test.each(ends)('goes on in time when the probe %s', async (_, end, seconds, task) => {
      let run: Run | undefined
      const stage: Stage = new Stage(
        async request => {
          if (request.task.id === 'fails') throw new AgentError('crashed', 'no')
          if (request.task.id !== 'probe') return 'done'
          if (Object.keys(task).length === 0) await stage.pass(1_000)
          return end(run!)
        },
        { breaker: { failures: 1, openMs: OPEN_MS }, concurrency: 3, graceMs: 0, limitKey },
      )
      stage.run(['fails'], { retries: 0 })
      await stage.clock.advance(OPEN_MS + 1_000)
      const startedAt = stage.now
      run = stage.run(['probe'], { retries: 0, ...task })
      await stage.clock.advance(0)
      stage.run(['next'])
      await stage.clock.advance(0)
      expect(stage.orchestrator.pools.get('p')!.stats()).toMatchObject({ parkedReason: 'unhealthy', parkedMs: MINUTE })
      await stage.clock.advance(HOUR)
      expect(stage.startOf('next')! - startedAt).toBeCloseTo(seconds * 1_000, -1)
    })
  })

  test('lets in a second probe after `probeMs`, also when each of them hangs', async () => {
    const breaker = { failures: 1, openMs: OPEN_MS, probeMs: 5_000 }
    const stage: Stage = new Stage(
      async () => {
        if (stage.now === 0) throw new AgentError('crashed', 'no')
        return stage.calls.filter(({ at }) => at > 0).length <= 3 ? hang() : 'done'
      },
      { breaker, concurrency: 4 },
    )
    const run = stage.run(ids(20))
    await stage.clock.advance(OPEN_MS + 10_000)
    expect(stage.calls.filter(({ at }) => at > 0).map(({ at }) => at)).toEqual([10_000, 15_000, 20_000])
    await stage.clock.advance(5_000)
    expect(run.progress().counts).toMatchObject({ succeeded: 17, running: 3 })
  })
})

describe('a quota that resets after 2 s', () => {
  test.each([
    [undefined, ['p']],
    ['account', ['p']],
    ['account', ['p', 'q']],
  ] as const)(
    'holds its pool for 2 s each time it is refused, not for an opening of the breaker: key %s, pools %j',
    async (limitKey, pools) => {
      const stage: Stage = new Stage(
        async () => {
          if (stage.now < 12_000) throw new AgentError('quota', 'used up', { retryAfterMs: 2_000 })
          return 'done'
        },
        { limitKey },
        pools,
      )
      const { result } = stage.run(ids(8))
      await stage.clock.runUntilIdle()
      expect((await result).outcome).toBe('completed')
      expect([...new Set(stage.calls.map(({ at }) => at))]).toEqual([0, 2_000, 4_000, 6_000, 8_000, 10_000, 12_000])
    },
  )
})
