import type { Clock } from '../clock.js'
import type { ParkReason } from '../core/failure/failure.js'
import type { LedgerPage } from './ledger/ledger-page.js'
import { OneShotTimer } from './one-shot-timer.js'

/** Why nothing starts, and until when. */
export interface Parked {
  /** In milliseconds of the clock's `monotonic`. */
  readonly until: number
  readonly reason: ParkReason
  readonly message: string | undefined
}

/** As a host sees it. */
export interface CooldownStats {
  /** While it is parked: when it opens, in milliseconds since 1970. */
  readonly parkedUntil?: number
  /** What is left until then, in milliseconds. */
  readonly parkedMs?: number
  readonly parkedReason?: ParkReason
}

/** Of whose attempts a {@link Cooldown} decides. */
export interface CooldownHost {
  readonly clock: Clock
  /** Gives numbers in [0, 1). */
  readonly random: () => number
  /** True while somebody may have something to start: only then is there a timer. */
  readonly live: boolean
  /** What keeps it over a restart; nothing starts before it has been read. */
  readonly page?: LedgerPage | undefined
  /** It was parked, also for longer than before, or it has opened, or it is known now that it is not parked. */
  parkingChanged(): void
  /** The time of a parking is up: when to look again (ms of the clock's `monotonic`); undefined: it opens. */
  stillClosed?(parked: Parked): number | undefined
}

/** It opens up to so much later than was asked for, by lot, that not all who share a provider come back at once: a part, and milliseconds. */
const JITTER = 0.1
const LONGEST_JITTER_MS = 5_000

/** For who gives no chance: nothing is later than it must be. */
export const NO_JITTER = (): number => 0

/** An attempt that started while nothing was bounded. */
const UNCOUNTED = -1

/** Reasons of the library itself, which it looks into again by itself. They give way to what a provider or the host says. */
const OWN: readonly ParkReason[] = ['unhealthy', 'retry-budget']

/**
 * Whether attempts may start: not while it is parked; then one, then twice as many at once with each that is answered, until there
 * are as many as there would be anyway. One that is answered now and had started before makes it one more: so after a short parking,
 * with many still in flight, starts follow answers at once; after a long one they begin slowly.
 *
 * Invariants: the longest parking wins: a shorter one that comes later changes nothing. While it opens, at most `#width` attempts that
 * started since are in flight; those from before, of which some may hang for an hour, are not counted. Who looks finds it open when its
 * time is up, timer or not.
 */
export class Cooldown {
  readonly #place: CooldownHost
  readonly #alarm: OneShotTimer
  #parked: Parked | undefined
  /** Grows with each opening: tells attempts from before it. */
  #opening = 0
  #width = Number.POSITIVE_INFINITY
  #young = 0
  #isRead: boolean

  constructor(place: CooldownHost) {
    this.#place = place
    this.#isRead = place.page === undefined
    if (!this.#isRead) this.#width = 0
    this.#alarm = new OneShotTimer(place.clock, () => this.refresh())
  }

  /** Why and until when it is parked; undefined: it is not. */
  get parked(): Parked | undefined {
    return this.#parked
  }

  get mayStart(): boolean {
    return this.#young < this.#width && this.#parked === undefined
  }

  /** An attempt starts: gives what `released` and `answered` want back. Nothing is counted where nothing is bounded. */
  started(): number {
    if (this.#width === Number.POSITIVE_INFINITY) return UNCOUNTED
    this.#young++
    return this.#opening
  }

  released(opening: number): void {
    if (opening === this.#opening) this.#young--
  }

  /** A backend took an attempt and answered. `full` is how many may be in flight where nothing is parked. */
  answered(opening: number, full: number): void {
    if (this.#width === Number.POSITIVE_INFINITY || this.#parked !== undefined) return
    const wider = opening === this.#opening ? 2 * this.#width : this.#width + 1
    this.#width = wider >= full ? Number.POSITIVE_INFINITY : wider
  }

  /** Parks for `ms` and a little longer, by lot. False when it is parked for as long already. */
  park(ms: number, reason: ParkReason, message?: string): boolean {
    const { clock, random } = this.#place
    const until = clock.monotonic() + ms + Math.min(ms * JITTER, LONGEST_JITTER_MS) * random()
    const before = this.#parked
    const givesWay = before !== undefined && OWN.includes(before.reason) && !OWN.includes(reason)
    if (before !== undefined && before.until >= until && !givesWay) return false
    this.#parked = { until, reason, message }
    if (!OWN.includes(reason)) this.#keep(this.#parked)
    this.refresh()
    this.#place.parkingChanged()
    return true
  }

  /** It is over, whatever its time. */
  unpark(): void {
    this.#alarm.cancel()
    if (this.#parked === undefined) return
    if (this.#place.clock.monotonic() < this.#parked.until) this.#place.page?.opened()
    this.#parked = undefined
    this.#opening++
    this.#width = Math.min(1, this.#width)
    this.#young = 0
    this.#place.parkingChanged()
  }

  /** Looks whether its time is up, and sees to it that somebody will. To be called when `live` has changed, too. */
  refresh(): void {
    if (!this.#isRead && this.#place.live) this.#read()
    if (this.#parked === undefined) return
    const now = this.#place.clock.monotonic()
    if (now >= this.#parked.until) {
      const until = this.#place.stillClosed?.(this.#parked)
      if (until === undefined) return this.unpark()
      this.#parked = { ...this.#parked, until }
    }
    this.#alarm.cancel()
    if (this.#place.live) this.#alarm.set(this.#parked.until)
  }

  stats(): CooldownStats {
    const leftMs = this.#parked ? this.#parked.until - this.#place.clock.monotonic() : 0
    if (this.#parked === undefined || leftMs <= 0) return {}
    const parkedUntil = Math.ceil(this.#place.clock.now() + leftMs)
    return { parkedUntil, parkedMs: Math.ceil(leftMs), parkedReason: this.#parked.reason }
  }

  /** Breakers and retry budgets start afresh after a restart, and so do the parkings that they cause. */
  #keep({ until, reason, message }: Parked): void {
    const { clock, page } = this.#place
    const wallUntil = Math.ceil(clock.now() + until - clock.monotonic())
    page?.parked({ until: wallUntil, reason, ...(message !== undefined && { message }) })
  }

  #read(): void {
    this.#isRead = true
    this.#place.page?.read(parking => {
      this.#width = Number.POSITIVE_INFINITY
      const until = this.#place.clock.monotonic() + (parking?.leftMs ?? 0)
      if (parking !== undefined && until > (this.#parked?.until ?? 0))
        this.#parked = { until, reason: parking.reason, message: parking.message }
      this.refresh()
      this.#place.parkingChanged()
    })
  }
}
