import { accountsOf } from '../budget/accounts.js'
import { admit, noticeOf, type Refusal, softNotices } from '../budget/admission.js'
import type { ScopedAccount } from '../budget/budget.js'
import type { RunState } from '../state/run-state.js'
import type { TaskSpec, TaskState } from '../state/task.js'
import type { Decision } from './decision.js'
import { cancelAll, markDead } from './propagate.js'
import type { BudgetSignal, StartSignal } from './signals.js'

/** True when attempts count in a budget. */
function hasBudget({ state, context }: Decision): boolean {
  return state.accounts !== undefined || context.shared !== undefined
}

/** All accounts that an attempt of task `index` in `pool` counts in. */
function allAccountsOf(
  { state, context: { shared } }: Decision,
  index: number,
  pool: string,
): readonly ScopedAccount[] {
  const own = accountsOf(state, index, pool)
  return shared ? [shared, ...own] : own
}

/** True when the budgets have room for this attempt. If not, emits what follows: a hold, a stop, or a cheaper backend. */
export function admitStart(decision: Decision, { index, pool, estimate, degraded = false }: StartSignal): boolean {
  const { state } = decision
  if (!hasBudget(decision)) return true
  const terms = { degraded, exempt: state.budgetExempt.has(index) }
  const refusal = admit(allAccountsOf(decision, index, pool), estimate, terms)
  if (refusal === undefined) return true
  if (refusal.action === 'wait') decision.heldForReservation(index, estimate)
  // There was room when the task was claimed. Its slot is given back; the next claim is for the cheapest backend.
  else if (refusal.action !== 'degrade') refuse(decision, index, pool, refusal)
  return false
}

/**
 * Makes tasks that wait for reservations ready again, the first of each pool: when it fits now, and when it never will, so that it is
 * refused. The next one follows when that one has started. Runs that wait for the same budget have turns: `isTurn`, this is one.
 */
export function retryHeldForReservations(decision: Decision, isTurn: boolean): void {
  const { state } = decision
  if (state.phase.status !== 'running') return
  for (const [pool, waiting] of [...state.heldForReservations]) {
    const [first] = waiting
    if (first === undefined) continue
    const { estimate } = state.states[first] as Extract<TaskState, { status: 'held' }>
    // Whatever could go to the cheapest backend has been sent there before it was held.
    if (admit(allAccountsOf(decision, first, pool), estimate, { degraded: true })?.action === 'wait') continue
    if (decision.context.shared?.takesTurn(isTurn) === false) return
    decision.ready(first)
  }
}

function refuse(decision: Decision, index: number, pool: string, refusal: Refusal): void {
  const { scope, account, measure } = refusal
  const action = refusal.action === 'hold' ? 'hold' : 'stop'
  const notice = noticeOf(refusal, 'hard', action)
  const { id } = decision.state.specs[index] as TaskSpec
  if (!account.reported.has(`hard ${measure}`))
    decision.budgetReached({ ...notice, ...(scope === 'pool' && { pool }), taskId: id })
  if (action === 'hold') return decision.held(index, 'budget')
  const message = `the ${scope} has used ${notice.used} of ${notice.limit} (${measure}): the attempt does not fit`
  if (scope === 'run' || scope === 'orchestrator') return stopRun(decision, `budget: ${message}`, false)
  markDead(decision, index, { kind: 'quota', code: 'BUDGET', message })
}

/** Starts nothing more. Attempts in flight may end, unless `running` is true: then they are stopped, too. */
function stopRun(decision: Decision, reason: string, running: boolean): void {
  decision.runEvent({ type: 'run.stopping', cause: 'budget', reason })
  cancelAll(decision, reason, running)
}

/** Reports the soft bounds that the accounts of task `index` have reached. */
export function reportSoftBounds(decision: Decision, index: number): void {
  if (!hasBudget(decision)) return
  const { state } = decision
  const { id, pool = '' } = state.specs[index] as TaskSpec
  for (const notice of softNotices(allAccountsOf(decision, index, pool), elapsedOf(state)))
    decision.budgetReached({
      ...notice,
      ...(notice.scope === 'pool' && { pool }),
      ...(notice.scope === 'task' && { taskId: id }),
    })
}

/** The time since the run started, without the time in which no process had it. */
function elapsedOf(state: RunState): number {
  return state.at - state.startedAt - state.downtimeMs
}

/** The budget of the run has changed: tasks that it holds are tried again. */
export function changeBudget(decision: Decision, { budget }: BudgetSignal): void {
  const { state } = decision
  if (state.phase.status === 'planning') return
  if (budget) decision.runEvent({ type: 'budget.changed', budget })
  for (let index = 0; state.counts.held > 0 && index < state.specs.length; index++) {
    const task = state.states[index] as TaskState
    if (task.status !== 'held') continue
    // A task that waits for reservations of its own run does not depend on the budget of another scope.
    if (task.reason === 'budget' || (task.reason === 'reserved' && budget)) decision.ready(index)
  }
}

/** The wall time of the run is over. With `hold` the run is paused: `unpause` resumes it, whatever its budget says then. */
export function elapse(decision: Decision): void {
  const { state } = decision
  const { accounts, phase } = state
  const limit = accounts?.run.budget.wallMs
  if (accounts === undefined || limit === undefined || accounts.run.reported.has('hard wallMs')) return
  // A draining run ends by itself. The time is checked again when it is resumed.
  if (phase.status !== 'running' && phase.status !== 'paused') return
  const action = accounts.run.budget.onHard === 'hold' ? 'hold' : 'stop'
  decision.budgetReached({ scope: 'run', level: 'hard', measure: 'wallMs', limit, used: elapsedOf(state), action })
  if (action === 'stop') return stopRun(decision, `budget: the run has taken ${limit} ms`, true)
  if (phase.status === 'running') decision.runEvent({ type: 'run.paused' })
}
