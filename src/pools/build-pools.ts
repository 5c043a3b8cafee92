import type { AgentBackend, AgentFunction } from '../backends/agent-backend.js'
import type { TaskDefaults } from '../core/state/task.js'
import type { JournalProblem } from '../journal/journal.js'
import type { SharedStream } from '../journal/shared-stream.js'
import { LimitLedger } from '../limits/ledger/limit-ledger.js'
import type { Limit } from '../limits/limit.js'
import { Admission } from './admission.js'
import { buildLimits, type LimitWorld } from './build-limits.js'
import type { PoolEvent } from './pool-events.js'
import type { Intent } from './pool-intent.js'
import type { OpenPool, PoolOptions, PoolsOptions, WorkerPoolOptions } from './pool-options.js'
import { WorkerPool } from './worker-pool.js'

/** What an orchestrator makes of its `pools`. */
export interface BuiltPools {
  readonly workers: ReadonlyMap<string, WorkerPool>
  /** By limit key. */
  readonly limits: ReadonlyMap<string, Limit>
  readonly pools: ReadonlyMap<string, OpenPool>
  /** An entry for every pool. */
  readonly defaults: ReadonlyMap<string, TaskDefaults | undefined>
  readonly intents: Readonly<Record<string, Intent>>
  readonly admission: Admission
  /** No check and no timer of a pool that was built here goes on, and the shared stream has been let go of. */
  close(): Promise<void>
}

/** What pools need of their orchestrator. */
export interface PoolWorld extends Pick<LimitWorld, 'clock' | 'random'> {
  /** What keeps limits and parkings over a restart. Default: nothing does. */
  readonly shared?: SharedStream | undefined
  /** Told when that cannot be read or written. */
  report(problem: JournalProblem): void
  /** Hears what happens to pools. */
  publish(event: PoolEvent): void
}

const DEFAULT_GRACE_MS = 5_000

/**
 * The pools of options that have been checked.
 * @throws INVALID_INPUT for what only shows when they are made: limits of one key that disagree, backends of one name.
 */
export function buildPools(options: PoolsOptions, world: PoolWorld): BuiltPools {
  const { clock, random, shared, report } = world
  const ledger = shared && new LimitLedger({ stream: shared, clock, report })
  const limits = buildLimits(options, { clock, random, ledger })
  const workers = new Map<string, WorkerPool>()
  const pools = new Map<string, OpenPool>()
  const defaults = new Map<string, TaskDefaults | undefined>()
  const intents: Record<string, Intent> = Object.create(null)
  const admission = new Admission(new Map())
  const own: WorkerPool[] = []
  for (const [name, pool] of Object.entries(options.pools)) {
    const given: Partial<PoolOptions> = pool instanceof WorkerPool ? {} : pool
    const worker =
      pool instanceof WorkerPool
        ? pool
        : new WorkerPool(setupOf(name, pool, options, limits, { clock, random, ledger }))
    if (worker !== pool) own.push(worker)
    admission.setLimit(name, worker.queueLimit)
    worker.subscribe({
      onEvent: event => world.publish({ ...event, pool: name }),
      onQueueLimitChange: queueLimit => admission.setLimit(name, queueLimit),
    })
    workers.set(name, worker)
    pools.set(name, { pool: worker, graceMs: given.graceMs ?? DEFAULT_GRACE_MS })
    defaults.set(name, given.defaults)
    if (given.intent) intents[name] = given.intent
  }
  const close = async (): Promise<void> => {
    for (const worker of own) worker.close()
    await ledger?.close()
  }
  return { workers, limits, pools, defaults, intents, admission, close }
}

function setupOf(
  name: string,
  pool: PoolOptions,
  { machine }: PoolsOptions,
  limits: ReadonlyMap<string, Limit>,
  { clock, random, ledger }: LimitWorld,
): WorkerPoolOptions {
  const { backend, backends, limitKey, requests, tokens, intent, defaults, graceMs, ...rest } = pool
  const limit = limitKey === undefined ? undefined : limits.get(limitKey)
  // With a key these have been said of the key.
  const windows = limit ? {} : { ...(requests && { requests }), ...(tokens && { tokens }) }
  return {
    ...rest,
    ...windows,
    name,
    clock,
    random,
    ...(machine && { machine }),
    ...(limit && { limit }),
    ledger: ledger?.entry(`pool:${name}`),
    backends: (backends ?? (backend ? [backend] : [])).map(backendOf),
  }
}

function backendOf(backend: AgentBackend | AgentFunction): AgentBackend {
  return typeof backend === 'function' ? { run: backend } : backend
}
