import * as z from 'zod'
import type { ParkReason } from '../../core/failure/failure.js'
import type { Json } from '../../core/json.js'
import { once } from '../../core/once.js'

/** What a window counts. */
export type WindowKind = 'requests' | 'tokens'

/** What may start under a limit. Durable before any of it starts. */
export type GrantRecord = {
  /** The limit key. */
  readonly key: string
  readonly kind: WindowKind
  /** What has started since the previous record of this key, kind and process: at the time of this record at the latest. */
  readonly used: number
  /** What may start until the next such record. */
  readonly open: number
  /** The length of the windows of this key, in milliseconds: how long the record matters. */
  readonly perMs: number
}

/** A cooldown that holds over a restart. */
export type DurableCooldown = {
  /** In milliseconds since 1970. */
  readonly until: number
  readonly reason: ParkReason
  readonly message?: string
}

/** A cooldown that has not ended, and the milliseconds until it does. */
export type PendingCooldown = DurableCooldown & { readonly leftMs: number }

/** The cooldown of a key has changed. `until` is 0 when there is none any more. */
export type CooldownRecord = DurableCooldown & { readonly key: string }

/** A record of a `LimitLedger`: everything that changed at once. */
export type LimitRecord = {
  readonly type: 'limits'
  /** Numbers the processes that have used the stream, from 1. */
  readonly life: number
  /** In milliseconds since 1970, by the wall clock. */
  readonly at: number
  /**
   * Milliseconds since that process had read the stream, by its monotonic clock: exact between records of one process, however the wall
   * clock jumps. Negative for starts of an earlier process, in a stream that has been compacted.
   */
  readonly upMs: number
  readonly grants: readonly GrantRecord[]
  readonly parkings: readonly CooldownRecord[]
}

const REASONS = ['throttled', 'overloaded', 'quota', 'unhealthy', 'retry-budget', 'host'] as const
const limitsRule = once((): z.ZodType<LimitRecord> => {
  const amount = z.number().min(0)
  const grant = z.object({
    key: z.string(),
    kind: z.enum(['requests', 'tokens']),
    used: amount,
    open: amount,
    perMs: amount,
  })
  const parking = z.object({
    key: z.string(),
    until: z.number(),
    // A reason that a later version has added does not make the record invalid.
    reason: z.enum(REASONS).catch('host'),
    message: z.exactOptional(z.string()),
  })
  return z.object({
    type: z.literal('limits'),
    life: z.number(),
    at: z.number(),
    upMs: z.number(),
    grants: z.array(grant),
    parkings: z.array(parking),
  })
})

/** Undefined when the record is invalid. */
export function parseLimitRecord(record: Json): LimitRecord | undefined {
  const parsed = limitsRule().safeParse(record)
  return parsed.success ? parsed.data : undefined
}
