import type { Usage } from '../failure/usage.js'
import { tokensOf } from '../failure/usage.js'

/** What an attempt is expected to use. */
export interface Estimate {
  /** US dollars. */
  readonly costUsd?: number
  /** Input and output together. */
  readonly tokens?: number
}

/**
 * What may be used. An attempt reserves its estimate before it starts and settles what it really used when it ends, so attempts that run
 * side by side do not go over together: a budget is overshot only by what attempts use beyond their own estimates.
 * Failed, timed-out and killed attempts count.
 */
export interface Budget {
  /** US dollars. Default: no bound. */
  readonly costUsd?: number
  /** Input and output together. Default: no bound. */
  readonly tokens?: number
  /** Time, in milliseconds: of a run since it started, of a pool, a task or the orchestrator in attempts, summed. Default: no bound. */
  readonly wallMs?: number
  /** The share of it from which on `budget.reached` says `soft`: 0 to 1. Default 0.8. */
  readonly soft?: number
  /** `degrade`: from the soft bound on the last, cheapest backend of the pool is used. Default `tell`: just the event. */
  readonly onSoft?: 'tell' | 'degrade'
  /**
   * When an attempt does not fit any more. `stop` (default): it is not started; a run or orchestrator starts nothing more, a task is dead.
   * `degrade`: it goes to the cheapest backend of the pool, with that one's `estimate`; when that does not fit either: `stop`.
   * `hold`: the task is held until a person approves it or gives more budget.
   */
  readonly onHard?: 'stop' | 'degrade' | 'hold'
}

/** The budget of a run, and of pools within it. */
export interface RunBudget extends Budget {
  /** By name: what the run may use of each pool. */
  readonly pools?: Readonly<Record<string, Budget>>
}

/** What a budget is counted in. */
export type BudgetMeasure = 'costUsd' | 'tokens' | 'wallMs'

/** Whose budget it is. */
export type BudgetScope = 'orchestrator' | 'run' | 'pool' | 'task'

/** So much of each measure. */
export type Amount = Record<BudgetMeasure, number>

/** One budget, with what has been used of it and what running attempts may still use. */
export interface Account {
  readonly budget: Budget
  readonly settled: Amount
  readonly reserved: Amount
  /** What has been told already, until the budget is changed: of each measure its `soft` and its `hard` bound. */
  told: ReadonlySet<Told>
}

/** A bound of a measure: `soft costUsd`. */
export type Told = `${'soft' | 'hard'} ${BudgetMeasure}`

/** An account, and whose it is. */
export interface ScopedAccount {
  readonly scope: 'run' | 'pool' | 'task'
  readonly account: Account
}

/** The accounts of a run. Invariant: settled + reserved is at most the budget when an attempt starts. */
export interface Accounts {
  readonly budgets: RunBudget
  readonly run: Account
  /** What an attempt counts in where neither its pool nor its task has a budget: made once. */
  readonly runAlone: readonly ScopedAccount[]
  readonly pools: Map<string, Account>
  readonly tasks: Map<number, Account>
}

/** A budget that an attempt does not fit in. */
export interface Shortfall {
  readonly scope: BudgetScope
  readonly measure: BudgetMeasure
  readonly limit: number
  readonly used: number
  readonly account: Account
}

const MEASURES: readonly BudgetMeasure[] = ['costUsd', 'tokens', 'wallMs']
/** What an attempt of a run is measured by: the time of a run is seen by a timer. */
export const OF_RUN: readonly BudgetMeasure[] = ['costUsd', 'tokens']
const DEFAULT_SOFT = 0.8

/** An account of which nothing has been used. */
export function openAccount(budget: Budget): Account {
  const nothing = (): Amount => ({ costUsd: 0, tokens: 0, wallMs: 0 })
  return { budget, settled: nothing(), reserved: nothing(), told: new Set() }
}

/** The same account with another budget, of which nothing has been told yet. */
export function rebudgeted(account: Account, budget: Budget): Account {
  return { ...account, budget, told: new Set() }
}

/** An attempt starts: its estimate is set aside. */
export function reserve(account: Account, estimate: Estimate | undefined): void {
  account.reserved.costUsd += estimate?.costUsd ?? 0
  account.reserved.tokens += estimate?.tokens ?? 0
}

/** An attempt ended: what it used takes the place of what was set aside. */
export function settle(account: Account, estimate: Estimate | undefined, usage: Usage | undefined, ms: number): void {
  account.reserved.costUsd = withoutDust(account.reserved.costUsd - (estimate?.costUsd ?? 0))
  account.reserved.tokens -= estimate?.tokens ?? 0
  account.settled.costUsd += usage?.costUsd ?? 0
  account.settled.tokens += tokensOf(usage) ?? 0
  account.settled.wallMs += ms
}

/** Sums of fractions leave a rest: what is less than a millionth of a cent is none. */
const DUST = 1e-8

