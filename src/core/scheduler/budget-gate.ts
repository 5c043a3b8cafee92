import { accountsOf, shortfallsOf } from '../budget/accounts.js'
import {
  type Estimate,
  goesAllTheSame,
  isSoft,
  mayFitLater,
  type Shortfall,
  softNews,
  usedOf,
} from '../budget/budget.js'
import type { BudgetReached } from '../state/events.js'
import type { RunState } from '../state/run-state.js'
import type { TaskSpec, TaskState } from '../state/task.js'
import type { Decision } from './decision.js'
import { cancelAll, markDead } from './propagate.js'
import type { BudgetSignal, ExhaustSignal, StartSignal } from './signals.js'

/** True when the budgets have room for this attempt. When they have not, what they say is done instead. */
export function admits(decision: Decision, { index, pool, estimate, degraded }: StartSignal): boolean {
  const { state } = decision
  if (state.budgetExempt.has(index)) return true
  const all = shortfallsOf(state, index, pool, estimate)
  if (all.length === 0) return true
  const shorts = all.filter(({ account, measure }) => !goesAllTheSame(account, measure, estimate, degraded))
  // There was room when it was claimed: it goes back, and to the cheapest backend.
  if (!degraded && shorts.some(({ account }) => account.budget.onHard === 'degrade')) return false
  const final = shorts.find(({ account, measure }) => !mayFitLater(account, measure, estimate))
  if (final) refuse(decision, index, pool, final, final.account.budget.onHard === 'hold' ? 'hold' : 'stop')
  else if (shorts.length > 0) decision.heldForReservation(index, estimate)
  return shorts.length === 0
}

/**
 * What waits for the reservations of others tries again, the first of each pool: when there is room for it, or when there never will be,
 * to be told so. The next one follows when that has started.
 */
export function letGo(decision: Decision): void {
  const { state } = decision
  if (state.phase.status !== 'running') return
  for (const [pool, waiting] of [...state.heldForReservations]) {
    const [first] = waiting
    if (first === undefined) continue
    const { estimate } = state.states[first] as Extract<TaskState, { status: 'held' }>
    const shorts = shortfallsOf(state, first, pool, estimate)
    const isFinal = shorts.some(({ account, measure }) => !mayFitLater(account, measure, estimate))
    if (shorts.length === 0 || isFinal) decision.ready(first)
  }
}

/** True when the next attempt of a task is to go to the cheapest backend: a budget says so, at its soft bound or where it does not fit. */
export function isDegraded(state: RunState, index: number, pool: string, estimate: Estimate | undefined): boolean {
  if (state.accounts === undefined) return false
  const accounts = accountsOf(state, index, pool)
  if (accounts.some(({ account }) => account.budget.onSoft === 'degrade' && isSoft(account))) return true
  if (!accounts.some(({ account }) => account.budget.onHard === 'degrade')) return false
  return shortfallsOf(state, index, pool, estimate).some(({ account }) => account.budget.onHard === 'degrade')
}

/** A budget that several runs share has no room, or comes to its soft bound. */
export function exhaust(decision: Decision, { type: _, index, ...said }: ExhaustSignal): void {
  const { state } = decision
  const { level, action, measure, limit, used } = said
  if (state.phase.status !== 'running') return
  // It goes back, and to the cheapest backend.
  if (level === 'hard' && action === 'degrade') return
  if (level === 'soft') return decision.budgetReached({ scope: 'orchestrator', ...said })
  if (state.states[index]?.status !== 'ready') return
  decision.budgetReached({ scope: 'orchestrator', ...said, taskId: (state.specs[index] as TaskSpec).id })
  if (action === 'hold') return decision.held(index, 'budget')
  stopRun(decision, `budget: the orchestrator has used ${tidy(used)} of ${limit} (${measure})`, false)
}

function refuse(decision: Decision, index: number, pool: string, short: Shortfall, action: 'hold' | 'stop'): void {
  const { state } = decision
  const { scope, measure, limit, used, account } = short
  const { id } = state.specs[index] as TaskSpec
  const event: Omit<BudgetReached, 'type' | 'seq' | 'at' | 'runId'> = {
    scope,
    level: 'hard',
    measure,
    limit,
    used: tidy(used),
    action,
    ...(scope === 'pool' && { pool }),
    taskId: id,
  }
  if (!account.told.has(`hard ${measure}`)) decision.budgetReached(event)
  if (action === 'hold') return decision.held(index, 'budget')
  const message = `the ${scope} has used ${tidy(used)} of ${limit} (${measure}): the attempt does not fit any more`
  if (scope === 'run') return stopRun(decision, `budget: ${message}`, false)
  markDead(decision, index, { kind: 'quota', code: 'BUDGET', message })
}

/** Nothing more is started; what runs may end, unless `running` is to be stopped, too. */
function stopRun(decision: Decision, reason: string, running: boolean): void {
  decision.runEvent({ type: 'run.stopping', cause: 'budget', reason })
  cancelAll(decision, { kind: 'cancel', reason }, running)
}

/** Tells of each account that an attempt of task `index` counts in, when it has come to its soft bound: once. */
export function tellSoft(decision: Decision, index: number): void {
  const { state } = decision
  const { id, pool = '' } = state.specs[index] as TaskSpec
  for (const { scope, account } of accountsOf(state, index, pool)) {
    const elapsedMs = scope === 'run' ? elapsedOf(state) : usedOf(account, 'wallMs')
    for (const measure of softNews(account, elapsedMs))
      decision.budgetReached({
        scope,
        level: 'soft',
        measure,
        limit: account.budget[measure] as number,
        used: tidy(measure === 'wallMs' ? elapsedMs : usedOf(account, measure)),
        action: account.budget.onSoft ?? 'tell',
        ...(scope === 'pool' && { pool }),
        ...(scope === 'task' && { taskId: id }),
      })
  }
}

/** 0.9, and not 0.9000000000000001. */
function tidy(amount: number): number {
  return Number(amount.toPrecision(12))
}

/** How long the run has been going, without the time in which no process had it. */
function elapsedOf(state: RunState): number {
  return state.at - state.startedAt - state.downtimeMs
}

/** The run may use more, or less: what was held for want of budget tries again. */
export function changeBudget(decision: Decision, { budget }: BudgetSignal): void {
  const { state } = decision
  if (state.phase.status === 'planning') return
  if (budget) decision.runEvent({ type: 'budget.changed', budget })
  for (let index = 0; state.counts.held > 0 && index < state.specs.length; index++) {
    const was = state.states[index] as TaskState
    if (was.status !== 'held') continue
    // What waits for the reservations of its own run is no concern of another scope's budget.
    if (was.reason === 'budget' || (was.reason === 'reserved' && budget)) decision.ready(index)
  }
}

/** The wall time of the run is over. With `hold` the run is paused: it goes on with `unpause`, whatever its budget says then. */
export function elapse(decision: Decision): void {
  const { state } = decision
  const { accounts, phase } = state
  const limit = accounts?.run.budget.wallMs
  if (accounts === undefined || limit === undefined || accounts.run.told.has('hard wallMs')) return
  // What drains ends by itself; whoever resumes it looks at the time again.
  if (phase.status !== 'running' && phase.status !== 'paused') return
  const action = accounts.run.budget.onHard === 'hold' ? 'hold' : 'stop'
  decision.budgetReached({ scope: 'run', level: 'hard', measure: 'wallMs', limit, used: elapsedOf(state), action })
  if (action === 'stop') return stopRun(decision, `budget: the run has taken ${limit} ms`, true)
  if (phase.status === 'running') decision.runEvent({ type: 'run.paused' })
}
