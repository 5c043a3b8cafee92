import type { Report } from '../backends/agent-backend.js'
import type { Failure, ParkReason } from '../core/failure/failure.js'
import { addUsage } from '../core/failure/usage.js'
import type { Json } from '../core/json.js'
import type { TaskResult } from '../core/results/run-result.js'
import type { Outcome } from '../core/state/events.js'
import type { RunState, RunStatus } from '../core/state/run-state.js'
import type { HoldReason, Tally, TaskSpec, TaskState, TaskStatus } from '../core/state/task.js'
import type { OpenPool } from '../pools/pool-options.js'
import type { FinishedRun } from '../results/result-aggregator.js'

/** A task that has an attempt. */
export type RunningTask = {
  readonly id: string
  readonly pool: string
  readonly attempt: number
  /** In milliseconds since 1970. */
  readonly startedAt: number
  /** Share done, 0 to 1, as last reported. */
  readonly progress?: number
  /** The last message that was reported. */
  readonly message?: string
  /** The last data that was reported. */
  readonly data?: Json
}

/** A task that waits for a person, or for more budget. */
export type HeldTask = {
  readonly id: string
  readonly reason: HoldReason
  /** In milliseconds since 1970. */
  readonly since: number
  /** With `interrupted`: how the attempt ended. It may have had effects. */
  readonly failure?: Failure
}

/** A pool that starts no attempts until a given time. */
export type ParkedPool = {
  readonly pool: string
  /** When it opens, in milliseconds since 1970. */
  readonly until: number
  /** How long it stays parked from now, in milliseconds. */
  readonly leftMs: number
  readonly reason: ParkReason
}

/** The progress of a run. */
export interface RunProgress {
  readonly runId: string
  readonly status: RunStatus
  /** Only when it has settled. */
  readonly outcome?: Outcome
  /** The number of tasks. */
  readonly total: number
  /** How many of them have succeeded, are dead, skipped or cancelled. */
  readonly ended: number
  /** How many tasks are in each state. */
  readonly counts: Readonly<Record<TaskStatus, number>>
  /** In milliseconds since 1970; 0 before it has started. */
  readonly startedAt: number
  readonly running: readonly RunningTask[]
  /** Tasks that wait for `run.approve`, `run.reject` or `run.setBudget`. */
  readonly held: readonly HeldTask[]
  /** Its pools that are parked. */
  readonly parked: readonly ParkedPool[]
}

export function progressOf(
  state: RunState,
  running: readonly RunningTask[],
  parked: readonly ParkedPool[],
): RunProgress {
  const { runId, phase, counts, specs, startedAt } = state
  const ended = counts.succeeded + counts.dead + counts.skipped + counts.cancelled
  return {
    runId,
    status: phase.status,
    ...(phase.status === 'settled' && { outcome: phase.outcome }),
    total: specs.length,
    ended,
    counts: { ...counts },
    startedAt,
    running,
    held: heldTasks(state),
    parked,
  }
}

/** The held tasks of a run. */
export function heldTasks(state: RunState): readonly HeldTask[] {
  if (state.counts.held === 0) return []
  return state.states.flatMap((task, index) => {
    if (task.status !== 'held') return []
    const { id } = state.specs[index] as TaskSpec
    const { reason, since, failure } = task
    return [{ id, reason, since, ...(failure && { failure }) }]
  })
}

/** Task `index` with its last report; undefined when it has no attempt. */
export function runningTask(state: RunState, index: number, report: Report | undefined): RunningTask | undefined {
  const task = state.states[index]
  if (task?.status !== 'running' && task?.status !== 'stopping') return undefined
  const { id } = state.specs[index] as TaskSpec
  const { progress, message, data } = report ?? {}
  return {
    id,
    pool: task.pool,
    attempt: task.attempt,
    startedAt: task.startedAt,
    ...(progress !== undefined && { progress }),
    ...(message !== undefined && { message }),
    ...(data !== undefined && { data }),
  }
}

const NONE: readonly string[] = Object.freeze([])

/** Written without spreads: a settled run calls this for each of its tasks. */
export function taskResult(state: RunState, index: number): TaskResult {
  const { id, description, pool = '', weight = 1, after = NONE, orderAfter } = state.specs[index] as TaskSpec
  const task = state.states[index] as TaskState
  const { attempts, abandoned, usage, busyMs, startedAt } = attemptTotals(state.tallies[index] as Tally, task)
  const { status } = task
  const result: TaskMembers = { id, description, pool, status, attempts, abandoned, busyMs, weight, after }
  if (orderAfter) result.orderAfter = orderAfter
  if (usage !== undefined) result.usage = usage
  if (startedAt !== undefined) result.startedAt = startedAt
  if ('at' in task) result.endedAt = task.at
  if (status === 'succeeded') result.output = task.output
  else if (status === 'dead' || status === 'delayed') result.failure = task.failure
  else if (status === 'skipped') {
    result.rootCause = task.rootCause
    if (task.rule !== undefined) result.rule = task.rule
  } else if (status === 'cancelled' || status === 'held') result.reason = task.reason
  return result as TaskResult
}

/** A {@link TaskResult} while it is made. */
type TaskMembers = { -readonly [K in keyof TaskResult]: TaskResult[K] }

interface AttemptTotals extends Pick<Tally, 'attempts' | 'abandoned' | 'busyMs' | 'usage'> {
  readonly startedAt: number | undefined
}

/** The tally of the ended attempts, plus the attempt that is running or has succeeded. */
function attemptTotals(tally: Tally, task: TaskState): AttemptTotals {
  const { attempts, abandoned, busyMs, usage, firstStartAt } = tally
  if (task.status === 'succeeded') {
    const total = addUsage(usage, task.usage)
    const startedAt = firstStartAt ?? task.startedAt
    return { attempts: task.attempt, abandoned, busyMs: busyMs + (task.at - task.startedAt), usage: total, startedAt }
  }
  const live = task.status === 'running' || task.status === 'stopping'
  if (live) return { attempts: task.attempt, abandoned, busyMs, usage, startedAt: firstStartAt ?? task.startedAt }
  return { attempts, abandoned, busyMs, usage, startedAt: firstStartAt }
}

/** A settled run, for the aggregator. */
export function finishedRun(state: RunState, outcome: Outcome): FinishedRun {
  const tasks: TaskResult[] = []
  for (let index = 0; index < state.specs.length; index++) tasks.push(taskResult(state, index))
  return {
    runId: state.runId,
    ...(state.name !== undefined && { name: state.name }),
    outcome,
    startedAt: state.startedAt,
    settledAt: state.at,
    awayMs: state.downtimeMs,
    tasks,
  }
}

export function parkedAmong(names: readonly string[], pools: ReadonlyMap<string, OpenPool>): readonly ParkedPool[] {
  return names.flatMap(pool => {
    const { parkedUntil, parkedMs, parkedReason } = pools.get(pool)?.pool.stats() ?? {}
    if (parkedUntil === undefined || parkedMs === undefined || parkedReason === undefined) return []
    return [{ pool, until: parkedUntil, leftMs: parkedMs, reason: parkedReason }]
  })
}
