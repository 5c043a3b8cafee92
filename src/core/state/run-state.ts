import type { Accounts } from '../budget/budget.js'
import type { Upstream } from '../scheduler/trigger-rule.js'
import type { FailureMode, Outcome, StopCause } from './events.js'
import type { Tally, TaskSpec, TaskState, TaskStatus } from './task.js'
import type { TaskIds } from './task-ids.js'

/** Where a run stands. */
export type RunPhase =
  | { readonly status: 'planning' }
  | { readonly status: 'running' }
  | { readonly status: 'paused' }
  | { readonly status: 'draining'; readonly paused: boolean }
  | { readonly status: 'suspended'; readonly paused: boolean }
  | { readonly status: 'stopping'; readonly cause: StopCause; readonly reason: string }
  | { readonly status: 'settled'; readonly outcome: Outcome }

/** The names of the phases of a run. */
export type RunStatus = RunPhase['status']

/**
 * The state of a run: what its events say, and nothing else. Only `evolve` changes it.
 * Tasks are known by their index, the order in which they were added; what is known of task `i` stands at place `i` of each list.
 * Invariant: the values in the lists are immutable; the lists belong to the run.
 */
export interface RunState {
  readonly runId: string
  phase: RunPhase
  name: string | undefined
  version: string | undefined
  /** The first so many tasks are those of its plan. */
  plannedTasks: number
  only: readonly string[] | undefined
  /** Its plan was a `TaskGraph`. */
  fromGraph: boolean
  failureMode: FailureMode
  epoch: number
  /** The last event's. */
  seq: number
  /** The last event's; the first one's. */
  at: number
  startedAt: number
  /** When the process before this one was last heard of: what ran then has run no longer. */
  processLostAt: number
  /** The tasks whose attempts ran when the process before this one ended, until what became of them is told. */
  readonly orphanedAttempts: Set<number>
  /** How long no process had the run, in milliseconds. */
  downtimeMs: number
  ids: TaskIds
  specs: TaskSpec[]
  /** The tasks that have an input function or an output schema. */
  readonly bound: Set<number>
  states: TaskState[]
  tallies: Tally[]
  /**
   * How many dependencies keep it: hard ones that have not succeeded, and order-only ones that have not ended.
   * With a trigger rule of its own the hard ones are counted in `upstreams` instead.
   */
  openDependencies: number[]
  /** How the hard dependencies have ended so far, of the tasks with a trigger rule of their own. */
  upstreams: Map<number, Upstream>
  /** The indexes of the order-only dependencies, of the tasks that have any. */
  orderDependencies: Map<number, number[]>
  /** The indexes of the hard dependencies. */
  dependencies: (readonly number[])[]
  /**
   * Who waits for whom, as linked lists: the first edge of each task, its last one, the next edge of each edge, and where it leads:
   * to task `i`, or for an order-only dependency `~i`.
   */
  firstEdge: number[]
  lastEdge: number[]
  nextEdge: number[]
  edgeTo: number[]
  /** Tasks that were named as a dependency before they were added, with the edges to draw then. */
  pendingEdges: Map<string, number[]>
  /** The tasks that a person has approved, and those that may go over their budgets. */
  readonly approved: Set<number>
  readonly budgetExempt: Set<number>
  /** The tasks that wait for what others have reserved, by pool, in the order in which they came. */
  readonly heldForReservations: Map<string, Set<number>>
  /** How long the tasks with time-outs in the queue or in total have waited. */
  readonly clocks: Map<number, TaskClock>
  /** How long the run was paused in all, but for a pause that goes on since `pausedAt`. */
  pausedMs: number
  pausedAt: number | undefined
  /** How long the clocks of the tasks had stood still when the process before this one was last heard of. */
  stoppedMsAtLoss: number
  /** At most one attempt of the run at a time. */
  serial: boolean
  /** When throttling leaves nothing of running in parallel, go on serially. */
  autoFallbackToSerial: boolean
  /** How much of late was turned away (throttled, overloaded, quota): 0 to 1, a moving average over about ten attempts. */
  throttledShare: number
  /** What budgets there are, and what has been used of them. Undefined while there is none. */
  accounts: Accounts | undefined
  readonly counts: Record<TaskStatus, number>
}

/** How many tasks have not ended. */
export function unfinishedCount(state: RunState): number {
  const { succeeded, dead, skipped, cancelled } = state.counts
  return state.specs.length - succeeded - dead - skipped - cancelled
}

/** The tasks that have not ended. */
export function unfinishedTasks(state: RunState): readonly TaskSpec[] {
  return state.specs.filter((_, index) => !isTerminal((state.states[index] as TaskState).status))
}

/** True for a state that is never left. */
export function isTerminal(status: TaskStatus): boolean {
  return status === 'succeeded' || status === 'dead' || status === 'skipped' || status === 'cancelled'
}

/** When a task was first and last ready, and how long its run had stood still then (paused, or without a process), in milliseconds. */
export interface TaskClock {
  readonly firstReadyAt: number
  readonly stoppedMsAtFirst: number
  readonly lastReadyAt: number
  readonly stoppedMsAtLast: number
  /** How long it was held in all, without the time in which the run stood still; and how much of it when its process ended. */
  readonly heldMs: number
  readonly heldMsAtLoss: number
  /** Since when it is held, and how long the run had stood still then. */
  readonly held: { readonly at: number; readonly stopped: number } | undefined
}

/** How long the run has stood still by the time `at`, which is not before its last event. */
export function stoppedMsAt(state: RunState, at: number): number {
  return state.downtimeMs + state.pausedMs + (state.pausedAt === undefined ? 0 : at - state.pausedAt)
}

/** How a task ended, for the trigger rules of those that wait for it. */
export type EndKind = 'succeeded' | 'failed' | 'skipped'

/** Undefined while it has not. One that was skipped because of a failure counts as failed. */
export function endKindOf(task: TaskState): EndKind | undefined {
  if (task.status === 'succeeded') return 'succeeded'
  if (task.status === 'skipped') return task.rule === undefined ? 'failed' : 'skipped'
  return task.status === 'dead' || task.status === 'cancelled' ? 'failed' : undefined
}

/** Calls `visit` with each task that waits for task `index`, in the order in which they were added; `order` when only for its end. */
export function eachDependent(
  state: RunState,
  index: number,
  visit: (dependent: number, order: boolean) => void,
): void {
  for (let edge = state.firstEdge[index] as number; edge !== -1; edge = state.nextEdge[edge] as number) {
    const to = state.edgeTo[edge] as number
    visit(to < 0 ? ~to : to, to < 0)
  }
}
