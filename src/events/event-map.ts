import type { Json } from '../core/json.js'
import type { RunEvent } from '../core/state/events.js'
import type { PoolEvent } from '../pools/pool-events.js'

/** Published, never journaled: what an attempt reports while it runs. At most one report per attempt in 100 ms, and the last one before it ends. */
export type AttemptProgressed = {
  readonly type: 'attempt.progressed'
  /** In milliseconds since 1970. */
  readonly at: number
  readonly runId: string
  readonly taskId: string
  readonly index: number
  /** From 1. */
  readonly attempt: number
  /** Share done, 0 to 1. */
  readonly progress?: number
  readonly message?: string
  /** What the host's own code wants to show: any JSON. */
  readonly data?: Json
}

/** Published, never journaled: a chunk that an attempt streamed while it runs. None is lost, and those of an attempt are in order. */
export type AttemptStreamed = {
  readonly type: 'attempt.streamed'
  /** In milliseconds since 1970. */
  readonly at: number
  readonly runId: string
  readonly taskId: string
  /** The position of the task in the run. */
  readonly index: number
  /** From 1. */
  readonly attempt: number
  readonly chunk: Json
}

/** What a run publishes and does not journal: it has no `seq`. */
export type LiveEvent = AttemptProgressed | AttemptStreamed

/**
 * Published when a listener, a hook or the journal of the host failed; or when a backend gave a usage or threw an `AgentError` that cannot be
 * read. It has changed nothing, unless `where` says so.
 */
export interface HostError {
  readonly type: 'error'
  readonly error: unknown
  /** What failed: `listener of task.succeeded`, `journal`, `usage of backend small in pool writer`. */
  readonly where: string
  readonly runId?: string
}

/** What a run emits on its channel `event`. */
export type RunChannelEvent = RunEvent | AttemptProgressed | AttemptStreamed

/** What an orchestrator emits on its channel `event`: the events of its runs and of its pools. */
export type CounterpointEvent = RunChannelEvent | PoolEvent

/** The event with one name: `EventOf<'task.dead'>`, `EventOf<'pool.parked'>`. Members of each: docs/events.md. */
export type EventOf<T extends CounterpointEvent['type']> = Extract<CounterpointEvent, { readonly type: T }>

/** Events by name, all of them on `event`, and the errors of the host's code on `error`. */
export type EventsByName<E extends { readonly type: string }> = { readonly [T in E as T['type']]: T } & {
  readonly event: E
  readonly error: HostError
}

/** The events of a run, by the name to listen to. `event` gets everything but `error`. */
export type RunEventMap = EventsByName<RunChannelEvent>

/** The events of an orchestrator, by the name to listen to. `event` gets everything but `error`. */
export type EventMap = EventsByName<CounterpointEvent>

type Names<E extends { readonly type: string }> = Readonly<Record<E['type'], true>>

/** A name that is missing here, or is none, does not compile. */
const RUN_NAMES: Names<RunChannelEvent> = {
  'run.started': true,
  'run.mode-chosen': true,
  'run.paused': true,
  'run.unpaused': true,
  'run.stopping': true,
  'run.draining': true,
  'run.suspended': true,
  'run.recovered': true,
  'run.settled': true,
  'task.added': true,
  'task.ready': true,
  'task.held': true,
  'task.delayed': true,
  'task.succeeded': true,
  'task.dead': true,
  'task.skipped': true,
  'task.cancelled': true,
  'attempt.started': true,
  'attempt.progressed': true,
  'attempt.streamed': true,
  'attempt.stopping': true,
  'attempt.failed': true,
  'attempt.abandoned': true,
  'budget.reached': true,
  'budget.changed': true,
}

const POOL_NAMES: Names<PoolEvent> = {
  'pool.parked': true,
  'pool.opened': true,
  'pool.limit-changed': true,
  'pool.unhealthy': true,
  'pool.healthy': true,
}

/** The names to listen to at a run. */
export const RUN_CHANNELS: ReadonlySet<string> = new Set(['event', 'error', ...Object.keys(RUN_NAMES)])

/** The names to listen to at an orchestrator. */
export const CHANNELS: ReadonlySet<string> = new Set([...RUN_CHANNELS, ...Object.keys(POOL_NAMES)])
