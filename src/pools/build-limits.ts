import type { Clock } from '../clock.js'
import type { LimitLedger } from '../limits/ledger/limit-ledger.js'
import { Limit } from '../limits/limit.js'
import type { LimitOptions } from '../limits/limit-options.js'
import type { WindowLimit } from '../limits/rate-window.js'
import { invalidInput } from '../options-check.js'
import type { PoolOptions, PoolsOptions } from './pool-options.js'
import { WorkerPool } from './worker-pool.js'

/** What limits need from the orchestrator. */
export interface LimitEnvironment {
  readonly clock: Clock
  readonly random: () => number
  /** Persists limits. Default: they are lost with the process. */
  readonly ledger?: LimitLedger | undefined
}

/**
 * Builds the limits of an orchestrator, by key, from the option `limits` and the options of the pools.
 * @throws INVALID_INPUT when two of them disagree, and for a key that no pool has.
 */
export function buildLimits(
  pools: ReadonlyMap<string, PoolOptions | WorkerPool>,
  limits: NonNullable<PoolsOptions['limits']>,
  environment: LimitEnvironment,
): Map<string, Limit> {
  const limitsByKey = new Map<string, Limit>()
  for (const [name, pool] of pools) {
    const shared = pool instanceof WorkerPool ? pool.options.limit : undefined
    if (shared === undefined) continue
    const message = `its limit has the key "${shared.key}", which another limit has, too: share one Limit`
    if ((limitsByKey.get(shared.key) ?? shared) !== shared || limits[shared.key])
      throw invalidInput([{ path: `pools.${name}`, message }])
    limitsByKey.set(shared.key, shared)
  }
  for (const [name, pool] of pools) {
    if (pool instanceof WorkerPool || pool.limitKey === undefined) continue
    const key = pool.limitKey
    if (!limitsByKey.has(key)) limitsByKey.set(key, newLimit(key, environment, limits[key]))
    applyWindows(limitsByKey.get(key) as Limit, pool, name)
  }
  const message = 'expected the limitKey of a pool, and no pool has this one'
  for (const key of Object.keys(limits))
    if (!limitsByKey.has(key)) throw invalidInput([{ path: `limits.${key}`, message }])
  return limitsByKey
}

function newLimit(key: string, { clock, random, ledger }: LimitEnvironment, options: LimitOptions | undefined): Limit {
  return new Limit({ key, clock, random, ledger: ledger?.entry(`key:${key}`), ...options })
}

/** Applies the windows of a pool to the limit of its key. */
function applyWindows(limit: Limit, pool: PoolOptions, name: string): void {
  for (const kind of ['requests', 'tokens'] as const) {
    const value = pool[kind]
    if (value === undefined) continue
    if (limit[kind] && !areEqual(limit[kind], value)) {
      const { limit: most, perMs } = limit[kind]
      const message = `expected the same as for the other pools of the limit key "${limit.key}", ${most} per ${perMs} ms, got ${value.limit} per ${value.perMs} ms: set it once`
      throw invalidInput([{ path: `pools.${name}.${kind}`, message }])
    }
    limit[kind] = value
  }
}

function areEqual(a: WindowLimit, b: WindowLimit): boolean {
  return a.limit === b.limit && a.perMs === b.perMs
}
