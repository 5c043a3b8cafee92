import { memoryJournal, Orchestrator, type Run, TaskGraph, type TaskOptions } from 'counterpoint'
import { MockBackend, VirtualClock } from 'counterpoint/testing'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { TaskDefaults } from '../../src/core/state/task.js'

// How a graph differs from a journaled run is tested in test/durable/graphs.test.ts.

/** The options of task `a`, and the defaults of its pool. */
interface Setting {
  readonly a?: TaskOptions
  readonly defaults: TaskDefaults
}

/** Resumes, as `now`, a run that was suspended before its task `a`, as `before`. */
async function resumed(before: Setting, now: Setting): Promise<Run> {
  const clock = new VirtualClock()
  const journal = memoryJournal()
  const orchestrator = (backend: MockBackend, { defaults }: Setting): Orchestrator =>
    new Orchestrator({ clock, journal, pools: { p: { backend, defaults } } })
  const graph = ({ a }: Setting): TaskGraph => {
    const plan = new TaskGraph('plan')
    plan.task('a', { ...a, after: [plan.task('b', { approval: false })] })
    return plan
  }
  const backend = new MockBackend({ clock }).hold('b')
  const first = orchestrator(backend, before)
  first.run(graph(before), { runId: 'x' }).result.catch(() => {})
  await backend.started('b')
  const drained = first.drain({ timeoutMs: 0 })
  await clock.runUntilIdle()
  await drained
  const second = orchestrator(new MockBackend({ clock }).answer('*', null), now)
  const run = await second.resume('x', { graph: graph(now) })
  await clock.runUntilIdle()
  return run
}

test('a graph may leave out what a pool has defaults for', async () => {
  const defaults: TaskDefaults = { priority: 2, replay: 'safe', budget: { costUsd: 5 }, approval: false }
  const run = await resumed({ defaults }, { defaults })
  expect((await run.result).outcome).toBe('completed')
})

test('a pool may have other defaults for times and retries than when the run started', async () => {
  const run = await resumed({ defaults: { retries: 1, timeoutMs: 10_000 } }, { defaults: { retries: 5 } })
  expect((await run.result).outcome).toBe('completed')
})

test.each<[keyof TaskDefaults, TaskOptions, TaskDefaults, string]>([
  ['approval', { approval: true }, { approval: false }, 'approval of task "a" was true, and is missing'],
  ['replay', { replay: 'never' }, {}, 'replay of task "a" was "never", and is missing'],
  [
    'budget',
    { budget: { costUsd: 1 } },
    { budget: { costUsd: 5 } },
    'budget of task "a" was {"costUsd":1}, and is missing',
  ],
])(
  "a graph that has lost a task's %s, in favour of the default of its pool, is rejected",
  async (_, a, defaults, difference) => {
    await expect(resumed({ a, defaults }, { defaults })).rejects.toMatchObject({
      code: 'PLAN_DIFFERS',
      details: { difference },
    })
  },
)

/** Options that a pool can set for its tasks, each with two values. */
const DEFAULTS: { readonly [K in keyof TaskDefaults]-?: readonly [TaskDefaults[K], TaskDefaults[K]] } = {
  priority: [1, 5],
  retries: [0, 7],
  backoff: [{ baseMs: 1 }, { maxMs: 5 }],
  timeoutMs: [1_000_000, 2_000_000],
  idleTimeoutMs: [1_000_000, 2_000_000],
  queueTimeoutMs: [1_000_000, 2_000_000],
  totalTimeoutMs: [1_000_000, 2_000_000],
  durationMs: [1, 2],
  estimate: [{ costUsd: 1 }, { tokens: 2 }],
  budget: [{ costUsd: 5 }, { costUsd: 6, tokens: 2 }],
  replay: ['never', 'safe'],
  approval: [true, false],
}

/** Options that only a task has. */
const OWN: Readonly<Partial<Record<keyof TaskOptions, readonly [unknown, unknown]>>> = {
  description: ['one', 'two'],
  input: [{ n: 1 }, [2]],
  orderAfter: [['b'], []],
  softAfter: [['b'], []],
  triggerRule: ['all_done', 'one_success'],
  weight: [2, 3],
  context: ['x', { y: null }],
}

const KEYS = Object.keys(DEFAULTS) as (keyof TaskDefaults)[]
const someDefaults: fc.Arbitrary<TaskDefaults> = fc
  .subarray(KEYS)
  .chain(keys => fc.tuple(...keys.map(key => fc.constantFrom(...DEFAULTS[key]).map(value => [key, value] as const))))
  .map(entries => Object.fromEntries(entries) as TaskDefaults)
