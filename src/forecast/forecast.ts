import * as z from 'zod'
import { once } from '../core/once.js'
import { readMember } from '../core/read-member.js'
import { type Order, orderOf } from '../core/scheduler/order.js'
import { DEFAULT_POOL, type TaskSpec } from '../core/state/task.js'
import { didYouMean } from '../error-text.js'
import { CounterpointError } from '../errors.js'
import type { Limit } from '../limits/limit.js'
import type { LimitOptions } from '../limits/limit-options.js'
import { RateWindow, type WindowLimit, windowRule } from '../limits/rate-window.js'
import {
  checkMembers,
  checkOptions,
  checkValue,
  fn,
  invalid,
  method,
  millis,
  optionsOf,
  positiveInteger,
  positiveMs,
  record,
} from '../options-check.js'
import { checkGraph } from '../plan/graph-check.js'
import type { PoolOptions } from '../pools/pool-options.js'
import { limitsRule } from '../pools/pool-schema.js'
import { WorkerPool } from '../pools/worker-pool.js'
import { criticalPath } from '../results/critical-path.js'
import type { ModeFigures } from './choose-mode.js'
import { filledWithAverage, isSkipped, stepsOf } from './path-steps.js'
import { type VirtualPool, VirtualRun } from './virtual-run.js'

/** The properties of a pool that a forecast uses. A `WorkerPool` can be passed as it is, and so can pool options in which `concurrency` is a number. */
export type ForecastPool = {
  /** The most attempts that run at once. Default 4. */
  readonly concurrency?: number | undefined
  /** The median duration of its attempts so far, in milliseconds: for tasks of unknown duration. Default: unknown. */
  readonly medianMs?: number | undefined
  /** The most attempts that may start in any window. Default: no limit. */
  readonly requests?: WindowLimit | undefined
  /** Pools with the same key share its `limits`, or else the `requests` of the first of them that has any. Default: none. */
  readonly limitKey?: string | undefined
  /** As in the options of the pool: in milliseconds, by default at least 60,000, and more where tasks take long. */
  readonly agingMs?: number | undefined
}

/** Options of {@link forecast}. */
export interface ForecastOptions {
  /** The pools by name. A task without a pool goes to the only one. `default` need not be given: then its concurrency is 4. */
  readonly pools: Readonly<Record<string, ForecastPool>>
  /** The limits of each `limitKey`: `concurrency` and `requests` count. Default: those in the options of its pools. */
  readonly limits?: Readonly<Record<string, LimitOptions>> | undefined
  /**
   * The expected duration of a task in milliseconds, which takes precedence over its `durationMs`; undefined when it is unknown.
   * The order of starts depends on declared durations only, as in a run.
   */
  readonly durationOf?: (task: TaskSpec) => number | undefined
  /** Orders the ready tasks, as the option of an orchestrator does. Where it fails, the default is used. Default: that of a `DagScheduler`. */
  readonly scheduler?: Order | { order: Order } | undefined
}

/** How long a plan takes and what it costs. Tasks that would be skipped do not count. */
export interface Forecast extends ModeFigures {
  /** The length of the longest chain of tasks that wait for each other, in milliseconds: more slots cannot make the run shorter than that. */
  readonly criticalPathMs: number
  /** The ids along that chain. */
  readonly criticalPath: readonly string[]
  /** When each task ends in parallel, in milliseconds from the start of the run, in task order; undefined for a skipped one. */
  readonly etaMs: readonly (number | undefined)[]
  /** Estimated tokens, input and output together; missing when no task has an estimate. */
  readonly tokens?: number
}

/** The options of a pool that do not change a forecast. */
const IGNORED = [
  'backend',
  'backends',
  'tokens',
  'queueLimit',
  'health',
  'breaker',
  'retryBudget',
  'defaults',
  'intent',
  'graceMs',
] as const satisfies readonly Exclude<keyof PoolOptions, keyof ForecastPool>[]

