import {
  type Account,
  type Budget,
  type BudgetMeasure,
  type BudgetScope,
  type Estimate,
  ROUNDING_ERROR,
  type ScopedAccount,
  usedOf,
} from './budget.js'

/** A bound of a budget that has been reached. */
export type BudgetNotice = {
  readonly scope: BudgetScope
  readonly level: 'soft' | 'hard'
  readonly measure: BudgetMeasure
  readonly limit: number
  /** Settled and reserved. */
  readonly used: number
  readonly action: 'tell' | 'degrade' | 'stop' | 'hold'
}

/** A measure of a budget that an attempt does not fit in. */
export interface Shortfall extends ScopedAccount {
  readonly measure: BudgetMeasure
}

/**
 * Why an attempt may not start, and what to do: send it to the cheapest backend (`degrade`), wait until attempts in flight have settled
 * (`wait`), ask a person (`hold`), or stop.
 */
export interface Refusal extends Shortfall {
  readonly action: 'degrade' | 'wait' | 'hold' | 'stop'
}

/** What {@link admit} has to know besides the accounts and the estimate. */
export interface AdmissionTerms {
  /** It goes to the cheapest backend already. */
  readonly degraded: boolean
  /** A person has let it exceed the budget. */
  readonly exempt?: boolean
  /** False when no reservation will be settled by itself: then nothing waits. Default true. */
  readonly canWait?: boolean
}

const MEASURES: readonly BudgetMeasure[] = ['costUsd', 'tokens', 'wallMs']
/** The wall time of a run is watched by a timer, and does not depend on its attempts. */
const RUN_MEASURES: readonly BudgetMeasure[] = ['costUsd', 'tokens']
const DEFAULT_SOFT = 0.8

/**
 * Decides whether an attempt may start, for the budgets of a task, a pool, a run and an orchestrator alike. Undefined: it may.
 * The accounts are not changed.
 */
export function admit(
  accounts: readonly ScopedAccount[],
  estimate: Estimate | undefined,
  { degraded, exempt = false, canWait = true }: AdmissionTerms,
): Refusal | undefined {
  if (exempt) return undefined
  const short = shortfallsOf(accounts, estimate).filter(one => !mayStartUnestimated(one, estimate, degraded))
  const degrading = degraded ? undefined : short.find(({ account }) => account.budget.onHard === 'degrade')
  if (degrading) return { ...degrading, action: 'degrade' }
  const final = short.find(one => !canWait || !mayFitLater(one, estimate))
  if (final) return { ...final, action: final.account.budget.onHard === 'hold' ? 'hold' : 'stop' }
  return short[0] && { ...short[0], action: 'wait' }
}

/** True when an attempt with this estimate should go to the cheapest backend: a budget says so at its soft bound, or where it does not fit. */
export function prefersCheapest(accounts: readonly ScopedAccount[], estimate: Estimate | undefined): boolean {
  return (
    accounts.some(one => one.account.budget.onSoft === 'degrade' && isSoft(one)) ||
    shortfallsOf(accounts, estimate).some(({ account }) => account.budget.onHard === 'degrade')
  )
}

/** The soft bounds that have been reached and not been reported. `elapsedMs`: the wall time of the run. */
export function softNotices(accounts: readonly ScopedAccount[], elapsedMs = 0): readonly BudgetNotice[] {
  const notices: BudgetNotice[] = []
  for (const one of accounts) {
    const { scope, account } = one
    for (const measure of MEASURES) {
      const used = scope === 'run' && measure === 'wallMs' ? elapsedMs : usedOf(account, measure)
      if (!reachesSoft(account.budget, measure, used) || account.reported.has(`soft ${measure}`)) continue
      notices.push(noticeOf({ ...one, measure }, 'soft', account.budget.onSoft ?? 'tell', used))
    }
  }
  return notices
}

/** The notice of a bound of this measure. */
export function noticeOf(
  { scope, account, measure }: Shortfall,
  level: BudgetNotice['level'],
  action: BudgetNotice['action'],
  used: number = usedOf(account, measure),
): BudgetNotice {
  return {
    scope,
    level,
    measure,
    limit: account.budget[measure] as number,
    used: withoutRoundingError(used),
    action,
  }
}

function shortfallsOf(accounts: readonly ScopedAccount[], estimate: Estimate | undefined): readonly Shortfall[] {
  const short: Shortfall[] = []
  for (const one of accounts)
    for (const measure of measuresOf(one))
      if (isShort(one.account, estimate, measure)) short.push({ scope: one.scope, account: one.account, measure })
  return short
}

/** Without an estimate an attempt fits while anything is left; one that is estimated to use nothing always fits. */
function isShort(account: Account, estimate: Estimate | undefined, measure: BudgetMeasure): boolean {
  const limit = account.budget[measure]
  if (limit === undefined) return false
  const expected = expectedOf(estimate, measure)
  const used = usedOf(account, measure)
  return expected === undefined ? used >= limit : expected > 0 && used + expected > limit + ROUNDING_ERROR
}

/** True for an attempt without an estimate that goes to the cheapest backend: it may start until the budget has been used up for good. */
function mayStartUnestimated(
  { account, measure }: Shortfall,
  estimate: Estimate | undefined,
  degraded: boolean,
): boolean {
  const { budget, settled } = account
  const isUnestimated = budget.onHard === 'degrade' && degraded && estimate === undefined
  return isUnestimated && settled[measure] < (budget[measure] as number)
}

/** True when it would fit if attempts in flight used nothing of what they have reserved. */
function mayFitLater({ account, measure }: Shortfall, estimate: Estimate | undefined): boolean {
  const { budget, settled, reserved } = account
  const limit = budget[measure] as number
  // Sums of large amounts have larger rounding errors: those are no reservation.
  if (reserved[measure] <= Math.max(ROUNDING_ERROR, limit * 1e-9)) return false
  const expected = expectedOf(estimate, measure)
  return expected === undefined ? settled[measure] < limit : settled[measure] + expected <= limit + ROUNDING_ERROR
}

function isSoft(one: ScopedAccount): boolean {
  const { account } = one
  return (
    MEASURES.some(measure => account.reported.has(`soft ${measure}`)) ||
    measuresOf(one).some(measure => reachesSoft(account.budget, measure, usedOf(account, measure)))
  )
}

function reachesSoft(budget: Budget, measure: BudgetMeasure, used: number): boolean {
  const limit = budget[measure]
  return limit !== undefined && used >= limit * (budget.soft ?? DEFAULT_SOFT)
}

function measuresOf({ scope }: ScopedAccount): readonly BudgetMeasure[] {
  return scope === 'run' ? RUN_MEASURES : MEASURES
}

function expectedOf(estimate: Estimate | undefined, measure: BudgetMeasure): number | undefined {
  return measure === 'wallMs' ? undefined : estimate?.[measure]
}

/** 0.9 instead of 0.9000000000000001. */
function withoutRoundingError(amount: number): number {
  return Number(amount.toPrecision(12))
}
