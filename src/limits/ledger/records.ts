import * as z from 'zod'
import type { ParkReason } from '../../core/failure/failure.js'
import type { Json } from '../../core/json.js'

/** What a window counts. */
export type WindowKind = 'requests' | 'tokens'

/** What may start under a limit. Durable before any of it does. */
export type GrantRecord = {
  /** The limit key. */
  readonly key: string
  readonly kind: WindowKind
  /** What has started since the record before it of this key, kind and process: all of it at the time of this record, at the latest. */
  readonly used: number
  /** What may start from now on until the next such record. */
  readonly open: number
  /** How long the windows of this key are, in milliseconds: how long the record matters. */
  readonly perMs: number
}

/** A key was parked, or its parking was changed. */
export type ParkingRecord = {
  readonly key: string
  /** In milliseconds since 1970; 0: it has opened. */
  readonly until: number
  readonly reason: ParkReason
  readonly message?: string
}

/** What a `LimitLedger` keeps: one record for everything that changed at once. */
export type LimitRecord = {
  readonly type: 'limits'
  /** Which process wrote it: 1 for the first that had the stream, then one more for each. */
  readonly life: number
  /** In milliseconds since 1970, as the wall clock said. */
  readonly at: number
  /**
   * Milliseconds since that process had read the stream, as the monotonic clock said. Between records of one life this is exact,
   * however the wall clock jumped. Negative in a record of an earlier life that was written again.
   */
  readonly upMs: number
  readonly grants: readonly GrantRecord[]
  readonly parkings: readonly ParkingRecord[]
}

const REASONS = ['throttled', 'overloaded', 'quota', 'unhealthy', 'retry-budget', 'host'] as const
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
  // A reason of a later version is no reason to lose what else the record says.
  reason: z.enum(REASONS).catch('host'),
  message: z.exactOptional(z.string()),
})
const limits: z.ZodType<LimitRecord> = z.object({
  type: z.literal('limits'),
  life: z.number(),
  at: z.number(),
  upMs: z.number(),
  grants: z.array(grant),
  parkings: z.array(parking),
})

/** The record; undefined when it is not as documented. */
export function parseLimitRecord(record: Json): LimitRecord | undefined {
  const parsed = limits.safeParse(record)
  return parsed.success ? parsed.data : undefined
}
