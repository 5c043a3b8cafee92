import { Orchestrator, type OrchestratorOptions, type PoolOptions } from 'counterpoint'
import { MockBackend, VirtualClock } from 'counterpoint/testing'

/** The setup of most tests: a pool `p` whose agents return the id of their task, with a virtual clock. */
export interface SetUp {
  readonly clock: VirtualClock
  readonly backend: MockBackend
  readonly orchestrator: Orchestrator
}

/** Makes every delay half of its upper bound. */
export function setUp(pool: Partial<PoolOptions> = {}, options: Partial<OrchestratorOptions> = {}): SetUp {
  const clock = new VirtualClock()
  const backend = new MockBackend({ clock }).answer('*', request => request.task.id)
  const orchestrator = new Orchestrator({ clock, random: () => 0.5, pools: { p: { backend, ...pool } }, ...options })
  return { clock, backend, orchestrator }
}
