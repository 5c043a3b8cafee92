import { type Clock, systemClock } from '../clock.js'
import { DEFAULT_POOL, type TaskDefaults } from '../core/state/task.js'
import type { JournalProblem } from '../journal/journal.js'
import type { SharedStream } from '../journal/shared-stream.js'
import { LimitLedger } from '../limits/ledger/limit-ledger.js'
import type { Limit } from '../limits/limit.js'
import { invalidInput } from '../options-check.js'
import { Admission } from './admission.js'
import { buildLimits, type LimitEnvironment } from './build-limits.js'
import type { PoolEvent } from './pool-events.js'
import type { Intent } from './pool-intent.js'
import type { OpenPool, PoolOptions, PoolsOptions, WorkerPoolOptions } from './pool-options.js'
import { WorkerPool } from './worker-pool.js'

/** The pools of an orchestrator, with what belongs to them. */
export interface BuiltPools {
  readonly workers: ReadonlyMap<string, WorkerPool>
  /** By limit key. */
  readonly limits: ReadonlyMap<string, Limit>
  readonly pools: ReadonlyMap<string, OpenPool>
  /** An entry for every pool. */
  readonly defaults: ReadonlyMap<string, TaskDefaults | undefined>
  readonly intents: Readonly<Record<string, Intent>>
  readonly admission: Admission
  /** Stops health checks and timers of the pools that were built here, and closes the shared stream. */
  close(): Promise<void>
}

/** What pools need from their orchestrator. */
export interface PoolEnvironment extends Pick<LimitEnvironment, 'clock' | 'random'> {
  /** Persists limits and cooldowns. Default: they are lost with the process. */
  readonly shared?: SharedStream | undefined
  /** Called when the stream cannot be read or written. */
  report(problem: JournalProblem): void
  /** Called with each event of a pool. */
  publish(event: PoolEvent): void
}

const DEFAULT_GRACE_MS = 5_000

/**
 * Builds the pools of options that have been checked.
 * @throws INVALID_INPUT for what the schema cannot check: limits of one key that disagree, backends of the same name.
 */
export function buildPools(options: PoolsOptions, environment: PoolEnvironment): BuiltPools {
  const { clock, random, shared, report } = environment
  const given = poolsOf(options)
  const ledger = shared && new LimitLedger({ stream: shared, clock, report })
  const limits = buildLimits(given, options.limits ?? {}, { clock, random, ledger })
  const workers = new Map<string, WorkerPool>()
  const pools = new Map<string, OpenPool>()
  const defaults = new Map<string, TaskDefaults | undefined>()
  const intents: Record<string, Intent> = Object.create(null)
  const admission = new Admission()
  const own: WorkerPool[] = []
  const unsubscribes: (() => void)[] = []
  for (const [name, pool] of given) {
    const isShared = pool instanceof WorkerPool
    const worker = isShared
      ? checkClock(name, pool, clock)
      : new WorkerPool(workerOptionsOf(name, pool, options, limits, { clock, random, ledger }))
    if (!isShared) own.push(worker)
    admission.setLimit(name, worker.queueLimit)
    const unsubscribe = worker.subscribe({
      onEvent: event => environment.publish({ ...event, pool: name }),
      onQueueLimitChange: queueLimit => admission.setLimit(name, queueLimit),
    })
    unsubscribes.push(unsubscribe)
    const { graceMs = DEFAULT_GRACE_MS, defaults: taskDefaults, intent } = worker.options
    workers.set(name, worker)
    pools.set(name, { pool: worker, graceMs })
    defaults.set(name, taskDefaults)
    if (intent) intents[name] = intent
  }
  const close = async (): Promise<void> => {
    for (const worker of own) worker.dispose()
    // A pool of the host lives on: it must not keep this orchestrator.
    for (const unsubscribe of unsubscribes) unsubscribe()
    await ledger?.close()
  }
  return { workers, limits, pools, defaults, intents, admission, close }
}

/** The pools of the host, and the default one. */
function poolsOf({ pools = {} }: PoolsOptions): ReadonlyMap<string, PoolOptions | WorkerPool> {
  const given = new Map<string, PoolOptions | WorkerPool>()
  for (const [name, pool] of Object.entries(pools))
    given.set(name, typeof pool === 'function' ? { backend: pool } : (pool as PoolOptions | WorkerPool))
  if (!given.has(DEFAULT_POOL)) given.set(DEFAULT_POOL, {})
  return given
}

/** With two clocks one of them would wait in real time for what happens in virtual time. */
function checkClock(name: string, pool: WorkerPool, clock: Clock): WorkerPool {
  const own = pool.options.clock ?? systemClock
  if (own === clock) return pool
  const message =
    own === systemClock
      ? 'its clock is the default one, but the orchestrator has a clock: pass the same one to both'
      : `its clock is another one than that of the orchestrator${clock === systemClock ? ', which is the default one' : ''}: pass the same one to both`
  throw invalidInput([{ path: `pools.${name}`, message }])
}

function workerOptionsOf(
  name: string,
  pool: PoolOptions,
  { machine }: PoolsOptions,
  limits: ReadonlyMap<string, Limit>,
  { clock, random, ledger }: LimitEnvironment,
): WorkerPoolOptions {
  const { limitKey, requests, tokens, ...rest } = pool
  const limit = limitKey === undefined ? undefined : limits.get(limitKey)
  // With a key, these are options of the limit.
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
  }
}
