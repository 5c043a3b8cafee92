import {
  addHeldForReservations,
  noteReached,
  openTaskAccount,
  reserveFor,
  setBudgets,
  settleFor,
} from '../budget/accounts.js'
import type { Estimate } from '../budget/budget.js'
import { isThrottling } from '../failure/failure.js'
import type { Usage } from '../failure/usage.js'
import { countsOf, NO_COUNTS, recordAttemptEnd } from './attempt-counts.js'
import { checkEvent } from './check-event.js'
import { addEdges, updateDependents } from './dependencies.js'
import type {
  AttemptFailed,
  AttemptStarted,
  BoundPart,
  RunEvent,
  RunEventOf,
  RunEventType,
  RunRecovered,
  TaskSucceeded,
} from './events.js'
import { EMPTY_TALLY, emptyState } from './new-state.js'
import type { RunState } from './run-state.js'
import { copySharedPlan } from './shared-plan.js'
import type { Tally, TaskSpec, TaskState } from './task.js'
import { holdTaskClock, recordParking, recordProcessLoss, splitParkings, startTaskClock } from './task-clock.js'
import { currentAttempt, impossibleTransition, transition } from './transitions.js'

const BLOCKED: TaskState = { status: 'blocked' }
/** The weight of one attempt in the moving average `throttledShare`. */
const THROTTLED_STEP = 0.1

/**
 * Changes `state` by one event. The only function that changes a state; it decides nothing.
 *
 * @throws Error for an event that cannot follow in this state: the journal that contains it is damaged. The state is unchanged then.
 */
export function evolve(state: RunState, event: RunEvent): void {
  checkEvent(state, event)
  ;(FOLDS[event.type] as (state: RunState, event: RunEvent) => void)(state, event)
  advance(state, event.at)
}

/** Records that the next event, with the time `at`, has been folded. */
export function advance(state: RunState, at: number): void {
  state.seq++
  state.at = at
}

/** The state after these events. */
export function replay(runId: string, events: Iterable<RunEvent>): RunState {
  const state = emptyState(runId)
  for (const event of events) evolve(state, event)
  return state
}

const FOLDS: { readonly [T in RunEventType]: (state: RunState, event: RunEventOf<T>) => void } = {
  'run.started': (state, event) => {
    state.phase = { status: 'running' }
    state.name = event.name
    state.version = event.version
    state.plannedTasks = event.tasks
    state.only = event.only
    state.fromGraph = event.graph === true
    state.failureMode = event.failureMode
    state.autoFallbackToSerial = event.autoFallbackToSerial === true
    if (event.budget) setBudgets(state, event.budget)
    state.startedAt = event.at
    state.epoch = 1
  },
  'run.mode-chosen': (state, { mode }) => {
    state.serial = mode === 'serial'
  },
  'budget.reached': noteReached,
  'budget.changed': (state, { budget }) => setBudgets(state, budget),
  'run.stopping': (state, { cause, reason }) => {
    state.phase = { status: 'stopping', cause, reason }
  },
  'run.paused': (state, { at }) => {
    state.phase = { status: 'paused' }
    state.pausedAt = at
  },
  'run.unpaused': (state, { at }) => {
    state.phase = { status: 'running' }
    state.pausedMs += at - (state.pausedAt ?? at)
    state.pausedAt = undefined
  },
  'run.draining': state => {
    state.phase = { status: 'draining', paused: state.phase.status === 'paused' }
  },
  'run.suspended': state => {
    state.phase = { status: 'suspended', paused: state.phase.status === 'draining' && state.phase.paused }
  },
  'run.recovered': recover,
  'run.settled': (state, { outcome }) => {
    state.phase = { status: 'settled', outcome }
  },
  'task.added': (state, { spec, index, taskId, bound, assigned }) => {
    if (index !== state.specs.length || state.ids.has(taskId))
      throw new Error(`task ${taskId} cannot be added as number ${index}`)
    addTask(state, spec, bound, assigned)
  },
  'task.ready': (state, { index, at, approved }) => makeReady(state, index, at, approved === true),
  'task.held': (state, { index, reason, at, failure, estimate }) => {
    transition(state, index, { status: 'held', reason, since: at, failure, estimate })
    holdTaskClock(state, index, at)
    if (reason === 'reserved') addHeldForReservations(state, index)
  },
  'task.delayed': (state, { index, until, failure }) => transition(state, index, { status: 'delayed', until, failure }),
  'task.succeeded': (state, event) => succeed(state, event.at, event, event.usage),
  'task.dead': (state, { index, at, failure }) => end(state, index, { status: 'dead', at, failure }),
  'task.skipped': (state, { index, at, rootCause, rule }) =>
    end(state, index, { status: 'skipped', at, rootCause, rule }),
  'task.cancelled': (state, { index, at, reason, usage }) => {
    recordAttemptEnd(state, index, at, usage, NO_COUNTS)
    end(state, index, { status: 'cancelled', at, reason })
  },
  'attempt.started': (state, event) => startAttempt(state, event.at, event, event.attempt, event.reserved),
  'attempt.stopping': (state, { index, attempt, reason }) => {
    const task = currentAttempt(state, index, attempt, 'stopping', 'running', 'stopping')
    const { pool, backend, startedAt, reserved } = task
    transition(state, index, { status: 'stopping', attempt, pool, backend, startedAt, reserved, reason })
  },
  'attempt.failed': failAttempt,
  'attempt.abandoned': (state, { index, attempt }) => {
    currentAttempt(state, index, attempt, 'abandoned', 'stopping')
    const tally = state.tallies[index] as Tally
    state.tallies[index] = { ...tally, abandoned: tally.abandoned + 1 }
  },
}

