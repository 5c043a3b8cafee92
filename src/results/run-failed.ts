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
  // Not enumerable: an uncaught error is printed with all of its members, and a result may have thousands of lines.
  const details = Object.defineProperty({ runId }, 'result', { value: result }) as { runId: string; result: RunResult }
  const cause = thrownIn(rootCauses)
  throw new CounterpointError('RUN_FAILED', `run ${runId} ${WHAT[outcome]}${why}`, details, cause && { cause })
}

/** What the first of the root causes that failed had thrown, as an error to be printed: with the stack of the host's own code. */
function thrownIn(rootCauses: readonly RootCause[]): Error | undefined {
  const cause = rootCauses.find(({ status }) => status === 'dead')
  if (cause?.failure === undefined) return undefined
  const { kind, message, name = 'Error', stack = `${name}: ${message}` } = cause.failure
  const hidden = { name: { value: name }, stack: { value: stack } }
  return Object.assign(Object.defineProperties(new Error(message), hidden), { taskId: cause.taskId, kind })
}

function describe(cause: RootCause): string {
  const { taskId, status } = cause
  if (status === 'cancelled') return `task "${taskId}" was cancelled: ${cause.reason}`
  return `task "${taskId}" is dead (${cause.failure.kind}): ${shorten(cause.failure.message, 300)}`
}
