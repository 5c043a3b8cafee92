import type { Clock } from '../clock.js'
import type { ParkReason } from '../core/failure/failure.js'
import { checkValue, invalid, positiveInteger, positiveMs } from '../options-check.js'
import { Cooldown, type CooldownStats, NO_JITTER } from './cooldown.js'
import type { LedgerEntry } from './ledger/limit-ledger.js'
import type { WindowKind } from './ledger/records.js'
import { LimitLease } from './limit-lease.js'
import { OneShotTimer } from './one-shot-timer.js'
import { checkWindowLimit, type WindowLimit } from './rate-window.js'
import { ReservingWindow, type WindowLoad } from './reserving-window.js'
import { RoundRobin, type RoundRobinMember } from './round-robin.js'

/** What the pools of a limit key may do together. */
export interface LimitOptions {
  /** How many attempts are in flight at most, over all pools of the key. Default: no bound. */
  readonly concurrency?: number
  /** How many attempts may start in every `perMs`, wherever it begins. Default: no bound. */
  readonly requests?: WindowLimit
  /** How many tokens these may use, by their estimates, corrected as they end. Default: no bound. */
  readonly tokens?: WindowLimit
}

/** What a {@link Limit} is made of. */
export interface LimitInit extends LimitOptions {
  /** Its name: the `limitKey` of its pools. */
  readonly key: string
  readonly clock: Clock
  /** Gives numbers in [0, 1), for jitter. Default: no jitter. */
  readonly random?: () => number
  /** Where it was asked for, for errors. Default: `limits.` and its key. */
  readonly path?: string
  /** @internal What is kept of it over a restart. */
  readonly page?: LedgerEntry | undefined
}

/** What a limit is doing. */
export interface LimitStats extends CooldownStats {
  /** Attempts that hold a slot, in all pools of the key. */
  readonly running: number
  readonly concurrency?: number
  readonly requests?: WindowLoad
  readonly tokens?: WindowLoad
}

/** A pool, as its limit sees it. */
export interface LimitMember {
  /** The limit was parked, also for longer than before, or it has opened. */
  onParkingChange(): void
  /** How many attempts it would have in flight if it had no limit. */
  maxInFlight(): number
  /** True while it has runs. */
  isLive(): boolean
}

/**
 * What several pools share: an account at a provider. Also what a pool with windows of its own has.
 *
 * Invariants: `requests` and `tokens` are not exceeded in any window, wherever it begins; at most `concurrency` attempts are in flight, once
 * those of a higher one have come back. Pools that wait take turns, one attempt each; a task that needs many tokens is not overtaken.
 * There is a timer only while a pool with a run waits for it.
 */
export class Limit {
  /** The `limitKey` of its pools. */
  readonly key: string
  readonly #clock: Clock
  readonly #path: string
  readonly #page: LedgerEntry | undefined
  readonly #members = new Set<LimitMember>()
  readonly #turns = new RoundRobin()
  readonly #nextStart: OneShotTimer
  readonly #parking: Cooldown
  #concurrency: number | undefined
  #requests: ReservingWindow | undefined
  #tokens: ReservingWindow | undefined
  #running = 0

  /** @throws INVALID_INPUT for limits that are not as documented. */
  constructor({ key, clock, random = NO_JITTER, path, page, concurrency, requests, tokens }: LimitInit) {
    this.key = key
    this.#path = path ?? `limits.${key}`
    this.#clock = clock
    this.#page = page
    this.#nextStart = new OneShotTimer(clock, () => this.#turns.serve())
    this.#parking = this.#newCooldown(random)
    this.concurrency = concurrency
    this.requests = requests
    this.tokens = tokens
  }

  /** How many attempts are in flight at most, over all its pools; undefined: no bound. May be set while it works. */
  get concurrency(): number | undefined {
    return this.#concurrency
  }

  /** @throws INVALID_INPUT for anything but a positive integer or undefined. */
  set concurrency(value: number | undefined) {
    this.#concurrency =
      value === undefined ? undefined : checkValue(positiveInteger, value, `${this.#path}.concurrency`)
    this.#turns.serve()
  }

  /** How many attempts may start in every window; undefined: no bound. May be set while it works: what a window has seen start counts on. */
  get requests(): WindowLimit | undefined {
    return this.#requests?.limit
  }

  /** @throws INVALID_INPUT for a limit below 1 or a length that is not above 0. */
  set requests(value: WindowLimit | undefined) {
    this.#requests = this.#withLimit(this.#requests, value, 'requests')
    this.#turns.serve()
  }

