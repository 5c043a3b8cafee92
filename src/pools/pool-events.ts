import type { FailureKind, ParkReason } from '../core/failure/failure.js'

/** The members of every event of a pool. Such events belong to no run: they are emitted by the orchestrator and never journaled. */
export type PoolEventBase = {
  /** In milliseconds since 1970. */
  readonly at: number
  readonly pool: string
  readonly runId?: never
}
/** The pool starts nothing until `until`. Emitted again when that changes by a second or more, or `reason` changes. */
export type PoolParked = PoolEventBase & {
  readonly type: 'pool.parked'
  /** The limit key, when all of its pools are parked. */
  readonly key?: string
  /** In milliseconds since 1970: when the pool opens unless the cooldown changes. */
  readonly until: number
  readonly reason: ParkReason
  readonly message?: string
}
/** The pool starts attempts again: one at first, then twice as many with each answer. */
export type PoolOpened = PoolEventBase & {
  readonly type: 'pool.opened'
}
/** The concurrency of the pool has changed. */
export type PoolLimitChanged = PoolEventBase & {
  readonly type: 'pool.limit-changed'
  readonly limit: number
  readonly before: number
  /** `host`: it was set. Otherwise it was adapted: raised after a `success`, or lowered after a failure of this kind. */
  readonly reason: 'host' | 'success' | FailureKind
}
/** A backend is not used for now: its circuit breaker opened, or a health check failed. */
export type PoolUnhealthy = PoolEventBase & {
  readonly type: 'pool.unhealthy'
  readonly backend: string
  readonly reason: string
}
/** A backend is used again. */
export type PoolHealthy = PoolEventBase & {
  readonly type: 'pool.healthy'
  readonly backend: string
}

/** The events of pools. Distinguished by `type`. */
export type PoolEvent = PoolParked | PoolOpened | PoolLimitChanged | PoolUnhealthy | PoolHealthy

/** An event without its pool and time. */
export type PoolEventBody = PoolEvent extends infer E
  ? E extends PoolEvent
    ? Omit<E, keyof PoolEventBase>
    : never
  : never

/** Is notified by a pool. Must not throw. */
export interface PoolListener {
  onEvent(event: PoolEvent): void
  /** `queueLimit` was set. */
  onQueueLimitChange?(queueLimit: number | undefined): void
}
