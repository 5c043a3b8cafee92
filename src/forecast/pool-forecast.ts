import type { Order } from '../core/scheduler/order.js'
import type { RunMode } from '../core/state/events.js'
import type { TaskSpec } from '../core/state/task.js'
import type { LimitOptions } from '../limits/limit-options.js'
import type { WorkerPool } from '../pools/worker-pool.js'
import { chooseMode, type ModeChoice, type ModeOptions } from './choose-mode.js'
import { type Forecast, type ForecastPool, forecast } from './forecast.js'

/** How many durations of a pool are kept: the latest ones. */
const KEPT_DURATIONS = 101

/** Forecasts for the pools of an orchestrator as they are now, with the median duration of their latest attempts. */
export class PoolForecast {
  readonly #pools: ReadonlyMap<string, WorkerPool>
  readonly #order: Order | undefined
  /** The latest durations of each pool in milliseconds, and how many there have been. */
  readonly #durations = new Map<string, { readonly latest: number[]; count: number }>()

  constructor(pools: ReadonlyMap<string, WorkerPool>, order?: Order) {
    this.#pools = pools
    this.#order = order
  }

  /** Records that an attempt of `pool` succeeded after `ms`. */
  recordDuration(pool: string, ms: number): void {
    let durations = this.#durations.get(pool)
    if (durations === undefined) {
      durations = { latest: [], count: 0 }
      this.#durations.set(pool, durations)
    }
    durations.latest[durations.count % KEPT_DURATIONS] = ms
    durations.count++
  }

  forecast(tasks: readonly TaskSpec[]): Forecast {
    const pools: Record<string, ForecastPool> = Object.create(null)
    const limits: Record<string, LimitOptions> = Object.create(null)
    for (const [name, { concurrency, requests, options }] of this.#pools) {
      const { agingMs, limit } = options
      const pool = { concurrency, requests, agingMs, limitKey: limit?.key, medianMs: this.#medianOf(name) }
      pools[name] = pool
      if (limit) limits[limit.key] = { concurrency: limit.concurrency, requests: limit.requests }
    }
    return forecast(tasks, { pools, limits, scheduler: this.#order })
  }

  /** The mode that was requested, or for `auto` the one that the forecast recommends. */
  choose(tasks: readonly TaskSpec[], mode: RunMode | 'auto', options: ModeOptions | undefined): ModeChoice {
    if (mode === 'auto') return chooseMode(this.forecast(tasks), options)
    return { mode, reason: `${mode} was requested` }
  }

  #medianOf(pool: string): number | undefined {
    const sorted = this.#durations.get(pool)?.latest.toSorted((a, b) => a - b)
    return sorted?.[sorted.length >> 1]
  }
}
