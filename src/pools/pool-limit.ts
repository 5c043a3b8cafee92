import type { Clock } from '../clock.js'
import { Limit, type LimitMember } from '../limits/limit.js'
import type { WindowLimit } from '../limits/rate-window.js'
import type { WorkerPoolOptions } from './pool-options.js'

/** What a {@link PoolLimit} is made of. */
export interface PoolLimitOptions {
  /** The options of the pool: its name, its limits, and what a limit of its own needs. */
  readonly pool: Pick<WorkerPoolOptions, 'name' | 'random' | 'ledger' | 'limit' | 'requests' | 'tokens'>
  readonly clock: Clock
  readonly member: LimitMember
}

/** The limit of a pool: the one that it shares with others, or one for its own windows, once it has any. */
export class PoolLimit {
  readonly #options: PoolLimitOptions
  #limit: Limit | undefined

  constructor(options: PoolLimitOptions) {
    this.#options = options
    const { limit, requests, tokens } = options.pool
    if (limit) this.#join(limit)
    if (requests) this.setWindow('requests', requests)
    if (tokens) this.setWindow('tokens', tokens)
  }

  get limit(): Limit | undefined {
    return this.#limit
  }

  /** @throws INVALID_INPUT for a limit below 1 or a length that is not above 0. */
  setWindow(kind: 'requests' | 'tokens', value: WindowLimit | undefined): void {
    const { pool, clock } = this.#options
    const { name: key, random, ledger } = pool
    const own = { key, clock, random, ledger, keepsCooldown: false, path: `pools.${key}` }
    if (value !== undefined && this.#limit === undefined) this.#join(new Limit(own))
    if (this.#limit) this.#limit[kind] = value
  }

  /** The pool is used no more. */
  leave(): void {
    this.#limit?.leave(this.#options.member)
  }

  #join(limit: Limit): void {
    limit.join(this.#options.clock, this.#options.member)
    this.#limit = limit
  }
}
