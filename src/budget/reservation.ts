import type { BudgetNotice } from '../core/budget/admission.js'
import { assumedUsage, type Estimate } from '../core/budget/budget.js'
import { isThrottling } from '../core/failure/failure.js'
import type { Usage } from '../core/failure/usage.js'
import { DRAINED_CODE } from '../core/state/attempt-counts.js'
import type { RunEvent, RunEventType } from '../core/state/events.js'
import type { RunState } from '../core/state/run-state.js'

/** An attempt that wants to start. */
export interface ReservationRequest {
  readonly state: RunState
  readonly index: number
  readonly estimate: Estimate | undefined
  /** It goes to the cheapest backend already. */
  readonly degraded: boolean
  /** The estimate has been reserved, and that is durable. */
  onReserved(): void
  /** There is no room (`hard`), or a soft bound has been reached. */
  onNotice(notice: BudgetNotice): void
}

/** What is reserved for an attempt. */
export interface Hold {
  readonly attempt: number
  readonly estimate: Estimate
  /** When its attempt may have started, if `startedAt` is undefined and an event says that it has, in milliseconds since 1970. */
  reservedAt: number
  /** Undefined before its start is decided, and when an earlier process decided it. */
  startedAt: number | undefined
  isDurable: boolean
  /** Called once it is durable. */
  onReserved: (() => void) | undefined
}

/** After these events of a task nothing is reserved for it: its attempt is over, or will not begin. */
export const ENDS: ReadonlySet<RunEventType> = new Set([
  'attempt.failed',
  'task.succeeded',
  'task.held',
  'task.delayed',
  'task.dead',
  'task.skipped',
  'task.cancelled',
])

/** What an attempt has used, and how long it ran. */
export interface UsageAtEnd {
  readonly usage: Usage | undefined
  readonly ms: number
}

/** What replaces the reservation when this event has ended the attempt. */
export function usageAtEnd(hold: Hold, state: RunState, event: RunEvent & { readonly index: number }): UsageAtEnd {
  const hasStarted =
    hold.startedAt !== undefined ||
    event.type === 'task.succeeded' ||
    // An earlier process started it.
    attemptsOf(state, event.index) >= hold.attempt
  if (!hasStarted) return { usage: undefined, ms: 0 }
  const reported = 'usage' in event ? event.usage : undefined
  // A throttled attempt has used nothing.
  const isUnused = event.type === 'attempt.failed' && isThrottling(event.failure)
  return {
    usage: isUnused ? reported : assumedUsage(reported, hold.estimate),
    ms: Math.max(0, endOf(state, event) - (hold.startedAt ?? hold.reservedAt)),
  }
}

/** How many attempts of the task have ended. */
export function attemptsOf({ tallies }: RunState, index: number): number {
  return tallies[index]?.attempts ?? 0
}

/** An attempt that the end of its process interrupted ran until then at most. */
function endOf(state: RunState, event: RunEvent): number {
  const isLost =
    event.type === 'attempt.failed' && event.failure.kind === 'interrupted' && event.failure.code !== DRAINED_CODE
  return isLost ? state.processLostAt : event.at
}

/** One per run: an attempt needs it four times, and formatting `startedAt` is the slow part of a reservation. */
const prefixes = new WeakMap<RunState, { readonly startedAt: number; readonly prefix: string }>()

/** With its start: a run that has the id of a deleted one is another run. */
export function runPrefix(state: RunState): string {
  const { runId, startedAt } = state
  const known = prefixes.get(state)
  if (known?.startedAt === startedAt) return known.prefix
  const prefix = `${runId}@${startedAt}/`
  prefixes.set(state, { startedAt, prefix })
  return prefix
}

export function keyOf(state: RunState, index: number): string {
  return `${runPrefix(state)}${index}`
}
