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
import type { Json } from '../json.js'
import { countsOf, NO_COUNTS, recordAttemptEnd } from './attempt-counts.js'
import { checkEvent } from './check-event.js'
import { addEdges, updateDependents } from './dependencies.js'
import type { AttemptFailed, EventOf, RunEvent, RunEventType } from './events.js'
import { copySharedPlan, EMPTY_TALLY, emptyState } from './new-state.js'
import type { RunState } from './run-state.js'
import type { Tally, TaskSpec, TaskState } from './task.js'
import { holdTaskClock, recordProcessLoss, startTaskClock } from './task-clock.js'
import { currentAttempt, impossibleTransition, transition } from './transitions.js'

const BLOCKED: TaskState = { status: 'blocked' }
/** How much one attempt moves the pressure. */
const PRESSURE_STEP = 0.1

/**
 * Changes `state` by one event. The only place that changes a state; it decides nothing.
 * Throws for an event that no decision can have made in this state: a journal that says so is damaged.
 */
export function evolve(state: RunState, event: RunEvent): void {
  checkEvent(state, event)
  ;(FOLDS[event.type] as (state: RunState, event: RunEvent) => void)(state, event)
  state.seq = event.seq
  state.at = event.at
}

/** The state that these events lead to. */
export function replay(runId: string, events: Iterable<RunEvent>): RunState {
  const state = emptyState(runId)
  for (const event of events) evolve(state, event)
  return state
}

