import { copyAccounts } from './budget.js'
import type { RunState } from './run-state.js'
import type { Tally, TaskStatus } from './task.js'
import { TaskIds } from './task-ids.js'

/** Shared by all tasks that have no history yet. */
export const NO_TALLY: Tally = {
  attempts: 0,
  failures: 0,
  throttled: 0,
  interrupted: 0,
  failovers: 0,
  repairs: 0,
  feedback: undefined,
  failedOverFrom: undefined,
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
    ids: new TaskIds(),
    bound: new Set(),
    specs: [],
    states: [],
    tallies: [],
    open: [],
    upstreams: new Map(),
    orders: new Map(),
    needs: [],
    firstEdge: [],
    lastEdge: [],
    nextEdge: [],
    edgeTo: [],
    awaited: new Map(),
    ...noControl(),
    counts: { ...NONE },
  }
}

type Control = Pick<
  RunState,
  | 'approved'
  | 'excused'
  | 'reservedOut'
  | 'clocks'
  | 'pausedMs'
  | 'pausedAt'
  | 'stoppedAtLeave'
  | 'serial'
  | 'autoFallbackToSerial'
  | 'pressure'
  | 'accounts'
  | 'orphans'
>

/** Nobody has said anything yet. */
function noControl(): Control {
  return {
    approved: new Set(),
    excused: new Set(),
    reservedOut: new Map(),
    clocks: new Map(),
    pausedMs: 0,
    pausedAt: undefined,
    stoppedAtLeave: 0,
    serial: false,
    autoFallbackToSerial: false,
    pressure: 0,
    accounts: undefined,
    orphans: new Set(),
  }
}

const NONE: Readonly<Record<TaskStatus, number>> = {
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
}

/** A copy that further events do not touch. */
export function copyState(state: RunState): RunState {
  return {
    ...state,
    ...copyLists(state),
    ids: state.ids.copy(),
    bound: new Set(state.bound),
    orphans: new Set(state.orphans),
    approved: new Set(state.approved),
    excused: new Set(state.excused),
    reservedOut: new Map([...state.reservedOut].map(([pool, indexes]) => [pool, new Set(indexes)])),
    clocks: new Map(state.clocks),
    accounts: state.accounts && copyAccounts(state.accounts),
    counts: { ...state.counts },
  }
}

type Lists = Pick<
  RunState,
  | 'specs'
  | 'states'
  | 'tallies'
  | 'open'
  | 'upstreams'
  | 'orders'
  | 'needs'
  | 'firstEdge'
  | 'lastEdge'
  | 'nextEdge'
  | 'edgeTo'
  | 'awaited'
>

/** What a state knows of each task, and who waits for whom. */
export function copyLists(state: RunState): Lists {
  return {
    specs: state.specs.slice(),
    states: state.states.slice(),
    tallies: state.tallies.slice(),
    open: state.open.slice(),
    upstreams: new Map([...state.upstreams].map(([index, upstream]) => [index, { ...upstream }])),
    orders: new Map(state.orders),
    needs: state.needs.slice(),
    firstEdge: state.firstEdge.slice(),
    lastEdge: state.lastEdge.slice(),
    nextEdge: state.nextEdge.slice(),
    edgeTo: state.edgeTo.slice(),
    awaited: new Map([...state.awaited].map(([id, edges]) => [id, edges.slice()])),
  }
}
