import { isCounterpointError, Orchestrator, type TaskSpec } from 'counterpoint'
import { MockBackend, succeed, VirtualClock } from 'counterpoint/testing'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { chooseMode } from '../../src/forecast/choose-mode.js'
import { type ForecastPool, forecast } from '../../src/forecast/forecast.js'
import { Dice } from '../support/dice.js'
import { graphs } from '../support/graphs.js'
import { specs } from '../support/scene.js'

type Pools = Readonly<Record<string, ForecastPool>>

const RULES = ['all_success', 'all_done', 'one_success', 'one_done', 'none_failed', 'all_failed', 'one_failed'] as const

/** Random plans in two pools, with every kind of dependency. Some of their tasks are skipped. */
const plans: fc.Arbitrary<readonly TaskSpec[]> = fc
  .tuple(graphs({ pools: ['p', 'q'] }), fc.nat())
  .map(([tasks, seed]) => {
    const dice = new Dice(seed)
    return tasks.map(({ after, priority, ...rest }) => {
      const task = { ...rest, ...(priority !== 4 && { priority }) }
      if (after === undefined) return task
      if (dice.chance(0.2)) return { ...task, orderAfter: after }
      return { ...task, after, ...(dice.chance(0.3) && { triggerRule: dice.pick(RULES) }) }
    })
  })
const slots = fc.integer({ min: 1, max: 4 })

/** Tasks of one pool that take these times, `t0` to `tN`. */
function lasting(...durations: readonly number[]): readonly TaskSpec[] {
  return durations.map((durationMs, i) => ({ id: `t${i}`, description: '', pool: 'p', durationMs }))
}

/** When the tasks end in a real run under a virtual clock. */
async function endsOf(tasks: readonly TaskSpec[], pools: Pools): Promise<readonly (number | undefined)[]> {
  // Steps of age are counted by the wall clock: it and the forecast begin with 0.
  const clock = new VirtualClock({ startAt: 0 })
  const backend = new MockBackend({ clock })
  for (const { id, durationMs = 0 } of tasks) backend.answer(id, succeed(null, { afterMs: durationMs }))
  const each = Object.entries(pools).map(([name, pool]) => [name, { ...pool, backend }])
  const orchestrator = new Orchestrator({ clock, pools: Object.fromEntries(each) })
  const ends = new Map<string, number>()
  orchestrator.on('task.succeeded', ({ taskId, at }) => ends.set(taskId, at))
  const run = orchestrator.run({ tasks })
  await clock.runUntilIdle()
  await run.result
  return tasks.map(({ id }) => ends.get(id))
}