/** Another process has taken over: from the previous event to this one, no process had the run. */
function recover(state: RunState, { at, epoch }: RunRecovered): void {
  state.epoch = epoch
  state.processLostAt = state.at
  recordProcessLoss(state)
  if (state.pausedAt !== undefined) {
    state.pausedMs += state.at - state.pausedAt
    state.pausedAt = at
  }
  splitParkings(state, state.at, at)
  state.downtimeMs += at - state.at
  state.states.forEach(({ status }, index) => {
    if (status === 'running' || status === 'stopping') state.orphanedAttempts.add(index)
  })
  const { phase } = state
  if (phase.status === 'draining' || phase.status === 'suspended')
    state.phase = { status: phase.paused ? 'paused' : 'running' }
}

// The folds of the four events that nearly every task has. They take what such an event says, not the event: a decision has that at hand
// and does not make the event (decision 14). It calls `advance` afterwards. They check and count the transition themselves: `transition`
// finds both in tables, which costs a tenth of a task.

export function addTask(
  state: RunState,
  spec: TaskSpec,
  bound: readonly BoundPart[] | undefined,
  assigned: readonly string[] | undefined,
): void {
  copySharedPlan(state)
  const index = state.specs.push(spec) - 1
  state.ids.set(spec.id, index)
  if (bound) state.bound.set(index, bound)
  if (assigned) state.assigned.set(index, assigned)
  state.states.push(BLOCKED)
  state.tallies.push(EMPTY_TALLY)
  state.counts.blocked++
  state.firstEdge.push(-1)
  state.lastEdge.push(-1)
  state.openDependencies.push(0)
  addEdges(state, index, spec)
  if (spec.budget !== undefined) openTaskAccount(state, index)
}

export function makeReady(state: RunState, index: number, at: number, approved: boolean): void {
  const task = state.states[index]
  // Only the decision knows whether the trigger rule of a task is met.
  if ((state.openDependencies[index] as number) > 0) throw impossibleTransition(state, index, 'ready')
  if (task?.status === 'blocked') {
    state.counts.blocked--
    state.counts.ready++
    state.states[index] = { status: 'ready', since: at }
  } else transition(state, index, { status: 'ready', since: at })
  if (approved && task?.status === 'held') {
    const isOverBudget = task.reason === 'budget' || task.reason === 'reserved'
    ;(isOverBudget ? state.budgetExempt : state.approved).add(index)
  }
  const { queueTimeoutMs, totalTimeoutMs } = state.specs[index] as TaskSpec
  if (queueTimeoutMs !== undefined || totalTimeoutMs !== undefined) startTaskClock(state, index, at)
}

export function startAttempt(
  state: RunState,
  at: number,
  { index, pool, backend, input }: Pick<AttemptStarted, 'index' | 'pool' | 'backend' | 'input'>,
  attempt: number,
  reserved: Estimate | undefined,
): void {
  if (state.states[index]?.status !== 'ready' || attempt !== (state.tallies[index] as Tally).attempts + 1)
    throw impossibleTransition(state, index, 'running')
  state.counts.ready--
  state.counts.running++
  state.states[index] = { status: 'running', attempt, pool, backend, startedAt: at, input, reserved }
  if (state.accounts) reserveFor(state, index, pool, reserved)
}

export function succeed(
  state: RunState,
  at: number,
  { index, attempt, output }: Pick<TaskSucceeded, 'index' | 'attempt' | 'output'>,
  usage: Usage | undefined,
): void {
  const task = state.states[index]
  if (task?.status !== 'running' || task.attempt !== attempt) throw impossibleTransition(state, index, 'succeeded')
  state.counts.running--
  state.counts.succeeded++
  state.states[index] = { status: 'succeeded', at, output, attempt, startedAt: task.startedAt, usage }
  updateDependents(state, index)
  if (state.accounts) settleFor(state, index, task, usage, at)
  if (state.autoFallbackToSerial) state.throttledShare *= 1 - THROTTLED_STEP
}

/** Invariant: the next event of the same record says what follows for the task. */
function failAttempt(state: RunState, event: AttemptFailed): void {
  const { index, at, attempt, failure, usage } = event
  const { backend } = currentAttempt(state, index, attempt, 'failed', 'running', 'stopping')
  recordAttemptEnd(state, index, at, usage, countsOf(event, backend))
  if (event.verdict.action === 'park') recordParking(state, index, at, event.verdict.delayMs)
  if (state.autoFallbackToSerial)
    state.throttledShare += THROTTLED_STEP * ((isThrottling(failure) ? 1 : 0) - state.throttledShare)
}

/** Puts a task in a terminal state. */
function end(state: RunState, index: number, to: TaskState): void {
  transition(state, index, to)
  updateDependents(state, index)
}
