import type { Usage } from '../failure/usage.js'
import type { BudgetReached } from '../state/events.js'
import type { RunState } from '../state/run-state.js'
import type { RunningState, Tally, TaskSpec, TaskState } from '../state/task.js'
import {
  type Account,
  assumedUsage,
  type Estimate,
  markReported,
  openAccount,
  type RunBudget,
  rebudgeted,
  reserve,
  type ScopedAccount,
  settle,
} from './budget.js'

/** Sets the budgets of the run. What has been used before counts. */
export function setBudgets(state: RunState, budgets: RunBudget): void {
  const before = state.accounts
  const run = before ? rebudgeted(before.run, budgets) : openAccount(budgets)
  const pools = new Map<string, Account>()
  const fresh = new Set<string>()
  for (const [pool, budget] of Object.entries(budgets.pools ?? {})) {
    if (budget === undefined) continue
    const account = before?.pools.get(pool)
    pools.set(pool, account ? rebudgeted(account, budget) : openAccount(budget))
    if (!account) fresh.add(pool)
  }
  state.accounts = { budgets, run, pools, tasks: before?.tasks ?? new Map() }
  for (let index = 0; index < state.specs.length; index++) catchUp(state, index, before ? undefined : run, fresh)
}

/** Adds what task `index` has used so far to accounts that are new. */
function catchUp(state: RunState, index: number, run: Account | undefined, fresh: ReadonlySet<string>): void {
  const { pool = '' } = state.specs[index] as TaskSpec
  const account = fresh.has(pool) ? state.accounts?.pools.get(pool) : undefined
  if (run === undefined && account === undefined) return
  const { usage, busyMs } = state.tallies[index] as Tally
  // An attempt that started before there was any budget reserves its estimate now.
  if (run !== undefined) setReservation(state, index)
  const task = state.states[index] as TaskState
  for (const one of [run, account]) {
    if (one === undefined) continue
    settle(one, undefined, usage, busyMs)
    if (task.status === 'succeeded') settle(one, undefined, task.usage, task.at - task.startedAt)
    if (task.status === 'running' || task.status === 'stopping') reserve(one, task.reserved)
  }
}

function setReservation(state: RunState, index: number): void {
  const task = state.states[index] as TaskState
  const reserved = state.specs[index]?.estimate
  if ((task.status === 'running' || task.status === 'stopping') && reserved !== undefined)
    state.states[index] = { ...task, reserved }
}

/** A task with a budget of its own has been added. */
export function openTaskAccount(state: RunState, index: number): void {
  const { budget } = state.specs[index] as TaskSpec
  if (budget === undefined) return
  if (state.accounts === undefined) setBudgets(state, {})
  state.accounts?.tasks.set(index, openAccount(budget))
}

/** An attempt of task `index` starts. */
export function reserveFor(state: RunState, index: number, pool: string, estimate: Estimate | undefined): void {
  for (const { account } of accountsOf(state, index, pool)) reserve(account, estimate)
}

/** An attempt of task `index` ended. */
export function settleFor(
  state: RunState,
  index: number,
  { pool, reserved, startedAt }: Pick<RunningState, 'pool' | 'reserved' | 'startedAt'>,
  usage: Usage | undefined,
  at: number,
): void {
  for (const { account } of accountsOf(state, index, pool)) settle(account, reserved, usage, at - startedAt)
}

/** What an attempt that ends now has used. Where there are budgets, the estimate replaces what was not reported. */
export function usageOfAttempt(state: RunState, index: number, usage: Usage | undefined): Usage | undefined {
  const task = state.states[index] as TaskState
  return task.status === 'running' || task.status === 'stopping' ? assumedUsage(usage, task.reserved) : usage
}

/** The accounts that an attempt of task `index` in `pool` counts in: the run's, then the pool's, then its own. */
export function accountsOf({ accounts }: RunState, index: number, pool: string): readonly ScopedAccount[] {
  if (accounts === undefined) return []
  const scoped: ScopedAccount[] = [{ scope: 'run', account: accounts.run }]
  const ofPool = accounts.pools.get(pool)
  if (ofPool) scoped.push({ scope: 'pool', account: ofPool })
  const ofTask = accounts.tasks.get(index)
  if (ofTask) scoped.push({ scope: 'task', account: ofTask })
  return scoped
}

/** A bound is reported once, until the budget is changed. */
export function noteReached(state: RunState, event: BudgetReached): void {
  const { scope, level, measure, limit, pool = '', taskId = '' } = event
  const { accounts } = state
  if (scope === 'orchestrator') return void state.sharedReached.set(`${level} ${measure}`, limit)
  if (accounts === undefined) return
  const index = state.ids.get(taskId) ?? -1
  const account =
    scope === 'run' ? accounts.run : scope === 'pool' ? accounts.pools.get(pool) : accounts.tasks.get(index)
  if (account) markReported(account, level, measure)
}

/** Task `index` waits until the reservations of others are settled. */
export function addHeldForReservations(state: RunState, index: number): void {
  const { pool = '' } = state.specs[index] as TaskSpec
  const waiting = state.heldForReservations.get(pool)
  if (waiting) waiting.add(index)
  else state.heldForReservations.set(pool, new Set([index]))
}

/** Task `index` no longer waits for reservations. */
export function removeHeldForReservations(state: RunState, index: number): void {
  const { pool = '' } = state.specs[index] as TaskSpec
  const waiting = state.heldForReservations.get(pool)
  waiting?.delete(index)
  if (waiting?.size === 0) state.heldForReservations.delete(pool)
}
