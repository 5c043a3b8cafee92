import { Orchestrator, type OrchestratorOptions, type PoolOptions } from 'counterpoint'
import { MockBackend, VirtualClock } from 'counterpoint/testing'

/** What most tests begin with: a pool `p` whose agents answer with the id of their task, under a virtual clock. */
export interface SetUp {
  readonly clock: VirtualClock
  readonly backend: MockBackend
  readonly orchestrator: Orchestrator
}

/** Draws half of every bound of a wait. */
export function setUp(pool: Partial<PoolOptions> = {}, options: Partial<OrchestratorOptions> = {}): SetUp {
  const clock = new VirtualClock()
  const backend = new MockBackend({ clock }).answer('*', request => request.task.id)
  const orchestrator = new Orchestrator({ clock, random: () => 0.5, pools: { p: { backend, ...pool } }, ...options })
  return { clock, backend, orchestrator }
}
