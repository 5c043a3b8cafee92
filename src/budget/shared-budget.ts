import {
  type Account,
  assumedUsage,
  type Budget,
  type BudgetMeasure,
  doesNotFit,
  type Estimate,
  goesAllTheSame,
  isSoft,
  mayFitLater,
  openAccount,
  rebudgeted,
  reserve,
  settle,
  softNews,
  tell,
  usedOf,
} from '../core/budget/budget.js'
import { isThrottling } from '../core/failure/failure.js'
import type { Usage } from '../core/failure/usage.js'
import type { RunEvent, RunEventType } from '../core/state/events.js'
import type { RunState } from '../core/state/run-state.js'
import type { CompactingLogOptions } from '../journal/compacting-log.js'
import { attemptsOf, ENDS, endedAt, keyOf } from './attempt-ends.js'
import { BudgetLog } from './budget-log.js'
import type { BudgetReplay } from './budget-records.js'
import type { BudgetNotice, ReservationRequest } from './reservation.js'

/** What has been set aside for an attempt. */
interface Hold {
  readonly attempt: number
  readonly estimate: Estimate
  /** When, in milliseconds since 1970. */
  readonly at: number
  /** Undefined before its start is decided, and when an earlier process decided it. */
  startedAt: number | undefined
  isKept: boolean
  /** What waits until it is kept. */
  goOn: (() => void) | undefined
}

const NOTHING: Estimate = {}

/**
 * What all runs of an orchestrator together may use. An attempt asks before it starts, and what it asked for is set aside until it ends.
 *
 * Invariant: settled + reserved is at most the budget when an attempt starts, but for those that a person has let go over it. After a
 * restart too, where there are records: what was set aside and never settled counts as used until its run goes on; of a run that never
 * does, or is deleted, for ever. Nothing starts before the records have been read, nor before what is set aside for it is durable.
 */
export class SharedBudget {
  #account: Account
  readonly #holds = new Map<string, Hold>()
  /** Who asked before the records had been read, or waits for what others have set aside, by key. */
  readonly #waiting = new Map<string, ReservationRequest>()
  readonly #records: BudgetLog | undefined
  readonly #now: () => number

  /** Without `records` a restart begins with nothing used. */
  constructor(budget: Budget, records?: CompactingLogOptions) {
    this.#account = openAccount(budget)
    this.#records = records && new BudgetLog(records, reading => this.#opened(reading))
    this.#now = () => records?.clock.now() ?? 0
  }

  get budget(): Budget {
    return this.#account.budget
  }