const poolRule = once(() =>
  optionsOf({
    concurrency: positiveInteger,
    medianMs: millis,
    requests: windowRule(),
    limitKey: z.string().min(1),
    agingMs: positiveMs,
    ...Object.fromEntries(IGNORED.map(key => [key, z.unknown()])),
  }).partial(),
)

const rule = once(() =>
  optionsOf({
    pools: record(z.string(), z.union([z.instanceof(WorkerPool), poolRule()])),
    limits: limitsRule().optional(),
    durationOf: fn.optional(),
    scheduler: method('order').optional(),
  }),
)

/**
 * Predicts a run by playing the scheduler itself in virtual time, with its pools to itself. Every attempt succeeds, every approval is
 * given at once, and a task takes as long as `durationOf` says, else its `durationMs`, else the median of its pool, else the average of
 * the tasks whose duration is known. Linear in tasks and dependencies: a few microseconds each.
 *
 * ```ts
 * const { serialMs, parallelMs } = forecast(parsePlan(text).tasks, { pools: { writer: { concurrency: 3 } } })
 * ```
 *
 * @throws CounterpointError `INVALID_INPUT` for an invalid option or duration; `NO_POOL` for a task whose pool is not in `pools`;
 * `CYCLE`, `DUPLICATE_ID`, `UNKNOWN_DEPENDENCY`.
 */
export function forecast(tasks: readonly TaskSpec[], options: ForecastOptions): Forecast {
  checkOptions(rule(), options, { of: 'forecast' })
  checkTasks(tasks)
  checkGraph(tasks)
  const pools = withDefaultPool(options.pools)
  const poolOf = poolIndexes(tasks, pools, Object.keys(options.pools).length === 1)
  const { durations, known } = durationsOf(tasks, poolOf, { ...options, pools })
  const order = orderOf(options.scheduler)
  const virtualRun = (maxRunning: number): VirtualRun =>
    new VirtualRun({ tasks, durations, poolOf, pools: virtualPools(pools, options.limits), maxRunning, order })
  const run = virtualRun(Number.POSITIVE_INFINITY)
  const parallelMs = run.play()
  // Without request windows the serial time is just the sum.
  const hasWindows = virtualPools(pools, options.limits).some(pool => pool.window)
  const serialMs = hasWindows ? virtualRun(1).play() : (sum(tasks, run, (_, index) => durations[index]) ?? 0)
  const path = criticalPath(stepsOf(tasks, run, durations))
  const costUsd = sum(tasks, run, task => task.estimate?.costUsd)
  const tokens = sum(tasks, run, task => task.estimate?.tokens)
  return {
    serialMs,
    parallelMs,
    speedup: parallelMs > 0 ? serialMs / parallelMs : 1,
    width: run.width,
    criticalPathMs: path.ms,
    criticalPath: path.ids,
    known,
    ...(costUsd !== undefined && { costUsd }),
    ...(tokens !== undefined && { tokens }),
    etaMs: Array.from(run.endedAt, (at, index) => (isSkipped(run, index) ? undefined : at)),
  }
}

/** The sum over the tasks that run; undefined when no task has a value. */
function sum(
  tasks: readonly TaskSpec[],
  run: VirtualRun,
  amountOf: (task: TaskSpec, index: number) => number | undefined,
): number | undefined {
  let total: number | undefined
  for (const [index, task] of tasks.entries()) {
    const amount = isSkipped(run, index) ? undefined : amountOf(task, index)
    if (amount !== undefined) total = (total ?? 0) + amount
  }
  return total
}

/** What the pools of a limit key share. */
interface VirtualKey {
  readonly key: { freeSlots: number }
  readonly window: RateWindow | undefined
}

