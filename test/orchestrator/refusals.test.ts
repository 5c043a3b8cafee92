import {
  AgentError,
  type AgentFunction,
  type FailureKind,
  Orchestrator,
  type PoolOptions,
  TaskGraph,
} from 'counterpoint'
import { VirtualClock } from 'counterpoint/testing'
import { describe, expect, test } from 'vitest'
import type { RetryBudgetOptions } from '../../src/pools/retry-budget.js'
import { SeededRandom } from '../support/seeded-random.js'

const HOUR = 3_600_000

type AgentErrorOptions = ConstructorParameters<typeof AgentError>[2]

interface Played {
  readonly outcome: string
  readonly ms: number
  readonly calls: number
  readonly refused: number
  readonly parked: ReadonlySet<string>
}

interface Provider {
  /** What an attempt that starts at this time fails with; undefined: it succeeds after `takesMs`. */
  readonly refuses: (now: number) => AgentError | undefined
  readonly takesMs?: number
  readonly tasks?: number
  readonly pool?: Partial<PoolOptions>
  readonly pools?: readonly string[]
}

/** Runs tasks against a provider in virtual time. */
async function play(provider: Provider): Promise<Played> {
  const { refuses, takesMs = 1_000, tasks = 20, pool = {}, pools = ['p'] } = provider
  const clock = new VirtualClock()
  const dice = new SeededRandom(tasks)
  let [calls, refused] = [0, 0]
  const pass = (ms: number): Promise<void> => new Promise(resolve => clock.schedule(resolve, ms))
  const backend: AgentFunction = async () => {
    calls++
    const error = refuses(clock.monotonic())
    await pass(error ? 10 : takesMs)
    if (error === undefined) return 'done'
    refused++
    throw error
  }
  const all = Object.fromEntries(pools.map(name => [name, { backend, ...pool }]))
  const orchestrator = new Orchestrator({ clock, random: () => dice.next(), pools: all })
  const parked = new Set<string>()
  orchestrator.on('pool.parked', ({ reason }) => parked.add(reason))
  const run = orchestrator.run({
    tasks: Array.from({ length: tasks }, (_, i) => ({ id: `t${i}`, pool: pools[i % pools.length]! })),
  })
  await clock.runUntilIdle()
  const { outcome } = await run.result
  return { outcome, ms: clock.monotonic(), calls, refused, parked }
}

function during(fromMs: number, toMs: number, kind: FailureKind, options?: AgentErrorOptions) {
  return (now: number): AgentError | undefined =>
    now >= fromMs && now < toMs ? new AgentError(kind, 'no', options) : undefined
}

describe('a provider that refuses for two seconds', () => {
  test.each<[string, FailureKind, AgentErrorOptions | undefined]>([
    ['names no time', 'throttled', undefined],
    ['names the time', 'throttled', { retryAfterMs: 2_000 }],
    ['names a time that is too short', 'throttled', { retryAfterMs: 100 }],
    ['names 0', 'throttled', { retryAfterMs: 0 }],
    ['is overloaded and names the time', 'overloaded', { retryAfterMs: 2_000 }],
    ['has no quota and names the time', 'quota', { retryAfterMs: 2_000 }],
  ])('and %s costs a few seconds, and nothing of the retry budget', async (_, kind, options) => {
    for (const [tasks, concurrency] of [
      [6_000, 32],
      [600, 4],
    ] as const) {
      const without = await play({ refuses: () => undefined, tasks, pool: { concurrency } })
      const { outcome, ms, refused, parked } = await play({
        refuses: during(10_000, 12_000, kind, options),
        tasks,
        pool: { concurrency },
      })
      expect(outcome).toBe('completed')
      expect(parked).not.toContain('retry-budget')
      // The others open the circuit breaker for ten seconds, too.
      expect(ms - without.ms).toBeLessThan(kind === 'throttled' ? 10_000 : 20_000)
      expect(refused).toBeLessThan(2 * concurrency + 60)
    }
  })

  test('costs little in the pools of one account', async () => {
    const pool = { concurrency: 8, limitKey: 'account' }
    const refuses = during(10_000, 12_000, 'throttled')
    const { outcome, parked, ms } = await play({ refuses, tasks: 2_000, pool, pools: ['p', 'q', 'r'] })
    expect([outcome, parked.has('retry-budget')]).toEqual(['completed', false])
    expect(ms).toBeLessThan(100_000)
  })

  test('again and again, never spends a retry budget of 1', async () => {
    const refuses = (now: number) => during(0, 2_000, 'throttled', { retryAfterMs: 2_000 })(now % 20_000)
    const pool = { concurrency: 8, retryBudget: { floor: 1, ratio: 0 } }
    const { outcome, parked } = await play({ refuses, tasks: 1_000, pool })
    expect([outcome, [...parked]]).toEqual(['completed', ['throttled']])
  })
})

describe('a storm of refusals', () => {
  test('is stopped after some attempts, however many tasks are ready', async () => {
    const { refused, outcome } = await play({
      refuses: during(0, 60_000, 'throttled'),
      tasks: 5_000,
      pool: { concurrency: 100 },
      takesMs: 10,
    })
    expect(outcome).toBe('completed')
    expect(refused).toBeLessThan(250)
  })
})