const FOLDS: { readonly [T in RunEventType]: (state: RunState, event: EventOf<T>) => void } = {
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
  'run.mode-chosen': (state, event) => {
    state.serial = event.mode === 'serial'
  },
  'budget.reached': noteReached,
  'budget.changed': (state, event) => setBudgets(state, event.budget),
  'run.stopping': (state, event) => {
    state.phase = { status: 'stopping', cause: event.cause, reason: event.reason }
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
  'run.recovered': (state, event) => {
    state.epoch = event.epoch
    state.processLostAt = state.at
    recordProcessLoss(state)
    if (state.pausedAt !== undefined) {
      state.pausedMs += state.at - state.pausedAt
      state.pausedAt = event.at
    }
    state.downtimeMs += event.at - state.at
    state.states.forEach(({ status }, index) => {
      if (status === 'running' || status === 'stopping') state.orphanedAttempts.add(index)
    })
    const { phase } = state
    if (phase.status === 'draining' || phase.status === 'suspended')
      state.phase = { status: phase.paused ? 'paused' : 'running' }
  },
  'run.settled': (state, event) => {
    state.phase = { status: 'settled', outcome: event.outcome }
  },
  'task.added': (state, { spec, index, taskId, bound }) => {
    if (index !== state.specs.length || state.ids.has(taskId))
      throw new Error(`task ${taskId} cannot be added as number ${index}`)
    addTask(state, spec, bound === true)
  },
  'task.ready': (state, { index, at, approved }) => makeReady(state, index, at, approved === true),
  'task.held': (state, { index, reason, at, failure, estimate }) => {
    transition(state, index, { status: 'held', reason, since: at, failure, estimate })
    holdTaskClock(state, index, at)
    if (reason === 'reserved') addHeldForReservations(state, index)
  },
  'task.delayed': (state, event) =>
    transition(state, event.index, { status: 'delayed', until: event.until, failure: event.failure }),
  'task.succeeded': (state, { index, at, attempt, output, usage }) =>
    makeSucceed(state, index, at, attempt, output, usage),
  'task.dead': (state, event) => end(state, event.index, { status: 'dead', at: event.at, failure: event.failure }),
  'task.skipped': (state, event) =>
    end(state, event.index, { status: 'skipped', at: event.at, rootCause: event.rootCause, rule: event.rule }),
  'task.cancelled': (state, event) => {
    recordAttemptEnd(state, event.index, event.at, event.usage, NO_COUNTS)
    end(state, event.index, { status: 'cancelled', at: event.at, reason: event.reason })
  },
  'attempt.started': (state, { index, at, attempt, pool, backend, input, reserved }) =>
    makeStart(state, index, at, attempt, pool, backend, input, reserved),
  'attempt.stopping': (state, event) => {
    const was = currentAttempt(state, event.index, event.attempt, 'stopping', 'running', 'stopping')
    const { attempt, pool, backend, startedAt, reserved } = was
    const { reason } = event
    transition(state, event.index, { status: 'stopping', attempt, pool, backend, startedAt, reserved, reason })
  },
  'attempt.failed': failAttempt,
  'attempt.abandoned': (state, event) => {
    currentAttempt(state, event.index, event.attempt, 'abandoned', 'stopping')
    const tally = state.tallies[event.index] as Tally
    state.tallies[event.index] = { ...tally, abandoned: tally.abandoned + 1 }
  },
}

/**
 * The folds of the four events of nearly every task, from what is in them: a decision has it at hand, and makes no event of it.
 * `stamp` is the rest of such a fold. Each says itself where the task must come from: to look that up, as `move` does, costs more than all the rest.
 */
export function addTask(state: RunState, spec: TaskSpec, bound: boolean): void {
  copySharedPlan(state)
  const index = state.specs.length
  state.ids.set(spec.id, index)
  state.specs.push(spec)
  if (bound) state.bound.add(index)
  state.states.push(BLOCKED)
  state.tallies.push(EMPTY_TALLY)
  state.counts.blocked++
  state.firstEdge.push(-1)
  state.lastEdge.push(-1)
  state.openDependencies.push(0)
  addEdges(state, index, spec)
  if (spec.budget !== undefined) openTaskAccount(state, index)
}

/** Shared by the tasks that became ready for the first time at one moment: most do. */
let firstReady: Extract<TaskState, { status: 'ready' }> = { status: 'ready', since: 0 }

export function makeReady(state: RunState, index: number, at: number, approved: boolean): void {
  const was = state.states[index]
  // Of a task with a trigger rule only the decision knows whether it is met.
  if ((state.openDependencies[index] as number) > 0) throw impossibleTransition(state, index, 'ready')
  if (approved && was?.status === 'held')
    (was.reason === 'budget' || was.reason === 'reserved' ? state.budgetExempt : state.approved).add(index)
  const { queueTimeoutMs, totalTimeoutMs } = state.specs[index] as TaskSpec
  if (queueTimeoutMs !== undefined || totalTimeoutMs !== undefined) startTaskClock(state, index, at)
  if (was?.status !== 'blocked') return transition(state, index, { status: 'ready', since: at })
  // Invariant: each time that a task becomes ready anew is a state of its own; and it is blocked only once.
  if (firstReady.since !== at) firstReady = { status: 'ready', since: at }
  state.counts.blocked--
  state.counts.ready++
  state.states[index] = firstReady
}

export function makeStart(
  state: RunState,
  index: number,
  at: number,
  attempt: number,
  pool: string,
  backend: string,
  input: Json,
  reserved: Estimate | undefined,
): void {
  if (state.states[index]?.status !== 'ready' || attempt !== (state.tallies[index] as Tally).attempts + 1)
    throw impossibleTransition(state, index, 'running')
  if (state.accounts) reserveFor(state, index, pool, reserved)
  state.counts.ready--
  state.counts.running++
  state.states[index] = { status: 'running', attempt, pool, backend, startedAt: at, input, reserved }
}

export function makeSucceed(
  state: RunState,
  index: number,
  at: number,
  attempt: number,
  output: Json,
  usage: Usage | undefined,
): void {
  const was = state.states[index]
  if (was?.status !== 'running' || was.attempt !== attempt) throw impossibleTransition(state, index, 'succeeded')
  state.counts.running--
  state.counts.succeeded++
  state.states[index] = { status: 'succeeded', at, output, attempt, startedAt: was.startedAt, usage }
  if (state.accounts) settleFor(state, index, was, usage, at)
  if (state.autoFallbackToSerial) state.throttledShare *= 1 - PRESSURE_STEP
  updateDependents(state, index)
}

/** An event has been folded, the next one of the run. */
export function stamp(state: RunState, at: number): void {
  state.seq++
  state.at = at
}

/** Invariant: after this the task is moved on by the next event of the same record. */
function failAttempt(state: RunState, event: AttemptFailed): void {
  const { index, failure, usage } = event
  const { backend } = currentAttempt(state, index, event.attempt, 'failed', 'running', 'stopping')
  recordAttemptEnd(state, index, event.at, usage, countsOf(event, backend))
  if (state.autoFallbackToSerial)
    state.throttledShare += PRESSURE_STEP * ((isThrottling(failure) ? 1 : 0) - state.throttledShare)
}

/** Ends a task without an output. */
function end(state: RunState, index: number, to: TaskState): void {
  transition(state, index, to)
  updateDependents(state, index)
}
