import type { Report } from '../backends/agent-backend.js'
import type { Failure, ParkReason } from '../core/failure/failure.js'
import { addUsage } from '../core/failure/usage.js'
import type { Outcome } from '../core/state/events.js'
import type { RunState, RunStatus } from '../core/state/run-state.js'
import type { HoldReason, Tally, TaskSpec, TaskState, TaskStatus } from '../core/state/task.js'
import type { OpenPool } from '../pools/pool-options.js'
import type { FinishedRun, TaskResult } from '../results/result-aggregator.js'

/** A task that has an attempt. */
export interface RunningTask {
  readonly id: string
  readonly pool: string
  readonly attempt: number
  /** In milliseconds since 1970. */
  readonly startedAt: number
  /** Share done, 0 to 1, as the agent last said. */
  readonly progress?: number
  /** What the agent last said. */
  readonly message?: string
}

/** A task that waits for a person, or for more budget. */
export interface HeldTask {
  readonly id: string
  readonly reason: HoldReason
  /** In milliseconds since 1970. */
  readonly since: number
  /** With `interrupted`: of the attempt of which nobody knows how far it came. */
  readonly failure?: Failure
}

/** A pool that starts nothing for a while. */
export interface ParkedPool {
  readonly pool: string
  /** When it opens, in milliseconds since 1970, and how long that is from now, in milliseconds. */
  readonly until: number
  readonly leftMs: number
  readonly reason: ParkReason
}

/** How far a run is. */
export interface RunProgress {
  readonly runId: string
  readonly status: RunStatus
  /** When it has settled. */
  readonly outcome?: Outcome
  /** Tasks in all, and those that have ended one way or another. */
  readonly total: number
  readonly ended: number
  /** How many tasks are in each state. */
  readonly counts: Readonly<Record<TaskStatus, number>>
  /** In milliseconds since 1970; 0 before it has started. */
  readonly startedAt: number
  readonly running: readonly RunningTask[]
  /** What waits for a person, or for more budget: `run.approve`, `run.reject`, `run.setBudget`. */
  readonly held: readonly HeldTask[]
  /** Which of its pools are parked. */
  readonly parked: readonly ParkedPool[]
}

/** How far the run of `state` is. */
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

function heldTasks(state: RunState): readonly HeldTask[] {
  if (state.counts.held === 0) return []
  return state.states.flatMap((task, index) => {
    if (task.status !== 'held') return []
    const { id } = state.specs[index] as TaskSpec
    const { reason, since, failure } = task
    return [{ id, reason, since, ...(failure && { failure }) }]
  })
}

/** The running task `index`, with what it last reported. */
export function runningTask(state: RunState, index: number, report: Report | undefined): RunningTask | undefined {
  const task = state.states[index]
  if (task?.status !== 'running' && task?.status !== 'stopping') return undefined
  const { id } = state.specs[index] as TaskSpec
  const { progress, message } = report ?? {}
  return {
    id,
    pool: task.pool,
    attempt: task.attempt,
    startedAt: task.startedAt,
    ...(progress !== undefined && { progress }),
    ...(message !== undefined && { message }),
  }
}

/** What is known of task `index`. */
export function taskResult(state: RunState, index: number): TaskResult {
  const spec = state.specs[index] as TaskSpec
  const task = state.states[index] as TaskState
  const { attempts, abandoned, usage, busyMs, startedAt } = historyOf(state.tallies[index] as Tally, task)
  return {
    id: spec.id,
    description: spec.description,
    pool: spec.pool ?? '',
    status: task.status,
    ...detailOf(task),
    attempts,
    abandoned,
    ...(usage !== undefined && { usage }),
    busyMs,
    ...(startedAt !== undefined && { startedAt }),
    weight: spec.weight ?? 1,
    after: spec.after ?? [],
    ...(spec.orderAfter && { orderAfter: spec.orderAfter }),
  }
}

interface History extends Pick<Tally, 'attempts' | 'abandoned' | 'busyMs' | 'usage'> {
  readonly startedAt: number | undefined
}

/** The tally, and the attempt that is not in it. */
function historyOf(tally: Tally, task: TaskState): History {
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

function detailOf(task: TaskState): Partial<TaskResult> {
  switch (task.status) {
    case 'succeeded':
      return { output: task.output, endedAt: task.at }
    case 'dead':
      return { failure: task.failure, endedAt: task.at }
    case 'delayed':
      return { failure: task.failure }
    case 'skipped':
      return { rootCause: task.rootCause, endedAt: task.at }
    case 'cancelled':
      return { reason: task.reason, endedAt: task.at }
    default:
      return {}
  }
}

/** A settled run, for the aggregator: its tasks are listed when they are first read. */
export function finishedRun(state: RunState, outcome: Outcome): FinishedRun {
  let tasks: readonly TaskResult[] | undefined
  return {
    runId: state.runId,
    ...(state.name !== undefined && { name: state.name }),
    outcome,
    startedAt: state.startedAt,
    settledAt: state.at,
    awayMs: state.downtimeMs,
    get tasks() {
      tasks ??= state.specs.map((_, index) => taskResult(state, index))
      return tasks
    },
  }
}

/** Which of these pools are parked. */
export function parkedAmong(names: readonly string[], pools: ReadonlyMap<string, OpenPool>): readonly ParkedPool[] {
  return names.flatMap(pool => {
    const { parkedUntil, parkedMs, parkedReason } = pools.get(pool)?.pool.stats() ?? {}
    if (parkedUntil === undefined || parkedMs === undefined || parkedReason === undefined) return []
    return [{ pool, until: parkedUntil, leftMs: parkedMs, reason: parkedReason }]
  })
}
