import * as z from 'zod'
import type { BudgetMeasure } from '../core/budget/budget.js'
import type { Json } from '../core/json.js'
import type { SharedStream } from '../journal/shared-stream.js'

/** What has been used, all together. */
export type Spent = Readonly<Record<BudgetMeasure, number>>

/** What is set aside for one attempt. Durable before the attempt starts. */
export type HoldRecord = {
  /** The run and the task that it belongs to. A task has one hold at a time. */
  readonly key: string
  /** The number of the attempt. */
  readonly attempt: number
  /** When it was set aside, in milliseconds since 1970. */
  readonly at: number
  /** US dollars. Nothing is known when it is not there. */
  readonly costUsd?: number
  /** In- and output together. */
  readonly tokens?: number
}

/**
 * What a `BudgetRecords` keeps: one record for everything that changed at once. It says how things stand, not how they changed: a record
 * that is there twice, or that a later one repeats, does no harm.
 */
export type BudgetRecord = {
  readonly type: 'budget'
  /** What attempts that have ended used, all together. */
  readonly spent: Spent
  /** What is set aside, as far as it is new. */
  readonly holds: readonly HoldRecord[]
  /** The keys for which nothing is set aside any more. */
  readonly over: readonly string[]
}

const amount = z.number().min(0)
const budget: z.ZodType<BudgetRecord> = z.object({
  type: z.literal('budget'),
  spent: z.object({ costUsd: amount, tokens: amount, wallMs: amount }),
  holds: z.array(
    z.object({
      key: z.string(),
      attempt: amount,
      at: z.number(),
      costUsd: z.exactOptional(amount),
      tokens: z.exactOptional(amount),
    }),
  ),
  over: z.array(z.string()),
})

/** How things stood when the stream was written last. */
export class BudgetReplay {
  spent: Spent = { costUsd: 0, tokens: 0, wallMs: 0 }
  readonly holds: Map<string, HoldRecord> = new Map()
  /** Records of somebody else. */
  readonly others: Json[] = []
  /** All records. */
  records = 0
  /** Records of budgets that are not as documented. */
  unreadable = 0

  take(given: Json): void {
    this.records++
    const { success, data } = budget.safeParse(given)
    if (!success) return void (isOfBudget(given) ? this.unreadable++ : this.others.push(given))
    this.spent = data.spent
    for (const hold of data.holds) this.holds.set(hold.key, hold)
    for (const key of data.over) this.holds.delete(key)
  }
}

/** Reads a stream to its end: at once where that is possible. */
export function readBudget(stream: SharedStream): BudgetReplay | Promise<BudgetReplay> {
  const records = stream.read()
  const reading = new BudgetReplay()
  if (!(Symbol.iterator in records)) return readLater(records, reading)
  for (const record of records) reading.take(record)
  return reading
}

async function readLater(records: AsyncIterable<Json>, reading: BudgetReplay): Promise<BudgetReplay> {
  for await (const record of records) reading.take(record)
  return reading
}

function isOfBudget(record: Json): boolean {
  return typeof record === 'object' && record !== null && 'type' in record && record.type === 'budget'
}
