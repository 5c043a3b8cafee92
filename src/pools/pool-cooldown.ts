import type { Clock } from '../clock.js'
import { Cooldown, type CooldownOptions, type CooldownStats, type Parked } from '../limits/cooldown.js'
import type { Limit } from '../limits/limit.js'
import type { PoolNews } from './pool-events.js'

/** What a {@link PoolCooldown} needs. */
export type PoolCooldownOptions = Pick<CooldownOptions, 'clock' | 'random' | 'page'>

/** The pool, as its parking sees it. */
export interface PoolCooldownHost {
  readonly limit: Limit | undefined
  readonly live: boolean
  /** Its time is up: when to look again; undefined: it opens. */
  stillClosed(parked: Parked): number | undefined
  /** Runs are told. */
  parked(parked: boolean): void
  publish(news: PoolNews): void
  resume(): void
}

/** A parking that moves by less, in milliseconds, is not told again: each of 64 attempts that are turned away at once moves it a little. */
const TOLD_AGAIN_MS = 1_000

/**
 * The parking of one pool, its own and that of the limit that it shares, as one: what runs and listeners are told.
 * Invariant: they hear in turns that it is parked and that it has opened.
 */
export class PoolCooldown {
  readonly #clock: Clock
  readonly #host: PoolCooldownHost
  readonly #own: Cooldown
  /** As it was told last. */
  #told: Parked | undefined

  constructor({ clock, random, page }: PoolCooldownOptions, host: PoolCooldownHost) {
    this.#clock = clock
    this.#host = host
    this.#own = new Cooldown({
      clock,
      random,
      page,
      isLive: () => host.live,
      onChange: () => this.parkingChanged(),
      recheckAt: parked => host.stillClosed(parked),
    })
  }

  /** That of the pool alone. */
  get own(): Cooldown {
    return this.#own
  }

  /** Why nothing starts: what lasts longest. */
  get parked(): Parked | undefined {
    return this.#longest?.parked
  }

  stats(): CooldownStats {
    return this.#longest?.stats() ?? {}
  }

  /** Looks at the time, and sees to timers: runs have come or gone. */
  refresh(): void {
    this.#own.refresh()
    this.#host.limit?.cooldown.refresh()
  }

  parkingChanged(): void {
    const { parked } = this
    if (parked === undefined) this.#opened()
    else if (this.#told === undefined) this.#closed(parked)
    else if (parked.reason !== this.#told.reason || Math.abs(parked.until - this.#told.until) >= TOLD_AGAIN_MS)
      this.#tell(parked)
  }

  get #longest(): Cooldown | undefined {
    const shared = this.#host.limit?.cooldown
    if (shared?.parked === undefined) return this.#own.parked && this.#own
    return this.#own.parked && this.#own.parked.until > shared.parked.until ? this.#own : shared
  }

  #closed(parked: Parked): void {
    this.#told = parked
    this.#host.parked(true)
    this.#tell(parked)
  }

  #opened(): void {
    if (this.#told === undefined) return this.#host.resume()
    this.#told = undefined
    this.#host.parked(false)
    this.#host.publish({ type: 'pool.opened' })
    this.#host.resume()
  }

  #tell(parked: Parked): void {
    this.#told = parked
    const { until, reason, message } = parked
    const key = this.#longest === this.#own ? undefined : this.#host.limit?.key
    this.#host.publish({
      type: 'pool.parked',
      ...(key !== undefined && { key }),
      until: Math.ceil(this.#clock.now() + until - this.#clock.monotonic()),
      reason,
      ...(message !== undefined && { message }),
    })
  }
}
