import { keyOfTask } from '../../core/state/idempotency-key.js'
import { hasFunction, type RunState } from '../../core/state/run-state.js'
import type { OpenPool } from '../../pools/pool-options.js'

/**
 * Has the backends end what the attempts of a run left running when their process died, so that nothing of it runs beside the next
 * attempt; the functions of tasks were never theirs. An error of a backend is reported, and the run continues.
 */
export async function killOrphans(
  state: RunState,
  pools: ReadonlyMap<string, OpenPool>,
  report: (where: string, error: unknown) => void,
): Promise<void> {
  for (const [name, { pool }] of pools) {
    const keys = state.states.flatMap((task, index) => {
      const isInterrupted = task.status === 'running' || task.status === 'stopping'
      return isInterrupted && task.pool === name && !hasFunction(state, index) ? [keyOfTask(state, index)] : []
    })
    if (keys.length === 0) continue
    for (const backend of pool.backends)
      try {
        await backend.killOrphans?.(keys, state.startedAt)
      } catch (error) {
        report(`method killOrphans of pool ${name}`, error)
      }
  }
}