function virtualPools(given: ForecastOptions['pools'], limits: ForecastOptions['limits'] = {}): readonly VirtualPool[] {
  const pools = Object.entries(given).map(([name, pool]) => [name, optionsOfPool(pool)] as const)
  const keys = new Map<string, VirtualKey>()
  for (const [, { limit, limitKey }] of pools) {
    if (limitKey === undefined || keys.has(limitKey)) continue
    const { concurrency = Number.POSITIVE_INFINITY, requests } = limit ?? limits[limitKey] ?? {}
    const most = requests ?? pools.find(([, other]) => other.limitKey === limitKey && other.requests)?.[1].requests
    keys.set(limitKey, { key: { freeSlots: concurrency }, window: most && new RateWindow(most) })
  }
  return pools.map(([name, { concurrency = 4, agingMs, requests, limitKey }]) => {
    const shared = limitKey === undefined ? undefined : keys.get(limitKey)
    return { name, concurrency, agingMs, ...(shared ?? { window: requests && new RateWindow(requests) }) }
  })
}

/** A `WorkerPool` keeps its limit and its aging where options have a key. */
function optionsOfPool(pool: ForecastPool): ForecastPool & { readonly limit?: Limit | undefined } {
  if (!(pool instanceof WorkerPool)) return pool
  const { concurrency, requests, options } = pool
  const { agingMs, limit } = options
  return { concurrency, requests, agingMs, ...(limit && { limit, limitKey: limit.key }) }
}

/** As in an orchestrator, there is always one for function tasks that name none. It is the last one, unless it is given. */
function withDefaultPool(pools: ForecastOptions['pools']): ForecastOptions['pools'] {
  return Object.hasOwn(pools, DEFAULT_POOL) ? pools : { ...pools, [DEFAULT_POOL]: {} }
}

/** The index of each task's pool. The first pool takes the tasks that name none, if it is the only one that was given. */
function poolIndexes(tasks: readonly TaskSpec[], pools: ForecastOptions['pools'], hasOne: boolean): Int32Array {
  const names = Object.keys(pools)
  const indexes = new Map(names.map((name, index) => [name, index]))
  const only = hasOne ? 0 : undefined
  return Int32Array.from(tasks, task => {
    const index = task.pool === undefined ? only : indexes.get(task.pool)
    if (index === undefined) throw noPool(task, names)
    return index
  })
}

function noPool({ id, pool }: TaskSpec, pools: readonly string[]): CounterpointError<'NO_POOL'> {
  const reason = pool === undefined ? 'it names none' : `there is no pool "${pool}"${didYouMean(pool, pools)}`
  const message = `no pool for task "${id}": ${reason}; pools: ${pools.join(', ')}. Name its pool, or add that one to pools`
  return new CounterpointError('NO_POOL', message, { taskId: id, confidence: pool === undefined ? 0 : 1, pools })
}

function isMillis(ms: unknown): boolean {
  return typeof ms === 'number' && ms >= 0 && ms <= Number.MAX_SAFE_INTEGER
}

/** Tasks of unknown duration get the average of the others; where none is known, all get 1. */
function durationsOf(
  tasks: readonly TaskSpec[],
  poolOf: Int32Array,
  { pools, durationOf }: ForecastOptions,
): { readonly durations: Float64Array; readonly known: number } {
  const medians = Object.values(pools).map(pool => pool.medianMs)
  const given = tasks.map((task, index) => {
    const ms = durationOf?.(task) ?? task.durationMs ?? medians[poolOf[index] as number]
    // The rule costs microseconds per task, so it only makes the error.
    return ms === undefined || isMillis(ms) ? ms : checkValue(millis, ms, `duration of task "${task.id}"`)
  })
  const known = given.filter(ms => ms !== undefined)
  return {
    durations: filledWithAverage(given),
    known: tasks.length === 0 ? 1 : known.length / tasks.length,
  }
}

function checkTasks(tasks: readonly TaskSpec[]): void {
  if (!Array.isArray(tasks)) throw invalid('tasks', 'a list of tasks, as parsePlan(...).tasks', tasks)
  for (const [index, task] of tasks.entries())
    if (typeof readMember(task, 'id') !== 'string') checkMembers(task, { id: 'string' }, `tasks[${index}]`)
}
