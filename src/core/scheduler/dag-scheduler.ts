import type { Failure } from '../failure/failure.js'
import { DRAINED_CODE } from '../state/attempt-counts.js'
import type { Outcome, RunEvent } from '../state/events.js'
import { History } from '../state/history.js'
import { type RunState, unfinishedCount } from '../state/run-state.js'
import type { TaskState } from '../state/task.js'
import { admitStart, changeBudget, elapse, exhaust, reportSoftBounds, retryHeldForReservations } from './budget-gate.js'
import { type DecideContext, Decision } from './decision.js'
import { preparedPlanOf } from './prepared-plan.js'
import { applyFailure, cancelAll, cancelUnfinished, markDead, propagate, resolveBlocked } from './propagate.js'
import type {
  AddSignal,
  ApproveSignal,
  ExpireSignal,
  FailSignal,
  HoldSignal,
  InterruptSignal,
  ModeSignal,
  RejectSignal,
  Signal,
  StartSignal,
  StoppedSignal,
  SucceedSignal,
  WakeSignal,
} from './signals.js'

/**
 * What follows from a signal, as events; the state is changed by them (through `evolve`) and by nothing else.
 * The only place that decides. A signal that comes too late for the state it finds decides nothing: the list is empty.
 * Reads no clock and draws no random number but those in `context`.
 */
export function decide(state: RunState, signal: Signal, context: DecideContext): RunEvent[] {
  const history = new History(state, state.seq)
  decideInto(new Decision(state, history, context), signal)
  return history.slice(history.start, history.end)
}

/** What `decide` gives, written to the history of the decision. */
export function decideInto(decision: Decision, signal: Signal): void {
  const { state } = decision
  const { status } = state.phase
  if (status === 'settled' || (status === 'suspended' && signal.type !== 'recover')) return
  decision.begin()
  // The signals of every attempt without a look into the table.
  if (signal.type === 'start') start(decision, signal)
  else if (signal.type === 'succeed') succeed(decision, signal)
  else (HANDLERS[signal.type] as (decision: Decision, signal: Signal) => void)(decision, signal)
  if (state.accounts && 'index' in signal) reportSoftBounds(decision, signal.index)
  if (state.heldForReservations.size > 0) retryHeldForReservations(decision)
  settle(decision)
}

const INTERRUPTED: Failure = {
  kind: 'interrupted',
  code: DRAINED_CODE,
  message: 'stopped, to be tried again when the run is resumed',
}

const HANDLERS: { readonly [T in Signal['type']]: (decision: Decision, signal: Extract<Signal, { type: T }>) => void } =
  {
    add,
    start,
    succeed,
    fail,
    stopped,
    expire,
    wake,
    hold,
    approve,
    reject,
    budget: changeBudget,
    elapse,
    exhaust,
    mode: choose,
    cancel: (decision, { taskId, reason }) =>
      taskId === undefined ? cancelRun(decision, reason) : cancelTask(decision, taskId, reason),
    pause: decision => {
      if (decision.state.phase.status === 'running') decision.runEvent({ type: 'run.paused' })
    },
    unpause: decision => {
      if (decision.state.phase.status === 'paused') decision.runEvent({ type: 'run.unpaused' })
    },
    drain: decision => {
      const { status } = decision.state.phase
      if (status === 'running' || status === 'paused') decision.runEvent({ type: 'run.draining' })
    },
    interrupt,
    recover,
  }

function add(decision: Decision, signal: AddSignal): void {
  const { state } = decision
  if (state.phase.status === 'planning') begin(decision, signal)
  const first = state.specs.length
  const wiring = first === 0 ? preparedPlanOf(signal.tasks) : undefined
  if (wiring) decision.addedAll(wiring, signal.bound)
  else for (const spec of signal.tasks) decision.added(spec, signal.bound?.has(spec.id) ?? false)
  for (let index = first; index < state.specs.length; index++)
    if (resolveBlocked(decision, index)) propagate(decision, index)
}

function begin(decision: Decision, signal: AddSignal): void {
  const { name, version, failureMode = 'continue', only, tasks, cancelled, budget, mode } = signal
  decision.runEvent({
    type: 'run.started',
    ...(name !== undefined && { name }),
    ...(version !== undefined && { version }),
    failureMode,
    tasks: tasks.length,
    ...(signal.bound && { graph: true }),
    ...(only && { only }),
    ...(budget && { budget }),
    ...(signal.autoFallbackToSerial && { autoFallbackToSerial: true }),
  })
  if (mode) decision.runEvent({ type: 'run.mode-chosen', ...mode })
  if (cancelled !== undefined) decision.runEvent({ type: 'run.stopping', cause: 'cancelled', reason: cancelled })
}

function start(decision: Decision, signal: StartSignal): void {
  const { state } = decision
  const { index, failure } = signal
  if (state.phase.status !== 'running' || state.states[index]?.status !== 'ready') return
  // Invariant: in a serial run there is one attempt at a time, also when two slots were claimed at once.
  if (state.serial && state.counts.running + state.counts.stopping > 0) return
  if (state.accounts && failure === undefined && !admitStart(decision, signal)) return
  const attempt = decision.started(signal)
  if (failure !== undefined) applyFailure(decision, index, attempt, failure, undefined)
}

function succeed(decision: Decision, signal: SucceedSignal): void {
  const was = decision.state.states[signal.index] as TaskState
  if (was.status === 'stopping') return stopped(decision, { ...signal, type: 'stopped', abandoned: false })
  if (was.status !== 'running' || was.attempt !== signal.attempt) return
  decision.succeeded(signal)
  propagate(decision, signal.index)
}

