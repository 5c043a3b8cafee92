import { type Clock, systemClock } from '../clock.js'
import type { ParkReason } from '../core/failure/failure.js'
import { checkOptions, checkValue, invalid, positiveInteger, positiveMs } from '../options-check.js'
import { Cooldown, NO_JITTER } from './cooldown.js'
import type { LedgerEntry } from './ledger/limit-ledger.js'
import type { WindowKind } from './ledger/records.js'
import { LimitLease } from './limit-lease.js'
import { type LimitInit, type LimitStats, limitRule } from './limit-options.js'
import { OneShotTimer } from './one-shot-timer.js'
import { type WindowLimit, windowRule } from './rate-window.js'
import { ReservingWindow } from './reserving-window.js'
import { RoundRobin, type RoundRobinMember } from './round-robin.js'

/** A pool of a limit. */
export interface LimitMember {
  /** The cooldown of the limit has begun, changed or ended. */
  onParkingChange(): void
  /** The most attempts that it has in flight, apart from the limit. */
  maxInFlight(): number
  /** True while it has runs. */
  isLive(): boolean
}

/**
 * The limits that several pools share, such as those of an account at a provider; also the windows of a single pool.
 *
 * Invariants: `requests` and `tokens` are not exceeded in any window. At most `concurrency` attempts are in flight; after it has been lowered,
 * once enough of them have ended. Pools that wait for capacity start one attempt each in turn; a task that needs many tokens is not
 * overtaken. There is a timer only while a pool with a run waits for it.
 */
export class Limit {
  /** The `limitKey` of its pools. */
  readonly key: string
  readonly #clock: Clock
  readonly #path: string
  readonly #ledger: LedgerEntry | undefined
  readonly #members = new Set<LimitMember>()
  readonly #queue = new RoundRobin()
  readonly #nextStart: OneShotTimer
  readonly #cooldown: Cooldown
  #concurrency: number | undefined
  #requests: ReservingWindow | undefined
  #tokens: ReservingWindow | undefined
  /** Also those that were removed: set again, they count what started before. */
  readonly #windows = new Map<WindowKind, ReservingWindow>()
  #running = 0

  /** @throws INVALID_INPUT for invalid options. */
  constructor(options: LimitInit) {
    checkOptions(limitRule(), options, { of: 'Limit' })
    const {
      key,
      clock = systemClock,
      random = NO_JITTER,
      path,
      ledger,
      keepsCooldown = true,
      concurrency,
      requests,
      tokens,
    } = options
    this.key = key
    this.#path = path ?? `limits.${key}`
    this.#clock = clock
    this.#ledger = ledger
    this.#nextStart = new OneShotTimer(clock, () => this.#serve())
    this.#cooldown = this.#newCooldown(random, keepsCooldown ? ledger : undefined)
    this.concurrency = concurrency
    this.requests = requests
    this.tokens = tokens
  }

  /** The most attempts in flight over all its pools; undefined: no bound. May be set at any time. */
  get concurrency(): number | undefined {
    return this.#concurrency
  }

  /** @throws INVALID_INPUT for anything but a positive integer or undefined. */
  set concurrency(value: number | undefined) {
    this.#concurrency =
      value === undefined ? undefined : checkValue(positiveInteger, value, `${this.#path}.concurrency`)
    this.#serve()
  }

  /** The most attempts that start in any window; undefined: no bound. May be set at any time: what has started counts. */
  get requests(): WindowLimit | undefined {
    return this.#requests?.limit
  }

  /** @throws INVALID_INPUT unless `limit` is at least 1 and `perMs` above 0. */
  set requests(value: WindowLimit | undefined) {
    this.#requests = this.#windowWith(value, 'requests')
    this.#serve()
  }

  /** The most tokens used by the attempts that start in any window; undefined: no bound. May be set at any time, like `requests`. */
  get tokens(): WindowLimit | undefined {
    return this.#tokens?.limit
  }

  /** @throws INVALID_INPUT unless `limit` is at least 1 and `perMs` above 0. */
  set tokens(value: WindowLimit | undefined) {
    this.#tokens = this.#windowWith(value, 'tokens')
    this.#serve()
  }

  /**
   * Starts nothing in any of its pools for `ms` milliseconds plus jitter (up to a tenth, at most 5 s). Then one attempt starts, and with each
   * answer twice as many. If it is parked already, the time that ends later counts.
   * @throws INVALID_INPUT unless `ms` is finite and above 0.
   */
  park(ms: number, reason: ParkReason = 'host', message?: string): void {
    this.#cooldown.park(checkValue(positiveMs, ms, 'park.ms'), reason, message)
  }

  /** Ends the cooldown now. One attempt starts first, as after any cooldown. */
  unpark(): void {
    this.#cooldown.unpark()
  }

