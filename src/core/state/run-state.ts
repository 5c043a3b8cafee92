import type { Accounts, Bound } from '../budget/budget.js'
import type { Upstream } from '../scheduler/trigger-rule.js'
import type { BoundPart, FailureMode, Outcome, StopCause } from './events.js'
import type { Tally, TaskSpec, TaskState, TaskStatus } from './task.js'
import type { TaskIds } from './task-ids.js'

/** The phase of a run. `paused` in a draining or suspended run: it was paused before, and is again once recovered. */
export type RunPhase =
  | { readonly status: 'planning' }
  | { readonly status: 'running' }
  | { readonly status: 'paused' }
  | { readonly status: 'draining'; readonly paused: boolean }
  | { readonly status: 'suspended'; readonly paused: boolean }
  | { readonly status: 'stopping'; readonly cause: StopCause; readonly reason: string }
  | { readonly status: 'settled'; readonly outcome: Outcome }

/** Tells which functions and schema a task has, by its id; undefined for none. */
export interface BoundParts {
  get(id: string): readonly BoundPart[] | undefined
}

/** The names of the phases of a run. */
export type RunStatus = RunPhase['status']

/**
 * The state of a run: exactly what its events say. Only `evolve` changes it.
 * Tasks are identified by their index, in the order in which they were added; item `i` of each list belongs to task `i`.
 * Times are in milliseconds since 1970.
 * Invariant: the values in the lists are immutable; the lists belong to the run.
 */
export interface RunState {
  readonly runId: string
  phase: RunPhase
  name: string | undefined
  version: string | undefined
  /** How many tasks the plan of the run had. Tasks from this index on were added to the live run. */
  plannedTasks: number
  /** The tasks that were selected, when only a part of the plan is run. */
  only: readonly string[] | undefined
  /** True when the plan was a `TaskGraph`. */
  fromGraph: boolean
  failureMode: FailureMode
  /** 1 for the first process that has the run; each process that recovers it adds 1. */
  epoch: number
  /** `seq` of the last event. */
  seq: number
  /** Time of the last event. */
  at: number
  /** Time of the first event. */
  startedAt: number
  /** Time of the last event of the previous process: attempts that were running then ran no longer. */
  processLostAt: number
  /** Indexes of the tasks whose attempts were running when the previous process was lost, until an event records their end. */
  readonly orphanedAttempts: Set<number>
  /** How long no process had the run, in milliseconds. */
  downtimeMs: number
  ids: TaskIds
  specs: TaskSpec[]
  /** By index: the functions and the output schema of the tasks that have any. */
  readonly bound: Map<number, readonly BoundPart[]>
  /** By index: the members of the specs that the graph of the task left open, where there are any. */
  readonly assigned: Map<number, readonly string[]>
  states: TaskState[]
  tallies: Tally[]
  /**
   * How many dependencies a task still waits for: hard ones that have not succeeded, and order-only ones that have not ended.
   * The hard dependencies of a task with its own trigger rule are counted in `upstreams` instead.
   */
  openDependencies: number[]
  /** How the hard dependencies have ended so far, for the tasks with their own trigger rule. */
  upstreams: Map<number, Upstream>
  /** Indexes of the order-only dependencies, for the tasks that have any. */
  orderDependencies: Map<number, number[]>
  /** Indexes of the hard dependencies. */
  dependencies: (readonly number[])[]
  /**
   * The edges from each task to its dependents, as linked lists: the first and last edge of each task, the next edge of each edge, and the
   * target of each edge: the index of the dependent, or `~index` for an order-only dependency. -1: none.
   */
  firstEdge: number[]
  lastEdge: number[]
  nextEdge: number[]
  edgeTo: number[]
  /** Dependencies that have not been added yet, by id, with the targets of the edges to add then. */
  pendingEdges: Map<string, number[]>
  /** Indexes of the tasks that a person has approved. */
  readonly approved: Set<number>
  /** Indexes of the tasks that may exceed their budgets. */
  readonly budgetExempt: Set<number>
  /** Indexes of the tasks that are held until reservations of others are settled, by pool, oldest first. */
  readonly heldForReservations: Map<string, Set<number>>
  /** The bounds that the run has reported of the budget of the orchestrator, each with the limit that it had. */
  readonly sharedReached: Map<Bound, number>
  /** The clocks of the tasks with a queue or total timeout. */
  readonly clocks: Map<number, TaskClock>
  /** When failures of the run have parked a pool, by its name, oldest first. */
  readonly parkings: Map<string, readonly Parking[]>
  /** How long the run was paused, in milliseconds, without the current pause. */
  pausedMs: number
  /** When the current pause began. */
  pausedAt: number | undefined
  /** How long the run had been stopped when the previous process was lost, in milliseconds. */
  stoppedMsAtLoss: number
  /** True when at most one attempt of the run may be in flight. */
  serial: boolean
  /** True when the run turns serial once most attempts are throttled. */
  autoFallbackToSerial: boolean
  /** The share of recent attempts that were throttled, 0 to 1: a moving average over about ten attempts. */
  throttledShare: number
  /** The budgets and what has been used of them; undefined when there is none. */
  accounts: Accounts | undefined
  /** How many tasks have each status. */
  readonly counts: Record<TaskStatus, number>
}

