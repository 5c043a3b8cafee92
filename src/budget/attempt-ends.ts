import { DRAINED_CODE } from '../core/state/attempt-counts.js'
import type { RunEvent, RunEventType } from '../core/state/events.js'
import type { RunState } from '../core/state/run-state.js'

/** After these nothing is set aside for the task any more: its attempt is over, or will not begin. */
export const ENDS: ReadonlySet<RunEventType> = new Set([
  'attempt.failed',
  'task.succeeded',
  'task.held',
  'task.delayed',
  'task.dead',
  'task.skipped',
  'task.cancelled',
])

/** How many attempts of the task are over. */
export function attemptsOf({ tallies }: RunState, index: number): number {
  return tallies[index]?.attempts ?? 0
}

/** What was interrupted by the end of its process ran no longer than that. */
export function endedAt(state: RunState, event: RunEvent): number {
  const cut =
    event.type === 'attempt.failed' && event.failure.kind === 'interrupted' && event.failure.code !== DRAINED_CODE
  return cut ? state.processLostAt : event.at
}

/** The run that was asked for last: mostly the next one is the same. */
let known = { runId: '', startedAt: 0, prefix: '@0/' }

/** A run that is begun anew under the id of one that was deleted is another one. */
export function keyOf({ runId, startedAt }: RunState, index: number): string {
  if (known.runId !== runId || known.startedAt !== startedAt)
    known = { runId, startedAt, prefix: `${runId}@${startedAt}/` }
  return `${known.prefix}${index}`
}
