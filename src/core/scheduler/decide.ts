import { type Failure, withTails } from '../failure/failure.js'
import { DRAINED_CODE } from '../state/attempt-counts.js'
import type { RunEvent } from '../state/events.js'
import { History } from '../state/history.js'
import { outcomeOf, type RunState, unfinishedCount } from '../state/run-state.js'
import type { TaskState } from '../state/task.js'
import { admitStart, changeBudget, elapse, reportSoftBounds, retryHeldForReservations } from './budget-gate.js'
import { type DecideContext, Decision } from './decision.js'
import { preparedPlanOf } from './prepared-plan.js'
import { applyFailure, cancelAll, cancelUnfinished, markDead, propagate, resolveBlocked } from './propagate.js'
import { shortText } from './short-text.js'
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
 * Returns the events that follow from a signal; `state` is changed by them, through `evolve`, and by nothing else.
 * The only place that decides. Reads no clock and no random source except those in `context`.
 * A signal that comes too late for the state, such as the result of an attempt that has ended, leads to no events.
 */
export function decide(state: RunState, signal: Signal, context: DecideContext): RunEvent[] {
  const first = state.seq + 1
  const history = new History(state, first)
  decideInto(new Decision(state, history, context), signal)
  return history.slice(first, history.end)
}

/** As `decide`, but appends the events to the history of the decision. Returns false when the signal itself changed nothing. */
export function decideInto(decision: Decision, signal: Signal): boolean {
  const { state } = decision
  const { status } = state.phase
  if (status === 'settled' || (status === 'suspended' && signal.type !== 'recover')) return false
  const before = state.seq
  decision.begin()
  ;(HANDLERS[signal.type] as (decision: Decision, signal: Signal) => void)(decision, signal)
  const hasChanged = state.seq > before
  if ('index' in signal) reportSoftBounds(decision, signal.index)
  if (state.heldForReservations.size > 0) retryHeldForReservations(decision, signal.type === 'retry-held')
  settle(decision)
  return hasChanged
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
    // All that follows is what `decideInto` does after every signal.
    'retry-held': () => {},
    mode: chooseMode,
    cancel: (decision, { taskId, reason }) =>
      taskId === undefined ? cancelRun(decision, shortText(reason)) : cancelTask(decision, taskId, shortText(reason)),
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
  const plan = first === 0 ? preparedPlanOf(signal.tasks) : undefined
  if (plan) decision.planAdded(plan, signal.bound)
  else
    for (const [i, spec] of signal.tasks.entries())
      decision.added(spec, signal.bound?.get(spec.id), signal.planned?.[i])
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
  if (cancelled !== undefined)
    decision.runEvent({ type: 'run.stopping', cause: 'cancelled', reason: shortText(cancelled) })
}

function start(decision: Decision, signal: StartSignal): void {
  const { state } = decision
  const { index, failure } = signal
  if (state.phase.status !== 'running' || state.states[index]?.status !== 'ready') return
  // Invariant: a serial run has one attempt at a time, even if two slots were claimed at once.
  if (state.serial && state.counts.running + state.counts.stopping > 0) return
  if (failure === undefined && !admitStart(decision, signal)) return
  const attempt = decision.started(signal)
  if (failure !== undefined) applyFailure(decision, index, attempt, failure, undefined)
}

function succeed(decision: Decision, signal: SucceedSignal): void {
  const task = decision.state.states[signal.index] as TaskState
  if (task.status === 'stopping') return stopped(decision, { ...signal, type: 'stopped', abandoned: false })
  if (task.status !== 'running' || task.attempt !== signal.attempt) return
  decision.succeeded(signal)
  propagate(decision, signal.index)
}

function fail(decision: Decision, signal: FailSignal): void {
  const { index, attempt, failure, usage } = signal
  const task = decision.state.states[index] as TaskState
  if (task.status === 'stopping') return stopped(decision, { ...signal, type: 'stopped', abandoned: false })
  if (task.status !== 'running' || task.attempt !== attempt) return
  applyFailure(decision, index, attempt, failure, usage, signal)
  fallBackToSerial(decision)
}