const ownKeys = Object.keys(OWN) as (keyof TaskOptions)[]
const someOptions: fc.Arbitrary<TaskOptions> = fc
  .tuple(someDefaults, fc.subarray(ownKeys), fc.nat(1))
  .map(([options, keys, i]) => ({ ...options, ...Object.fromEntries(keys.map(key => [key, OWN[key]?.[i]])) }))

/** Resolves with the `difference` that the error names; undefined when the run was resumed. */
async function differenceOf(resuming: Promise<Run>): Promise<string | undefined> {
  const error: unknown = await resuming.then(
    () => undefined,
    thrown => thrown,
  )
  if (error === undefined) return undefined
  expect(error).toMatchObject({ code: 'PLAN_DIFFERS' })
  return (error as { readonly details: { readonly difference: string } }).details.difference
}

test('the same graph is never different, whatever its options, and whatever the pool had and has for defaults', async () => {
  await fc.assert(
    fc.asyncProperty(someOptions, someDefaults, someDefaults, async (a, before, now) => {
      expect(await differenceOf(resumed({ a, defaults: before }, { a, defaults: now }))).toBeUndefined()
    }),
    { numRuns: 60 },
  )
})

test.each([...KEYS, ...ownKeys] as (keyof TaskOptions)[])(
  'a graph in which %s of a task is new, gone or another is different, whatever defaults the pool has for it',
  async key => {
    const [one, other] = key in DEFAULTS ? DEFAULTS[key as keyof TaskDefaults] : (OWN[key] as [unknown, unknown])
    const options = (value: unknown): TaskOptions => ({ [key]: value }) as TaskOptions
    const isEmptyList = Array.isArray(other) && other.length === 0
    const defaults = key in DEFAULTS ? [{}, { [key]: one }, { [key]: other }] : [{}]
    for (const pool of defaults as TaskDefaults[]) {
      const difference = (before: TaskOptions, now: TaskOptions): Promise<string | undefined> =>
        differenceOf(resumed({ a: before, defaults: pool }, { a: now, defaults: pool }))
      expect(await difference(options(one), options(other))).toContain(`${key} of task "a" was`)
      expect(await difference(options(one), {})).toContain(`${key} of task "a" was`)
      if (!isEmptyList) expect(await difference({}, options(other))).toContain(`${key} of task "a" was`)
    }
  },
)

test('a pool that the distributor chose is not compared, and one that the graph has lost is', async () => {
  const named: TaskOptions = { pool: 'p' }
  expect(await differenceOf(resumed({ a: {}, defaults: {} }, { a: {}, defaults: { retries: 1 } }))).toBeUndefined()
  expect(await differenceOf(resumed({ a: named, defaults: {} }, { a: {}, defaults: {} }))).toBe(
    'pool of task "a" was "p", and is missing',
  )
})

test('an approval function decides in place of the default of its pool, also after a resume', async () => {
  for (const needsApproval of [true, false]) {
    const setting: Setting = { a: { approval: () => needsApproval }, defaults: { approval: !needsApproval } }
    const run = await resumed(setting, setting)
    expect(run.task('a')?.status).toBe(needsApproval ? 'held' : 'succeeded')
  }
})

test('a graph that was added to the live run is compared as the first one is', async () => {
  const clock = new VirtualClock()
  const journal = memoryJournal()
  const joining = (options: TaskOptions = {}): TaskGraph => {
    const graph = new TaskGraph('joining')
    graph.task('d', { pool: 'p', after: ['b'], input: () => 1, ...options })
    return graph
  }
  const backend = new MockBackend({ clock }).hold('b')
  const pools = (defaults: TaskDefaults) => ({ clock, journal, pools: { p: { backend, defaults } } })
  const first = new Orchestrator(pools({ replay: 'never', budget: { costUsd: 1 } }))
  const run = first.run({ tasks: [{ id: 'b', pool: 'p' }] }, { runId: 'x' })
  run.result.catch(() => {})
  await run.add(joining())
  await backend.started('b')
  const drained = first.drain({ timeoutMs: 0 })
  await clock.runUntilIdle()
  await drained
  const resume = (graph: TaskGraph): Promise<Run> => new Orchestrator(pools({})).resume('x', { graph })
  expect(await differenceOf(resume(joining({ replay: 'never' })))).toBe(
    'replay of task "d" was missing, and is "never"',
  )
  expect(await differenceOf(resume(joining()))).toBeUndefined()
})
