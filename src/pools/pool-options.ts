import type { AgentBackend, AgentFunction } from '../backends/agent-backend.js'
import type { BackendStats } from '../backends/backend-set.js'
import type { BreakerOptions } from '../backends/circuit-breaker.js'
import type { HealthOptions } from '../backends/health-check.js'
import type { Clock } from '../clock.js'
import type { TaskDefaults } from '../core/state/task.js'
import type { CooldownStats } from '../limits/cooldown.js'
import type { LedgerEntry } from '../limits/ledger/limit-ledger.js'
import type { Limit, LimitOptions } from '../limits/limit.js'
import type { WindowLimit } from '../limits/rate-window.js'
import type { WindowLoad } from '../limits/reserving-window.js'
import type { Machine } from '../machine.js'
import type { PoolConcurrency } from './concurrency/concurrency.js'
import type { Intent } from './pool-intent.js'
import type { RetryBudgetOptions } from './retry-budget.js'
import type { WorkerPool } from './worker-pool.js'

/** A pool: agents of one kind behind limits. */
export interface PoolOptions {
  /** What runs its attempts: a function, or an object with `run`. Either this or `backends`. */
  readonly backend?: AgentBackend | AgentFunction
  /**
   * A ladder of backends that can do the same: the most wanted first, the cheapest last. While one is ill or its quota is used up, the
   * next one takes its attempts. Each has a name of its own, or gets one: that of the pool, with `#2`, `#3` and so on.
   */
  readonly backends?: readonly (AgentBackend | AgentFunction)[]
  /**
   * How many attempts run at once: a number; bounds (`{ min: 1, max: 64 }`) between which the pool finds it by trying; or `auto`:
   * bounds that fit the machine, which must be known (`machine`). Default 4.
   */
  readonly concurrency?: PoolConcurrency
  /** How many attempts may start in any span of `perMs`, wherever it begins. Default: no bound. With a `limitKey`: of all its pools. */
  readonly requests?: WindowLimit
  /**
   * How many tokens the attempts that start in any span of `perMs` may use: by the estimates of their tasks, corrected as they end.
   * Default: no bound. With a `limitKey`: of all its pools.
   */
  readonly tokens?: WindowLimit
  /** The account that it shares with other pools that name the same one: its limits, and its parkings. Default: none. */
  readonly limitKey?: string
  /** How many tasks may be admitted that have not started yet (`run` and `add`; what a plan has ready does not matter). Default: no limit. */
  readonly queueLimit?: number
  /** How the health of its backends is watched, of those that have a `health()`. Default: every 5 s while the pool has runs. */
  readonly health?: HealthOptions
  /** When a backend is taken for ill and left alone. Default: after 20 failures in a row (overloaded, timeout, crashed), for 10 s and more. */
  readonly breaker?: BreakerOptions
  /** How many retries there may be. Default: 100 and a fifth of the first attempts, over each minute; then the pool is parked. */
  readonly retryBudget?: RetryBudgetOptions
  /** Options for its tasks that do not have their own. */
  readonly defaults?: TaskDefaults
  /** By what words, phrases and examples tasks without a `pool` are recognised as its own. */
  readonly intent?: Intent
  /** How long an attempt may go on after it was told to stop before it is abandoned, in milliseconds. Default 5,000. */
  readonly graceMs?: number
  /** A waiting task gains one step of priority for each such span, in milliseconds. Default 60,000. */
  readonly agingMs?: number
}

/** A pool as a run sees it. */
export interface OpenPool {
  readonly pool: WorkerPool
  readonly graceMs: number
}

/** The pools of an orchestrator, by name: options, or a `WorkerPool` of your own. */
export type Pools = Readonly<Record<string, PoolOptions | WorkerPool>>

/** What an orchestrator makes its pools of. */
export interface PoolsOptions {
  readonly pools: Pools
  /** What the pools of each `limitKey` may do together. Default: what their pools say. */
  readonly limits?: Readonly<Record<string, LimitOptions>>
  /** What is known of the machine, for `concurrency: 'auto'`: `nodeMachine` of `counterpoint/node`. Default: nothing. */
  readonly machine?: Machine
}

/** What a pool is doing. */
export interface PoolStats extends CooldownStats {
  /** Attempts that hold a slot. */
  readonly running: number
  /** Ready tasks that wait for a slot. */
  readonly queued: number
  /** How many attempts may run at once now, if nothing else bounds them. */
  readonly concurrency: number
  /** The bounds of an adaptive concurrency. */
  readonly range?: { readonly min: number; readonly max: number }
  readonly paused: boolean
  /** The key whose limits it shares. */
  readonly limitKey?: string
  /** How full its windows are, or those of its key. */
  readonly requests?: WindowLoad
  readonly tokens?: WindowLoad
  /** The most wanted first. */
  readonly backends: readonly BackendStats[]
}

/** What a {@link WorkerPool} is made of. */
export interface WorkerPoolOptions {
  readonly name: string
  /** What runs its attempts. Either this or `backends`. */
  readonly backend?: AgentBackend
  /** A ladder: the most wanted first, the cheapest last. While one is ill or used up, the next one takes its attempts. */
  readonly backends?: readonly AgentBackend[]
  /** How many attempts run at once: a number, a range in which the pool finds it, or `auto`. Default 4. */
  readonly concurrency?: PoolConcurrency
  /** How many attempts may start in any span of `perMs`. Default: no bound. With `limit`: sets it there. */
  readonly requests?: WindowLimit
  /** How many tokens the attempts that start in any span of `perMs` may use. Default: no bound. With `limit`: sets it there. */
  readonly tokens?: WindowLimit
  /** What it shares with other pools: an account. Default: nothing. */
  readonly limit?: Limit
  /** How many tasks may be admitted that have not started yet. Default: no bound. */
  readonly queueLimit?: number
  /** How the health of backends with a `health()` is watched. Default: every 5 s while the pool has runs. */
  readonly health?: HealthOptions
  /** When a backend is taken for ill. Default: after 20 failures in a row. */
  readonly breaker?: BreakerOptions
  /** How many retries there may be. Default: 100 and a fifth of the first attempts, over each minute. */
  readonly retryBudget?: RetryBudgetOptions
  /** A waiting task gains one step of priority for each such span, in milliseconds. Default 60,000. */
  readonly agingMs?: number
  readonly clock: Clock
  /** Gives numbers in [0, 1), for jitter. Default: no jitter. */
  readonly random?: () => number
  /** For `auto`. Default: one of which nothing is known. */
  readonly machine?: Machine
  /** @internal What is kept of it over a restart. Default: nothing. */
  readonly ledger?: LedgerEntry | undefined
}