/** Makes the run serial when half of its recent attempts were throttled: in parallel, its tasks only compete for the provider. */
function fallBackToSerial(decision: Decision): void {
  const { state } = decision
  if (!state.autoFallbackToSerial || state.serial || state.throttledShare < 0.5 || state.phase.status !== 'running')
    return
  const share = Math.round(state.throttledShare * 100)
  const reason = `about ${share} % of the latest attempts were throttled: continuing one at a time`
  decision.runEvent({ type: 'run.mode-chosen', mode: 'serial', reason })
}

function chooseMode(decision: Decision, { mode, reason }: ModeSignal): void {
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
  markDead(decision, index, { kind: 'refused', code: 'REJECTED', message: shortText(reason) })
}

function expire(decision: Decision, signal: ExpireSignal): void {
  const task = decision.state.states[signal.index] as TaskState
  if (signal.attempt === 0 && (task.status === 'ready' || task.status === 'delayed'))
    return markDead(decision, signal.index, signal.failure)
  if (task.status !== 'running' || task.attempt !== signal.attempt) return
  decision.stopping(signal.index, signal.attempt, { kind: 'timeout', failure: signal.failure })
}

const DRAINED: Failure = {
  kind: 'interrupted',
  code: DRAINED_CODE,
  message: 'stopped; it is retried when the run is resumed',
}

function stopped(decision: Decision, signal: StoppedSignal): void {
  const task = decision.state.states[signal.index] as TaskState
  if (task.status !== 'stopping' || task.attempt !== signal.attempt) return
  if (signal.abandoned) decision.abandoned(signal.index, signal.attempt)
  if (task.reason.kind !== 'cancel') {
    const failure = withTails(task.reason.kind === 'timeout' ? task.reason.failure : DRAINED, signal.tails)
    return applyFailure(decision, signal.index, signal.attempt, failure, signal.usage, signal)
  }
  decision.cancelled(signal.index, task.reason.reason, signal.usage, signal.tails)
  propagate(decision, signal.index)
}

function interrupt(decision: Decision, { index }: InterruptSignal): void {
  const task = decision.state.states[index]
  if (task?.status === 'running') decision.stopping(index, task.attempt, { kind: 'interrupt' })
}

function wake(decision: Decision, signal: WakeSignal): void {
  if (decision.state.states[signal.index]?.status === 'delayed') decision.ready(signal.index)
}

function cancelRun(decision: Decision, reason: string): void {
  const { phase } = decision.state
  if (phase.status === 'planning' || (phase.status === 'stopping' && phase.cause === 'cancelled')) return
  decision.runEvent({ type: 'run.stopping', cause: 'cancelled', reason })
  cancelAll(decision, reason, true)
}

function cancelTask(decision: Decision, taskId: string, reason: string): void {
  const index = decision.state.ids.get(taskId)
  if (index === undefined) return
  cancelUnfinished(decision, index, reason, true)
  if (decision.state.states[index]?.status === 'cancelled') propagate(decision, index)
}

function recover(decision: Decision): void {
  const { state } = decision
  decision.runEvent({ type: 'run.recovered', epoch: state.epoch + 1 })
  decision.context.shared?.recovered()
  const failure: Failure = { kind: 'interrupted', message: 'the process that ran this attempt has ended' }
  for (let index = 0; index < state.specs.length; index++) {
    const task = state.states[index] as TaskState
    if (task.status === 'running') applyFailure(decision, index, task.attempt, failure, undefined)
    if (task.status === 'stopping')
      stopped(decision, { type: 'stopped', index, attempt: task.attempt, abandoned: false })
  }
}

/** Invariant: a run settles in the record that ends its last task; a draining run is suspended in the record that ends its last attempt. */
function settle(decision: Decision): void {
  const { state } = decision
  const { running, stopping } = state.counts
  if (state.phase.status === 'draining' && running + stopping === 0 && unfinishedCount(state) > 0)
    return decision.runEvent({ type: 'run.suspended' })
  if (state.phase.status === 'planning' || state.phase.status === 'settled' || unfinishedCount(state) > 0) return
  decision.runEvent({ type: 'run.settled', outcome: outcomeOf(state) })
}
