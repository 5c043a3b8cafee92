import type { Signal } from '../core/scheduler/signals.js'
import { isTerminal, type RunState } from '../core/state/run-state.js'
import type { TaskState } from '../core/state/task.js'
import { CounterpointError } from '../errors.js'

/** The error of a run that is suspended. */
export function suspended(runId: string): CounterpointError<'RUN_SUSPENDED'> {
  const message = `run ${runId} is suspended: orchestrator.resume("${runId}") continues it`
  return new CounterpointError('RUN_SUSPENDED', message, { runId })
}

/** The error of a run whose journal failed with `cause`. */
export function journalFailed(runId: string, cause: unknown): CounterpointError<'JOURNAL'> {
  const message = `run ${runId} cannot continue: its journal failed. What the journal holds can be resumed`
  return new CounterpointError('JOURNAL', message, { runId }, { cause })
}

/**
 * Why a signal of the host changed nothing, in the state that it found; undefined when that is what the host asked for: a run that is
 * paused already, or a task that is cancelled already.
 */
export function refusalOf(state: RunState, signal: Signal): CounterpointError | undefined {
  if (state.phase.status === 'suspended') return suspended(state.runId)
  switch (signal.type) {
    case 'approve':
    case 'reject':
      return notHeld(state, signal.taskId)
    case 'cancel':
      return signal.taskId === undefined ? notCancelled(state) : taskNotCancelled(state, signal.taskId)
    case 'pause':
      return state.phase.status === 'paused' ? undefined : notRunning(state)
    case 'unpause':
      return state.phase.status === 'running' ? undefined : notRunning(state)
    default:
      return state.phase.status === 'settled' ? notRunning(state) : undefined
  }
}

function notHeld(state: RunState, id: string): CounterpointError {
  const index = state.ids.get(id)
  if (index === undefined) return noTask(state, id)
  const task = state.states[index] as TaskState
  const { status } = task
  const message = `task "${id}" of run ${state.runId} is ${status}, not held${answerBefore(state, index, task)}`
  return new CounterpointError('NOT_HELD', message, { id, status })
}

/** How a person answered before, if one did. */
function answerBefore(state: RunState, index: number, task: TaskState): string {
  if (task.status === 'dead' && task.failure.code === 'REJECTED')
    return `: it was rejected before (${task.failure.message})`
  const isApproved = state.approved.has(index) || state.budgetExempt.has(index)
  return isApproved ? ': it was approved before' : ''
}

function taskNotCancelled(state: RunState, id: string): CounterpointError | undefined {
  const index = state.ids.get(id)
  if (index === undefined) return noTask(state, id)
  const { status } = state.states[index] as TaskState
  if (status === 'cancelled' || !isTerminal(status)) return undefined
  const message = `task "${id}" of run ${state.runId} is ${status}: it has ended, and cannot be cancelled any more`
  return new CounterpointError('TASK_ENDED', message, { id, status })
}

function notCancelled(state: RunState): CounterpointError | undefined {
  const { phase } = state
  const isCancelled = phase.status === 'settled' ? phase.outcome === 'cancelled' : phase.status === 'stopping'
  return isCancelled ? undefined : notRunning(state)
}

/** The run has no further part to pause, to cancel or to give tasks. */
function notRunning({ runId, phase }: RunState): CounterpointError {
  const { status } = phase
  if (status === 'draining') {
    const message = `run ${runId} is draining, and starts nothing until orchestrator.resume("${runId}") continues it`
    return new CounterpointError('RUN_SUSPENDED', message, { runId })
  }
  const found = phase.status === 'settled' ? `has settled: it is ${phase.outcome}` : `is ${status}${reasonOf(phase)}`
  return new CounterpointError('RUN_ENDED', `run ${runId} ${found}`, { runId })
}

function reasonOf(phase: RunState['phase']): string {
  return phase.status === 'stopping' ? `: ${phase.reason}` : ''
}

function noTask({ runId }: RunState, id: string): CounterpointError {
  return new CounterpointError('NOT_FOUND', `run ${runId} has no task "${id}"`, { id })
}
