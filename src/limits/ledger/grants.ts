import { type WindowLimit, wholeWeight } from '../rate-window.js'
import { GrantHistory } from './grant-history.js'
import type { GrantRecord, WindowKind } from './records.js'

/** A window that is to hold over a restart: a `RateWindow`, or what stands for one. */
export interface DurableWindow {
  readonly limit: WindowLimit
  /** So much started at `now`, before the restart. */
  add(now: number, weight: number): unknown
}

/** A grant is for so much of the limit, in times. At least 1. */
const SHARE = 0.1

/** What is on its way to the stream. */
interface Asked {
  readonly at: number
  readonly used: number
  readonly more: number
  readonly perMs: number
}

/**
 * What may start under one limit key as far as the stream knows: grants. A grant is durable before what it allows starts; a process that
 * comes after a crash counts all of it as used. `LimitLedger.grants` gives one.
 *
 * Invariant: since the last durable record no more has started than that record left open, unless `use` was called without `covers`.
 */
export class Grants {
  readonly key: string
  readonly kind: WindowKind
  readonly #ask: (grants: Grants) => void
  #history = new GrantHistory()
  #window: DurableWindow | undefined
  #ready: () => void = () => {}
  /** What may still start. Nothing while it is not known what started before the restart. */
  #left = Number.NEGATIVE_INFINITY
  /** What has started since the last durable record. */
  #used = 0
  /** So much or less is left: the next grant is asked for, so that one rarely waits for it. */
  #low = 0
  /** The most that somebody waits for; -1: nobody does. */
  #wanted = -1
  /** The answer goes to who asks, not to `#ready`. */
  #isAsking = false
  #asked: Asked | undefined
  /** The stream has heard of it in this life, or may have. */
  #isKnown = false

  /** @internal `LimitLedger.grants` makes it. */
  constructor(key: string, kind: WindowKind, ask: (grants: Grants) => void) {
    this.key = key
    this.kind = kind
    this.#ask = ask
  }

  /**
   * True when something of this weight may start as far as the stream knows. If not, it is asked for, and the `ready` that was given to
   * `LimitLedger.grants` is called when it is worth another try. Nothing is used yet. What has been claimed and not used counts here:
   * ask for the sum.
   */
  covers(weight = 1): boolean {
    const whole = wholeWeight(weight)
    if (this.#left >= whole) return true
    this.#wanted = Math.max(this.#wanted, whole)
    this.#isAsking = true
    this.#ask(this)
    this.#isAsking = false
    if (this.#left >= this.#wanted) this.#wanted = -1
    return this.#left >= whole
  }

  /**
   * Something of this weight starts, or turned out to weigh so much more. What turned out to weigh less is not given back: it may have
   * been written already.
   */
  use(weight = 1): void {
    const whole = wholeWeight(weight)
    this.#used += whole
    this.#left -= whole
    if (this.#left <= this.#low) this.#ask(this)
  }

  /** @internal The window that the grants are for, and whom to tell. What is known of the time before is put into it. */
  bind(now: number, window: DurableWindow, ready: () => void): void {
    this.#ready = ready
    if (this.#window === window) return
    this.#window = window
    this.#restore()
    if (this.#used > 0) window.add(now, this.#used)
  }

  /** @internal The stream has been read: this is what it knew. */
  open(history: GrantHistory | undefined): void {
    if (history) this.#history = history
    this.#left = 0 - this.#used
    this.#restore()
  }

  /** @internal Whoever waited for the stream to be read may try again. */
  wake(): void {
    if (this.#wanted < 0 || this.#isAsking) return
    this.#wanted = -1
    this.#ready()
  }

  /** @internal The next record, with a new grant; undefined when that is not needed (any more). */
  next(now: number): GrantRecord | undefined {
    if (this.#window === undefined) return undefined
    const { limit, perMs } = this.#window.limit
    const size = this.#nextSize(limit)
    return size > 0 ? this.#record(now, perMs, Math.max(this.#left, 0) + size) : undefined
  }

  /** @internal How it stands, as a record that grants nothing new; undefined when the stream knows nothing of it. */
  present(now: number): GrantRecord | undefined {
    if (this.#window === undefined || !this.#isKnown) return undefined
    return this.#record(now, this.#window.limit.perMs, Math.max(this.#left, 0))
  }

  /** @internal The last record: what is left is given back. Undefined: there is nothing to give back. */
  last(now: number): GrantRecord | undefined {
    return this.#window && this.#isKnown ? this.#record(now, this.#window.limit.perMs, 0) : undefined
  }

  /** @internal The record is durable. `settle` tells whoever waited for it. */
  written(): void {
    if (this.#asked === undefined) return
    const { at, used, more, perMs } = this.#asked
    this.#asked = undefined
    this.#history.add(at, used, perMs)
    this.#used -= used
    this.#left += more
  }

  /** @internal After `written`, when the next record may be made. */
  settle(): void {
    if (this.#wanted < 0 || this.#isAsking) return
    if (this.#left >= this.#wanted) this.wake()
    else this.#ask(this)
  }

  /** @internal Nothing starts any more. */
  close(): void {
    this.#left = Number.NEGATIVE_INFINITY
  }

  /** @internal What may still matter, as records that leave nothing open. */
  *past(now: number): Iterable<{ readonly at: number; readonly record: GrantRecord }> {
    const { key, kind } = this
    for (const { at, weight, perMs } of this.#history.recent(now))
      yield { at, record: { key, kind, used: weight, open: 0, perMs } }
  }

  /** 0: enough is left. */
  #nextSize(limit: number): number {
    if (this.#left > this.#low && this.#left >= this.#wanted) return 0
    const size = Math.ceil(limit * SHARE)
    this.#low = Math.floor(size / 2)
    return Math.max(size, this.#wanted - Math.max(this.#left, 0))
  }

  #record(now: number, perMs: number, open: number): GrantRecord {
    this.#isKnown = true
    this.#asked = { at: now, used: this.#used, more: open - this.#left, perMs }
    return { key: this.key, kind: this.kind, used: this.#used, open, perMs }
  }

  #restore(): void {
    for (const { at, weight } of this.#history.all) this.#window?.add(at, weight)
  }
}