  /** From now on this may be used; what has been used is kept. */
  set budget(budget: Budget) {
    this.#account = rebudgeted(this.#account, budget)
    if (this.#records?.isOpen !== false) this.#askAgain()
  }

  /** What has been used so far, and is set aside for attempts that run. Of the time before a restart once the records have been read. */
  get used(): { readonly costUsd: number; readonly tokens: number; readonly wallMs: number } {
    const used = (measure: BudgetMeasure): number => usedOf(this.#account, measure)
    return { costUsd: used('costUsd'), tokens: used('tokens'), wallMs: used('wallMs') }
  }

  /** Reads the records, if that has not begun: `ask` and `isDegraded` do that, too. */
  open(): void {
    this.#records?.open()
  }

  /** Writes what is not written yet, and lets go of the records. What asks from now on waits for ever. Never rejects: what fails is told. */
  async close(): Promise<void> {
    this.#waiting.clear()
    await this.#records?.close()
  }

  /** True when attempts are to go to the cheapest backend. */
  isDegraded(estimate: Estimate | undefined): boolean {
    this.open()
    const { onSoft, onHard } = this.#account.budget
    if (onSoft === 'degrade' && (isSoft(this.#account) || this.#softNews().length > 0)) return true
    return onHard === 'degrade' && doesNotFit(this.#account, estimate) !== undefined
  }

  /**
   * Sets the estimate aside and lets it go on once that is durable; or says that there is no room. What does not fit only because of what
   * attempts that run have set aside waits for one of them to end.
   */
  ask(wish: ReservationRequest): void {
    this.open()
    if (this.#records?.isOpen === false) this.#waiting.set(keyOf(wish.state, wish.index), wish)
    else this.#ask(wish)
  }

  /** A run is over here: what it has set aside and not settled comes free when it is resumed, and nobody waits for that. */
  left({ runId, startedAt }: RunState): void {
    const ofRun = `${runId}@${startedAt}/`
    let some = false
    for (const [key, hold] of this.#holds) {
      if (!key.startsWith(ofRun)) continue
      hold.startedAt = undefined
      some = true
    }
    if (some) this.#askAgain()
  }

  /** True for an event of a task that says what becomes of an attempt. */
  concerns(type: RunEventType): boolean {
    return type === 'attempt.started' || ENDS.has(type)
  }

  /** What becomes of attempts, as it is decided. */
  heard(state: RunState, event: RunEvent): void {
    if (!('index' in event)) return
    const key = keyOf(state, event.index)
    if (ENDS.has(event.type)) this.#waiting.delete(key)
    const hold = this.#holds.get(key)
    if (hold === undefined || ('attempt' in event && event.attempt !== hold.attempt)) return
    if (event.type === 'attempt.started') hold.startedAt = event.at
    else if (ENDS.has(event.type)) this.#end(key, hold, state, event)
  }

  #ask(wish: ReservationRequest): void {
    const { state, index, estimate, degraded, goOn } = wish
    const key = keyOf(state, index)
    const attempt = attemptsOf(state, index) + 1
    const before = this.#holds.get(key)
    if (before?.attempt === attempt) {
      // It was stopped short of its start: by a pause, say, or a restart.
      if (before.isKept) goOn()
      else before.goOn = goOn
      return
    }
    // It was over when the process before this one ended, and what it used was not yet written.
    if (before) this.#settle(key, before, assumedUsage(undefined, before.estimate), 0)
    const measure = state.budgetExempt.has(index) ? undefined : doesNotFit(this.#account, estimate)
    if (measure !== undefined && !goesAllTheSame(this.#account, measure, estimate, degraded))
      return this.#refuse(key, wish, measure)
    this.#hold(key, attempt, estimate ?? NOTHING, goOn)
    const soft = this.#soft()
    if (soft) wish.hear(soft)
  }

  /** There is no room: it goes to the cheapest backend, waits for others, or hears what follows. */
  #refuse(key: string, wish: ReservationRequest, measure: BudgetMeasure): void {
    const { onHard = 'stop' } = this.#account.budget
    if (onHard === 'degrade' && !wish.degraded) wish.hear(this.#notice('hard', measure, 'degrade'))
    else if (mayFitLater(this.#account, measure, wish.estimate) && this.#someComeFree()) this.#waiting.set(key, wish)
    else wish.hear(this.#notice('hard', measure, onHard === 'hold' ? 'hold' : 'stop'))
  }

  /** True when an attempt runs, or is about to: what is set aside for it comes free by itself. What an earlier process set aside may never. */
  #someComeFree(): boolean {
    for (const { startedAt, isKept } of this.#holds.values()) if (startedAt !== undefined || !isKept) return true
    return false
  }

  #askAgain(): void {
    if (this.#waiting.size === 0) return
    for (const [key, wish] of [...this.#waiting]) {
      // What one hears may end the tasks of others: they ask no more.
      if (this.#waiting.get(key) !== wish) continue
      this.#waiting.delete(key)
      this.#ask(wish)
    }
  }

  #hold(key: string, attempt: number, { costUsd, tokens }: Estimate, goOn: () => void): void {
    const estimate = { ...(costUsd !== undefined && { costUsd }), ...(tokens !== undefined && { tokens }) }
    const hold: Hold = { attempt, estimate, at: this.#now(), startedAt: undefined, isKept: false, goOn }
    this.#holds.set(key, hold)
    reserve(this.#account, estimate)
    const kept = (): void => {
      hold.isKept = true
      const go = hold.goOn
      hold.goOn = undefined
      go?.()
      // It may not have started after all: its run is paused, say.
      this.#askAgain()
    }
    if (this.#records) this.#records.reserved({ key, attempt, at: hold.at, ...estimate }, kept)
    else kept()
  }

  #end(key: string, hold: Hold, state: RunState, event: RunEvent & { readonly index: number }): void {
    const started =
      hold.startedAt !== undefined ||
      event.type === 'task.succeeded' ||
      // An earlier process started it.
      attemptsOf(state, event.index) >= hold.attempt
    if (!started) return this.#settle(key, hold, undefined, 0)
    const reported = 'usage' in event ? event.usage : undefined
    // What was turned away was not worked on.
    const turnedAway = event.type === 'attempt.failed' && isThrottling(event.failure)
    const usage = turnedAway ? reported : assumedUsage(reported, hold.estimate)
    this.#settle(key, hold, usage, Math.max(0, endedAt(state, event) - (hold.startedAt ?? hold.at)))
  }

  #settle(key: string, hold: Hold, usage: Usage | undefined, ms: number): void {
    hold.goOn = undefined
    this.#holds.delete(key)
    settle(this.#account, hold.estimate, usage, ms)
    this.#records?.settled(key, { ...this.#account.settled })
    this.#askAgain()
  }

  #opened({ spent, holds }: BudgetReplay): void {
    settle(this.#account, undefined, { costUsd: spent.costUsd, tokens: spent.tokens }, spent.wallMs)
    for (const [key, { attempt, at, ...estimate }] of holds) {
      this.#holds.set(key, { attempt, estimate, at, startedAt: undefined, isKept: true, goOn: undefined })
      reserve(this.#account, estimate)
    }
    this.#askAgain()
  }

  /** Once for each measure, until the budget is changed. */
  #soft(): BudgetNotice | undefined {
    const [measure] = this.#softNews()
    if (measure === undefined) return undefined
    tell(this.#account, 'soft', measure)
    return this.#notice('soft', measure, this.#account.budget.onSoft ?? 'tell')
  }

  #softNews(): readonly BudgetMeasure[] {
    return softNews(this.#account, usedOf(this.#account, 'wallMs'))
  }

  #notice(level: 'soft' | 'hard', measure: BudgetMeasure, action: BudgetNotice['action']): BudgetNotice {
    const limit = this.#account.budget[measure] as number
    return { level, measure, limit, used: usedOf(this.#account, measure), action }
  }
}
