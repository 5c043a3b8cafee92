import type { Failure } from '../failure/failure.js'
import type { Usage } from '../failure/usage.js'
import type { Verdict } from '../failure/verdict.js'
import { type EndKind, endKindOf, isTerminal, type RunState } from '../state/run-state.js'
import type { StopReason, TaskSpec, TaskState } from '../state/task.js'
import type { Decision } from './decision.js'
import { type RuleVerdict, ruleVerdict } from './trigger-rule.js'

/** Ends every task that has not started; those that run are told to stop, too, if `running`. */
export function cancelAll(decision: Decision, reason: Extract<StopReason, { kind: 'cancel' }>, running: boolean): void {
  for (let index = 0; index < decision.state.specs.length; index++) cancelUnfinished(decision, index, reason, running)
}

export function cancelUnfinished(
  decision: Decision,
  index: number,
  reason: Extract<StopReason, { kind: 'cancel' }>,
  running: boolean,
): void {
  const was = decision.state.states[index] as TaskState
  if (isTerminal(was.status)) return
  if (was.status !== 'running' && was.status !== 'stopping') return decision.cancelled(index, reason.reason)
  if (running && !(was.status === 'stopping' && was.reason.kind === 'cancel'))
    decision.stopping(index, was.attempt, reason)
}

/** A failed attempt: what follows from it is the verdict of the failure handler, unless the run starts nothing any more. */
export function applyFailure(
  decision: Decision,
  index: number,
  attempt: number,
  failure: Failure,
  usage: Usage | undefined,
  alternatives = 0,
): void {
  const verdict = verdictOn(decision, index, attempt, failure, alternatives)
  decision.failed(index, attempt, failure, verdict, usage)
  if (verdict.action === 'dead') return markDead(decision, index, failure)
  if (verdict.action === 'hold') return decision.held(index, 'interrupted', failure)
  decision.delayed(index, waitOf(verdict), failure)
}

function waitOf(verdict: Exclude<Verdict, { readonly reason: string }>): number {
  if (verdict.action === 'failover') return 0
  return verdict.action === 'park' ? (verdict.taskDelayMs ?? verdict.delayMs) : verdict.delayMs
}

function verdictOn(
  decision: Decision,
  index: number,
  attempt: number,
  failure: Failure,
  alternatives: number,
): Verdict {
  if (decision.state.phase.status === 'stopping') return { action: 'dead', reason: 'the run starts nothing any more' }
  if (failure.timeout === 'total') return { action: 'dead', reason: 'its time in total is over' }
  return decision.verdict(index, attempt, failure, alternatives)
}

/** Task `index` will not be tried again. */
export function markDead(decision: Decision, index: number, failure: Failure): void {
  decision.dead(index, failure)
  propagate(decision, index)
  if (decision.state.phase.status !== 'stopping') failFast(decision, index)
}

function failFast(decision: Decision, index: number): void {
  const mode = decision.state.failureMode
  if (mode === 'continue') return
  const reason = `fail-fast: task ${decision.state.specs[index]?.id} is dead`
  decision.runEvent({ type: 'run.stopping', cause: 'fail-fast', reason })
  cancelAll(decision, { kind: 'cancel', reason }, mode === 'kill')
}

/**
 * Task `index` has ended: what waited for it starts, is skipped, or waits on. So do those that wait for what is skipped by this.
 * Trap 5: a work list, for a chain may be a million tasks long.
 */
export function propagate(decision: Decision, index: number): void {
  const { state } = decision
  const { openDependencies: open, upstreams, firstEdge, nextEdge, edgeTo } = state
  let work: number[] | undefined
  for (let ended: number | undefined = index; ended !== undefined; ended = work?.pop()) {
    const failed = (state.states[ended] as TaskState).status !== 'succeeded'
    for (let edge = firstEdge[ended] as number; edge !== -1; edge = nextEdge[edge] as number) {
      const to = edgeTo[edge] as number
      const dependent = to < 0 ? ~to : to
      // A task that waits for all to succeed is skipped by the first that did not, and is ready with the last that did.
      if (open[dependent] !== 0 && !(failed && to >= 0) && !upstreams.has(dependent)) continue
      if (!resolveBlocked(decision, dependent)) continue
      work ??= []
      work.push(dependent)
    }
  }
}

/** Moves a blocked task on if it can be said where to. True when it was skipped. */
export function resolveBlocked(decision: Decision, index: number): boolean {
  const { state } = decision
  if ((state.states[index] as TaskState).status !== 'blocked') return false
  const { phase } = state
  if (phase.status === 'stopping') {
    decision.cancelled(index, phase.reason)
    return false
  }
  const { verdict, cause } = outlook(state, index)
  if (verdict === 'start' && state.openDependencies[index] === 0) enter(decision, index)
  if (verdict === 'start' || verdict === 'wait') return false
  const rule = verdict === 'unmet' ? (state.specs[index]?.triggerRule ?? 'all_success') : undefined
  decision.skipped(index, cause, rule)
  return true
}

/** It is ready; one that needs a person's word is held in the same record. */
function enter(decision: Decision, index: number): void {
  decision.ready(index)
  if (decision.state.specs[index]?.approval === true && !decision.state.approved.has(index))
    decision.held(index, 'approval')
}

interface Outlook {
  readonly verdict: RuleVerdict
  /** Where it began that the task will never start. */
  readonly cause: string
}

const START: Outlook = { verdict: 'start', cause: '' }
const WAIT: Outlook = { verdict: 'wait', cause: '' }

/** Whether a blocked task starts, waits, or never will. A task without a rule of its own waits for all to succeed. */
function outlook(state: RunState, index: number): Outlook {
  const upstream = state.upstreams.size === 0 ? undefined : state.upstreams.get(index)
  if (upstream === undefined) {
    if (state.openDependencies[index] === 0) return START
    return barrier(state, index, 'failed', 'failed') ?? barrier(state, index, 'skipped', 'unmet') ?? WAIT
  }
  const verdict = ruleVerdict(upstream)
  if (verdict === 'start') return START
  if (verdict === 'failed') return barrier(state, index, 'failed', verdict) ?? WAIT
  if (verdict === 'wait') return WAIT
  const skipped = upstream.rule === 'all_skipped' ? undefined : barrier(state, index, 'skipped', verdict)
  return skipped ?? barrier(state, index, 'succeeded', verdict) ?? barrier(state, index, 'failed', verdict) ?? WAIT
}

/** The first of its dependencies that ended in this way. */
function barrier(state: RunState, index: number, as: EndKind, verdict: RuleVerdict): Outlook | undefined {
  for (const need of state.dependencies[index] as readonly number[]) {
    const was = state.states[need] as TaskState
    if (endKindOf(was) !== as) continue
    return { verdict, cause: was.status === 'skipped' ? was.rootCause : (state.specs[need] as TaskSpec).id }
  }
  return undefined
}
