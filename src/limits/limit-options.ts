import * as z from 'zod'
import type { Clock } from '../clock.js'
import { once } from '../core/once.js'
import { clockPort, fn, optionsOf, positiveInteger } from '../options-check.js'
import type { CooldownStats } from './cooldown.js'
import type { LedgerEntry } from './ledger/limit-ledger.js'
import { type WindowLimit, windowRule } from './rate-window.js'
import type { WindowLoad } from './reserving-window.js'

/** What the pools of a limit key may do together. */
export interface LimitOptions {
  /** The most attempts in flight, over all pools of the key. Default: no bound. */
  readonly concurrency?: number | undefined
  /** The most attempts that start in any `perMs`. Default: no bound. */
  readonly requests?: WindowLimit | undefined
  /** The most tokens that the attempts starting in any `perMs` use: by their estimates, corrected when they end. Default: no bound. */
  readonly tokens?: WindowLimit | undefined
}

/** What a `Limit` is constructed with. */
export type LimitInit = LimitOptions & {
  /** The `limitKey` of its pools. */
  readonly key: string
  /** That of its pools. Default: `systemClock`. */
  readonly clock?: Clock | undefined
  /** Gives numbers in [0, 1), for jitter. Default: no jitter. */
  readonly random?: (() => number) | undefined
  /** The path of its options, for errors. Default: `limits.` and its key. */
  readonly path?: string | undefined
  /** @internal Keeps it over a restart. Default: nothing does. */
  readonly ledger?: LedgerEntry | undefined
  /** @internal Whether the ledger keeps its cooldown too. Default true; false for the windows of one pool, which has a cooldown itself. */
  readonly keepsCooldown?: boolean | undefined
}

/** What a limit is doing now. */
export type LimitStats = CooldownStats & {
  /** Attempts that hold a slot, in all pools of the key. */
  readonly running: number
  readonly concurrency?: number
  readonly requests?: WindowLoad
  readonly tokens?: WindowLoad
}

/** The rule of {@link LimitOptions}. */
export const limitOptionsRule: () => z.ZodObject = once(() =>
  optionsOf({
    concurrency: positiveInteger,
    requests: windowRule(),
    tokens: windowRule(),
  }).partial(),
)

/** The rule of {@link LimitInit}. */
export const limitRule: () => z.ZodObject = once(() =>
  limitOptionsRule().extend({
    key: z.string().min(1),
    clock: clockPort.optional(),
    random: fn.optional(),
    path: z.string().optional(),
    ledger: z.unknown().optional(),
    keepsCooldown: z.boolean().optional(),
  }),
)
