import { numberOf, type Order } from '../core/scheduler/order.js'
import type { RunState } from '../core/state/run-state.js'
import type { Tally, TaskSpec } from '../core/state/task.js'
import type { TaskSource } from '../pools/run-queue.js'

/** The order of the host, for one run. */
export function hostOrder(
  order: Order,
  head: RunState,
  onFailed: (error: unknown) => void,
): NonNullable<TaskSource['order']> {
  return (index, readyAt, agingMs, remainingPath) => {
    const { runId, specs, tallies } = head
    const task = specs[index] as TaskSpec
    const attempt = (tallies[index] as Tally).attempts + 1
    return numberOf(
      order,
      task,
      { runId, pool: task.pool as string, readyAt, agingMs, remainingPath, attempt },
      onFailed,
    )
  }
}
