import type { AgentBackend } from '../backends/agent-backend.js'
import type { BackendStats } from '../backends/backend-set.js'
import type { BreakerOptions } from '../backends/circuit-breaker.js'
import type { HealthOptions } from '../backends/health-check.js'
import type { Clock } from '../clock.js'
import type { CooldownStats } from '../limits/cooldown.js'
import type { LedgerPage } from '../limits/ledger/ledger-page.js'
import type { Limit } from '../limits/limit.js'
import type { WindowLimit } from '../limits/rate-window.js'
import type { WindowLoad } from '../limits/reserving-window.js'
import type { Machine } from '../machine.js'
import type { PoolConcurrency } from './concurrency/concurrency.js'
import type { RetryBudgetOptions } from './retry-budget.js'

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
export interface WorkerPoolSetup {
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
  readonly page?: LedgerPage | undefined
}
