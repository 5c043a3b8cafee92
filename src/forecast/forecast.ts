import type { TaskSpec } from '../core/state/task.js'
import { didYouMean, show } from '../error-text.js'
import { CounterpointError, type InputIssue } from '../errors.js'
import { checkWindowLimit, RateWindow, type WindowLimit } from '../limits/rate-window.js'
import { invalidInput } from '../options-check.js'
import { checkGraph } from '../plan/graph-check.js'
import type { ModeFigures } from './choose-mode.js'
import { type VirtualPool, VirtualRun } from './virtual-run.js'

/** A pool as far as a forecast needs it: its options will do, where its concurrency is a number. */
export interface ForecastPool {
  /** How many attempts run at once. Default 4. */
  readonly concurrency?: number
  /** How long its attempts have taken so far, in the median, in milliseconds: for tasks of unknown duration. */
  readonly medianMs?: number
  /** How many attempts may start in each window. Default: no limit. */
  readonly requests?: WindowLimit
  /** Pools of one key share the requests of the first of them that has any. */
  readonly limitKey?: string
  /** As of the pool: a waiting task gains one step of priority for each such span, in milliseconds. Default 60,000. */
  readonly agingMs?: number
}

/** Options of {@link forecast}. */
export interface ForecastOptions {
  /** By name. A task without a pool goes to the only one. */
  readonly pools: Readonly<Record<string, ForecastPool>>
  /**
   * What is known of a task's duration besides what it declares, in milliseconds; undefined where nothing is.
   * Goes before its `durationMs`. The order of starts follows what is declared, as in a run.
   */
  readonly durationOf?: (task: TaskSpec) => number | undefined
}

/** How long a plan takes, and what it costs. Tasks that would be skipped do not count. */
export interface Forecast extends ModeFigures {
  /** The longest chain of tasks that have to wait for each other, in milliseconds: no number of slots makes the run shorter. */
  readonly criticalPathMs: number
  /** The ids along that chain. */
  readonly criticalPath: readonly string[]
  /** When each task ends in parallel, in milliseconds from the start of the run, in the order of the tasks; undefined for one that is skipped. */
  readonly etaMs: readonly (number | undefined)[]
  /** Input and output together; not there when no task tells an estimate. */
  readonly tokens?: number
}

/**
 * Foretells a run: the scheduler itself, in virtual time, alone in its pools. Every attempt succeeds, people approve at once, and a task takes
 * as long as `durationOf` says, or else as it declares, or else as its pool takes in the median, or else as the average of those that are known.
 * Linear in tasks and dependencies: a few microseconds for each.
 *
 * ```ts
 * const { serialMs, parallelMs } = forecast(parsePlan(text).tasks, { pools: { writer: { concurrency: 3 } } })
 * ```
 *
 * @throws CounterpointError `INVALID_INPUT` for options or durations that are not as documented; `NO_POOL` for a task whose pool is not there;
 * `CYCLE`, `DUPLICATE_ID`, `UNKNOWN_DEPENDENCY`.
 */
export function forecast(tasks: readonly TaskSpec[], options: ForecastOptions): Forecast {
  checkPools(options.pools)
  checkGraph(tasks)
  const poolOf = placesOf(tasks, Object.keys(options.pools))
  const { durations, known } = durationsOf(tasks, poolOf, options)
  const play = (atOnce: number): VirtualRun =>
    new VirtualRun({ tasks, durations, poolOf, pools: virtualPools(options.pools), atOnce }).play()
  const parallel = play(Number.POSITIVE_INFINITY)
  // Without windows one after the other is a sum.
  const limited = Object.values(options.pools).some(pool => pool.requests)
  const serialMs = limited ? play(1).endedAt : sum(tasks, parallel, (_, index) => durations[index])
  const parallelMs = parallel.endedAt
  const path = parallel.criticalPath()
  const costUsd = sum(tasks, parallel, task => task.estimate?.costUsd)
  const tokens = sum(tasks, parallel, task => task.estimate?.tokens)
  return {
    serialMs: serialMs ?? 0,
    parallelMs,
    speedup: parallelMs > 0 ? (serialMs ?? 0) / parallelMs : 1,
    width: parallel.width,
    criticalPathMs: path.reduce((ms, index) => ms + (durations[index] as number), 0),
    criticalPath: path.map(index => (tasks[index] as TaskSpec).id),
    known,
    ...(costUsd !== undefined && { costUsd }),
    ...(tokens !== undefined && { tokens }),
    etaMs: Array.from(parallel.endsAt, at => (Number.isNaN(at) ? undefined : at)),
  }
}

