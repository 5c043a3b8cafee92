import type { FailureMode, Outcome } from './event.js'
import type { Tally, TaskSpec, TaskState, TaskStatus } from './task.js'

/** Where a run stands. */
export type RunPhase =
  | { readonly status: 'planning' }
  | { readonly status: 'running' }
  | { readonly status: 'paused' }
  | { readonly status: 'draining'; readonly paused: boolean }
  | { readonly status: 'suspended'; readonly paused: boolean }
  | { readonly status: 'stopping'; readonly because: 'cancelled' | 'fail-fast'; readonly reason: string }
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
  planned: number
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
  leftAt: number
  /** How long no process had the run, in milliseconds. */
  awayMs: number
  readonly ids: Map<string, number>
  readonly specs: TaskSpec[]
  /** The tasks that have an input function or an output schema. */
  readonly bound: Set<number>
  readonly states: TaskState[]
  readonly tallies: Tally[]
  /** How many hard dependencies have not succeeded yet. */
  readonly open: number[]
  /** The indexes of the hard dependencies. */
  readonly needs: (readonly number[])[]
  /** Who waits for whom, as linked lists: the first edge of each task, its last one, the next edge of each edge, and where it leads. */
  readonly firstEdge: number[]
  readonly lastEdge: number[]
  readonly nextEdge: number[]
  readonly edgeTo: number[]
  /** Tasks that were named as a dependency before they were added, with the edges to draw then. */
  readonly awaited: Map<string, number[]>
  readonly counts: Record<TaskStatus, number>
}

/** Shared by all tasks that have no history yet. */
export const NO_TALLY: Tally = {
  attempts: 0,
  failures: 0,
  throttled: 0,
  interrupted: 0,
  abandoned: 0,
  busyMs: 0,
  firstStartAt: undefined,
  usage: undefined,
}

/** A run of which no event is known. */
export function emptyState(runId: string): RunState {
  return {
    runId,
    phase: { status: 'planning' },
    name: undefined,
    version: undefined,
    planned: 0,
    only: undefined,
    fromGraph: false,
    failureMode: 'continue',
    epoch: 0,
    seq: 0,
    at: 0,
    startedAt: 0,
    leftAt: 0,
    awayMs: 0,
    ids: new Map(),
    bound: new Set(),
    specs: [],
    states: [],
    tallies: [],
    open: [],
    needs: [],
    firstEdge: [],
    lastEdge: [],
    nextEdge: [],
    edgeTo: [],
    awaited: new Map(),
    counts: {
      blocked: 0,
      ready: 0,
      held: 0,
      running: 0,
      stopping: 0,
      delayed: 0,
      succeeded: 0,
      dead: 0,
      skipped: 0,
      cancelled: 0,
    },
  }
}

/** A copy that further events do not touch. */
export function copyState(state: RunState): RunState {
  return {
    ...state,
    ids: new Map(state.ids),
    bound: new Set(state.bound),
    specs: state.specs.slice(),
    states: state.states.slice(),
    tallies: state.tallies.slice(),
    open: state.open.slice(),
    needs: state.needs.slice(),
    firstEdge: state.firstEdge.slice(),
    lastEdge: state.lastEdge.slice(),
    nextEdge: state.nextEdge.slice(),
    edgeTo: state.edgeTo.slice(),
    awaited: new Map([...state.awaited].map(([id, edges]) => [id, edges.slice()])),
    counts: { ...state.counts },
  }
}

/** How many tasks have not ended. */
export function unfinished(state: RunState): number {
  const { succeeded, dead, skipped, cancelled } = state.counts
  return state.specs.length - succeeded - dead - skipped - cancelled
}

/** The tasks that have not ended. */
export function unended(state: RunState): readonly TaskSpec[] {
  return state.specs.filter((_, index) => !isTerminal((state.states[index] as TaskState).status))
}

/** True for a state that is never left. */
export function isTerminal(status: TaskStatus): boolean {
  return status === 'succeeded' || status === 'dead' || status === 'skipped' || status === 'cancelled'
}

/** Calls `visit` with each task that waits for task `index`, in the order in which they were added. */
export function eachDependent(state: RunState, index: number, visit: (dependent: number) => void): void {
  for (let edge = state.firstEdge[index] as number; edge !== -1; edge = state.nextEdge[edge] as number)
    visit(state.edgeTo[edge] as number)
}
