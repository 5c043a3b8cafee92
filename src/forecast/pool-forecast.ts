import type { RunMode } from '../core/state/events.js'
import type { TaskSpec } from '../core/state/task.js'
import type { WorkerPool } from '../pools/worker-pool.js'
import { chooseMode, type ModeChoice, type ModeOptions } from './choose-mode.js'
import type { DurationHistory } from './durations.js'
import { type Forecast, type ForecastPool, forecast } from './forecast.js'

/** Foretells runs by the pools as they are, and what their attempts have taken so far. */
export class PoolForecast {
  readonly #pools: ReadonlyMap<string, WorkerPool>
  readonly #durations: DurationHistory

  constructor(pools: ReadonlyMap<string, WorkerPool>, durations: DurationHistory) {
    this.#pools = pools
    this.#durations = durations
  }

  forecast(tasks: readonly TaskSpec[]): Forecast {
    const pools: Record<string, ForecastPool> = Object.create(null)
    for (const [name, pool] of this.#pools) {
      const medianMs = this.#durations.median(name)
      const { requests } = pool
      pools[name] = {
        concurrency: pool.concurrency,
        ...(medianMs !== undefined && { medianMs }),
        ...(requests && { requests }),
      }
    }
    return forecast(tasks, { pools })
  }

  /** What was asked for, or what the forecast says. */
  choose(tasks: readonly TaskSpec[], mode: RunMode | 'auto', options: ModeOptions | undefined): ModeChoice {
    if (mode === 'auto') return chooseMode(this.forecast(tasks), options)
    return { mode, reason: `${mode} was asked for` }
  }
}
