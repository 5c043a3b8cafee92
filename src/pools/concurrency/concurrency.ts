import * as z from 'zod'
import type { AttemptOutcome } from '../../core/failure/attempt-outcome.js'
import type { FailureKind } from '../../core/failure/failure.js'
import { once } from '../../core/once.js'
import type { Machine } from '../../machine.js'
import { checkValue, positiveInteger } from '../../options-check.js'
import { type AdaptiveConcurrency, AdaptiveLimit, adaptiveConcurrencyRule } from './adaptive-limit.js'
import { autoConcurrency, type WorkHint } from './auto-concurrency.js'
import { MemoryGate } from './memory-gate.js'

/** How many attempts of a pool run at once: a number; a range, in which the pool adapts it; or `auto`: a range that fits the machine. */
export type PoolConcurrency = number | AdaptiveConcurrency | 'auto'

/** The rule for {@link PoolConcurrency}. Issues are those of the form that the value has: a number, a range, or `auto`. */
export const poolConcurrencyRule: () => z.ZodType = once(() =>
  z.unknown().superRefine((value, context) => {
    if (value === 'auto') return
    const rule = typeof value === 'object' && value !== null ? adaptiveConcurrencyRule() : positiveInteger
    for (const issue of rule.safeParse(value).error?.issues ?? [])
      context.addIssue(issue as Parameters<typeof context.addIssue>[0] & object)
  }),
)

/** What a {@link Concurrency} is made of. */
export interface ConcurrencyOptions {
  readonly value: PoolConcurrency
  readonly pool: string
  readonly machine: Machine
  readonly hint: WorkHint
  /** The limit has changed: it was set, raised after a success, or lowered after a failure of this kind. */
  onChange(previous: number, reason: 'host' | 'success' | FailureKind): void
}

/** How many attempts of a pool may be in flight. */
export class Concurrency {
  readonly #options: ConcurrencyOptions
  #limit = 1
  #range: { readonly min: number; readonly max: number } | undefined
  #adaptive: AdaptiveLimit | undefined
  #memory: MemoryGate | undefined

  /** @throws INVALID_INPUT as `set` does. */
  constructor(options: ConcurrencyOptions) {
    this.#options = options
    this.#apply(options.value)
  }

  get limit(): number {
    return this.#limit
  }

  /** The bounds, when it is adaptive. */
  get range(): { readonly min: number; readonly max: number } | undefined {
    return this.#range
  }

  /** True when it adapts: then it needs to know when attempts start. */
  get isAdaptive(): boolean {
    return this.#adaptive !== undefined
  }

  /**
   * A range without `start` keeps the limit of the range before.
   * @throws INVALID_INPUT for anything but a positive integer, a valid range, or `auto`.
   */
  set(value: PoolConcurrency): void {
    const previous = this.#limit
    this.#apply(value)
    if (this.#limit !== previous) this.#options.onChange(previous, 'host')
  }

  /** An attempt has ended. `inFlight` includes it. */
  attemptEnded(now: number, startedAt: number, outcome: AttemptOutcome, inFlight: number): void {
    const adaptive = this.#adaptive
    if (adaptive === undefined) return
    const signal = outcome.ok ? 'ok' : adaptive.signalOf(outcome.failure)
    if (!adaptive.ended(now, startedAt, signal, inFlight)) return
    const previous = this.#limit
    this.#limit = adaptive.limit
    this.#options.onChange(previous, outcome.ok ? 'success' : outcome.failure.kind)
  }

  /** False when there is too little memory for one more process; ask again in a second. */
  hasMemory(now: number, inFlight: number): boolean {
    return this.#memory === undefined || this.#memory.canStart(now, inFlight)
  }

  #apply(value: PoolConcurrency): void {
    const { pool, machine, hint } = this.#options
    const path = `pools.${pool}.concurrency`
    if (value === 'auto') this.#adapt(autoConcurrency(machine, hint), path)
    else if (typeof value === 'object' && value !== null) this.#adapt(value, path)
    else {
      this.#limit = checkValue(positiveInteger, value, path)
      this.#range = undefined
      this.#adaptive = undefined
    }
    const { work, memoryBytes } = hint
    const isGated = value === 'auto' && work === 'process'
    this.#memory = isGated ? new MemoryGate({ machine, ...(memoryBytes && { memoryBytes }) }) : undefined
  }

  #adapt(range: AdaptiveConcurrency, path: string): void {
    const keepsLimit = this.#adaptive !== undefined && range.start === undefined
    const start = Math.min(range.max, Math.max(range.min, this.#limit))
    this.#adaptive = new AdaptiveLimit(keepsLimit ? { ...range, start } : range, path)
    this.#limit = this.#adaptive.limit
    this.#range = { min: range.min, max: range.max }
  }
}
