import type { FailureKind, ParkReason } from '../core/failure/failure.js'

/** What every event of a pool has. Such events belong to no run: they are published on the orchestrator's channel and never journaled. */
export interface PoolEventBase {
  /** In milliseconds since 1970. */
  readonly at: number
  readonly pool: string
  readonly runId?: never
}
/** The pool starts nothing until `until`. Published again when that moves by a second or more. */
export interface PoolParked extends PoolEventBase {
  readonly type: 'pool.parked'
  /** The limit key, when all its pools are parked. */
  readonly key?: string
  /** In milliseconds since 1970: when it opens if nothing changes. */
  readonly until: number
  readonly reason: ParkReason
  readonly message?: string
}
/** The pool starts attempts again: one at first, then twice as many with each that is answered. */
export interface PoolOpened extends PoolEventBase {
  readonly type: 'pool.opened'
}
/** Another number of attempts may run at once. */
export interface PoolLimitChanged extends PoolEventBase {
  readonly type: 'pool.limit-changed'
  readonly limit: number
  readonly before: number
  /** `host`: it was set. Else adaptive concurrency: `success` raised it, a failure of this kind lowered it. */
  readonly reason: 'host' | 'success' | FailureKind
}
/** A backend is not used for the time being: its circuit breaker opened, or a health check failed. */
export interface PoolUnhealthy extends PoolEventBase {
  readonly type: 'pool.unhealthy'
  readonly backend: string
  readonly reason: string
}
/** A backend is used again. */
export interface PoolHealthy extends PoolEventBase {
  readonly type: 'pool.healthy'
  readonly backend: string
}

/** What pools tell. Told apart by `type`. */
export type PoolEvent = PoolParked | PoolOpened | PoolLimitChanged | PoolUnhealthy | PoolHealthy

/** An event before its pool and its time have been put to it. */
export type PoolNews = PoolEvent extends infer E ? (E extends PoolEvent ? Omit<E, keyof PoolEventBase> : never) : never
