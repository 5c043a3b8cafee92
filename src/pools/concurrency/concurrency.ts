import * as z from 'zod'
import type { AttemptOutcome } from '../../core/failure/attempt-outcome.js'
import type { FailureKind } from '../../core/failure/failure.js'
import type { Machine } from '../../machine.js'
import { checkValue, positiveInteger } from '../../options-check.js'
import { type AdaptiveConcurrency, AdaptiveLimit, adaptiveConcurrencyRule } from './adaptive-limit.js'
import { autoConcurrency, ProcessAdmission, type WorkHint } from './auto-concurrency.js'

/** How many attempts of a pool run at once: a number; a range in which the pool finds it by trying; or `auto`: a range that fits the machine. */
export type PoolConcurrency = number | AdaptiveConcurrency | 'auto'

/** The rule for {@link PoolConcurrency}. Issues are those of the form that the value has: a number, a range, or `auto`. */
export const poolConcurrencyRule: z.ZodType = z.unknown().superRefine((value, context) => {
  if (value === 'auto') return
  const rule = typeof value === 'object' && value !== null ? adaptiveConcurrencyRule : positiveInteger
  for (const issue of rule.safeParse(value).error?.issues ?? [])
    context.addIssue(issue as Parameters<typeof context.addIssue>[0] & object)
})

/** How many attempts run at once, as it was set or as it was found. */
export class Concurrency {
  readonly #pool: string
  readonly #machine: Machine
  readonly #hint: WorkHint
  #limit = 1
  #range: { readonly min: number; readonly max: number } | undefined
  #adaptive: AdaptiveLimit | undefined
  #processes: ProcessAdmission | undefined

  /** @throws INVALID_INPUT as `set` does. */
  constructor(value: PoolConcurrency, pool: string, machine: Machine, hint: WorkHint) {
    this.#pool = pool
    this.#machine = machine
    this.#hint = hint
    this.set(value)
  }

  get limit(): number {
    return this.#limit
  }

  /** The bounds, when it adapts. */
  get range(): { readonly min: number; readonly max: number } | undefined {
    return this.#range
  }

  /** True when it wants to know when attempts start. */
  get adapts(): boolean {
    return this.#adaptive !== undefined
  }

  /** True when it bounds processes by memory. */
  get weighsMemory(): boolean {
    return this.#processes !== undefined
  }

  /**
   * A range goes on from where the limit is, unless it says where to start.
   * @throws INVALID_INPUT for anything but a positive integer, a range as documented, or `auto`.
   */
  set(value: PoolConcurrency): void {
    const path = `pools.${this.#pool}.concurrency`
    if (typeof value === 'object' && value !== null) return this.#adapt(value, path)
    if (value === 'auto') {
      this.#adapt(autoConcurrency(this.#machine, this.#hint), path)
      const { memoryBytes } = this.#hint
      if (this.#hint.work === 'process')
        this.#processes = new ProcessAdmission({ machine: this.#machine, ...(memoryBytes && { memoryBytes }) })
      return
    }
    this.#limit = checkValue(positiveInteger, value, path)
    this.#range = undefined
    this.#adaptive = undefined
    this.#processes = undefined
  }

  /** What lowered or raised the limit, if the end of an attempt did. `running` counts that one too. */
  ended(now: number, startedAt: number, outcome: AttemptOutcome, running: number): 'success' | FailureKind | undefined {
    const adaptive = this.#adaptive
    if (adaptive === undefined) return undefined
    const signal = outcome.ok ? 'ok' : adaptive.signalOf(outcome.failure)
    if (!adaptive.ended(now, startedAt, signal, running)) return undefined
    this.#limit = adaptive.limit
    return outcome.ok ? 'success' : outcome.failure.kind
  }

  /** May one more process start? When not, ask again in a second. */
  hasMemory(now: number, running: number): boolean {
    return this.#processes === undefined || this.#processes.admits(now, running)
  }

  #adapt(range: AdaptiveConcurrency, path: string): void {
    const goesOn = this.#adaptive !== undefined && range.start === undefined
    const start = Math.min(range.max, Math.max(range.min, this.#limit))
    this.#adaptive = new AdaptiveLimit(goesOn ? { ...range, start } : range, path)
    this.#processes = undefined
    this.#limit = this.#adaptive.limit
    this.#range = { min: range.min, max: range.max }
  }
}
