import { Cooldown, type CooldownOptions, type CooldownStats, type Parked } from '../limits/cooldown.js'
import type { Limit } from '../limits/limit.js'
import type { PoolEventBody } from './pool-events.js'

/** What a {@link PoolCooldown} is made of. */
export interface PoolCooldownOptions extends CooldownOptions {
  /** The limit of the pool now. */
  limit(): Limit | undefined
  onParkedChange(isParked: boolean): void
  onEvent(event: PoolEventBody): void
  /** Attempts may start, or none may any more. */
  onChange(): void
}

/** A cooldown whose end moves by less is not reported again, in milliseconds: each of 64 attempts rejected at once moves it a little. */
const MIN_REPORTED_CHANGE_MS = 1_000

/**
 * The cooldown of a pool and that of the limit which it shares, reported as one.
 * Invariant: runs are notified alternately that the pool is parked and that it has opened.
 */
export class PoolCooldown {
  /** That of the pool alone. */
  readonly own: Cooldown
  readonly #options: PoolCooldownOptions
  /** As it was reported last. */
  #reported: Parked | undefined

  constructor(options: PoolCooldownOptions) {
    this.#options = options
    this.own = new Cooldown({ ...options, onChange: () => this.update() })
  }

  /** Why nothing starts: of both cooldowns, the one that ends last. */
  get parked(): Parked | undefined {
    return this.#longest?.parked
  }

  stats(): CooldownStats {
    return this.#longest?.stats() ?? {}
  }

  /** Opens if the time is up. Call it when the first run has come or the last one has gone. */
  refresh(): void {
    this.own.refresh()
    this.#options.limit()?.cooldown.refresh()
  }

  /** One of the cooldowns has changed. */
  update(): void {
    this.#reportChange()
    this.#options.onChange()
  }

  #reportChange(): void {
    const { parked } = this
    const reported = this.#reported
    if (parked === undefined) return this.#open()
    if (reported === undefined) this.#options.onParkedChange(true)
    else if (parked.reason === reported.reason && Math.abs(parked.until - reported.until) < MIN_REPORTED_CHANGE_MS)
      return
    this.#report(parked)
  }

  get #longest(): Cooldown | undefined {
    const { own } = this
    const shared = this.#options.limit()?.cooldown
    if (shared?.parked === undefined) return own.parked && own
    return own.parked && own.parked.until > shared.parked.until ? own : shared
  }

  #open(): void {
    if (this.#reported === undefined) return
    const { onParkedChange, onEvent } = this.#options
    this.#reported = undefined
    onParkedChange(false)
    onEvent({ type: 'pool.opened' })
  }

  #report(parked: Parked): void {
    const { clock, limit, onEvent } = this.#options
    this.#reported = parked
    const { until, reason, message } = parked
    const key = this.#longest === this.own ? undefined : limit()?.key
    onEvent({
      type: 'pool.parked',
      ...(key !== undefined && { key }),
      until: Math.ceil(clock.now() + until - clock.monotonic()),
      reason,
      ...(message !== undefined && { message }),
    })
  }
}
