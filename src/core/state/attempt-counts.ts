import { settleFor } from '../budget/accounts.js'
import { isThrottling } from '../failure/failure.js'
import { addUsage, type Usage } from '../failure/usage.js'
import type { AttemptFailed } from './events.js'
import type { RunState } from './run-state.js'
import type { Feedback, Tally } from './task.js'

/** Code of an interruption that was asked for: it says nothing against the task. */
export const DRAINED_CODE = 'DRAINED'

/** What an attempt that has ended counts as. An attempt counts once: as a failure of its own, or under one of the bounds that stand beside it. */
type Counts = Pick<Tally, 'failures' | 'throttled' | 'interrupted' | 'failovers' | 'repairs' | 'failedOverFrom'> & {
  readonly feedback?: Feedback
}

/** An attempt that ended without failing. */
export const NO_COUNTS: Counts = {
  failures: 0,
  throttled: 0,
  interrupted: 0,
  failovers: 0,
  repairs: 0,
  failedOverFrom: undefined,
}

/** What a failed attempt counts as; `backend` is the one that it ran on. */
export function countsOf({ failure, verdict, attempt }: AttemptFailed, backend: string): Counts {
  const { kind, code, message, output } = failure
  if (verdict.action === 'failover') return { ...NO_COUNTS, failovers: 1, failedOverFrom: backend }
  if (verdict.action === 'repair') {
    const feedback = { attempt, kind, message, ...(output !== undefined && { output }) }
    return { ...NO_COUNTS, repairs: 1, feedback }
  }
  if (kind === 'interrupted') return code === DRAINED_CODE ? NO_COUNTS : { ...NO_COUNTS, interrupted: 1 }
  return isThrottling(failure) ? { ...NO_COUNTS, throttled: 1 } : { ...NO_COUNTS, failures: 1 }
}

/** Books an attempt that ends now. A task that has none running is left alone. */
export function recordAttemptEnd(
  state: RunState,
  index: number,
  now: number,
  usage: Usage | undefined,
  as: Counts,
): void {
  const was = state.states[index]
  if (was === undefined || (was.status !== 'running' && was.status !== 'stopping')) return
  const tally = state.tallies[index] as Tally
  if (tally.attempts >= was.attempt) return
  // What ran when its process ended has run no longer than that.
  const at = state.orphanedAttempts.delete(index) ? state.processLostAt : now
  if (state.accounts) settleFor(state, index, was, usage, at)
  state.tallies[index] = {
    attempts: was.attempt,
    failures: tally.failures + as.failures,
    throttled: tally.throttled + as.throttled,
    interrupted: tally.interrupted + as.interrupted,
    failovers: tally.failovers + as.failovers,
    repairs: tally.repairs + as.repairs,
    feedback: as.feedback ?? tally.feedback,
    failedOverFrom: as.failedOverFrom,
    abandoned: tally.abandoned,
    busyMs: tally.busyMs + (at - was.startedAt),
    firstStartAt: tally.firstStartAt ?? was.startedAt,
    usage: addUsage(tally.usage, usage),
  }
}