  /** How many tokens the attempts that start in every window may use; undefined: no bound. May be set while it works, like `requests`. */
  get tokens(): WindowLimit | undefined {
    return this.#tokens?.limit
  }

  /** @throws INVALID_INPUT for a limit below 1 or a length that is not above 0. */
  set tokens(value: WindowLimit | undefined) {
    this.#tokens = this.#withLimit(this.#tokens, value, 'tokens')
    this.#turns.serve()
  }

  /**
   * Starts nothing in any of its pools for `ms`, and up to a tenth longer by lot (at most 5 s); then a trickle, which doubles with each
   * attempt that is answered. Parked already: the longer of both counts.
   * @throws INVALID_INPUT unless `ms` is finite and above 0.
   */
  park(ms: number, reason: ParkReason = 'host', message?: string): void {
    this.#parking.park(checkValue(positiveMs, ms, 'park.ms'), reason, message)
  }

  /** Ends a parking before its time; begins with a trickle all the same. */
  unpark(): void {
    this.#parking.unpark()
  }

  /** What it is doing now. */
  stats(): LimitStats {
    const now = this.#clock.monotonic()
    return {
      running: this.#running,
      ...(this.#concurrency !== undefined && { concurrency: this.#concurrency }),
      ...(this.#requests && { requests: this.#requests.load(now) }),
      ...(this.#tokens && { tokens: this.#tokens.load(now) }),
      ...this.#parking.stats(),
    }
  }

  /** @internal For its pools. */
  get cooldown(): Cooldown {
    return this.#parking
  }

  /** @internal A pool joins; it is told of parkings from now on. */
  join(member: LimitMember): void {
    this.#members.add(member)
  }

  /** @internal The pool may have something to start. */
  requestTurn(member: RoundRobinMember): void {
    this.#turns.enqueue(member)
  }

  /** @internal The pool has nothing to start any more. */
  cancelTurn(member: RoundRobinMember): void {
    this.#turns.remove(member)
    if (!this.#turns.hasWaiting) this.#nextStart.cancel()
  }

  /** @internal Whether the pool whose turn it is may start an attempt. If not, it gets another turn when it may. */
  canStart(tokens: number): boolean {
    if (this.#parking.canStart && this.#running < (this.#concurrency ?? Number.POSITIVE_INFINITY)) {
      const now = this.#clock.monotonic()
      const at = Math.max(this.#requests?.nextAt(now, 1) ?? now, this.#tokens?.nextAt(now, tokens) ?? now)
      if (at <= now) return true
      this.#nextStart.fireBy(at)
    }
    this.#turns.keepTurn()
    return false
  }

  /** @internal Right after `admits`, for one attempt. */
  acquire(tokens: number): LimitLease {
    this.#running++
    return new LimitLease(this.#requests, this.#tokens, tokens, this.#parking.slowStart.started())
  }

  /** @internal The backend is called. Who waits may have waited for just that: what is claimed and has not started blocks a window. */
  started(share: LimitLease, now: number): void {
    share.started(now)
    if (this.#turns.hasWaiting) this.#turns.serve()
  }

  /** @internal What was taken is given back. The caller asks for a turn once its slot is free. */
  release(share: LimitLease): void {
    this.#running--
    this.#parking.slowStart.released(share.ticket)
    share.released()
  }

  /** @internal A backend has answered an attempt with this share. */
  answered(share: LimitLease): void {
    let full = 0
    for (const member of this.#members) full += member.maxInFlight()
    this.#parking.answered(share.ticket, Math.min(full, this.#concurrency ?? full))
  }

  #newCooldown(random: () => number): Cooldown {
    return new Cooldown({
      clock: this.#clock,
      random,
      page: this.#page,
      isLive: () => [...this.#members].some(member => member.isLive()),
      onChange: () => {
        for (const member of this.#members) member.onParkingChange()
        this.#turns.serve()
      },
    })
  }

  #withLimit(
    window: ReservingWindow | undefined,
    value: WindowLimit | undefined,
    what: WindowKind,
  ): ReservingWindow | undefined {
    if (value === undefined) return undefined
    const path = `${this.#path}.${what}`
    if (typeof value !== 'object' || value === null)
      throw invalid(path, 'a limit such as { limit: 60, perMs: 60_000 }', value)
    const checked = checkWindowLimit(value, path)
    if (window === undefined) return this.#newWindow(checked, what)
    window.limit = checked
    return window
  }

  #newWindow(limit: WindowLimit, kind: WindowKind): ReservingWindow {
    const page = this.#page
    return new ReservingWindow(limit, page && (window => page.grants(kind, window, () => this.#turns.serve())))
  }
}
