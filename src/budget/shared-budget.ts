import { type Clock, systemClock } from '../clock.js'
import { type AdmissionTerms, admit, noticeOf, prefersCheapest, softNotices } from '../core/budget/admission.js'
import {
  type Account,
  assumedUsage,
  type Budget,
  type BudgetMeasure,
  type Estimate,
  markReported,
  openAccount,
  rebudgeted,
  reserve,
  type ScopedAccount,
  settle,
  usedOf,
} from '../core/budget/budget.js'
import type { RunEvent, RunEventType } from '../core/state/events.js'
import type { RunState } from '../core/state/run-state.js'
import type { CompactingLogOptions } from '../journal/compacting-log.js'
import { BudgetLog } from './budget-log.js'
import type { BudgetReplay } from './budget-records.js'
import {
  attemptsOf,
  ENDS,
  type Hold,
  keyOf,
  type ReservationRequest,
  runPrefix,
  type UsageAtEnd,
  usageAtEnd,
} from './reservation.js'

/**
 * The budget of all runs of an orchestrator together. An attempt reserves its estimate before it starts, and settles it when it ends.
 *
 * Invariant: settled + reserved is at most the budget when an attempt starts, except for attempts that a person has let exceed it. With
 * a log this holds over a restart: a reservation that was not settled counts as used until its run is resumed, and forever if it never is.
 * Nothing starts before the log has been read, nor before its reservation is durable.
 */
export class SharedBudget {
  #account: Account
  readonly #holds = new Map<string, Hold>()
  /** Requests that wait for the log to be read, or for reservations of others, by key. */
  readonly #waiting = new Map<string, ReservationRequest>()
  readonly #log: BudgetLog | undefined
  readonly #now: () => number

  /** Without `log` nothing is known after a restart. */
  constructor(budget: Budget, log?: CompactingLogOptions, clock: Pick<Clock, 'now'> = log?.clock ?? systemClock) {
    this.#account = openAccount(budget)
    this.#log = log && new BudgetLog(log, replay => this.#onOpen(replay))
    this.#now = () => clock.now()
  }

  get budget(): Budget {
    return this.#account.budget
  }

