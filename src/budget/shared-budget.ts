import {
  type Account,
  assumedUsage,
  type Budget,
  type BudgetMeasure,
  countAsUsed,
  type Estimate,
  openAccount,
  rebudgeted,
  reserve,
  settle,
  usedOf,
} from '../core/budget/budget.js'
import type { Usage } from '../core/failure/usage.js'
import type { RunState } from '../core/state/run-state.js'
import type { CompactingLogOptions } from '../journal/compacting-log.js'
import { BudgetLog } from './budget-log.js'
import type { BudgetReplay, HoldRecord } from './budget-records.js'
import { RunShare } from './run-share.js'

/** What is reserved for an attempt. */
interface Hold {
  readonly record: HoldRecord
  /** Its attempt is in flight in this process. If not, it was one of an earlier process. */
  isLive: boolean
  isDurable: boolean
  /** Called once it is durable. */
  onDurable: (() => void) | undefined
}

/**
 * The budget of all runs of an orchestrator together: their decisions admit attempts to its account as they do to the accounts of a run.
 * This class persists what is reserved and used, and lets runs that wait for reservations of each other continue.
 *
 * Invariant: settled + reserved is at most the budget when an attempt starts, except for attempts that a person has let exceed it. With
 * a log this holds over a restart: a reservation that was not settled counts as used until its run is resumed, and forever if it never is.
 * Nothing starts before the log has been read, and no backend is called before its reservation is durable.
 */
export class SharedBudget {
  #account: Account
  /** What attempts that have ended used. The account also counts as settled what no attempt of this process will settle. */
  readonly #spent: Account = openAccount({})
  readonly #holds = new Map<string, Hold>()
  readonly #runs = new Set<RunShare>()
  /** Runs with tasks that wait for reservations, the one that has waited longest first. */
  readonly #waiting = new Set<RunShare>()
  #isServing = false
  #hasFreed = false
  readonly #log: BudgetLog | undefined
  /** Called when the log has been read. */
  #onOpen: (() => void)[] = []

  /** Without `log` nothing is known after a restart. */
  constructor(budget: Budget, log?: CompactingLogOptions) {
    this.#account = openAccount(budget)
    this.#log = log && new BudgetLog(log, replay => this.#open(replay))
  }

  get account(): Account {
    return this.#account
  }

  /** Takes effect at once. What has been used before counts. */
  set budget(budget: Budget) {
    this.#account = rebudgeted(this.#account, budget)
  }

  /** True when what has been used is known after a restart. */
  get isPersistent(): boolean {
    return this.#log !== undefined
  }

