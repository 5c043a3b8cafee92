import type { AgentBackend, AgentFunction } from '../backends/agent-backend.js'
import type { BackendStats } from '../backends/backend-set.js'
import type { BreakerOptions } from '../backends/circuit-breaker.js'
import type { HealthOptions } from '../backends/health-check.js'
import type { Clock } from '../clock.js'
import type { TaskDefaults } from '../core/state/task.js'
import type { CooldownStats } from '../limits/cooldown.js'
import type { LedgerEntry } from '../limits/ledger/limit-ledger.js'
import type { Limit } from '../limits/limit.js'
import type { LimitOptions } from '../limits/limit-options.js'
import type { WindowLimit } from '../limits/rate-window.js'
import type { WindowLoad } from '../limits/reserving-window.js'
import type { Machine } from '../machine.js'
import type { PoolConcurrency } from './concurrency/concurrency.js'
import type { Intent } from './pool-intent.js'
import type { RetryBudgetOptions } from './retry-budget.js'
import type { WorkerPool } from './worker-pool.js'

/** A pool: agents of one kind, with limits. Without a backend it runs only tasks that have a function of their own (`run` of `graph.task()`). */
export interface PoolOptions {
  /** Runs the attempts: a function, or an object with `run`. Default: `backends`, or none. */
  readonly backend?: AgentBackend | AgentFunction | undefined
  /**
   * Backends that can do the same work, in order of preference, the cheapest last. While one is unhealthy or its quota is used up, the
   * next one takes its attempts. The default names are that of the pool for the first one, and then `pool#2`, `pool#3` and so on.
   */
  readonly backends?: readonly (AgentBackend | AgentFunction)[] | undefined
  /**
   * How many attempts run at once: a number; bounds (`{ min: 1, max: 64 }`) between which the pool adapts it; or `auto`: bounds that fit
   * the machine (set the option `machine`). Default 4.
   */
  readonly concurrency?: PoolConcurrency | undefined
  /** How many attempts may start in any `perMs`. Default: no bound. With a `limitKey`: of all its pools together. */
  readonly requests?: WindowLimit | undefined
  /**
   * How many tokens the attempts that start in any `perMs` may use. Counts the estimates of their tasks, corrected when they end.
   * Default: no bound. With a `limitKey`: of all its pools together.
   */
  readonly tokens?: WindowLimit | undefined
  /** The account that the pool shares with all pools of the same key: they share limits and cooldowns. Default: none. */
  readonly limitKey?: string | undefined
  /** How many admitted tasks that have not started the pool holds; further ones wait in `run` and `add`. Default: no limit. */
  readonly queueLimit?: number | undefined
  /** How backends with a `health()` are checked. Needs a backend. Default: every 5 s while the pool has runs. */
  readonly health?: HealthOptions | undefined
  /** When a backend counts as unhealthy. Needs a backend. Default: after 20 failures in a row (overloaded, timeout, crashed), for at least 10 s. */
  readonly breaker?: BreakerOptions | undefined
  /** How many retries may start; beyond that, the pool is parked. Default: in any minute, 100 plus a fifth of the first attempts. */
  readonly retryBudget?: RetryBudgetOptions | undefined
  /** Defaults for the options of its tasks. */
  readonly defaults?: TaskDefaults | undefined
  /** Words, phrases and examples by which tasks without a `pool` are routed to this one. Needs a backend. */
  readonly intent?: Intent | undefined
  /** How long an aborted attempt may take to end before it is abandoned, in milliseconds. Default 5,000. */
  readonly graceMs?: number | undefined
  /**
   * A task that has waited this much longer than another gains one step of priority, in milliseconds. Default: as long as a hundred of the
   * latest attempts of the pool took, one after the other, and at least 60,000.
   */
  readonly agingMs?: number | undefined
}

/** A pool, for the runs of an orchestrator. */
export interface OpenPool {
  readonly pool: WorkerPool
  readonly graceMs: number
}

/**
 * The pools of an orchestrator, by name: options; the function of a backend, for a pool with default options; or a `WorkerPool`, which can
 * be shared by several orchestrators.
 */
export type Pools<Pool extends string = string> = Readonly<Record<Pool, PoolOptions | AgentFunction | AnyWorkerPool>>

/**
 * A `WorkerPool`, with one of its members: an editor completes the options of a pool from all types that it may have, and shall not offer
 * the members of the class.
 */
type AnyWorkerPool = Pick<WorkerPool, 'stats'>

/** The pools of an orchestrator, by name. It has those of `Pool`, and maybe others. */
export type PoolMap<Pool extends string = string> = Omit<ReadonlyMap<string, WorkerPool>, 'get' | 'has'> & {
  get(name: Pool | 'default'): WorkerPool | undefined
  has(name: Pool | 'default'): boolean
}

/**
 * Makes a type with this member assignable to those that need no other pools than it has: `'a' | 'b'` where `'a'` is needed, and not where
 * `'a' | 'c'` is. Everything is assignable where any pool is allowed (`string`).
 *
 * `names` has no other purpose than to make the compiler compare the members (it cannot for a conditional type alone): all of them are assignable to each other.
 */
export type HasPools<Pool extends string> = {
  readonly names: { readonly [Name in Pool]?: unknown }
  readonly needs: (pool: string extends Pool ? never : Pool) => void
}

/** The options of an orchestrator that concern pools. */
export interface PoolsOptions<Pool extends string = string> {
  /**
   * The pools by name. There is always one named `default`, for function tasks that name no pool: unless it is given here, it has no
   * backend and a concurrency of 4. Default: only that one.
   */
  readonly pools?: Pools<Pool> | undefined
  /** The limits of each `limitKey`. Default: those in the options of its pools. */
  readonly limits?: Readonly<Record<string, LimitOptions>> | undefined
  /** The machine, for `concurrency: 'auto'`: `nodeMachine` of `counterpoint/node`. Default: unknown. */
  readonly machine?: Machine | undefined
}

/** The state of a pool. */
export interface PoolStats extends CooldownStats {
  /** Attempts that hold a slot. */
  readonly running: number
  /** Ready tasks that wait for a slot, and attempts whose backend may not be called yet (the pool was paused, for instance). */
  readonly queued: number
  /** How many attempts may run at once now. */
  readonly concurrency: number
  /** The bounds of an adaptive concurrency. */
  readonly range?: { readonly min: number; readonly max: number }
  readonly paused: boolean
  /** The key of the limit that it shares. */
  readonly limitKey?: string
  /** The load of its windows, or those of its key. */
  readonly requests?: WindowLoad
  readonly tokens?: WindowLoad
  /** In order of preference. */
  readonly backends: readonly BackendStats[]
}

/** The options of a {@link WorkerPool}: those of a pool, with a `Limit` in place of a `limitKey`. With `limit`, `requests` and `tokens` are set there. */
export interface WorkerPoolOptions extends Omit<PoolOptions, 'limitKey'> {
  /** For the default names of its backends. Its events have the name that it has in the `pools` of the orchestrator. */
  readonly name: string
  /** The limit that it shares with other pools. Default: none. */
  readonly limit?: Limit | undefined
  /** That of its orchestrators. Default: `systemClock`. */
  readonly clock?: Clock | undefined
  /** Returns numbers in [0, 1), for jitter. Default: no jitter. */
  readonly random?: (() => number) | undefined
  /** For `concurrency: 'auto'`. Default: an unknown machine. */
  readonly machine?: Machine | undefined
  /** @internal Persists the cooldown and the windows of the pool. */
  readonly ledger?: LedgerEntry | undefined
}
