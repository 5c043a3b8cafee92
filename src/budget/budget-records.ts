import * as z from 'zod'
import type { BudgetMeasure } from '../core/budget/budget.js'
import type { Json } from '../core/json.js'
import { once } from '../core/once.js'

/** What has been used in total. */
export type Spent = Readonly<Record<BudgetMeasure, number>>

/** The reservation of one attempt. Durable before the attempt starts. */
export type HoldRecord = {
  /** Names the run and the task. A task has one hold at a time. */
  readonly key: string
  /** The number of the attempt. */
  readonly attempt: number
  /** When it was reserved, in milliseconds since 1970. */
  readonly at: number
  /** US dollars. Missing: unknown. */
  readonly costUsd?: number
  /** Input and output together. Missing: unknown. */
  readonly tokens?: number
}

/** Everything that changed at once. It holds the new state, not the difference, so a repeated record does no harm. */
export type BudgetRecord = {
  readonly type: 'budget'
  /** What attempts that have ended used in total. */
  readonly spent: Spent
  /** New holds. */
  readonly holds: readonly HoldRecord[]
  /** The keys that have no hold any more. */
  readonly over: readonly string[]
}

const budgetRule = once((): z.ZodType<BudgetRecord> => {
  const amount = z.number().min(0)
  const hold = z.object({
    key: z.string(),
    attempt: amount,
    at: z.number(),
    costUsd: z.exactOptional(amount),
    tokens: z.exactOptional(amount),
  })
  return z.object({
    type: z.literal('budget'),
    spent: z.object({ costUsd: amount, tokens: amount, wallMs: amount }),
    holds: z.array(hold),
    over: z.array(z.string()),
  })
})

export const NOTHING_SPENT: Spent = { costUsd: 0, tokens: 0, wallMs: 0 }

/** The state that the records of a stream add up to. */
export class BudgetReplay {
  spent: Spent = NOTHING_SPENT
  /** By key. */
  readonly holds: Map<string, HoldRecord> = new Map()

  take(record: Json): boolean {
    const { success, data } = budgetRule().safeParse(record)
    if (!success) return false
    this.spent = data.spent
    for (const hold of data.holds) this.holds.set(hold.key, hold)
    for (const key of data.over) this.holds.delete(key)
    return true
  }
}