function fail(decision: Decision, signal: FailSignal): void {
  const { index, attempt, failure, usage, alternatives } = signal
  const was = decision.state.states[index] as TaskState
  if (was.status === 'stopping') return stopped(decision, { ...signal, type: 'stopped', abandoned: false })
  if (was.status !== 'running' || was.attempt !== attempt) return
  applyFailure(decision, index, attempt, failure, usage, alternatives)
  fallBack(decision)
}

/** Half of what was tried of late was turned away: side by side the tasks only take the provider from each other. */
function fallBack(decision: Decision): void {
  const { state } = decision
  if (!state.autoFallbackToSerial || state.serial || state.throttledShare < 0.5 || state.phase.status !== 'running')
    return
  const share = Math.round(state.throttledShare * 100)
  const reason = `about ${share} % of the latest attempts were turned away: going on one at a time`
  decision.runEvent({ type: 'run.mode-chosen', mode: 'serial', reason })
}

function choose(decision: Decision, { mode, reason }: ModeSignal): void {
  const { phase, serial } = decision.state
  if (phase.status !== 'planning' && serial !== (mode === 'serial'))
    decision.runEvent({ type: 'run.mode-chosen', mode, reason })
}

function hold(decision: Decision, { index, reason }: HoldSignal): void {
  if (decision.state.states[index]?.status === 'ready') decision.held(index, reason)
}

function approve(decision: Decision, { taskId, by }: ApproveSignal): void {
  const index = decision.state.ids.get(taskId)
  if (index !== undefined && decision.state.states[index]?.status === 'held') decision.approved(index, by)
}

function reject(decision: Decision, { taskId, reason }: RejectSignal): void {
  const index = decision.state.ids.get(taskId)
  if (index === undefined || decision.state.states[index]?.status !== 'held') return
  markDead(decision, index, { kind: 'refused', code: 'REJECTED', message: reason })
}

function expire(decision: Decision, signal: ExpireSignal): void {
  const was = decision.state.states[signal.index] as TaskState
  if (signal.attempt === 0 && (was.status === 'ready' || was.status === 'delayed'))
    return markDead(decision, signal.index, signal.failure)
  if (was.status !== 'running' || was.attempt !== signal.attempt) return
  decision.stopping(signal.index, signal.attempt, { kind: 'timeout', failure: signal.failure })
}

function stopped(decision: Decision, signal: StoppedSignal): void {
  const was = decision.state.states[signal.index] as TaskState
  if (was.status !== 'stopping' || was.attempt !== signal.attempt) return
  if (signal.abandoned) decision.abandoned(signal.index, signal.attempt)
  if (was.reason.kind !== 'cancel') {
    const failure = was.reason.kind === 'timeout' ? was.reason.failure : INTERRUPTED
    return applyFailure(decision, signal.index, signal.attempt, failure, signal.usage, signal.alternatives)
  }
  decision.cancelled(signal.index, was.reason.reason, signal.usage)
  propagate(decision, signal.index)
}

function interrupt(decision: Decision, { index }: InterruptSignal): void {
  const was = decision.state.states[index]
  if (was?.status === 'running') decision.stopping(index, was.attempt, { kind: 'interrupt' })
}

function wake(decision: Decision, signal: WakeSignal): void {
  if (decision.state.states[signal.index]?.status === 'delayed') decision.ready(signal.index)
}

function cancelRun(decision: Decision, reason: string): void {
  const { phase } = decision.state
  if (phase.status === 'planning' || (phase.status === 'stopping' && phase.cause === 'cancelled')) return
  decision.runEvent({ type: 'run.stopping', cause: 'cancelled', reason })
  cancelAll(decision, { kind: 'cancel', reason }, true)
}

function cancelTask(decision: Decision, taskId: string, reason: string): void {
  const index = decision.state.ids.get(taskId)
  if (index === undefined) return
  cancelUnfinished(decision, index, { kind: 'cancel', reason }, true)
  if (decision.state.states[index]?.status === 'cancelled') propagate(decision, index)
}

function recover(decision: Decision): void {
  const { state } = decision
  decision.runEvent({ type: 'run.recovered', epoch: state.epoch + 1 })
  const failure: Failure = { kind: 'interrupted', message: 'the process that ran this attempt has ended' }
  for (let index = 0; index < state.specs.length; index++) {
    const was = state.states[index] as TaskState
    if (was.status === 'running') applyFailure(decision, index, was.attempt, failure, undefined)
    if (was.status === 'stopping') stopped(decision, { type: 'stopped', index, attempt: was.attempt, abandoned: false })
  }
}

/** Invariant: a run with nothing left to do settles in the record that left it so; one that drains is suspended with its last attempt. */
function settle(decision: Decision): void {
  const { state } = decision
  const { running, stopping } = state.counts
  if (state.phase.status === 'draining' && running + stopping === 0 && unfinishedCount(state) > 0)
    return decision.runEvent({ type: 'run.suspended' })
  if (state.phase.status === 'planning' || state.phase.status === 'settled' || unfinishedCount(state) > 0) return
  decision.runEvent({ type: 'run.settled', outcome: outcomeOf(state) })
}

function outcomeOf(state: RunState): Outcome {
  const { phase, counts } = state
  if (phase.status === 'stopping' && phase.cause === 'cancelled') return 'cancelled'
  // What is skipped besides is what no trigger rule let run.
  if (counts.dead + counts.cancelled === 0) return 'completed'
  return counts.succeeded > 0 ? 'partial' : 'failed'
}
