import { checkEvent } from './check-event.js'
import type { AttemptFailed, EventOf, RunEvent, RunEventType, TaskAdded, TaskSucceeded } from './event.js'
import { emptyState, NO_TALLY, type RunState } from './run-state.js'
import { DRAINED, endAttempt, NOTHING } from './tally.js'
import type { Tally, TaskState } from './task.js'

const BLOCKED: TaskState = { status: 'blocked' }
const NO_NEEDS: readonly number[] = Object.freeze([])

/**
 * Changes `state` by one event. The only place that changes a state; it decides nothing.
 * Throws for an event that no decision can have made in this state: a journal that says so is damaged.
 */
export function evolve(state: RunState, event: RunEvent): void {
  checkEvent(state, event)
  const fold = FOLDS[event.type] as (state: RunState, event: RunEvent) => void
  fold(state, event)
  state.seq = event.seq
  state.at = event.at
}

/** The state that these events lead to. */
export function replay(runId: string, events: Iterable<RunEvent>): RunState {
  const state = emptyState(runId)
  for (const event of events) evolve(state, event)
  return state
}

const FOLDS: { readonly [T in RunEventType]: (state: RunState, event: EventOf<T>) => void } = {
  'run.started': (state, event) => {
    state.phase = { status: 'running' }
    state.name = event.name
    state.version = event.version
    state.planned = event.tasks
    state.only = event.only
    state.fromGraph = event.graph === true
    state.failureMode = event.failureMode
    state.startedAt = event.at
    state.epoch = 1
  },
  'run.stopping': (state, event) => {
    state.phase = { status: 'stopping', because: event.because, reason: event.reason }
  },
  'run.paused': state => {
    state.phase = { status: 'paused' }
  },
  'run.unpaused': state => {
    state.phase = { status: 'running' }
  },
  'run.draining': state => {
    state.phase = { status: 'draining', paused: state.phase.status === 'paused' }
  },
  'run.suspended': state => {
    state.phase = { status: 'suspended', paused: state.phase.status === 'draining' && state.phase.paused }
  },
  'run.recovered': (state, event) => {
    state.epoch = event.epoch
    state.leftAt = state.at
    state.awayMs += event.at - state.at
    const { phase } = state
    if (phase.status === 'draining' || phase.status === 'suspended')
      state.phase = { status: phase.paused ? 'paused' : 'running' }
  },
  'run.settled': (state, event) => {
    state.phase = { status: 'settled', outcome: event.outcome }
  },
  'task.added': addTask,
  'task.ready': (state, event) => {
    if ((state.open[event.index] as number) > 0) throw impossible(state, event.index, 'ready')
    move(state, event.index, { status: 'ready', since: event.at })
  },
  'task.delayed': (state, event) =>
    move(state, event.index, { status: 'delayed', until: event.until, failure: event.failure }),
  'task.succeeded': succeed,
  'task.dead': (state, event) => move(state, event.index, { status: 'dead', at: event.at, failure: event.failure }),
  'task.skipped': (state, event) =>
    move(state, event.index, { status: 'skipped', at: event.at, rootCause: event.rootCause }),
  'task.cancelled': (state, event) => {
    endAttempt(state, event.index, event.at, event.usage, NOTHING)
    move(state, event.index, { status: 'cancelled', at: event.at, reason: event.reason })
  },
  'attempt.started': (state, event) => {
    if (event.attempt !== (state.tallies[event.index] as Tally).attempts + 1)
      throw impossible(state, event.index, 'running')
    move(state, event.index, {
      status: 'running',
      attempt: event.attempt,
      pool: event.pool,
      backend: event.backend,
      startedAt: event.at,
      key: event.key,
      input: event.input,
    })
  },
  'attempt.stopping': (state, event) => {
    const { attempt, pool, startedAt, key } = attemptOf(
      state,
      event.index,
      event.attempt,
      'stopping',
      'running',
      'stopping',
    )
    move(state, event.index, { status: 'stopping', attempt, pool, startedAt, key, because: event.because })
  },
  'attempt.failed': failAttempt,
  'attempt.abandoned': (state, event) => {
    attemptOf(state, event.index, event.attempt, 'abandoned', 'stopping')
    const tally = state.tallies[event.index] as Tally
    state.tallies[event.index] = { ...tally, abandoned: tally.abandoned + 1 }
  },
}

function addTask(state: RunState, { spec, index, taskId, bound }: TaskAdded): void {
  if (index !== state.specs.length || state.ids.has(taskId))
    throw new Error(`task ${taskId} cannot be added as number ${index}`)
  state.ids.set(taskId, index)
  state.specs.push(spec)
  if (bound) state.bound.add(index)
  state.states.push(BLOCKED)
  state.tallies.push(NO_TALLY)
  state.counts.blocked++
  state.firstEdge.push(-1)
  state.lastEdge.push(-1)
  state.open.push(0)
  state.needs.push(spec.after === undefined || spec.after.length === 0 ? NO_NEEDS : drawEdges(state, index, spec.after))
  drawAwaited(state, index, taskId)
}