describe('a quota that is used up', () => {
  const said = (kind: FailureKind, hours: number) => (now: number) =>
    now < hours * HOUR ? new AgentError(kind, 'no', { retryAfterMs: hours * HOUR - now }) : undefined

  test.each<[FailureKind, number, number, string | undefined, readonly string[]]>([
    ['quota', 1, 1, undefined, ['p']],
    ['quota', 40, 8, undefined, ['p']],
    ['quota', 40, 8, 'account', ['p', 'q', 'r', 's']],
    ['throttled', 1, 1, undefined, ['p']],
    ['throttled', 40, 8, undefined, ['p']],
    ['throttled', 40, 8, 'account', ['p', 'q', 'r', 's']],
  ])(
    'for 5 hours, without a time (%s, %i tasks, concurrency %i, key %s, %j): tens of calls, no task dies',
    async (kind, tasks, concurrency, limitKey, pools) => {
      const refuses = during(0, 5 * HOUR, kind)
      const { outcome, refused, ms } = await play({ refuses, tasks, pool: { concurrency, limitKey }, pools })
      expect(outcome).toBe('completed')
      expect(refused).toBeLessThan(100)
      expect(ms).toBeLessThan(6.5 * HOUR)
    },
  )

  test.each<[FailureKind, number]>([
    ['quota', 1],
    ['quota', 40],
    ['throttled', 1],
    ['throttled', 40],
  ])('for 146 hours, without a time (%s, %i tasks): still less than a hundred', async (kind, tasks) => {
    const { outcome, refused, ms } = await play({ refuses: during(0, 146 * HOUR, kind), tasks })
    expect(outcome).toBe('completed')
    expect(refused).toBeLessThan(100)
    expect(ms).toBeLessThan(190 * HOUR)
  })

  test.each([
    [5, 'quota', 8, 5.1],
    [146, 'quota', 16, 147],
    [5, 'throttled', 8, 5.1],
    [146, 'throttled', 16, 147],
  ] as const)(
    'for %i hours, with the time (%s): one call each day, and no hour lost',
    async (hours, kind, most, endsAt) => {
      const { outcome, refused, ms } = await play({ refuses: said(kind, hours), tasks: 8 })
      expect(outcome).toBe('completed')
      expect(refused).toBeLessThanOrEqual(most)
      expect(ms).toBeLessThan(endsAt * HOUR)
    },
  )

  test('for which the provider always names 20 seconds is not asked every 20 seconds for hours', async () => {
    const { outcome, refused } = await play({
      refuses: during(0, 5 * HOUR, 'throttled', { retryAfterMs: 20_000 }),
      tasks: 1,
    })
    expect(outcome).toBe('completed')
    expect(refused).toBeLessThan(100)
  })

  test.each<FailureKind>(['quota', 'throttled'])(
    'is found out in tens of calls of the first of two backends, too (%s)',
    async kind => {
      const clock = new VirtualClock()
      let [first, second] = [0, 0]
      const pass = (ms: number): Promise<void> => new Promise(resolve => clock.schedule(resolve, ms))
      const backends = [
        async () => {
          first++
          if (clock.monotonic() < 5 * HOUR) throw new AgentError(kind, 'no')
          return 'first'
        },
        async () => {
          second++
          await pass(60_000)
          return 'second'
        },
      ]
      const orchestrator = new Orchestrator({ clock, random: () => 0.5, pools: { p: { backends } } })
      const { result } = orchestrator.run({ tasks: Array.from({ length: 2_000 }, (_, i) => ({ id: `t${i}` })) })
      await clock.runUntilIdle()
      expect((await result).outcome).toBe('completed')
      expect(second).toBeGreaterThan(1_000)
      expect(first - (2_000 - second)).toBeLessThan(100)
    },
  )

  test('of function tasks', async () => {
    const clock = new VirtualClock()
    const orchestrator = new Orchestrator({ clock })
    const graph = new TaskGraph('functions')
    let refused = 0
    const work = (): string => {
      if (clock.monotonic() >= 5 * HOUR) return 'done'
      refused++
      throw new AgentError('throttled', 'no')
    }
    for (let i = 0; i < 20; i++) graph.task(`t${i}`, { run: work })
    const { result } = orchestrator.run(graph)
    await clock.runUntilIdle()
    expect((await result).outcome).toBe('completed')
    expect(refused).toBeLessThan(100)
  })
})

describe('a retry budget of any size', () => {
  test.each<[RetryBudgetOptions, number]>([
    [{ floor: 0 }, 70_000],
    [{ floor: 0, ratio: 0 }, 70_000],
    [{ floor: 0, ratio: 0, perMs: 1 }, 20_000],
    [{ floor: 0, ratio: 0, perMs: Number.MIN_VALUE }, 20_000],
    [{ floor: 0, ratio: 0, perMs: Number.MAX_SAFE_INTEGER }, 620_000],
    [{ floor: 0.5, ratio: 0.1 }, 70_000],
    [{ floor: 0, ratio: Number.MAX_VALUE }, 5_000],
    [{ floor: Number.POSITIVE_INFINITY }, 5_000],
    [{ floor: Number.MAX_VALUE, perMs: 1e-9 }, 5_000],
  ])('never stops a pool for ever: %j', async (retryBudget, mostMs) => {
    let failures = 0
    const refuses = (): AgentError | undefined => (++failures === 1 ? new AgentError('agent', 'no') : undefined)
    const { outcome, ms } = await play({ refuses, tasks: 2, pool: { retryBudget, concurrency: 1 } })
    expect(outcome).toBe('completed')
    expect(ms).toBeLessThan(mostMs)
  })

  test('that is spent over a year lets one retry through every ten minutes', async () => {
    let calls = 0
    const refuses = (): AgentError | undefined => (++calls <= 6 ? new AgentError('agent', 'no') : undefined)
    const retryBudget = { floor: 1, ratio: 0, perMs: 365 * 24 * HOUR }
    const { outcome, ms } = await play({ refuses, tasks: 6, pool: { retryBudget, concurrency: 6 } })
    expect(outcome).toBe('completed')
    expect(ms).toBeGreaterThan(40 * 60_000)
    expect(ms).toBeLessThan(90 * 60_000)
  })
})
