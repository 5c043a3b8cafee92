import { type WindowLimit, wholeWeight } from '../rate-window.js'
import { GrantHistory } from './grant-history.js'
import type { GrantRecord, WindowKind } from './records.js'

/** A window that holds over a restart: a `RateWindow`. */
export interface DurableWindow {
  readonly limit: WindowLimit
  /** This much started at `now`, before the restart. */
  add(now: number, weight: number): unknown
}

/** The size of a grant, as a share of the limit. A grant is at least 1. */
const GRANT_SHARE = 0.1

/**
 * - `unread`: the stream has not been read. Nothing may start, as it is unknown what has started before.
 * - `open`: as much may start as has been granted.
 * - `closed`: nothing may start any more.
 */
type GrantState = 'unread' | 'open' | 'closed'

/** A record that is not durable yet. */
interface RecordInFlight {
  readonly at: number
  readonly used: number
  /** By how much it raises what may start. */
  readonly more: number
  readonly perMs: number
}

/**
 * What may start in one window of a limit key, as far as it has been granted in the stream. A grant is durable before anything starts under
 * it; after a crash, the next process counts all of it as used. The sequence is drawn in docs/decisions/011.
 *
 * Invariant: no more has started since the last durable record than that record left open, unless `use` was called without `covers`.
 */
export class Grants {
  readonly key: string
  readonly kind: WindowKind
  readonly #request: (grants: Grants) => void
  #state: GrantState = 'unread'
  #history = new GrantHistory()
  #window: DurableWindow | undefined
  #onReady: () => void = () => {}
  /** What may still start under the durable grants. Negative after more was used than was granted. */
  #left = 0
  /** What has started since the last durable record. */
  #used = 0
  /** When this little is left, the next grant is requested, so that starts rarely wait for it. */
  #lowMark = 0
  /** The largest weight for which `covers` has returned false. */
  #demand = 0
  /** True when `onReady` is to be called once `#demand` is covered. */
  #isWaiting = false
  #inFlight: RecordInFlight | undefined
  /** True when the stream has, or may have, a record of this process. */
  #isInStream = false

  /** @internal `LimitLedger.grants` creates it. `request` asks for a record. */
  constructor(key: string, kind: WindowKind, request: (grants: Grants) => void) {
    this.key = key
    this.kind = kind
    this.#request = request
  }

  /**
   * True when this weight may start. If not, a grant is requested, and the `ready` that was given to `LimitLedger.grants` is called when
   * another call is worthwhile. Uses nothing: pass the sum of all that has been reserved and not used.
   */
  covers(weight = 1): boolean {
    const whole = wholeWeight(weight)
    if (this.#hasLeft(whole)) return true
    this.#demand = Math.max(this.#demand, whole)
    // The stream may be synchronous: the caller gets the answer from this call, not from `onReady`.
    this.#isWaiting = false
    this.#request(this)
    this.#isWaiting = !this.#hasLeft(this.#demand)
    if (!this.#isWaiting) this.#demand = 0
    return this.#hasLeft(whole)
  }

  /** This weight has started, or a start has turned out to weigh this much more. A lower weight is not given back: it may be durable already. */
  use(weight = 1): void {
    const whole = wholeWeight(weight)
    this.#used += whole
    this.#left -= whole
    if (this.#left <= this.#lowMark) this.#request(this)
  }

  /** @internal Sets the window that the grants are for, and adds what has started before to it. */
  attach(now: number, window: DurableWindow, onReady: () => void): void {
    this.#onReady = onReady
    if (this.#window === window) return
    this.#window = window
    this.#restore()
    if (this.#used > 0) window.add(now, this.#used)
  }

  /** @internal The stream has been read. */
  open(history: GrantHistory | undefined): void {
    if (history) this.#history = history
    this.#state = 'open'
    this.#restore()
  }

  /** @internal After `open` or `onDurable`: calls `ready` if `covers` would return true now, or requests another grant. */
  notify(): void {
    if (!this.#isWaiting) return
    if (!this.#hasLeft(this.#demand)) return this.#request(this)
    this.#isWaiting = false
    this.#demand = 0
    this.#onReady()
  }

  /** @internal The next record, with a new grant; undefined when enough is left. */
  nextRecord(now: number): GrantRecord | undefined {
    if (this.#window === undefined || (this.#left > this.#lowMark && this.#left >= this.#demand)) return undefined
    const { limit, perMs } = this.#window.limit
    const size = Math.ceil(limit * GRANT_SHARE)
    this.#lowMark = Math.floor(size / 2)
    const left = Math.max(this.#left, 0)
    return this.#record(now, perMs, left + Math.max(size, this.#demand - left))
  }

  /** @internal The present state, as a record without a new grant; undefined when the stream has none of this process. */
  currentRecord(now: number): GrantRecord | undefined {
    return this.#recordIfKnown(now, Math.max(this.#left, 0))
  }

  /** @internal A record that gives back what is left; undefined when there is nothing to give back. */
  finalRecord(now: number): GrantRecord | undefined {
    return this.#recordIfKnown(now, 0)
  }

  /** @internal The record is durable. Call `notify` afterwards. */
  onDurable(): void {
    if (this.#inFlight === undefined) return
    const { at, used, more, perMs } = this.#inFlight
    this.#inFlight = undefined
    this.#history.add(at, used, perMs)
    this.#used -= used
    this.#left += more
  }

  /** @internal */
  close(): void {
    this.#state = 'closed'
  }

  /** @internal What may still be in a window, as records without a grant. */
  *pastRecords(now: number): Iterable<{ readonly at: number; readonly record: GrantRecord }> {
    const { key, kind } = this
    for (const { at, weight, perMs } of this.#history.recent(now))
      yield { at, record: { key, kind, used: weight, open: 0, perMs } }
  }

  #hasLeft(weight: number): boolean {
    return this.#state === 'open' && this.#left >= weight
  }

  #recordIfKnown(now: number, open: number): GrantRecord | undefined {
    if (this.#window === undefined || !this.#isInStream) return undefined
    return this.#record(now, this.#window.limit.perMs, open)
  }

  #record(at: number, perMs: number, open: number): GrantRecord {
    this.#isInStream = true
    this.#inFlight = { at, used: this.#used, more: open - this.#left, perMs }
    return { key: this.key, kind: this.kind, used: this.#used, open, perMs }
  }

  #restore(): void {
    for (const { at, weight } of this.#history.all) this.#window?.add(at, weight)
  }
}