/** How many tasks have not ended. */
export function unfinishedCount(state: RunState): number {
  const { succeeded, dead, skipped, cancelled } = state.counts
  return state.specs.length - succeeded - dead - skipped - cancelled
}

/** True for a task that has a function of its own, which is called in place of a backend. */
export function hasFunction(state: RunState, index: number): boolean {
  return hasPart(state, index, 'run')
}

function hasPart(state: RunState, index: number, part: BoundPart): boolean {
  return state.bound.get(index)?.includes(part) === true
}

/** The tasks that have not ended, and which of them have a function of their own. */
export function unfinishedTasks(state: RunState): {
  readonly tasks: readonly TaskSpec[]
  hasFunction(id: string, part: BoundPart): boolean
} {
  return {
    tasks: state.specs.filter((_, index) => !isTerminal((state.states[index] as TaskState).status)),
    hasFunction: (id, part) => hasPart(state, state.ids.get(id) as number, part),
  }
}

/** True for a status that is never left. */
export function isTerminal(status: TaskStatus): boolean {
  return status === 'succeeded' || status === 'dead' || status === 'skipped' || status === 'cancelled'
}

/**
 * The clock behind the queue and total timeouts of a task. The run is *stopped* while it is paused or no process has it; all members that
 * end with `Ms` or begin with `stoppedMs` are in milliseconds.
 */
export interface TaskClock {
  /** When the task was first ready, and how long the run had been stopped by then. */
  readonly firstReadyAt: number
  readonly stoppedMsAtFirst: number
  /** When it was last ready, and how long the run had been stopped by then. */
  readonly lastReadyAt: number
  readonly stoppedMsAtLast: number
  /** How long it was held, not counting the time in which the run was stopped, and not the current hold. */
  readonly heldMs: number
  /** How much of that was before the previous process was lost. */
  readonly heldMsAtLoss: number
  /** The current hold: when it began, and how long the run had been stopped by then. */
  readonly held: { readonly at: number; readonly stoppedMs: number } | undefined
}

/** A span of time in which a pool was parked, in milliseconds since 1970. A host or another run may have ended it earlier. */
export interface Parking {
  readonly from: number
  readonly until: number
}

/** How long the run has been stopped (paused, or without a process) by `at`, in milliseconds. `at` is not before the last event. */
export function stoppedMsAt(state: RunState, at: number): number {
  return state.downtimeMs + state.pausedMs + (state.pausedAt === undefined ? 0 : at - state.pausedAt)
}

/** How a task ended, as trigger rules count it. */
export type EndKind = 'succeeded' | 'failed' | 'skipped'

/** True for a task that was skipped because of a failure: `upstream_failed` in Airflow. */
export function isUpstreamFailed(task: TaskState): boolean {
  return task.status === 'skipped' && task.rule === undefined
}

/** Undefined for a task that has not ended. A task that was skipped because of a failure counts as failed. */
export function endKindOf(task: TaskState): EndKind | undefined {
  if (task.status === 'succeeded') return 'succeeded'
  if (task.status === 'skipped') return isUpstreamFailed(task) ? 'failed' : 'skipped'
  return task.status === 'dead' || task.status === 'cancelled' ? 'failed' : undefined
}

/** The outcome of a run whose tasks have all ended. */
export function outcomeOf(state: RunState): Outcome {
  const { phase, counts } = state
  if (phase.status === 'stopping' && phase.cause === 'cancelled') return 'cancelled'
  // All other skipped tasks were skipped by their trigger rules, which is not a failure.
  if (counts.dead + counts.cancelled === 0) return 'completed'
  return counts.succeeded > 0 ? 'partial' : 'failed'
}
