import type { Clock } from '../clock.js'
import type { ParkReason } from '../core/failure/failure.js'
import { Refusals } from '../core/failure/refusals.js'
import type { LedgerEntry } from './ledger/limit-ledger.js'
import { OneShotTimer } from './one-shot-timer.js'
import { SlowStart } from './slow-start.js'

/** Why nothing starts, and until when. */
export interface Parked {
  /** In milliseconds of the clock's `monotonic`. */
  readonly until: number
  readonly reason: ParkReason
  readonly message: string | undefined
}

/** The cooldown of a pool or a limit, in its stats. */
export type CooldownStats = {
  /** While it is parked: when it opens, in milliseconds since 1970. */
  readonly parkedUntil?: number
  /** What is left until then, in milliseconds. */
  readonly parkedMs?: number
  readonly parkedReason?: ParkReason
}

export interface CooldownOptions {
  readonly clock: Clock
  /** Gives numbers in [0, 1), for jitter. */
  readonly random: () => number
  /** Keeps the cooldown over a restart. Nothing starts before it has been read. */
  readonly ledger?: LedgerEntry | undefined
  /** True while there are runs: only then is there a timer. Call `refresh` when it changes. */
  isLive(): boolean
  /** The most attempts in flight when no cooldown has ended lately. */
  normalLimit(): number
  /** It is parked, its time or reason has changed, it has opened, more attempts may start, or what was durable of it has been read. */
  onChange(): void
  /** The time is up. Returns when to ask again (ms of the clock's `monotonic`), undefined to open. Default: opens. */
  recheckAt?(parked: Parked): number | undefined
}

/** A cooldown lasts up to this share longer, at random, so that the clients of a provider do not all return at once ... */
const JITTER = 0.1
/** ... but at most this much. */
const LONGEST_JITTER_MS = 5_000

/** The `random` for no jitter. */
export const NO_JITTER = (): number => 0

/** The library parks for these reasons itself and rechecks them. Any other reason replaces them, even if it ends sooner. */
const OWN_REASONS: readonly ParkReason[] = ['unhealthy', 'retry-budget']

/**
 * A time in which nothing starts, followed by a slow start.
 *
 * Invariants: of several cooldowns the one that ends last counts. An expired one reads as open from the next `refresh` on, even if its
 * timer has not fired yet. What blocks starts always has an end: the time of the cooldown, or the deadline of an attempt of the slow start.
 */
export class Cooldown {
  /** The attempts that were refused in a row. */
  readonly refusals: Refusals = new Refusals()
  /** Begins when the cooldown ends. */
  readonly #slowStart: SlowStart = new SlowStart()
  readonly #options: CooldownOptions
  readonly #timer: OneShotTimer
  #parked: Parked | undefined
  #durable: 'unread' | 'reading' | 'read'

  constructor(options: CooldownOptions) {
    this.#options = options
    this.#durable = options.ledger === undefined ? 'read' : 'unread'
    this.#timer = new OneShotTimer(options.clock, () => this.refresh())
  }

  /** Why and until when nothing starts; undefined: it is not parked. */
  get parked(): Parked | undefined {
    return this.#parked
  }

  /** True when an attempt may start. */
  get canStart(): boolean {
    return this.#slowStart.hasRoom && this.#parked === undefined && this.#durable === 'read'
  }

