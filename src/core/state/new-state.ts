import { copyAccounts } from '../budget/budget.js'
import type { RunState } from './run-state.js'
import { copyLists } from './shared-plan.js'
import type { Tally, TaskStatus } from './task.js'
import { TaskIds } from './task-ids.js'

/** Shared by all tasks that have had no attempt. */
export const EMPTY_TALLY: Tally = {
  attempts: 0,
  failures: 0,
  throttled: 0,
  interrupted: 0,
  failovers: 0,
  repairs: 0,
  feedback: undefined,
  failedOverFrom: undefined,
  wasRefused: undefined,
  abandoned: 0,
  busyMs: 0,
  firstStartAt: undefined,
  usage: undefined,
}

/** The state of a run before its first event. */
// biome-ignore lint/complexity/noExcessiveLinesPerFunction: one literal with a line per member.
export function emptyState(runId: string): RunState {
  return {
    runId,
    phase: { status: 'planning' },
    name: undefined,
    version: undefined,
    plannedTasks: 0,
    only: undefined,
    fromGraph: false,
    failureMode: 'continue',
    epoch: 0,
    seq: 0,
    at: 0,
    startedAt: 0,
    processLostAt: 0,
    downtimeMs: 0,
    ids: new TaskIds(),
    bound: new Map(),
    assigned: new Map(),
    specs: [],
    states: [],
    tallies: [],
    openDependencies: [],
    upstreams: new Map(),
    orderDependencies: new Map(),
    dependencies: [],
    firstEdge: [],
    lastEdge: [],
    nextEdge: [],
    edgeTo: [],
    pendingEdges: new Map(),
    approved: new Set(),
    budgetExempt: new Set(),
    heldForReservations: new Map(),
    sharedReached: new Map(),
    clocks: new Map(),
    parkings: new Map(),
    pausedMs: 0,
    pausedAt: undefined,
    stoppedMsAtLoss: 0,
    serial: false,
    autoFallbackToSerial: false,
    throttledShare: 0,
    accounts: undefined,
    orphanedAttempts: new Set(),
    counts: noCounts(),
  }
}

function noCounts(): Record<TaskStatus, number> {
  return {
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
}

/** A copy that can be changed independently. */
export function copyState(state: RunState): RunState {
  return {
    ...state,
    ...copyLists(state),
    ids: state.ids.copy(),
    bound: new Map(state.bound),
    assigned: new Map(state.assigned),
    orphanedAttempts: new Set(state.orphanedAttempts),
    approved: new Set(state.approved),
    budgetExempt: new Set(state.budgetExempt),
    heldForReservations: new Map([...state.heldForReservations].map(([pool, indexes]) => [pool, new Set(indexes)])),
    sharedReached: new Map(state.sharedReached),
    clocks: new Map(state.clocks),
    parkings: new Map(state.parkings),
    accounts: state.accounts && copyAccounts(state.accounts),
    counts: { ...state.counts },
  }
}
