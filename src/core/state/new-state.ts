import { copyAccounts } from '../budget/budget.js'
import type { RunState } from './run-state.js'
import type { Tally, TaskStatus } from './task.js'
import { TaskIds } from './task-ids.js'

/** Shared by all tasks that have no history yet. */
export const EMPTY_TALLY: Tally = {
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
// biome-ignore lint/complexity/noExcessiveLinesPerFunction: one literal, so that V8 knows all states by one shape, and reads and writes them in a fraction of the time.
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
    bound: new Set(),
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
    clocks: new Map(),
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

/** A copy that further events do not touch. What it is told itself must be what `state` has been told, sooner or later. */
export function copyState(state: RunState): RunState {
  return Object.assign(emptyState(state.runId), state, copyLists(state), {
    ids: state.ids.follow(),
    bound: new Set(state.bound),
    orphanedAttempts: new Set(state.orphanedAttempts),
    approved: new Set(state.approved),
    budgetExempt: new Set(state.budgetExempt),
    heldForReservations: new Map([...state.heldForReservations].map(([pool, indexes]) => [pool, new Set(indexes)])),
    clocks: new Map(state.clocks),
    accounts: state.accounts && copyAccounts(state.accounts),
    counts: Object.assign(noCounts(), state.counts),
  })
}

/** Who waits for whom among the tasks that are there, and what they are: what only changes when others are added. */
type Plan = Pick<
  RunState,
  'specs' | 'orderDependencies' | 'dependencies' | 'firstEdge' | 'lastEdge' | 'nextEdge' | 'edgeTo' | 'pendingEdges'
>

type Lists = Plan & Pick<RunState, 'states' | 'tallies' | 'openDependencies' | 'upstreams'>

/** What a state knows of each task, and who waits for whom. */
function copyLists(state: RunState): Lists {
  return { ...copyPlan(state), ...copyProgress(state) }
}

function copyPlan(state: RunState): Plan {
  return {
    specs: state.specs.slice(),
    orderDependencies: new Map(state.orderDependencies),
    dependencies: state.dependencies.slice(),
    firstEdge: state.firstEdge.slice(),
    lastEdge: state.lastEdge.slice(),
    nextEdge: state.nextEdge.slice(),
    edgeTo: state.edgeTo.slice(),
    pendingEdges: new Map([...state.pendingEdges].map(([id, edges]) => [id, edges.slice()])),
  }
}

function copyProgress(state: RunState): Omit<Lists, keyof Plan> {
  return {
    states: state.states.slice(),
    tallies: state.tallies.slice(),
    openDependencies: state.openDependencies.slice(),
    upstreams: new Map([...state.upstreams].map(([index, upstream]) => [index, { ...upstream }])),
  }
}

/** States whose plan is that of a blank one, too. Invariant: it is copied before it is changed. */
const sharing = new WeakSet<RunState>()

/** The same as to add the tasks of `blank` one by one to a run that has none. `blank` must not change any more. */
export function adoptPlan(state: RunState, blank: RunState): void {
  const {
    specs,
    orderDependencies: orders,
    dependencies: needs,
    firstEdge,
    lastEdge,
    nextEdge,
    edgeTo,
    pendingEdges: awaited,
  } = blank
  const plan: Plan = {
    specs,
    orderDependencies: orders,
    dependencies: needs,
    firstEdge,
    lastEdge,
    nextEdge,
    edgeTo,
    pendingEdges: awaited,
  }
  Object.assign(state, plan, copyProgress(blank))
  state.ids.adopt(blank.ids)
  state.counts.blocked = blank.counts.blocked
  sharing.add(state)
}

/** Tasks are about to be added to it. */
export function copySharedPlan(state: RunState): void {
  if (sharing.delete(state)) Object.assign(state, copyPlan(state))
}
