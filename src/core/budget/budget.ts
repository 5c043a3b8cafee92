import { plus } from '../amount.js'
import type { Usage } from '../failure/usage.js'
import { tokensOf } from '../failure/usage.js'

/** What an attempt is expected to use. A missing member is unknown. */
export interface Estimate {
  /** US dollars. */
  readonly costUsd?: number | undefined
  /** Input and output together. */
  readonly tokens?: number | undefined
}

/**
 * What may be used. An attempt reserves its estimate before it starts, and settles what it used when it ends. So parallel attempts do not
 * exceed a budget together: it is exceeded only by what attempts use beyond their own estimates. Failed, timed-out and killed attempts count.
 */
export interface Budget {
  /** US dollars. Default: no bound. */
  readonly costUsd?: number | undefined
  /** Input and output together. Default: no bound. */
  readonly tokens?: number | undefined
  /** Milliseconds. For a run: the time since it started. For a pool, a task or the orchestrator: the sum over attempts. Default: no bound. */
  readonly wallMs?: number | undefined
  /** The share, 0 to 1, at which `budget.reached` is emitted with level `soft`. Default 0.8. */
  readonly soft?: number | undefined
  /** At the soft bound: `degrade` uses the last, cheapest backend of the pool from then on. Default `tell`: only the event is emitted. */
  readonly onSoft?: 'tell' | 'degrade' | undefined
  /**
   * When an attempt does not fit. `stop` (default): a run or orchestrator starts nothing more; for a pool or a task, the task is dead.
   * `degrade`: it goes to the cheapest backend of the pool, with the `estimate` of that backend; if that does not fit either, `stop`.
   * `hold`: the task is held until a person approves it or raises the budget.
   */
  readonly onHard?: 'stop' | 'degrade' | 'hold' | undefined
}

/** The budget of a run, and of its pools. */
export interface RunBudget<Pool extends string = string> extends Budget {
  /** What the run may use in each pool, by name. */
  readonly pools?: { readonly [Name in Pool]?: Budget | undefined } | undefined
}

/** What a budget is measured in. */
export type BudgetMeasure = 'costUsd' | 'tokens' | 'wallMs'

/** Whose budget it is. */
export type BudgetScope = 'orchestrator' | 'run' | 'pool' | 'task'

/** An amount of each measure. */
export type Amount = Record<BudgetMeasure, number>

/** A budget, what ended attempts have used of it (settled), and what attempts in flight may still use (reserved). */
export interface Account {
  readonly budget: Budget
  readonly settled: Amount
  readonly reserved: Amount
  /** The bounds that have been reported since the budget was changed last. */
  reported: ReadonlySet<Bound>
}

/** A bound of a measure: `soft costUsd`. */
export type Bound = `${'soft' | 'hard'} ${BudgetMeasure}`

/** An account, and whose it is. */
export interface ScopedAccount {
  readonly scope: BudgetScope
  readonly account: Account
}

/** The accounts of a run. Invariant: settled + reserved is at most the budget when an attempt starts. */
export interface Accounts {
  readonly budgets: RunBudget
  readonly run: Account
  readonly pools: Map<string, Account>
  readonly tasks: Map<number, Account>
}

/** A new account, of which nothing has been used. */
export function openAccount(budget: Budget): Account {
  const nothing = (): Amount => ({ costUsd: 0, tokens: 0, wallMs: 0 })
  return { budget, settled: nothing(), reserved: nothing(), reported: new Set() }
}

/** The same account with another budget. Its bounds will be reported again. */
export function rebudgeted(account: Account, budget: Budget): Account {
  return { ...account, budget, reported: new Set() }
}

/** An attempt starts: reserves its estimate. */
export function reserve(account: Account, estimate: Estimate | undefined): void {
  account.reserved.costUsd = plus(account.reserved.costUsd, estimate?.costUsd ?? 0)
  account.reserved.tokens = plus(account.reserved.tokens, estimate?.tokens ?? 0)
}

/** An attempt has ended: replaces its reservation by what it used. */
export function settle(account: Account, estimate: Estimate | undefined, usage: Usage | undefined, ms: number): void {
  account.reserved.costUsd = withoutRoundingError(account.reserved.costUsd - (estimate?.costUsd ?? 0))
  account.reserved.tokens = withoutRoundingError(account.reserved.tokens - (estimate?.tokens ?? 0))
  account.settled.costUsd = plus(account.settled.costUsd, usage?.costUsd ?? 0)
  account.settled.tokens = plus(account.settled.tokens, tokensOf(usage) ?? 0)
  account.settled.wallMs = plus(account.settled.wallMs, ms)
}

/** Counts a reservation as used, since nothing in this process will settle it; with `used` false, as a reservation again. */
export function countAsUsed(
  { settled, reserved }: Account,
  { costUsd = 0, tokens = 0 }: Estimate,
  used: boolean,
): void {
  const [to, from] = used ? [settled, reserved] : [reserved, settled]
  to.costUsd = plus(to.costUsd, costUsd)
  to.tokens = plus(to.tokens, tokens)
  from.costUsd = withoutRoundingError(from.costUsd - costUsd)
  from.tokens = withoutRoundingError(from.tokens - tokens)
}

/** The rounding error of sums of fractions: less than a millionth of a cent counts as nothing. */
export const ROUNDING_ERROR: number = 1e-8

function withoutRoundingError(amount: number): number {
  // A sum that was capped may be less than its parts.
  return amount < ROUNDING_ERROR ? 0 : amount
}

/** The usage of an attempt. Members that were not reported are taken from the estimate, and the usage is marked as estimated. */
export function assumedUsage(usage: Usage | undefined, estimate: Estimate | undefined): Usage | undefined {
  if (estimate === undefined) return usage
  const costUsd = usage?.costUsd === undefined ? estimate.costUsd : undefined
  const tokens = tokensOf(usage) === undefined ? estimate.tokens : undefined
  if (costUsd === undefined && tokens === undefined) return usage
  return {
    ...usage,
    ...(costUsd !== undefined && { costUsd }),
    ...(tokens !== undefined && { tokens }),
    estimated: true,
  }
}

/** Settled and reserved. */
export function usedOf({ settled, reserved }: Account, measure: BudgetMeasure): number {
  return settled[measure] + reserved[measure]
}

/** A bound has been reported. The hard one includes the soft one. */
export function markReported(account: Account, level: 'soft' | 'hard', measure: BudgetMeasure): void {
  account.reported = new Set<Bound>([...account.reported, `soft ${measure}`, `${level} ${measure}`])
}

/** A copy that later events do not change. */
export function copyAccounts({ budgets, run, pools, tasks }: Accounts): Accounts {
  const copy = (account: Account): Account => ({
    ...account,
    settled: { ...account.settled },
    reserved: { ...account.reserved },
  })
  return {
    budgets,
    run: copy(run),
    pools: new Map([...pools].map(([pool, account]) => [pool, copy(account)])),
    tasks: new Map([...tasks].map(([index, account]) => [index, copy(account)])),
  }
}
