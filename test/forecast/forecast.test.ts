import { isCounterpointError, Limit, Orchestrator, TaskGraph, type TaskSpec, WorkerPool } from 'counterpoint'
import { MockBackend, succeed, VirtualClock } from 'counterpoint/testing'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { chooseMode } from '../../src/forecast/choose-mode.js'
import { type ForecastPool, forecast } from '../../src/forecast/forecast.js'
import { graphs } from '../support/graphs.js'
import { specs } from '../support/scheduler-fixture.js'
import { SeededRandom } from '../support/seeded-random.js'

type Pools = Readonly<Record<string, ForecastPool>>

const RULES = ['all_success', 'all_done', 'one_success', 'one_done', 'none_failed', 'all_failed', 'one_failed'] as const

/** Random plans in two pools, with hard and order-only dependencies. Some of their tasks are skipped. */
const plans: fc.Arbitrary<readonly TaskSpec[]> = fc
  .tuple(graphs({ pools: ['p', 'q'] }), fc.nat())
  .map(([tasks, seed]) => {
    const dice = new SeededRandom(seed)
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
  // Aging is counted by the wall clock, which must start at 0 as a forecast does.
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

describe('forecast', () => {
  test('predicts the end of each task in a real run', async () => {
    const scale = 2 ** 30
    const agings = fc.constantFrom(1_000, 50).map(ms => ms * scale)
    await fc.assert(
      fc.asyncProperty(plans, slots, slots, agings, async (plan, p, q, agingMs) => {
        // All sums of durations differ, so no two tasks end at the same time: their order would be undefined.
        const distinct = ({ durationMs = 0 }: TaskSpec, i: number): number => durationMs * scale + 2 ** i
        const tasks = plan.map((task, i) => ({ ...task, durationMs: distinct(task, i), timeoutMs: 2 ** 50 }))
        const pools = { p: { concurrency: p, agingMs }, q: { concurrency: q, agingMs } }
        const { etaMs, parallelMs } = forecast(tasks, { pools })
        expect(etaMs).toEqual(await endsOf(tasks, pools))
        expect(parallelMs).toBe(Math.max(0, ...etaMs.map(ms => ms ?? 0)))
      }),
      { numRuns: 100 },
    )
  })

  test('accepts the pools of an orchestrator, WorkerPool instances included', () => {
    const backend = { run: (): null => null }
    const clock = new VirtualClock()
    const own = new WorkerPool({ name: 'own', clock, backend, concurrency: 2 })
    const pools = { p: { backend, concurrency: 1 }, own }
    const tasks = lasting(10, 10, 10, 10).map(task => ({ ...task, pool: 'own' }))
    expect(() => new Orchestrator({ clock, pools })).not.toThrow()
    expect(forecast(tasks, { pools }).parallelMs).toBe(20)
  })

  test('parallelMs lies between criticalPathMs and serialMs', () => {
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

  test('keeps the bound of list scheduling, and equals the critical path with slots for all tasks', () => {
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

  test('does not get longer with more slots when there are no dependencies', () => {
    // With dependencies it can (Graham's anomalies).
    fc.assert(
      fc.property(fc.array(fc.nat(100)), slots, (durations, concurrency) => {
        const ms = (slots: number): number =>
          forecast(lasting(...durations), { pools: { p: { concurrency: slots } } }).parallelMs
        expect(ms(concurrency + 1)).toBeLessThanOrEqual(ms(concurrency))
      }),
    )
  })

  test('runs equal tasks in rounds', () => {
    fc.assert(
      fc.property(fc.nat(40), fc.integer({ min: 1, max: 12 }), fc.nat(1_000), (count, concurrency, ms) => {
        const tasks = lasting(...new Array<number>(count).fill(ms))
        const { parallelMs, width } = forecast(tasks, { pools: { p: { concurrency } } })
        expect(parallelMs).toBe(Math.ceil(count / concurrency) * ms)
        expect(width).toBe(Math.min(count, concurrency))
      }),
    )
  })

  test('takes the same time in both modes for a chain of 20,000 tasks', () => {
    const tasks = lasting(...Array.from({ length: 20_000 }, (_, i) => 1 + (i % 7))).map((task, i) =>
      i === 0 ? task : { ...task, after: [`t${i - 1}`] },
    )
    const { serialMs, parallelMs, criticalPath, speedup, width } = forecast(tasks, { pools: { p: {} } })
    expect([parallelMs, speedup, width, criticalPath.length]).toEqual([serialMs, 1, 1, 20_000])
  })

  test('predicts the plan of the restaurant example', () => {
    const minutes: Readonly<Record<string, number>> = { frontend: 60, backend: 90, database: 45, security: 120 }
    const tasks = specs('frontend backend database security<backend')
    const durationOf = ({ id }: TaskSpec): number => (minutes[id] as number) * 60_000
    const predicted = forecast(tasks, { pools: { p: { concurrency: 3 } }, durationOf })
    expect([predicted.serialMs, predicted.parallelMs, predicted.criticalPathMs]).toEqual(
      [315, 210, 210].map(m => m * 60_000),
    )
    expect(predicted.criticalPath).toEqual(['backend', 'security'])
    expect(predicted.etaMs).toEqual([60, 90, 45, 210].map(m => m * 60_000))
    expect(chooseMode(predicted).reason).toBe('parallel takes 12600 s instead of 18900 s, 1.5 times as fast')
  })

  test('includes only tasks in the critical path that the last task waited for', () => {
    const [a, b, c] = lasting(10, 30, 50)
    const first: TaskSpec = { ...c!, after: ['t0', 't1'], triggerRule: 'one_success' }
    const predicted = forecast([a!, b!, first], { pools: { p: {} } })
    expect(predicted).toMatchObject({ criticalPath: ['t0', 't2'], criticalPathMs: 60, parallelMs: 60 })
    const skipped: TaskSpec = { ...b!, after: ['t0'], triggerRule: 'one_failed' }
    const through = forecast([a!, skipped, { ...c!, after: ['t1'], triggerRule: 'all_done' }], { pools: { p: {} } })
    expect(through).toMatchObject({ criticalPath: ['t0', 't2'], criticalPathMs: 60, etaMs: [10, undefined, 60] })
  })

  test('is all zeros for an empty plan', () => {
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

  test('takes a duration from durationOf, else from the task, else from the pool, else the average', () => {
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

  test('counts each task as 1 where no duration is known', () => {
    const { serialMs, parallelMs, known } = forecast(specs('a b c<a,b'), { pools: { p: {} } })
    expect([serialMs, parallelMs, known]).toEqual([3, 2, 0])
  })

  test('adds up the estimates of the tasks that run', () => {
    const [a, b, c] = specs('a b c<a')
    const tasks: readonly TaskSpec[] = [
      { ...a!, estimate: { costUsd: 0.5, tokens: 1_000 } },
      { ...b!, estimate: { costUsd: 0.25 }, approval: true, budget: { costUsd: 0 } },
      { ...c!, estimate: { costUsd: 9 }, triggerRule: 'one_failed' },
    ]
    const predicted = forecast(tasks, { pools: { p: {} } })
    expect(predicted).toMatchObject({ costUsd: 0.75, tokens: 1_000, serialMs: 2, etaMs: [1, 1, undefined] })
    expect(forecast(specs('a'), { pools: { p: {} } })).not.toHaveProperty('costUsd')
  })

  test('starts no more attempts in a window than the pool allows, in both modes', () => {
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

  test('shares the requests of a limit key between its pools', () => {
    const tasks = [...lasting(1, 1), { id: 'other', description: '', pool: 'q', durationMs: 1 }]
    const requests = { limit: 2, perMs: 1_000 }
    const apart = forecast(tasks, { pools: { p: { requests }, q: { requests } } })
    const together = forecast(tasks, { pools: { p: { requests, limitKey: 'account' }, q: { limitKey: 'account' } } })
    expect(apart.parallelMs).toBe(1)
    expect(together.parallelMs).toBeGreaterThan(1_000)
  })

  test('shares the slots of a limit key between its pools, which take turns', () => {
    const tasks = ['p', 'q', 'p', 'q'].map((pool, index) => ({ id: `${index}`, description: '', pool, durationMs: 10 }))
    const pools = { p: { limitKey: 'k' }, q: { limitKey: 'k' } }
    expect(forecast(tasks, { pools }).parallelMs).toBe(10)
    const { parallelMs, etaMs } = forecast(tasks, { pools, limits: { k: { concurrency: 1 } } })
    expect([parallelMs, etaMs]).toEqual([40, [10, 20, 30, 40]])
    const requests = { limit: 2, perMs: 1_000 }
    expect(forecast(tasks, { pools, limits: { k: { requests } } }).parallelMs).toBeGreaterThan(1_000)
  })

  test('knows the limit of pools of an orchestrator, and of those that the host has made, as they are now', async () => {
    const clock = new VirtualClock()
    const backend = () => null
    const tasks = ['p', 'q', 'p', 'q'].map((pool, index) => ({ id: `${index}`, pool, durationMs: 10 }))
    const account = new Limit({ key: 'own', clock, concurrency: 1 })
    const own = (name: string) => new WorkerPool({ name, backend, clock, limit: account })
    const made = new Orchestrator({ clock, pools: { p: own('p'), q: own('q') } })
    const given = new Orchestrator({
      clock,
      pools: { p: { backend, limitKey: 'k' }, q: { backend, limitKey: 'k' } },
      limits: { k: { concurrency: 1 } },
    })
    for (const orchestrator of [made, given]) expect((await orchestrator.forecast({ tasks })).parallelMs).toBe(40)
    const described = tasks.map(task => ({ ...task, description: '' }))
    expect(forecast(described, { pools: { p: own('p'), q: own('q') } }).parallelMs).toBe(40)
    given.limits.get('k')!.concurrency = 2
    expect((await given.forecast({ tasks })).parallelMs).toBe(20)
  })

  test('takes the options of a pool as they are', () => {
    const pool = { backend: () => null, concurrency: 1, tokens: { limit: 1, perMs: 1 }, queueLimit: 1, graceMs: 5 }
    expect(forecast(lasting(1, 2), { pools: { p: pool } }).parallelMs).toBe(3)
  })

  test('knows the pool of function tasks', () => {
    const graph = new TaskGraph('g')
    for (const id of ['a', 'b', 'c', 'd', 'e']) graph.task(id, { durationMs: 1, run: () => id })
    expect(forecast(graph.tasks, { pools: {} }).parallelMs).toBe(2)
    expect(forecast(graph.tasks, { pools: { default: { concurrency: 5 } } }).parallelMs).toBe(1)
    graph.task('f', { durationMs: 1 })
    expect(forecast(graph.tasks, { pools: { p: {} } }).parallelMs).toBe(2)
  })

  const rejected: readonly [string, () => unknown, string, RegExp][] = [
    [
      'a task whose pool does not exist',
      () => forecast(specs('a'), { pools: { pool: {}, pop: {} } }),
      'NO_POOL',
      /^no pool for task "a": there is no pool "p"; pools: pool, pop, default\. Name/,
    ],
    [
      'a concurrency of 0',
      () => forecast([], { pools: { p: { concurrency: 0 } } }),
      'INVALID_INPUT',
      /: pools\.p\.concurrency: expected a positive integer, got 0$/,
    ],
    [
      'a median of NaN',
      () => forecast([], { pools: { p: { medianMs: Number.NaN } } }),
      'INVALID_INPUT',
      /: pools\.p\.medianMs: expected a finite number, got NaN$/,
    ],
    [
      'a window of 0 requests',
      () => forecast([], { pools: { p: { requests: { limit: 0, perMs: 1 } } } }),
      'INVALID_INPUT',
      /: pools\.p\.requests\.limit: expected at least 1, got 0$/,
    ],
    [
      'a negative duration',
      () => forecast(lasting(-1), { pools: { p: {} } }),
      'INVALID_INPUT',
      /^duration of task "t0": expected at least 0, got -1$/,
    ],
    [
      'a duration of Infinity',
      () => forecast(lasting(Number.POSITIVE_INFINITY), { pools: { p: {} } }),
      'INVALID_INPUT',
      /^duration of task "t0": expected a finite number, got Infinity$/,
    ],
    [
      'a duration that is a text',
      () => forecast(lasting('5' as never), { pools: { p: {} } }),
      'INVALID_INPUT',
      /^duration of task "t0": expected a finite number, got "5"$/,
    ],
    [
      'an unknown option',
      () => forecast([], { pools: { p: { concurency: 2 } as ForecastPool } }),
      'INVALID_INPUT',
      /: pools\.p\.concurency: unknown key \(did you mean "concurrency"\?\)$/,
    ],
    [
      'no options',
      () => forecast([], undefined as never),
      'INVALID_INPUT',
      /: options: expected an object, got nothing$/,
    ],
    ['a cycle', () => forecast(specs('a<b b<a'), { pools: { p: {} } }), 'CYCLE', /depend on each other/],
  ]
  test.each(rejected)('rejects %s', (_title, act, code, message) => {
    const error = thrownBy(act)
    expect(isCounterpointError(error) && error.code).toBe(code)
    expect((error as Error).message).toMatch(message)
  })
})

function thrownBy(act: () => unknown): unknown {
  try {
    return act()
  } catch (error) {
    return error
  }
}