/** Over the tasks that run; undefined when none of them tells anything. */
function sum(
  tasks: readonly TaskSpec[],
  { endsAt }: VirtualRun,
  of: (task: TaskSpec, index: number) => number | undefined,
): number | undefined {
  let total: number | undefined
  for (let index = 0; index < tasks.length; index++) {
    const value = Number.isNaN(endsAt[index]) ? undefined : of(tasks[index] as TaskSpec, index)
    if (value !== undefined) total = (total ?? 0) + value
  }
  return total
}

function virtualPools(pools: ForecastOptions['pools']): readonly VirtualPool[] {
  const shared = new Map<string, RateWindow>()
  for (const { limitKey, requests } of Object.values(pools))
    if (limitKey !== undefined && requests && !shared.has(limitKey)) shared.set(limitKey, new RateWindow(requests))
  return Object.entries(pools).map(([name, { concurrency = 4, agingMs = 60_000, requests, limitKey }]) => {
    const own = requests && limitKey === undefined ? new RateWindow(requests) : undefined
    return { name, concurrency, agingMs, window: limitKey === undefined ? own : shared.get(limitKey) }
  })
}

/** The place of each task's pool. */
function placesOf(tasks: readonly TaskSpec[], names: readonly string[]): Int32Array {
  const places = new Map(names.map((name, place) => [name, place]))
  const only = names.length === 1 ? 0 : undefined
  return Int32Array.from(tasks, task => {
    const place = task.pool === undefined ? only : places.get(task.pool)
    if (place === undefined) throw noPool(task, names)
    return place
  })
}

function noPool({ id, pool }: TaskSpec, pools: readonly string[]): CounterpointError<'NO_POOL'> {
  const why = pool === undefined ? 'it names none' : `there is no pool "${pool}"${didYouMean(pool, pools)}`
  const message = `no pool for task "${id}": ${why}; pools: ${pools.join(', ')}. Name its pool, or add that one to pools`
  return new CounterpointError('NO_POOL', message, { taskId: id, confidence: pool === undefined ? 0 : 1, pools })
}

/** Tasks of unknown duration count as the average of the others; where none is known, all count as one. */
function durationsOf(
  tasks: readonly TaskSpec[],
  poolOf: Int32Array,
  { pools, durationOf }: ForecastOptions,
): { readonly durations: Float64Array; readonly known: number } {
  const medians = Object.values(pools).map(pool => pool.medianMs)
  const durations = new Float64Array(tasks.length).fill(Number.NaN)
  let known = 0
  let knownMs = 0
  for (let index = 0; index < tasks.length; index++) {
    const task = tasks[index] as TaskSpec
    const durationMs = durationOf?.(task) ?? task.durationMs ?? medians[poolOf[index] as number]
    if (durationMs === undefined) continue
    if (!isSpan(durationMs)) throw noSpan(task, durationMs)
    durations[index] = durationMs
    known++
    knownMs += durationMs
  }
  const average = known === 0 ? 1 : Math.round(knownMs / known)
  if (known < tasks.length)
    for (let i = 0; i < durations.length; i++) if (Number.isNaN(durations[i])) durations[i] = average
  return { durations, known: tasks.length === 0 ? 1 : known / tasks.length }
}

function isSpan(value: number): boolean {
  return value >= 0 && value <= Number.MAX_SAFE_INTEGER
}

const SPAN = 'a number of milliseconds, 0 to 2^53 - 1'

function noSpan({ id }: TaskSpec, got: unknown): CounterpointError<'INVALID_INPUT'> {
  const path = `duration of task "${id}"`
  return invalidInput([{ path, message: `expected ${SPAN}, got ${show(got)}; leave it out where it is unknown` }])
}

function checkPools(pools: ForecastOptions['pools']): void {
  const issues: InputIssue[] = []
  for (const [name, pool] of Object.entries(pools)) {
    const { concurrency = 4, medianMs = 0, agingMs = 1, requests } = pool
    const expect = (holds: boolean, key: string, what: string, got: unknown): void => {
      if (!holds) issues.push({ path: `pools.${name}.${key}`, message: `expected ${what}, got ${show(got)}` })
    }
    expect(Number.isInteger(concurrency) && concurrency > 0, 'concurrency', 'a positive integer', concurrency)
    expect(isSpan(medianMs), 'medianMs', SPAN, medianMs)
    expect(isSpan(agingMs) && agingMs > 0, 'agingMs', 'a number of milliseconds above 0', agingMs)
    if (requests) checkWindowLimit(requests, `pools.${name}.requests`)
  }
  if (issues.length > 0) throw invalidInput(issues)
}
