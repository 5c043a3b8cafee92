import { memoryJournal, Orchestrator, type TaskDefaults, TaskGraph } from 'counterpoint'
import { MockBackend, VirtualClock } from 'counterpoint/testing'
import { expect, test } from 'vitest'

// How a graph differs from a journaled run is tested in test/durable/graphs.test.ts.
test('a graph may leave out what a pool has defaults for', async () => {
  const defaults: TaskDefaults = { priority: 2, replay: 'safe', budget: { costUsd: 5 }, approval: false }
  const clock = new VirtualClock()
  const journal = memoryJournal()
  const orchestrator = (backend: MockBackend): Orchestrator =>
    new Orchestrator({ clock, journal, pools: { p: { backend, defaults } } })
  const graph = (): TaskGraph => {
    const plan = new TaskGraph('plan')
    plan.task('a', { after: [plan.task('b')] })
    return plan
  }
  const backend = new MockBackend({ clock }).hold('b')
  const first = orchestrator(backend)
  first.run(graph(), { runId: 'x' }).result.catch(() => {})
  await backend.started('b')
  const drained = first.drain({ timeoutMs: 0 })
  await clock.runUntilIdle()
  await drained
  const resumed = await orchestrator(new MockBackend({ clock }).answer('*', null)).resume('x', { graph: graph() })
  await clock.runUntilIdle()
  expect((await resumed.result).outcome).toBe('completed')
})
