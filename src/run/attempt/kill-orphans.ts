import { keyOfTask } from '../../core/state/idempotency-key.js'
import type { RunState } from '../../core/state/run-state.js'
import type { OpenPool } from '../../pools/pool-options.js'

/**
 * Has the backends end what the attempts of a run left when the process that ran them died: it must not go on beside the next attempt.
 * A backend that cannot is reported, and the run goes on.
 */
export async function killOrphans(
  state: RunState,
  pools: ReadonlyMap<string, OpenPool>,
  report: (where: string, error: unknown) => void,
): Promise<void> {
  for (const [name, { pool }] of pools) {
    const keys = state.states.flatMap((task, index) => {
      const isLeft = task.status === 'running' || task.status === 'stopping'
      return isLeft && task.pool === name ? [keyOfTask(state, index)] : []
    })
    if (keys.length === 0) continue
    for (const backend of pool.backends)
      try {
        await backend.killOrphans?.(keys, state.startedAt)
      } catch (error) {
        report(`reap of pool ${name}`, error)
      }
  }
}