function withoutDust(amount: number): number {
  return Math.abs(amount) < DUST ? 0 : amount
}

/** What an attempt used, with its estimate for what nobody reported: marked as estimated. */
export function assumedUsage(usage: Usage | undefined, estimate: Estimate | undefined): Usage | undefined {
  if (estimate === undefined) return usage
  const costUsd = usage?.costUsd === undefined ? estimate.costUsd : undefined
  const tokens = tokensOf(usage) === undefined ? estimate.tokens : undefined
  if (costUsd === undefined && tokens === undefined) return usage
  if (usage === undefined && costUsd !== undefined && tokens !== undefined) return { costUsd, tokens, estimated: true }
  return {
    ...usage,
    ...(costUsd !== undefined && { costUsd }),
    ...(tokens !== undefined && { tokens }),
    estimated: true,
  }
}

/**
 * The measure in which an attempt with this estimate does not fit any more; undefined when it fits. One of which nothing is estimated
 * fits while anything is left; one that is said to use nothing always does.
 */
export function doesNotFit(account: Account, estimate: Estimate | undefined): BudgetMeasure | undefined {
  return shortMeasures(account, estimate)[0]
}

/** All of them. */
export function shortMeasures(
  account: Account,
  estimate: Estimate | undefined,
  measures: readonly BudgetMeasure[] = MEASURES,
): readonly BudgetMeasure[] {
  let short: BudgetMeasure[] | undefined
  for (const measure of measures) {
    if (!isShort(account, estimate, measure)) continue
    short ??= []
    short.push(measure)
  }
  return short ?? NOT_SHORT
}

const NOT_SHORT: readonly BudgetMeasure[] = []

function isShort(account: Account, estimate: Estimate | undefined, measure: BudgetMeasure): boolean {
  const limit = account.budget[measure]
  if (limit === undefined) return false
  const asked = measure === 'wallMs' ? undefined : estimate?.[measure]
  const used = usedOf(account, measure)
  return asked === undefined ? used >= limit : asked > 0 && used + asked > limit + DUST
}

/**
 * True for an attempt that does not fit and may go all the same: it goes to the cheapest backend, of which nothing says what it costs.
 * It may as long as anything is left of what has been settled.
 */
export function goesAllTheSame(
  { budget, settled }: Account,
  measure: BudgetMeasure,
  estimate: Estimate | undefined,
  degraded = false,
): boolean {
  const unknown = budget.onHard === 'degrade' && degraded && estimate === undefined
  return unknown && settled[measure] < (budget[measure] as number)
}

/** True when what does not fit now may fit when attempts that run have ended: what was settled alone would leave room. */
export function mayFitLater(
  { budget, settled, reserved }: Account,
  measure: BudgetMeasure,
  estimate: Estimate | undefined,
): boolean {
  const asked = measure === 'wallMs' ? undefined : estimate?.[measure]
  const limit = budget[measure] as number
  // Sums of large amounts leave a larger rest: nobody waits for that.
  if (reserved[measure] <= Math.max(DUST, limit * 1e-9)) return false
  return asked === undefined ? settled[measure] < limit : settled[measure] + asked <= limit + DUST
}

/** What has been used of a measure, and may still be by attempts that run. */
export function usedOf({ settled, reserved }: Account, measure: BudgetMeasure): number {
  return settled[measure] + reserved[measure]
}

/** The measures that have come to their soft bound and of which that has not been told. `wallMs` is the time that counts. */
export function softNews(account: Account, wallMs: number): readonly BudgetMeasure[] {
  const { budget, told } = account
  let news: BudgetMeasure[] | undefined
  for (const measure of MEASURES) {
    const limit = budget[measure]
    if (limit === undefined) continue
    const used = measure === 'wallMs' ? wallMs : usedOf(account, measure)
    if (used < limit * (budget.soft ?? DEFAULT_SOFT) || told.has(`soft ${measure}`)) continue
    news ??= []
    news.push(measure)
  }
  return news ?? NOT_SHORT
}

/** True when it has come to a soft bound. */
export function isSoft({ told }: Account): boolean {
  return MEASURES.some(measure => told.has(`soft ${measure}`))
}

/** One more thing has been told. */
export function tell(account: Account, level: 'soft' | 'hard', measure: BudgetMeasure): void {
  account.told = new Set<Told>([...account.told, `soft ${measure}`, `${level} ${measure}`])
}

/** A copy that further events do not touch. */
export function copyAccounts({ budgets, run, pools, tasks }: Accounts): Accounts {
  const copy = (account: Account): Account => ({
    ...account,
    settled: { ...account.settled },
    reserved: { ...account.reserved },
  })
  const copied = copy(run)
  return {
    budgets,
    run: copied,
    runAlone: [{ scope: 'run', account: copied }],
    pools: new Map([...pools].map(([pool, account]) => [pool, copy(account)])),
    tasks: new Map([...tasks].map(([index, account]) => [index, copy(account)])),
  }
}
