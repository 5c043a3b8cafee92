import type { OpenPool } from '../attempts.js'
import type { Clock } from '../clock.js'
import { CounterpointError } from '../errors.js'
import type { Distribute, OrchestratorOptions, PoolOptions, Pools, TaskDefaults } from '../options.js'
import { Admission } from './admission.js'
import type { AgentBackend, AgentFunction } from './agent-backend.js'
import type { Intent } from './intent.js'
import { TaskDistributor } from './task-distributor.js'
import { WorkerPool } from './worker-pool.js'

/** What an orchestrator makes of its `pools`. */
export interface BuiltPools {
  readonly workers: ReadonlyMap<string, WorkerPool>
  readonly pools: ReadonlyMap<string, OpenPool>
  /** An entry for every pool. */
  readonly defaults: ReadonlyMap<string, TaskDefaults | undefined>
  readonly intents: Readonly<Record<string, Intent>>
  readonly admission: Admission
}

const DEFAULT_GRACE_MS = 5_000

/** The pools of options that have been checked. */
export function buildPools(options: Pools, clock: Clock): BuiltPools {
  const workers = new Map<string, WorkerPool>()
  const pools = new Map<string, OpenPool>()
  const defaults = new Map<string, TaskDefaults | undefined>()
  const intents: Record<string, Intent> = Object.create(null)
  const limits = new Map<string, number>()
  for (const [name, pool] of Object.entries(options)) {
    const given: Partial<PoolOptions> = pool instanceof WorkerPool ? {} : pool
    const worker = pool instanceof WorkerPool ? pool : newWorker(name, pool, clock)
    workers.set(name, worker)
    pools.set(name, { pool: worker, graceMs: given.graceMs ?? DEFAULT_GRACE_MS })
    defaults.set(name, given.defaults)
    if (given.intent) intents[name] = given.intent
    if (given.queueLimit !== undefined) limits.set(name, given.queueLimit)
  }
  return { workers, pools, defaults, intents, admission: new Admission(limits) }
}

function newWorker(name: string, options: PoolOptions, clock: Clock): WorkerPool {
  const { concurrency, agingMs } = options
  return new WorkerPool({
    name,
    backend: backendOf(options.backend),
    ...(concurrency !== undefined && { concurrency }),
    ...(agingMs !== undefined && { agingMs }),
    clock,
  })
}

function backendOf(backend: AgentBackend | AgentFunction): AgentBackend {
  return typeof backend === 'function' ? { run: backend } : backend
}

/** The host's distributor; else the intents of the pools decide; else a single pool takes everything. */
export function distributorOf(given: OrchestratorOptions['distributor'], { intents, workers }: BuiltPools): Distribute {
  if (typeof given === 'function') return given
  if (given) return task => given.distribute(task)
  const [first, second] = workers.keys()
  if (Object.keys(intents).length > 0) {
    const distributor = new TaskDistributor({ intents })
    return task => distributor.distribute(task)
  }
  if (first !== undefined && second === undefined) return () => ({ kind: 'pool', pool: first, confidence: 1 })
  return task => {
    const pools = [...workers.keys()]
    const message = `no pool for task "${task.id}": it names none, and no pool has an intent. Name its pool (${pools.join(', ')}), or give the pools intents`
    throw new CounterpointError('NO_POOL', message, { taskId: task.id, confidence: 0, pools })
  }
}
