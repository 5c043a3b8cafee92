import {
  type Account,
  type Amount,
  type Bound,
  type Budget,
  type BudgetMeasure,
  type Estimate,
  markReported,
} from '../core/budget/budget.js'
import type { SharedScope } from '../core/budget/shared-scope.js'
import type { Usage } from '../core/failure/usage.js'
import { endOfAttempt } from '../core/state/attempt-counts.js'
import type { RunState } from '../core/state/run-state.js'
import type { SharedBudget } from './shared-budget.js'

/** The shared budget as one run has it: the same amounts, but each run reports for itself that a hard bound has been reached. */
export class RunShare implements SharedScope, Account {
  readonly scope = 'orchestrator' as const
  readonly account: Account = this
  readonly state: RunState
  /** Called when tasks that wait for reservations may fit. */
  readonly retryHeld: () => void
  /** The run has been taken over from its journal: what its attempts did before is known. */
  isRecovered = false
  readonly #budget: SharedBudget
  #reported: ReadonlySet<Bound> = new Set()
  #reportedOf: Budget | undefined
  #prefix: string | undefined

  constructor(budget: SharedBudget, state: RunState, retryHeld: () => void) {
    this.#budget = budget
    this.state = state
    this.retryHeld = retryHeld
  }

  /** Begins the keys of its reservations. With its start: a run that has the id of a deleted one is another run. */
  get prefix(): string {
    this.#prefix ??= `${this.state.runId}@${this.state.startedAt}/`
    return this.#prefix
  }

  /** True when the budget is known. If not, `onOpen` is called once it is; never, if it is closed before. */
  isOpen(onOpen: () => void): boolean {
    return this.#budget.isOpen(onOpen)
  }

  get budget(): Budget {
    return this.#budget.account.budget
  }

  get settled(): Amount {
    return this.#budget.account.settled
  }

  get reserved(): Amount {
    return this.#budget.account.reserved
  }

  get reported(): ReadonlySet<Bound> {
    const { budget, reported } = this.#budget.account
    return this.#reportedOf === budget ? new Set([...reported, ...this.#reported]) : reported
  }

  reached(level: 'soft' | 'hard', measure: BudgetMeasure): void {
    const { account } = this.#budget
    markReported(account, 'soft', measure)
    if (level === 'soft') return
    const own = this.#reportedOf === account.budget ? this.#reported : []
    this.#reportedOf = account.budget
    this.#reported = new Set<Bound>([...own, `hard ${measure}`])
  }

  takesTurn(isGiven: boolean): boolean {
    return this.#budget.takesTurn(this, isGiven)
  }

  started(index: number, attempt: number, estimate: Estimate | undefined, at: number): void {
    this.#budget.reserve(this.#keyOf(index), attempt, estimate ?? {}, at)
  }

  ended(index: number, usage: Usage | undefined, at: number): void {
    const task = this.state.states[index]
    if (task?.status !== 'running' && task?.status !== 'stopping') return
    const ms = endOfAttempt(this.state, index, at) - task.startedAt
    this.#budget.settle(this.#keyOf(index), task.attempt, usage, ms)
  }

  waits(): void {
    this.#budget.addWaiting(this)
  }

  recovered(): void {
    this.isRecovered = true
    // A bound that was reached stays so over a restart, unless the budget is another one.
    for (const [bound, limit] of this.#budget.isPersistent ? this.state.sharedReached : []) {
      const [level, measure] = bound.split(' ') as ['soft' | 'hard', BudgetMeasure]
      if (this.budget[measure] === limit) this.reached(level, measure)
    }
    this.#budget.settleEarlier(this)
    if (this.state.heldForReservations.size > 0) this.waits()
  }

  /** True when the reservation of this attempt is durable. If not, `onDurable` is called once it is; never, if it is settled before. */
  isReserved(index: number, onDurable: () => void): boolean {
    return this.#budget.isReserved(this.#keyOf(index), onDurable)
  }

  /** A decision of the run has been made: what it has freed is offered to the runs that wait. */
  afterDecision(): void {
    this.#budget.retryWaiting()
  }

  /** The run is no longer live here. */
  leave(): void {
    this.#budget.leave(this)
  }

  #keyOf(index: number): string {
    return `${this.prefix}${index}`
  }
}
