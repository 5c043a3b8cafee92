import type { Decision } from './decision.js'
import type { Failure, Usage } from './failure.js'
import { eachDependent, isTerminal, type RunState } from './run-state.js'
import type { StopReason, TaskState } from './task.js'
import type { Verdict } from './verdict.js'

/** Ends every task that has not started; those that run are told to stop, too, if `running`. */
export function stopAll(decision: Decision, because: Extract<StopReason, { kind: 'cancel' }>, running: boolean): void {
  for (let index = 0; index < decision.state.specs.length; index++) callOff(decision, index, because, running)
}

export function callOff(
  decision: Decision,
  index: number,
  because: Extract<StopReason, { kind: 'cancel' }>,
  running: boolean,
): void {
  const was = decision.state.states[index] as TaskState
  if (isTerminal(was.status)) return
  if (was.status !== 'running' && was.status !== 'stopping') return decision.cancelled(index, because.reason)
  if (running && !(was.status === 'stopping' && was.because.kind === 'cancel'))
    decision.stopping(index, was.attempt, because)
}

/** A failed attempt: what follows from it is the verdict of the failure handler, unless the run starts nothing any more. */
export function conclude(
  decision: Decision,
  index: number,
  attempt: number,
  failure: Failure,
  usage: Usage | undefined,
): void {
  const { phase } = decision.state
  const verdict: Verdict =
    phase.status === 'stopping'
      ? { action: 'dead', reason: 'the run starts nothing any more' }
      : decision.verdict(index, attempt, failure)
  decision.failed(index, attempt, failure, verdict, usage)
  if (verdict.action === 'retry') return decision.delayed(index, verdict.delayMs, failure)
  decision.dead(index, failure)
  skipDependents(decision, index)
  if (decision.state.phase.status !== 'stopping') failFast(decision, index)
}

function failFast(decision: Decision, index: number): void {
  const mode = decision.state.failureMode
  if (mode === 'continue') return
  const reason = `fail-fast: task ${decision.state.specs[index]?.id} is dead`
  decision.run({ type: 'run.stopping', because: 'fail-fast', reason })
  stopAll(decision, { kind: 'cancel', reason }, mode === 'kill')
}

/** The task where it began that `index` will never succeed; undefined while it still may. */
export function rootCauseOf(state: RunState, index: number): string | undefined {
  const { status } = state.states[index] as TaskState
  if (status === 'skipped') return (state.states[index] as Extract<TaskState, { status: 'skipped' }>).rootCause
  return status === 'dead' || status === 'cancelled' ? state.specs[index]?.id : undefined
}

/** Trap 5: a work list, for a chain may be a million tasks long. */
export function skipFrom(decision: Decision, index: number, rootCause: string): void {
  const work = [index]
  for (let next = work.pop(); next !== undefined; next = work.pop()) {
    if ((decision.state.states[next] as TaskState).status !== 'blocked') continue
    decision.skipped(next, rootCause)
    eachDependent(decision.state, next, dependent => work.push(dependent))
  }
}

export function skipDependents(decision: Decision, index: number): void {
  const cause = rootCauseOf(decision.state, index)
  if (cause === undefined) return
  eachDependent(decision.state, index, dependent => skipFrom(decision, dependent, cause))
}