  /** What has been used and reserved. Includes the time before a restart once the log has been read. */
  get used(): Readonly<Record<BudgetMeasure, number>> {
    const used = (measure: BudgetMeasure): number => usedOf(this.#account, measure)
    return { costUsd: used('costUsd'), tokens: used('tokens'), wallMs: used('wallMs') }
  }

  /** A run takes part. `retryHeld` is called when tasks of it that wait for reservations may fit. */
  join(state: RunState, retryHeld: () => void): RunShare {
    const share = new RunShare(this, state, retryHeld)
    this.#runs.add(share)
    this.#log?.open()
    if (state.phase.status === 'settled') share.recovered()
    return share
  }

  /** The run is no longer live here. What it has not settled counts as used until it is resumed: nothing waits for that. */
  leave(share: RunShare): void {
    this.#runs.delete(share)
    this.#waiting.delete(share)
    let isChanged = false
    for (const hold of this.#holdsOf(share)) {
      if (!hold.isLive) continue
      this.#setLive(hold, false)
      isChanged = true
    }
    if (!isChanged) return
    this.#hasFreed = true
    this.retryWaiting()
  }

  /** True when the log has been read. If not, `onOpen` is called once it is; never, if it is closed before. */
  isOpen(onOpen: () => void): boolean {
    if (this.#log === undefined || this.#log.isOpen) return true
    this.#onOpen.push(onOpen)
    return false
  }

  /** Writes what is not durable yet, and closes the log. Never rejects: failures are reported. */
  async close(): Promise<void> {
    this.#onOpen = []
    this.#waiting.clear()
    await this.#log?.close()
  }

  /** An attempt starts. */
  reserve(key: string, attempt: number, { costUsd, tokens }: Estimate, at: number): void {
    const record: { -readonly [K in keyof HoldRecord]: HoldRecord[K] } = { key, attempt, at }
    if (costUsd !== undefined) record.costUsd = costUsd
    if (tokens !== undefined) record.tokens = tokens
    const hold: Hold = { record, isLive: true, isDurable: this.#log === undefined, onDurable: undefined }
    this.#holds.set(key, hold)
    reserve(this.#account, record)
    this.#log?.reserved(record, () => {
      hold.isDurable = true
      hold.onDurable?.()
    })
  }

  /** True when this reservation is durable. If not, `onDurable` is called once it is; never, if it is settled before. */
  isReserved(key: string, onDurable: () => void): boolean {
    const hold = this.#holds.get(key)
    if (hold === undefined || hold.isDurable) return true
    hold.onDurable = onDurable
    return false
  }

  /** The attempt has ended: what it used replaces what was reserved. */
  settle(key: string, attempt: number, usage: Usage | undefined, ms: number): void {
    const hold = this.#holds.get(key)
    if (hold?.record.attempt !== attempt) return
    // What is counted as used already becomes a reservation again, which is settled.
    if (!hold.isLive) this.#setLive(hold, true)
    this.#holds.delete(key)
    settle(this.#account, hold.record, usage, ms)
    settle(this.#spent, undefined, usage, ms)
    this.#log?.settled(key, { ...this.#spent.settled })
    this.#hasFreed = true
  }

  addWaiting(share: RunShare): void {
    this.#waiting.add(share)
  }

  /** See `SharedScope`. */
  takesTurn(share: RunShare, isGiven: boolean): boolean {
    const [first = share] = this.#waiting
    if (!isGiven && first !== share) {
      this.#hasFreed = true
      return false
    }
    this.#waiting.delete(share)
    this.#waiting.add(share)
    return true
  }

  /** If anything has been freed, lets the runs that wait try again, one after the other. */
  retryWaiting(): void {
    if (this.#isServing) return
    this.#isServing = true
    while (this.#hasFreed) {
      this.#hasFreed = false
      for (const share of [...this.#waiting]) {
        if (share.state.heldForReservations.size === 0) this.#waiting.delete(share)
        else share.retryHeld()
      }
    }
    this.#isServing = false
  }

  /** A run has been taken over: settles what earlier processes reserved for attempts that have ended, or have not begun. */
  settleEarlier(share: RunShare): void {
    for (const hold of this.#holdsOf(share)) if (!hold.isLive) this.#settleEarlier(share.state, hold)
  }

  #settleEarlier(state: RunState, hold: Hold): void {
    const { record } = hold
    const { key, attempt, at } = record
    const index = Number(key.slice(key.lastIndexOf('/') + 1))
    const task = state.states[index]
    const ended = state.tallies[index]?.attempts ?? 0
    const isRunning = task?.status === 'running' || task?.status === 'stopping'
    if (task?.status === 'succeeded' && task.attempt === attempt)
      return this.settle(key, attempt, assumedUsage(task.usage, record), task.at - task.startedAt)
    // The same decision settles it.
    if (isRunning && task.attempt === attempt) return this.#setLive(hold, true)
    const hasStarted = attempt <= ended
    const ms = hasStarted ? Math.max(0, state.processLostAt - at) : 0
    this.settle(key, attempt, hasStarted ? assumedUsage(undefined, record) : undefined, ms)
  }

  *#holdsOf({ prefix }: RunShare): Iterable<Hold> {
    for (const [key, hold] of [...this.#holds]) if (key.startsWith(prefix)) yield hold
  }

  #setLive(hold: Hold, isLive: boolean): void {
    hold.isLive = isLive
    countAsUsed(this.#account, hold.record, !isLive)
  }

  #open({ spent, holds }: BudgetReplay): void {
    for (const account of [this.#account, this.#spent])
      settle(account, undefined, { costUsd: spent.costUsd, tokens: spent.tokens }, spent.wallMs)
    for (const [key, record] of holds) {
      const hold: Hold = { record, isLive: true, isDurable: true, onDurable: undefined }
      this.#holds.set(key, hold)
      reserve(this.#account, record)
      this.#setLive(hold, false)
    }
    for (const share of this.#runs) if (share.isRecovered) this.settleEarlier(share)
    const waiting = this.#onOpen
    this.#onOpen = []
    for (const onOpen of waiting) onOpen()
  }
}
