import { removeHeldForReservations } from '../budget/accounts.js'
import type { RunState } from './run-state.js'
import type { TaskState } from './task.js'

/** The normative table of states: where each may go. */
const TRANSITIONS: { readonly [S in TaskState['status']]: readonly TaskState['status'][] } = {
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

/** Lets task `index` go to another state, if it may. */
export function transition(state: RunState, index: number, to: TaskState): void {
  const from = state.states[index]
  if (from === undefined || !TRANSITIONS[from.status].includes(to.status))
    throw impossibleTransition(state, index, to.status)
  if (from.status === 'held' && from.reason === 'reserved') removeHeldForReservations(state, index)
  state.counts[from.status]--
  state.counts[to.status]++
  state.states[index] = to
}

/** The attempt that an event is about, if it is there and in a state in which such an event may come. */
export function currentAttempt(
  state: RunState,
  index: number,
  attempt: number,
  to: string,
  ...from: readonly ('running' | 'stopping')[]
): Extract<TaskState, { status: 'running' | 'stopping' }> {
  const was = state.states[index]
  if (
    (was?.status !== 'running' && was?.status !== 'stopping') ||
    !from.includes(was.status) ||
    was.attempt !== attempt
  )
    throw impossibleTransition(state, index, to)
  return was
}

/** What is thrown for an event that cannot have happened to task `index`. */
export function impossibleTransition(state: RunState, index: number, to: string): Error {
  const id = state.specs[index]?.id
  return new Error(
    `task ${id ?? `number ${index}`} cannot go from ${state.states[index]?.status ?? 'nowhere'} to ${to}`,
  )
}