function drawEdges(state: RunState, index: number, after: readonly string[]): readonly number[] {
  const needs: number[] = []
  for (const id of after) {
    const need = state.ids.get(id)
    if (need === undefined) {
      const waiting = state.awaited.get(id)
      if (waiting) waiting.push(index)
      else state.awaited.set(id, [index])
      ;(state.open[index] as number)++
    } else {
      needs.push(need)
      drawEdge(state, need, index)
    }
  }
  return needs
}

/** A batch may name tasks that come later in it. */
function drawAwaited(state: RunState, index: number, taskId: string): void {
  const waiting = state.awaited.size === 0 ? undefined : state.awaited.get(taskId)
  if (waiting === undefined) return
  state.awaited.delete(taskId)
  for (const dependent of waiting) {
    ;(state.open[dependent] as number)--
    ;(state.needs[dependent] as number[]).push(index)
    drawEdge(state, index, dependent)
  }
}

function drawEdge(state: RunState, from: number, to: number): void {
  const edge = state.edgeTo.push(to) - 1
  state.nextEdge.push(-1)
  const last = state.lastEdge[from] as number
  if (last === -1) state.firstEdge[from] = edge
  else state.nextEdge[last] = edge
  state.lastEdge[from] = edge
  if ((state.states[from] as TaskState).status !== 'succeeded') (state.open[to] as number)++
}

function succeed(state: RunState, event: TaskSucceeded): void {
  const was = attemptOf(state, event.index, event.attempt, 'succeeded', 'running')
  move(state, event.index, {
    status: 'succeeded',
    at: event.at,
    output: event.output,
    attempt: was.attempt,
    startedAt: was.startedAt,
    usage: event.usage,
  })
  for (let edge = state.firstEdge[event.index] as number; edge !== -1; edge = state.nextEdge[edge] as number)
    (state.open[state.edgeTo[edge] as number] as number)--
}

/** Invariant: after this the task is moved on by the next event of the same record. */
function failAttempt(state: RunState, event: AttemptFailed): void {
  const { kind } = event.failure
  const turnedAway = kind === 'throttled' || kind === 'overloaded' || kind === 'quota'
  attemptOf(state, event.index, event.attempt, 'failed', 'running', 'stopping')
  const drained = event.failure.code === DRAINED
  const endedAt = kind === 'interrupted' && !drained ? state.leftAt : event.at
  endAttempt(state, event.index, endedAt, event.usage, {
    failures: turnedAway || kind === 'interrupted' ? 0 : 1,
    throttled: turnedAway ? 1 : 0,
    interrupted: kind === 'interrupted' && !drained ? 1 : 0,
  })
}

/** The normative table of states: where each may go. */
const MOVES: { readonly [S in TaskState['status']]: readonly TaskState['status'][] } = {
  blocked: ['ready', 'skipped', 'cancelled'],
  ready: ['held', 'running', 'dead', 'cancelled'],
  held: ['ready', 'dead', 'cancelled'],
  running: ['succeeded', 'stopping', 'delayed', 'held', 'dead', 'cancelled'],
  stopping: ['stopping', 'delayed', 'dead', 'cancelled', 'ready'],
  delayed: ['ready', 'dead', 'cancelled'],
  succeeded: [],
  dead: [],
  skipped: [],
  cancelled: [],
}

function move(state: RunState, index: number, to: TaskState): void {
  const from = state.states[index]
  if (from === undefined || !MOVES[from.status].includes(to.status)) throw impossible(state, index, to.status)
  state.counts[from.status]--
  state.counts[to.status]++
  state.states[index] = to
}

/** The attempt that an event is about, if it is there and in a state in which such an event may come. */
function attemptOf(
  state: RunState,
  index: number,
  attempt: number,
  to: string,
  ...from: readonly ('running' | 'stopping')[]
): Extract<TaskState, { status: 'running' | 'stopping' }> {
  const was = state.states[index]
  if (
    (was?.status !== 'running' && was?.status !== 'stopping') ||
    !from.includes(was.status) ||
    was.attempt !== attempt
  )
    throw impossible(state, index, to)
  return was
}

function impossible(state: RunState, index: number, to: string): Error {
  const id = state.specs[index]?.id
  return new Error(
    `task ${id ?? `number ${index}`} cannot go from ${state.states[index]?.status ?? 'nowhere'} to ${to}`,
  )
}
