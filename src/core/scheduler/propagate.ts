import type { Failure } from '../failure/failure.js'
import type { PoolFacts } from '../failure/failure-facts.js'
import type { Usage } from '../failure/usage.js'
import type { Verdict } from '../failure/verdict.js'
import { eachDependent, hasDependents } from '../state/dependencies.js'
import { type EndKind, endKindOf, isTerminal, type RunState } from '../state/run-state.js'
import type { TaskSpec, TaskState } from '../state/task.js'
import type { Decision } from './decision.js'
import { ruleVerdict } from './trigger-rule.js'

/** Cancels every task without an attempt in flight; with `running`, stops the attempts in flight, too. */
export function cancelAll(decision: Decision, reason: string, running: boolean): void {
  for (let index = 0; index < decision.state.specs.length; index++) cancelUnfinished(decision, index, reason, running)
}

/** Cancels one task that has not ended. With an attempt in flight it is stopped if `running`, else left alone. */
export function cancelUnfinished(decision: Decision, index: number, reason: string, running: boolean): void {
  const task = decision.state.states[index] as TaskState
  if (isTerminal(task.status)) return
  if (task.status !== 'running' && task.status !== 'stopping') return decision.cancelled(index, reason)
  const isBeingCancelled = task.status === 'stopping' && task.reason.kind === 'cancel'
  if (running && !isBeingCancelled) decision.stopping(index, task.attempt, { kind: 'cancel', reason })
}

/** Ends a failed attempt and applies the verdict of the failure handler. A stopping run retries nothing. */
export function applyFailure(
  decision: Decision,
  index: number,
  attempt: number,
  failure: Failure,
  usage: Usage | undefined,
  pool: PoolFacts = {},
): void {
  const verdict = verdictOn(decision, index, attempt, failure, pool)
  decision.failed(index, attempt, failure, verdict, usage)
  if (verdict.action === 'dead') return markDead(decision, index, failure)
  if (verdict.action === 'hold') return decision.held(index, 'interrupted', failure)
  decision.delayed(index, delayOf(verdict), failure)
}

function delayOf(verdict: Exclude<Verdict, { readonly reason: string }>): number {
  if (verdict.action === 'failover') return 0
  return verdict.action === 'park' ? (verdict.taskDelayMs ?? verdict.delayMs) : verdict.delayMs
}

function verdictOn(decision: Decision, index: number, attempt: number, failure: Failure, pool: PoolFacts): Verdict {
  if (decision.state.phase.status === 'stopping') return { action: 'dead', reason: 'the run is stopping' }
  if (failure.timeout === 'total') return { action: 'dead', reason: 'its total timeout has expired' }
  return decision.verdict(index, attempt, failure, pool)
}

/** Ends task `index` as dead and applies the failure mode of the run. */
export function markDead(decision: Decision, index: number, failure: Failure): void {
  decision.dead(index, failure)
  propagate(decision, index)
  if (decision.state.phase.status !== 'stopping') applyFailureMode(decision, index)
}

function applyFailureMode(decision: Decision, index: number): void {
  const mode = decision.state.failureMode
  if (mode === 'continue') return
  const reason = `fail-fast: task ${decision.state.specs[index]?.id} is dead`
  decision.runEvent({ type: 'run.stopping', cause: 'fail-fast', reason })
  cancelAll(decision, reason, mode === 'kill')
}

/**
 * Task `index` has ended: makes its dependents ready, skips them, or leaves them blocked; likewise the dependents of those it skips.
 * A work list, not recursion: a chain may be a million tasks long (trap 5).
 */
export function propagate(decision: Decision, index: number): void {
  const { state } = decision
  if (!hasDependents(state, index)) return
  const work = [index]
  for (let ended = work.pop(); ended !== undefined; ended = work.pop()) {
    const failed = (state.states[ended] as TaskState).status !== 'succeeded'
    eachDependent(state, ended, (dependent, isOrderOnly) => {
      // Without a trigger rule of its own, a task is decided by its first failed dependency or by its last one.
      const isDecided = state.openDependencies[dependent] === 0 || (failed && !isOrderOnly)
      if ((isDecided || state.upstreams.has(dependent)) && resolveBlocked(decision, dependent)) work.push(dependent)
    })
  }
}

/** Makes a blocked task ready, skips or cancels it, where that is decided. Returns true when it was skipped. */
export function resolveBlocked(decision: Decision, index: number): boolean {
  const { state } = decision
  if ((state.states[index] as TaskState).status !== 'blocked') return false
  const { phase } = state
  if (phase.status === 'stopping') {
    decision.cancelled(index, phase.reason)
    return false
  }
  const readiness = readinessOf(state, index)
  if (readiness === 'start' && state.openDependencies[index] === 0) makeReady(decision, index)
  if (typeof readiness === 'string') return false
  const rule = readiness.verdict === 'unmet' ? (state.specs[index]?.triggerRule ?? 'all_success') : undefined
  decision.skipped(index, readiness.rootCause, rule)
  return true
}

/** Makes a task ready. One that needs approval is held in the same record. */
function makeReady(decision: Decision, index: number): void {
  decision.ready(index)
  if (decision.state.specs[index]?.approval === true && !decision.state.approved.has(index))
    decision.held(index, 'approval')
}

/** Whether a blocked task starts, waits, or can never start. `rootCause` is the task where that began. */
type Readiness = 'start' | 'wait' | { readonly verdict: 'failed' | 'unmet'; readonly rootCause: string }

function readinessOf(state: RunState, index: number): Readiness {
  const upstream = state.upstreams.get(index)
  if (upstream === undefined) {
    if (state.openDependencies[index] === 0) return 'start'
    return never(state, index, 'failed', ['failed']) ?? never(state, index, 'unmet', ['skipped']) ?? 'wait'
  }
  const verdict = ruleVerdict(upstream)
  if (verdict === 'start' || verdict === 'wait') return verdict
  if (verdict === 'failed') return never(state, index, verdict, ['failed']) ?? 'wait'
  const skipped = upstream.rule === 'all_skipped' ? [] : (['skipped'] as const)
  return never(state, index, verdict, [...skipped, 'succeeded', 'failed']) ?? 'wait'
}

/** With the root cause of the first dependency that ended in the first of these ways, or in the next. */
function never(
  state: RunState,
  index: number,
  verdict: 'failed' | 'unmet',
  kinds: readonly EndKind[],
): Readiness | undefined {
  for (const kind of kinds)
    for (const dependency of state.dependencies[index] as readonly number[]) {
      const task = state.states[dependency] as TaskState
      if (endKindOf(task) !== kind) continue
      const rootCause = task.status === 'skipped' ? task.rootCause : (state.specs[dependency] as TaskSpec).id
      return { verdict, rootCause }
    }
  return undefined
}
