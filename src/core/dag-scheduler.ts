import { callOff, conclude, rootCauseOf, skipDependents, skipFrom, stopAll } from './consequences.js'
import { type DecideContext, Decision } from './decision.js'
import type { Outcome, RunEvent } from './event.js'
import type { Failure } from './failure.js'
import { eachDependent, type RunState, unfinished } from './run-state.js'
import type {
  AddSignal,
  ExpireSignal,
  FailSignal,
  InterruptSignal,
  Signal,
  StartSignal,
  StoppedSignal,
  SucceedSignal,
  WakeSignal,
} from './signal.js'
import { DRAINED } from './tally.js'
import type { TaskState } from './task.js'

/**
 * What follows from a signal, as events; the state is changed by them (through `evolve`) and by nothing else.
 * The only place that decides. A signal that comes too late for the state it finds decides nothing: the list is empty.
 * Reads no clock and draws no random number but those in `context`.
 */
export function decide(state: RunState, signal: Signal, context: DecideContext): RunEvent[] {
  const decision = new Decision(state, context)
  if (state.phase.status === 'settled') return []
  if (state.phase.status === 'suspended' && signal.type !== 'recover') return []
  const handle = HANDLERS[signal.type] as (decision: Decision, signal: Signal) => void
  handle(decision, signal)
  settle(decision)
  return decision.events
}

const INTERRUPTED: Failure = {
  kind: 'interrupted',
  code: DRAINED,
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
    cancel: (decision, { taskId, reason }) =>
      taskId === undefined ? cancelRun(decision, reason) : cancelTask(decision, taskId, reason),
    pause: decision => {
      if (decision.state.phase.status === 'running') decision.run({ type: 'run.paused' })
    },
    unpause: decision => {
      if (decision.state.phase.status === 'paused') decision.run({ type: 'run.unpaused' })
    },
    drain: decision => {
      const { status } = decision.state.phase
      if (status === 'running' || status === 'paused') decision.run({ type: 'run.draining' })
    },
    interrupt,
    recover,
  }

function add(decision: Decision, signal: AddSignal): void {
  const { state } = decision
  if (state.phase.status === 'planning') begin(decision, signal)
  const first = state.specs.length
  for (const spec of signal.tasks) decision.added(spec, signal.bound?.has(spec.id) ?? false)
  for (let index = first; index < state.specs.length; index++) place(decision, index)
}

function begin(decision: Decision, signal: AddSignal): void {
  const { name, version, failureMode = 'continue', only, tasks, cancelled } = signal
  decision.run({
    type: 'run.started',
    ...(name !== undefined && { name }),
    ...(version !== undefined && { version }),
    failureMode,
    tasks: tasks.length,
    ...(signal.bound && { graph: true }),
    ...(only && { only }),
  })
  if (cancelled !== undefined) decision.run({ type: 'run.stopping', because: 'cancelled', reason: cancelled })
}

/** Trap 4: what a new task waits for may have ended long ago. */
function place(decision: Decision, index: number): void {
  const { state } = decision
  if ((state.states[index] as TaskState).status !== 'blocked') return
  const { phase } = state
  if (phase.status === 'stopping') return decision.cancelled(index, phase.reason)
  for (const need of state.needs[index] as readonly number[]) {
    const cause = rootCauseOf(state, need)
    if (cause !== undefined) return skipFrom(decision, index, cause)
  }
  if (state.open[index] === 0) decision.ready(index)
}

function start(decision: Decision, signal: StartSignal): void {
  const { state } = decision
  if (state.phase.status !== 'running' || state.states[signal.index]?.status !== 'ready') return
  const attempt = decision.started(signal)
  if (signal.failure !== undefined) conclude(decision, signal.index, attempt, signal.failure, undefined)
}

function succeed(decision: Decision, signal: SucceedSignal): void {
  const was = decision.state.states[signal.index] as TaskState
  if (was.status === 'stopping') return stopped(decision, { ...signal, type: 'stopped', abandoned: false })
  if (was.status !== 'running' || was.attempt !== signal.attempt) return
  decision.succeeded(signal)
  eachDependent(decision.state, signal.index, dependent => {
    if (decision.state.open[dependent] === 0) place(decision, dependent)
  })
}

function fail(decision: Decision, signal: FailSignal): void {
  const was = decision.state.states[signal.index] as TaskState
  if (was.status === 'stopping') return stopped(decision, { ...signal, type: 'stopped', abandoned: false })
  if (was.status !== 'running' || was.attempt !== signal.attempt) return
  conclude(decision, signal.index, signal.attempt, signal.failure, signal.usage)
}

function expire(decision: Decision, signal: ExpireSignal): void {
  const was = decision.state.states[signal.index] as TaskState
  if (was.status !== 'running' || was.attempt !== signal.attempt) return
  decision.stopping(signal.index, signal.attempt, { kind: 'timeout', failure: signal.failure })
}

function stopped(decision: Decision, signal: StoppedSignal): void {
  const was = decision.state.states[signal.index] as TaskState
  if (was.status !== 'stopping' || was.attempt !== signal.attempt) return
  if (signal.abandoned) decision.abandoned(signal.index, signal.attempt)
  if (was.because.kind !== 'cancel') {
    const failure = was.because.kind === 'timeout' ? was.because.failure : INTERRUPTED
    return conclude(decision, signal.index, signal.attempt, failure, signal.usage)
  }
  decision.cancelled(signal.index, was.because.reason, signal.usage)
  skipDependents(decision, signal.index)
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
  if (phase.status === 'planning' || (phase.status === 'stopping' && phase.because === 'cancelled')) return
  decision.run({ type: 'run.stopping', because: 'cancelled', reason })
  stopAll(decision, { kind: 'cancel', reason }, true)
}

function cancelTask(decision: Decision, taskId: string, reason: string): void {
  const index = decision.state.ids.get(taskId)
  if (index === undefined) return
  callOff(decision, index, { kind: 'cancel', reason }, true)
  if (decision.state.states[index]?.status === 'cancelled') skipDependents(decision, index)
}

function recover(decision: Decision): void {
  const { state } = decision
  decision.run({ type: 'run.recovered', epoch: state.epoch + 1 })
  const failure: Failure = { kind: 'interrupted', message: 'the process that ran this attempt has ended' }
  for (let index = 0; index < state.specs.length; index++) {
    const was = state.states[index] as TaskState
    if (was.status === 'running') conclude(decision, index, was.attempt, failure, undefined)
    if (was.status === 'stopping') stopped(decision, { type: 'stopped', index, attempt: was.attempt, abandoned: false })
  }
}

/** Invariant: a run with nothing left to do settles in the record that left it so; one that drains is suspended with its last attempt. */
function settle(decision: Decision): void {
  const { state } = decision
  const { running, stopping } = state.counts
  if (state.phase.status === 'draining' && running + stopping === 0 && unfinished(state) > 0)
    return decision.run({ type: 'run.suspended' })
  if (state.phase.status === 'planning' || state.phase.status === 'settled' || unfinished(state) > 0) return
  decision.run({ type: 'run.settled', outcome: outcomeOf(state) })
}

function outcomeOf(state: RunState): Outcome {
  const { phase, counts, specs } = state
  if (phase.status === 'stopping' && phase.because === 'cancelled') return 'cancelled'
  if (counts.succeeded === specs.length) return 'completed'
  return counts.succeeded > 0 ? 'partial' : 'failed'
}
