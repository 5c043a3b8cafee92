import type { Clock } from '../clock.js'
import { CounterpointError } from '../errors.js'
import type { LimitLedger } from '../limits/ledger/limit-ledger.js'
import { Limit, type LimitOptions } from '../limits/limit.js'
import type { WindowLimit } from '../limits/rate-window.js'
import type { PoolOptions, PoolsOptions } from './pool-options.js'
import { WorkerPool } from './worker-pool.js'

/** What limits need of the orchestrator. */
export interface LimitWorld {
  readonly clock: Clock
  readonly random: () => number
  /** What keeps limits over a restart. */
  readonly ledger?: LimitLedger | undefined
}

/**
 * The limits of an orchestrator, by key: what `limits` says of each, and what its pools say.
 * @throws INVALID_INPUT when two disagree, and for a key that no pool has.
 */
export function buildLimits(
  { pools, limits = {} }: Pick<PoolsOptions, 'pools' | 'limits'>,
  world: LimitWorld,
): Map<string, Limit> {
  const found = new Map<string, Limit>()
  for (const [name, pool] of Object.entries(pools)) {
    const shared = pool instanceof WorkerPool ? pool.limit : undefined
    if (shared === undefined) continue
    if ((found.get(shared.key) ?? shared) !== shared || limits[shared.key])
      throw invalid(
        `pools.${name}`,
        `its limit has the key "${shared.key}", and another one has it too: share one Limit`,
      )
    found.set(shared.key, shared)
  }
  for (const [name, pool] of Object.entries(pools)) {
    if (pool instanceof WorkerPool || pool.limitKey === undefined) continue
    const key = pool.limitKey
    if (!found.has(key)) found.set(key, newLimit(key, world, limits[key]))
    define(found.get(key) as Limit, pool, name)
  }
  for (const key of Object.keys(limits))
    if (!found.has(key)) throw invalid(`limits.${key}`, 'expected the limitKey of a pool, and no pool has this one')
  return found
}

function newLimit(key: string, { clock, random, ledger }: LimitWorld, options: LimitOptions | undefined): Limit {
  return new Limit({ key, clock, random, ledger: ledger?.entry(`key:${key}`), ...options })
}

/** What a pool says of its key holds for the key. */
function define(limit: Limit, pool: PoolOptions, name: string): void {
  for (const what of ['requests', 'tokens'] as const) {
    const asked = pool[what]
    if (asked === undefined) continue
    if (limit[what] && !areEqual(limit[what], asked)) {
      const { limit: most, perMs } = limit[what]
      const message = `expected what was said of the limit key "${limit.key}" before, ${most} per ${perMs} ms, got ${asked.limit} per ${asked.perMs} ms: say it once`
      throw invalid(`pools.${name}.${what}`, message)
    }
    limit[what] = asked
  }
}

function areEqual(a: WindowLimit, b: WindowLimit): boolean {
  return a.limit === b.limit && a.perMs === b.perMs
}

function invalid(path: string, message: string): CounterpointError<'INVALID_INPUT'> {
  return new CounterpointError('INVALID_INPUT', `${path}: ${message}`, { issues: [{ path, message }] })
}