  /** Takes effect at once. What has been used before counts. */
  set budget(budget: Budget) {
    this.#account = rebudgeted(this.#account, budget)
    if (this.#log?.isOpen !== false) this.#retryWaiting()
  }

  /** What has been used and reserved. Includes the time before a restart once the log has been read. */
  get used(): Readonly<Record<BudgetMeasure, number>> {
    const used = (measure: BudgetMeasure): number => usedOf(this.#account, measure)
    return { costUsd: used('costUsd'), tokens: used('tokens'), wallMs: used('wallMs') }
  }

  /** Begins to read the log. `request` and `prefersCheapest` do that, too. */
  open(): void {
    this.#log?.open()
  }

  /** Writes what is not durable yet, and closes the log. Requests are not answered any more. Never rejects: failures are reported. */
  async close(): Promise<void> {
    this.#waiting.clear()
    await this.#log?.close()
  }

  /** True when an attempt with this estimate should go to the cheapest backend. */
  prefersCheapest(estimate: Estimate | undefined): boolean {
    this.open()
    return prefersCheapest(this.#accounts, estimate)
  }

  /**
   * Reserves the estimate, or notifies why there is no room. A request that does not fit only because of the reservations of attempts in
   * flight waits until one of them has ended.
   */
  request(request: ReservationRequest): void {
    this.open()
    if (this.#log?.isOpen === false) this.#waiting.set(keyOf(request.state, request.index), request)
    else this.#request(request)
  }

  /** The run is no longer live here. Reservations that it has not settled stay until it is resumed, and nothing waits for them. */
  releaseRun(state: RunState): void {
    const prefix = runPrefix(state)
    const holds = [...this.#holds].filter(([key]) => key.startsWith(prefix))
    for (const [, hold] of holds) {
      hold.reservedAt = hold.startedAt ?? hold.reservedAt
      hold.startedAt = undefined
    }
    if (holds.length > 0) this.#retryWaiting()
  }

  /** True for events that `onEvent` needs. */
  concerns(type: RunEventType): boolean {
    return type === 'attempt.started' || ENDS.has(type)
  }

  /** An event of a run, as soon as it has been decided. */
  onEvent(state: RunState, event: RunEvent): void {
    if (!('index' in event)) return
    const key = keyOf(state, event.index)
    if (ENDS.has(event.type)) this.#waiting.delete(key)
    const hold = this.#holds.get(key)
    if (hold === undefined || ('attempt' in event && event.attempt !== hold.attempt)) return
    if (event.type === 'attempt.started') hold.startedAt = event.at
    else if (ENDS.has(event.type)) this.#settle(key, hold, usageAtEnd(hold, state, event))
  }

  get #accounts(): readonly ScopedAccount[] {
    return [{ scope: 'orchestrator', account: this.#account }]
  }

  #request(request: ReservationRequest): void {
    const { state, index, estimate, degraded, onReserved } = request
    const key = keyOf(state, index)
    const attempt = attemptsOf(state, index) + 1
    const existing = this.#holds.get(key)
    if (existing?.attempt === attempt) {
      // It was stopped before it started, by a pause or a restart.
      if (existing.isDurable) onReserved()
      else existing.onReserved = onReserved
      return
    }
    // The attempt before ended in an earlier process, which did not write what it used.
    if (existing) this.#settle(key, existing, { usage: assumedUsage(undefined, existing.estimate), ms: 0 })
    const terms: AdmissionTerms = { degraded, exempt: state.budgetExempt.has(index) }
    let refusal = admit(this.#accounts, estimate, terms)
    if (refusal?.action === 'wait' && !this.#hasHoldInFlight())
      refusal = admit(this.#accounts, estimate, { ...terms, canWait: false })
    if (refusal === undefined) this.#reserve(key, attempt, request)
    else if (refusal.action === 'wait') this.#waiting.set(key, request)
    else request.onNotice(noticeOf(refusal, 'hard', refusal.action))
  }

  /** True when an attempt is in flight, or about to start: its reservation will be settled. One of an earlier process may never be. */
  #hasHoldInFlight(): boolean {
    for (const { startedAt, isDurable } of this.#holds.values()) if (startedAt !== undefined || !isDurable) return true
    return false
  }

  #retryWaiting(): void {
    if (this.#waiting.size === 0) return
    for (const [key, request] of [...this.#waiting]) {
      // A notice may end the tasks of other requests.
      if (this.#waiting.get(key) !== request) continue
      this.#waiting.delete(key)
      this.#request(request)
    }
  }

  #reserve(key: string, attempt: number, { estimate = {}, onReserved, onNotice }: ReservationRequest): void {
    const reserved: { costUsd?: number; tokens?: number } = {}
    if (estimate.costUsd !== undefined) reserved.costUsd = estimate.costUsd
    if (estimate.tokens !== undefined) reserved.tokens = estimate.tokens
    const reservedAt = this.#now()
    const hold: Hold = { attempt, estimate: reserved, reservedAt, startedAt: undefined, isDurable: false, onReserved }
    this.#holds.set(key, hold)
    reserve(this.#account, reserved)
    const onDurable = (): void => {
      hold.isDurable = true
      const { onReserved } = hold
      hold.onReserved = undefined
      onReserved?.()
      // It may not have started: its run may be paused.
      this.#retryWaiting()
    }
    if (this.#log) this.#log.reserved({ key, attempt, at: reservedAt, ...reserved }, onDurable)
    else onDurable()
    for (const notice of softNotices(this.#accounts)) {
      markReported(this.#account, 'soft', notice.measure)
      onNotice(notice)
    }
  }

  #settle(key: string, hold: Hold, { usage, ms }: UsageAtEnd): void {
    hold.onReserved = undefined
    this.#holds.delete(key)
    settle(this.#account, hold.estimate, usage, ms)
    this.#log?.settled(key, { ...this.#account.settled })
    this.#retryWaiting()
  }

  #onOpen({ spent, holds }: BudgetReplay): void {
    settle(this.#account, undefined, { costUsd: spent.costUsd, tokens: spent.tokens }, spent.wallMs)
    for (const [key, { attempt, at, ...estimate }] of holds) {
      const hold = { attempt, estimate, reservedAt: at, startedAt: undefined, isDurable: true, onReserved: undefined }
      this.#holds.set(key, hold)
      reserve(this.#account, estimate)
    }
    this.#retryWaiting()
  }
}