describe('a forecast', () => {
  test('is what a run does', async () => {
    const scale = 2 ** 30
    const agings = fc.constantFrom(1_000, 50).map(ms => ms * scale)
    await fc.assert(
      fc.asyncProperty(plans, slots, slots, agings, async (plan, p, q, agingMs) => {
        // Every sum of durations is another one, so no two tasks end at once: which of them goes first then is not promised.
        const unlike = ({ durationMs = 0 }: TaskSpec, i: number): number => durationMs * scale + 2 ** i
        const tasks = plan.map((task, i) => ({ ...task, durationMs: unlike(task, i), timeoutMs: 2 ** 50 }))
        const pools = { p: { concurrency: p, agingMs }, q: { concurrency: q, agingMs } }
        const { etaMs, parallelMs } = forecast(tasks, { pools })
        expect(etaMs).toEqual(await endsOf(tasks, pools))
        expect(parallelMs).toBe(Math.max(0, ...etaMs.map(ms => ms ?? 0)))
      }),
      { numRuns: 100 },
    )
  })

  test('lies between the critical path and one after the other', () => {
    fc.assert(
      fc.property(plans, slots, slots, (tasks, p, q) => {
        const pools = { p: { concurrency: p }, q: { concurrency: q } }
        const { serialMs, parallelMs, criticalPathMs, criticalPath, width, speedup, etaMs } = forecast(tasks, { pools })
        expect(criticalPathMs).toBeLessThanOrEqual(parallelMs)
        expect(parallelMs).toBeLessThanOrEqual(serialMs)
        expect(width).toBeLessThanOrEqual(p + q)
        expect(speedup).toBeCloseTo(parallelMs === 0 ? 1 : serialMs / parallelMs)
        let ms = 0
        for (const id of criticalPath) {
          const index = tasks.findIndex(task => task.id === id)
          ms += tasks[index]!.durationMs!
          expect(etaMs[index]).toBeGreaterThanOrEqual(ms)
        }
        expect(ms).toBe(criticalPathMs)
      }),
    )
  })

  test('of one pool keeps the bound of list scheduling, and is its critical path where there are slots for all', () => {
    fc.assert(
      fc.property(graphs(), slots, (tasks, concurrency) => {
        const { serialMs, parallelMs, criticalPathMs } = forecast(tasks, { pools: { p: { concurrency } } })
        // Graham, Bell System Technical Journal 45(9), 1966.
        const bound = serialMs / concurrency + (1 - 1 / concurrency) * criticalPathMs
        expect(parallelMs).toBeLessThanOrEqual(bound + 1e-6)
        expect(forecast(tasks, { pools: { p: { concurrency: 30 } } }).parallelMs).toBe(criticalPathMs)
      }),
    )
  })

  test('of tasks that wait for nothing gets no longer with more slots', () => {
    // With dependencies it may (Graham's anomalies).
    fc.assert(
      fc.property(fc.array(fc.nat(100)), slots, (durations, concurrency) => {
        const ms = (slots: number): number =>
          forecast(lasting(...durations), { pools: { p: { concurrency: slots } } }).parallelMs
        expect(ms(concurrency + 1)).toBeLessThanOrEqual(ms(concurrency))
      }),
    )
  })

  test('of equal tasks goes in rounds', () => {
    fc.assert(
      fc.property(fc.nat(40), fc.integer({ min: 1, max: 12 }), fc.nat(1_000), (count, concurrency, ms) => {
        const tasks = lasting(...new Array<number>(count).fill(ms))
        const { parallelMs, width } = forecast(tasks, { pools: { p: { concurrency } } })
        expect(parallelMs).toBe(Math.ceil(count / concurrency) * ms)
        expect(width).toBe(Math.min(count, concurrency))
      }),
    )
  })

  test('of a chain is the same either way, however long it is', () => {
    const tasks = lasting(...Array.from({ length: 20_000 }, (_, i) => 1 + (i % 7))).map((task, i) =>
      i === 0 ? task : { ...task, after: [`t${i - 1}`] },
    )
    const { serialMs, parallelMs, criticalPath, speedup, width } = forecast(tasks, { pools: { p: {} } })
    expect([parallelMs, speedup, width, criticalPath.length]).toEqual([serialMs, 1, 1, 20_000])
  })

  test('tells the plan of the restaurant', () => {
    const minutes: Readonly<Record<string, number>> = { frontend: 60, backend: 90, database: 45, security: 120 }
    const tasks = specs('frontend backend database security<backend')
    const durationOf = ({ id }: TaskSpec): number => (minutes[id] as number) * 60_000
    const told = forecast(tasks, { pools: { p: { concurrency: 3 } }, durationOf })
    expect([told.serialMs, told.parallelMs, told.criticalPathMs]).toEqual([315, 210, 210].map(m => m * 60_000))
    expect(told.criticalPath).toEqual(['backend', 'security'])
    expect(told.etaMs).toEqual([60, 90, 45, 210].map(m => m * 60_000))
    expect(chooseMode(told).reason).toBe('parallel takes 12600 s instead of 18900 s, 1.5 times as fast')
  })

  test('has nothing in a critical path that its end did not wait for', () => {
    const [a, b, c] = lasting(10, 30, 50)
    const first: TaskSpec = { ...c!, after: ['t0', 't1'], triggerRule: 'one_success' }
    const told = forecast([a!, b!, first], { pools: { p: {} } })
    expect(told).toMatchObject({ criticalPath: ['t0', 't2'], criticalPathMs: 60, parallelMs: 60 })
    const skipped: TaskSpec = { ...b!, after: ['t0'], triggerRule: 'one_failed' }
    const through = forecast([a!, skipped, { ...c!, after: ['t1'], triggerRule: 'all_done' }], { pools: { p: {} } })
    expect(through).toMatchObject({ criticalPath: ['t0', 't2'], criticalPathMs: 60, etaMs: [10, undefined, 60] })
  })

  test('of an empty plan is nothing', () => {
    expect(forecast([], { pools: {} })).toEqual({
      serialMs: 0,
      parallelMs: 0,
      speedup: 1,
      width: 0,
      criticalPathMs: 0,
      criticalPath: [],
      known: 1,
      etaMs: [],
    })
  })

  test('takes durations from the host, else from the task, else from the pool, else from the average', () => {
    const tasks: readonly TaskSpec[] = [
      { id: 'host', description: '', pool: 'p', durationMs: 1 },
      { id: 'task', description: '', pool: 'p', durationMs: 20 },
      { id: 'pool', description: '', pool: 'q' },
      { id: 'none', description: '', pool: 'p' },
    ]
    const durationOf = ({ id }: TaskSpec): number | undefined => (id === 'host' ? 10 : undefined)
    const { etaMs, known } = forecast(tasks, { pools: { p: {}, q: { medianMs: 31 } }, durationOf })
    expect(etaMs).toEqual([10, 20, 31, 20])
    expect(known).toBe(0.75)
  })

  test('counts tasks as one where no duration is known', () => {
    const { serialMs, parallelMs, known } = forecast(specs('a b c<a,b'), { pools: { p: {} } })
    expect([serialMs, parallelMs, known]).toEqual([3, 2, 0])
  })

  test('adds up what the tasks that run are expected to use', () => {
    const [a, b, c] = specs('a b c<a')
    const tasks: readonly TaskSpec[] = [
      { ...a!, estimate: { costUsd: 0.5, tokens: 1_000 } },
      { ...b!, estimate: { costUsd: 0.25 }, approval: true, budget: { costUsd: 0 } },
      { ...c!, estimate: { costUsd: 9 }, triggerRule: 'one_failed' },
    ]
    const told = forecast(tasks, { pools: { p: {} } })
    expect(told).toMatchObject({ costUsd: 0.75, tokens: 1_000, serialMs: 2, etaMs: [1, 1, undefined] })
    expect(forecast(specs('a'), { pools: { p: {} } })).not.toHaveProperty('costUsd')
  })

  test('starts no more in a window than the pool may, serially neither', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 50 })), slots, slots, (durations, concurrency, limit) => {
        const pools = { p: { concurrency, requests: { limit, perMs: 100 } } }
        const { etaMs, parallelMs, serialMs } = forecast(lasting(...durations), { pools })
        const starts = etaMs.map((ms, i) => ms! - durations[i]!).sort((a, b) => a - b)
        for (let i = limit; i < starts.length; i++) expect(starts[i]! - starts[i - limit]!).toBeGreaterThan(100)
        expect(parallelMs).toBeLessThanOrEqual(serialMs)
        const busyMs = durations.reduce((a, b) => a + b, 0)
        expect(serialMs).toBeGreaterThanOrEqual(Math.max(busyMs, 100 * (Math.ceil(durations.length / limit) - 1)))
      }),
    )
  })

  test('lets the pools of one limit key share its requests', () => {
    const tasks = [...lasting(1, 1), { id: 'other', description: '', pool: 'q', durationMs: 1 }]
    const requests = { limit: 2, perMs: 1_000 }
    const apart = forecast(tasks, { pools: { p: { requests }, q: { requests } } })
    const together = forecast(tasks, { pools: { p: { requests, limitKey: 'account' }, q: { limitKey: 'account' } } })
    expect(apart.parallelMs).toBe(1)
    expect(together.parallelMs).toBeGreaterThan(1_000)
  })

  const refused: readonly [string, () => unknown, string, RegExp][] = [
    [
      'a pool that is not there',
      () => forecast(specs('a'), { pools: { pool: {}, pop: {} } }),
      'NO_POOL',
      /^no pool for task "a": there is no pool "p"; pools: pool, pop\. Name/,
    ],
    [
      'no slots',
      () => forecast([], { pools: { p: { concurrency: 0 } } }),
      'INVALID_INPUT',
      /^pools.p.concurrency: expected a positive/,
    ],
    [
      'an odd median',
      () => forecast([], { pools: { p: { medianMs: Number.NaN } } }),
      'INVALID_INPUT',
      /^pools.p.medianMs: expected/,
    ],
    [
      'an odd window',
      () => forecast([], { pools: { p: { requests: { limit: 0, perMs: 1 } } } }),
      'INVALID_INPUT',
      /^pools.p.requests.limit/,
    ],
    [
      'an odd duration',
      () => forecast(lasting(-1), { pools: { p: {} } }),
      'INVALID_INPUT',
      /^duration of task "t0": expected .* got -1/,
    ],
    ['a cycle', () => forecast(specs('a<b b<a'), { pools: { p: {} } }), 'CYCLE', /depend on each other/],
  ]
  test.each(refused)('refuses %s', (_title, ask, code, message) => {
    const error = thrownBy(ask)
    expect(isCounterpointError(error) && error.code).toBe(code)
    expect((error as Error).message).toMatch(message)
  })
})

function thrownBy(ask: () => unknown): unknown {
  try {
    return ask()
  } catch (error) {
    return error
  }
}
