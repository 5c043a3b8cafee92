import type { AgentBackend } from '../backends/agent-backend.js'
import type { PoolBackend } from '../backends/pool-backend.js'
import type { AttemptOutcome } from '../core/failure/attempt-outcome.js'
import type { LimitLease } from '../limits/limit-lease.js'
import type { Lease, Slot } from './run-queue.js'

/** Who lends slots. */
export interface LeaseHost {
  started(lease: SlotLease): void
  ended(lease: SlotLease, outcome: AttemptOutcome): void
  released(lease: SlotLease, slot: Slot): void
  alternatives(rung: PoolBackend): number
}

/** The lease of a slot for one attempt: a late release must not touch the next one's. */
export class SlotLease implements Lease {
  readonly rung: PoolBackend
  /** What the breaker of the rung wants back. */
  readonly ticket: number
  /** What the parking of the pool wants back. */
  readonly opening: number
  /** What it holds of the pool's limit, if it has one. */
  readonly share: LimitLease | undefined
  /** Milliseconds of the clock's `monotonic`; only where somebody wants to know. */
  startedAt = 0
  /** True once it is known how its attempt ended. */
  told = false
  readonly #host: LeaseHost
  #slot: Slot | undefined

  constructor(
    host: LeaseHost,
    slot: Slot,
    rung: PoolBackend,
    ticket: number,
    opening: number,
    share: LimitLease | undefined,
  ) {
    this.#host = host
    this.#slot = slot
    this.rung = rung
    this.ticket = ticket
    this.opening = opening
    this.share = share
  }

  get backend(): AgentBackend {
    return this.rung.backend
  }

  get backendName(): string {
    return this.rung.name
  }

  get alternatives(): number {
    return this.#host.alternatives(this.rung)
  }

  started(): void {
    if (this.#slot !== undefined) this.#host.started(this)
  }

  ended(outcome: AttemptOutcome): void {
    if (this.told || this.#slot === undefined) return
    this.told = true
    this.#host.ended(this, outcome)
  }

  release(): void {
    const slot = this.#slot
    if (slot === undefined) return
    this.#slot = undefined
    this.#host.released(this, slot)
  }

  /** The claim came to nothing: the slot was never lent. */
  revoke(): void {
    this.#slot = undefined
  }
}
