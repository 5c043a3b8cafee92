import type { RootCause, RunResult } from '../core/results/run-result.js'
import type { Outcome } from '../core/state/events.js'
import { shorten } from '../error-text.js'
import { CounterpointError } from '../errors.js'

/** The message names this many root causes. */
const MAX_CAUSES = 3

const WHAT: Readonly<Record<Exclude<Outcome, 'completed'>, string>> = {
  partial: 'was completed only in part',
  failed: 'failed',
  cancelled: 'was cancelled',
}

/** @throws RUN_FAILED unless the run is completed. */
export function completedOnly(result: RunResult): RunResult {
  const { runId, outcome, rootCauses } = result
  if (outcome === 'completed') return result
  const causes = rootCauses.slice(0, MAX_CAUSES).map(describe)
  const more = rootCauses.length - causes.length
  if (more > 0) causes.push(`and ${more} more`)
  const why = causes.length === 0 ? '' : `: ${causes.join('; ')}`
  throw new CounterpointError('RUN_FAILED', `run ${runId} ${WHAT[outcome]}${why}`, { runId, result })
}

function describe(cause: RootCause): string {
  const { taskId, status } = cause
  if (status === 'cancelled') return `task "${taskId}" was cancelled: ${cause.reason}`
  return `task "${taskId}" is dead (${cause.failure.kind}): ${shorten(cause.failure.message, 300)}`
}
