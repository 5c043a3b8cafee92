import { memoryJournal, Orchestrator, type Run, TaskGraph, type TaskOptions } from 'counterpoint'
import { MockBackend, VirtualClock } from 'counterpoint/testing'
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
  ['approval', { approval: true }, { approval: false }, 'approval of task "a" was true, and is false'],
  ['replay', { replay: 'never' }, {}, 'replay of task "a" was "never", and is missing'],
  [
    'budget',
    { budget: { costUsd: 1 } },
    { budget: { costUsd: 5 } },
    'budget of task "a" was {"costUsd":1}, and is {"costUsd":5}',
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