  /** An attempt starts; after `probeMs` without an answer it blocks no other. Returns the ticket for `answered` and `released`. */
  started(now: number, probeMs: number): number {
    const ticket = this.#slowStart.started(now + probeMs)
    if (!this.#slowStart.hasRoom) this.#setTimer()
    return ticket
  }

  /** False when the attempt with this ticket, which has not called its backend, may not do so: it was parked since. */
  mayCall(ticket: number): boolean {
    return this.#parked === undefined && this.#slowStart.includes(ticket)
  }

  /** The backend has answered the attempt with this ticket. */
  answered(ticket: number): void {
    if (this.#parked === undefined) this.#slowStart.answered(ticket, this.#options.normalLimit())
  }

  /** The attempt with this ticket is over. */
  released(ticket: number): void {
    this.#slowStart.released(ticket)
  }

  /** Starts nothing for `ms`, plus jitter. Returns false when it is parked for at least as long already. */
  park(ms: number, reason: ParkReason, message?: string): boolean {
    const { clock, random, onChange } = this.#options
    const until = clock.monotonic() + ms + Math.min(ms * JITTER, LONGEST_JITTER_MS) * random()
    const isOwn = OWN_REASONS.includes(reason)
    const previous = this.#parked
    const isReplaced = previous !== undefined && OWN_REASONS.includes(previous.reason) && !isOwn
    if (previous !== undefined && previous.until >= until && !isReplaced) return false
    this.#parked = { until, reason, message }
    // After a restart, breakers and retry budgets start empty, so the cooldowns that they cause are not kept.
    if (!isOwn) this.#persist(this.#parked)
    this.refresh()
    onChange()
    return true
  }

  /** Opens now. */
  unpark(): void {
    this.#timer.cancel()
    if (this.#parked === undefined) return
    if (this.#options.clock.monotonic() < this.#parked.until) this.#options.ledger?.opened()
    this.#parked = undefined
    this.#slowStart.begin()
    this.#options.onChange()
  }

  /** Opens if the time is up, and sets or cancels the timer. Call it when `isLive` has changed, too. */
  refresh(): void {
    const now = this.#options.clock.monotonic()
    if (this.#durable === 'unread' && this.#options.isLive()) this.#read()
    if (this.#parked === undefined) this.#expire(now)
    else if (now >= this.#parked.until) this.#recheck(this.#parked)
    this.#timer.cancel()
    this.#setTimer()
  }

  /** What the cooldown waits for has changed: it opens, or gets a new time, which may be earlier. */
  recheck(): void {
    if (this.#parked === undefined) return
    this.#recheck(this.#parked)
    this.#timer.cancel()
    this.#setTimer()
    this.#options.onChange()
  }

  stats(): CooldownStats {
    const { clock } = this.#options
    const leftMs = this.#parked ? this.#parked.until - clock.monotonic() : 0
    if (this.#parked === undefined || leftMs <= 0) return {}
    const parkedUntil = Math.ceil(clock.now() + leftMs)
    return { parkedUntil, parkedMs: Math.ceil(leftMs), parkedReason: this.#parked.reason }
  }

  #recheck(parked: Parked): void {
    const until = this.#options.recheckAt?.(parked)
    if (until === undefined) this.unpark()
    else this.#parked = { ...parked, until }
  }

  #expire(now: number): void {
    const { normalLimit, onChange } = this.#options
    if (now < this.#slowStart.nextRoomAt) return
    this.#slowStart.expire(now, normalLimit())
    this.refusals.accepted(now)
    onChange()
  }

  #setTimer(): void {
    const at = this.#parked?.until ?? this.#slowStart.nextRoomAt
    if (at < Number.POSITIVE_INFINITY && this.#options.isLive()) this.#timer.fireBy(at)
  }

  #persist({ until, reason, message }: Parked): void {
    const { clock, ledger } = this.#options
    const wallUntil = Math.ceil(clock.now() + until - clock.monotonic())
    ledger?.parked({ until: wallUntil, reason, ...(message !== undefined && { message }) })
  }

  #read(): void {
    const { clock, ledger, onChange } = this.#options
    this.#durable = 'reading'
    ledger?.read(parking => {
      this.#durable = 'read'
      const until = clock.monotonic() + (parking?.leftMs ?? 0)
      if (parking !== undefined && until > (this.#parked?.until ?? 0))
        this.#parked = { until, reason: parking.reason, message: parking.message }
      this.refresh()
      onChange()
    })
  }
}