  /** What is in flight, how full the windows are, and until when and why the limit is parked. */
  stats(): LimitStats {
    const now = this.#clock.monotonic()
    return {
      running: this.#running,
      ...(this.#concurrency !== undefined && { concurrency: this.#concurrency }),
      ...(this.#requests && { requests: this.#requests.load(now) }),
      ...(this.#tokens && { tokens: this.#tokens.load(now) }),
      ...this.#cooldown.stats(),
    }
  }

  /** @internal */
  get cooldown(): Cooldown {
    return this.#cooldown
  }

  /** @internal Adds a pool. With two clocks one of them would wait in real time for what happens in virtual time. */
  join(clock: Clock, member: LimitMember): void {
    if (clock !== this.#clock)
      throw invalid('WorkerPool.limit', 'a Limit with the clock of the pool: pass the same one to both', this)
    this.#members.add(member)
  }

  /** @internal Removes a pool. */
  leave(member: LimitMember): void {
    this.#members.delete(member)
    this.#cooldown.refresh()
  }

  /** @internal The pool may have something to start. */
  requestTurn(member: RoundRobinMember): void {
    this.#queue.enqueue(member)
    this.#serve()
  }

  /** @internal The pool has nothing to start any more. */
  cancelTurn(member: RoundRobinMember): void {
    this.#queue.remove(member)
    this.#serve()
  }

  /** @internal True when the pool whose turn it is may start an attempt. If not, the pool gets another turn when it may. */
  canStart(tokens: number): boolean {
    if (this.#cooldown.canStart && this.#running < (this.#concurrency ?? Number.POSITIVE_INFINITY)) {
      const now = this.#clock.monotonic()
      const at = Math.max(this.#requests?.nextAt(now, 1) ?? now, this.#tokens?.nextAt(now, tokens) ?? now)
      if (at <= now) return true
      this.#nextStart.fireBy(at)
    }
    this.#queue.block()
    return false
  }

  /** @internal Right after `canStart` has returned true. */
  acquire(tokens: number, now: number, probeMs: number): LimitLease {
    this.#running++
    return new LimitLease(this.#requests, this.#tokens, tokens, this.#cooldown.started(now, probeMs))
  }

  /** @internal False when an attempt that has this lease may not be called: the limit was parked or lowered since. */
  mayCall(lease: LimitLease): boolean {
    if (!this.#cooldown.mayCall(lease.ticket) || this.#running > (this.#concurrency ?? Number.POSITIVE_INFINITY))
      return false
    return lease.fits(this.#clock.monotonic())
  }

  /** @internal The backend is called. A reservation that has not started may have blocked a window: the queue is served. */
  started(lease: LimitLease, now: number): void {
    lease.started(now)
    if (this.#queue.hasWaiting) this.#serve()
  }

  /** @internal The attempt is over. Its pool requests a turn once the slot is free. */
  release(lease: LimitLease): void {
    this.#running--
    this.#cooldown.released(lease.ticket)
    lease.released()
  }

  /** @internal The backend has answered the attempt. */
  answered(lease: LimitLease): void {
    this.#cooldown.answered(lease.ticket)
  }

  get #normalLimit(): number {
    let full = 0
    for (const member of this.#members) full += member.maxInFlight()
    return Math.min(full, this.#concurrency ?? full)
  }

  /** Lets pools start what they can. To be called whenever there may be more capacity, or a pool that waited for some has gone. */
  #serve(): void {
    this.#queue.serve()
    if (!this.#queue.hasWaiting) this.#nextStart.cancel()
  }

  #newCooldown(random: () => number, ledger: LedgerEntry | undefined): Cooldown {
    return new Cooldown({
      clock: this.#clock,
      random,
      ledger,
      isLive: () => [...this.#members].some(member => member.isLive()),
      normalLimit: () => this.#normalLimit,
      onChange: () => {
        for (const member of this.#members) member.onParkingChange()
        this.#serve()
      },
    })
  }

  /** The window with its new limit: the same one, so that what has started still counts. */
  #windowWith(limit: WindowLimit | undefined, kind: WindowKind): ReservingWindow | undefined {
    if (limit === undefined) return undefined
    checkValue(windowRule(), limit, `${this.#path}.${kind}`)
    const known = this.#windows.get(kind)
    if (known !== undefined) known.limit = limit
    const window = known ?? this.#newWindow(limit, kind)
    this.#windows.set(kind, window)
    return window
  }

  #newWindow(limit: WindowLimit, kind: WindowKind): ReservingWindow {
    const ledger = this.#ledger
    return new ReservingWindow(limit, ledger && (window => ledger.grants(kind, window, () => this.#serve())))
  }
}
