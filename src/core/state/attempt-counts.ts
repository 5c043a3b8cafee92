import { settleFor } from '../budget/accounts.js'
import { isThrottling } from '../failure/failure.js'
import { addUsage, type Usage } from '../failure/usage.js'
import type { AttemptFailed } from './events.js'
import type { RunState } from './run-state.js'
import type { Feedback, Tally } from './task.js'

/** Failure code of an attempt that was interrupted because the run drains: it does not count against the task. */
export const DRAINED_CODE = 'DRAINED'

/** What an ended attempt adds to the tally of its task. Each attempt counts at most once: as a failure, or against one of the other bounds. */
type Counts = Pick<
  Tally,
  'failures' | 'throttled' | 'interrupted' | 'failovers' | 'repairs' | 'failedOverFrom' | 'wasRefused'
> & {
  readonly feedback?: Feedback
}

/** Counts of an attempt that did not fail. */
export const NO_COUNTS: Counts = {
  failures: 0,
  throttled: 0,
  interrupted: 0,
  failovers: 0,
  repairs: 0,
  failedOverFrom: undefined,
  wasRefused: undefined,
}

const REFUSED: Counts = { ...NO_COUNTS, wasRefused: true }

/** Counts of a failed attempt that ran on `backend`. */
export function countsOf({ failure, verdict, attempt }: AttemptFailed, backend: string): Counts {
  const { kind, code, message, output } = failure
  const isRefusal = kind === 'throttled' || kind === 'quota' || (kind === 'overloaded' && verdict.action === 'park')
  const none = isRefusal ? REFUSED : NO_COUNTS
  if (verdict.action === 'failover') return { ...none, failovers: 1, failedOverFrom: backend }
  if (verdict.action === 'repair') {
    const feedback = { attempt, kind, message, ...(output !== undefined && { output }) }
    return { ...none, repairs: 1, feedback }
  }
  if (kind === 'interrupted') return code === DRAINED_CODE ? NO_COUNTS : { ...NO_COUNTS, interrupted: 1 }
  return isThrottling(failure) ? { ...none, throttled: 1 } : { ...none, failures: 1 }
}

/** When the attempt of a task that ends at `now` ended: one that was running when its process ended ran no longer than that. */
export function endOfAttempt(state: RunState, index: number, now: number): number {
  return state.orphanedAttempts.has(index) ? state.processLostAt : now
}

/** Adds the attempt that ends at `now` to the tally of its task. Does nothing for a task without a current attempt. */
export function recordAttemptEnd(
  state: RunState,
  index: number,
  now: number,
  usage: Usage | undefined,
  counts: Counts,
): void {
  const task = state.states[index]
  if (task === undefined || (task.status !== 'running' && task.status !== 'stopping')) return
  const tally = state.tallies[index] as Tally
  if (tally.attempts >= task.attempt) return
  const at = endOfAttempt(state, index, now)
  state.orphanedAttempts.delete(index)
  if (state.accounts) settleFor(state, index, task, usage, at)
  state.tallies[index] = {
    attempts: task.attempt,
    failures: tally.failures + counts.failures,
    throttled: tally.throttled + counts.throttled,
    interrupted: tally.interrupted + counts.interrupted,
    failovers: tally.failovers + counts.failovers,
    repairs: tally.repairs + counts.repairs,
    feedback: counts.feedback ?? tally.feedback,
    failedOverFrom: counts.failedOverFrom,
    wasRefused: counts.wasRefused,
    abandoned: tally.abandoned,
    busyMs: tally.busyMs + (at - task.startedAt),
    firstStartAt: tally.firstStartAt ?? task.startedAt,
    usage: addUsage(tally.usage, usage),
  }
}
