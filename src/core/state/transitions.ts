import { removeHeldForReservations } from '../budget/accounts.js'
import type { RunState } from './run-state.js'
import type { RunningState, StoppingState, TaskState, TaskStatus } from './task.js'

/** The states that each state may be followed by. */
const TRANSITIONS: { readonly [S in TaskStatus]: readonly TaskStatus[] } = {
  blocked: ['ready', 'skipped', 'cancelled'],
  ready: ['held', 'running', 'dead', 'cancelled'],
  held: ['ready', 'dead', 'cancelled'],
  running: ['succeeded', 'stopping', 'delayed', 'held', 'dead', 'cancelled'],
  stopping: ['stopping', 'delayed', 'held', 'dead', 'cancelled', 'ready'],
  delayed: ['ready', 'dead', 'cancelled'],
  succeeded: [],
  dead: [],
  skipped: [],
  cancelled: [],
}

/**
 * Puts task `index` in another state.
 *
 * @throws Error when the task does not exist or its state cannot be followed by this one.
 */
export function transition(state: RunState, index: number, to: TaskState): void {
  const from = state.states[index]
  if (from === undefined || !TRANSITIONS[from.status].includes(to.status))
    throw impossibleTransition(state, index, to.status)
  if (from.status === 'held' && from.reason === 'reserved') removeHeldForReservations(state, index)
  state.counts[from.status]--
  state.counts[to.status]++
  state.states[index] = to
}

/**
 * The state of task `index`, which must have attempt `attempt` and one of the statuses `from`.
 *
 * @throws Error when it has not; `to` says in the message what the event would have done.
 */
export function currentAttempt<S extends 'running' | 'stopping'>(
  state: RunState,
  index: number,
  attempt: number,
  to: string,
  ...from: readonly S[]
): Extract<RunningState | StoppingState, { status: S }> {
  const task = state.states[index]
  if (
    (task?.status === 'running' || task?.status === 'stopping') &&
    from.includes(task.status as S) &&
    task.attempt === attempt
  )
    return task as Extract<RunningState | StoppingState, { status: S }>
  throw impossibleTransition(state, index, to)
}

/** The error for an event that cannot have happened to task `index`. */
export function impossibleTransition(state: RunState, index: number, to: string): Error {
  const task = state.specs[index]?.id ?? `number ${index}`
  return new Error(`task ${task} cannot go from ${state.states[index]?.status ?? 'nowhere'} to ${to}`)
}
