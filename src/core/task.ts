import type { Failure, Usage } from './failure.js'
import type { Json } from './json.js'

/** How a task waits between two attempts. Exponential with full jitter (Brooker, AWS Architecture Blog, 2015). */
export interface Backoff {
  /** Upper bound of the first wait, in milliseconds. Default 1,000. */
  readonly baseMs?: number
  /** By how much the bound grows with each failure. Default 2. */
  readonly factor?: number
  /** No wait is longer, in milliseconds; also the most that a provider's `retryAfterMs` is followed. Default 60,000. */
  readonly maxMs?: number
}

/** A task as data: what the journal keeps of it. `parsePlan` and `TaskGraph` make these; every member but `id` may be left out there. */
export interface TaskSpec {
  /** 1 to 128 characters, unique in its run. */
  readonly id: string
  /** What the agent is asked to do. */
  readonly description: string
  /** The pool it goes to; without one the `TaskDistributor` decides. */
  readonly pool?: string
  /** Input that is known beforehand. A `TaskGraph` may compute it from the outputs of the dependencies instead. */
  readonly input?: Json
  /** Ids of the tasks that must have succeeded before this one starts. */
  readonly after?: readonly string[]
  /** 1 is the most urgent. Default 3. */
  readonly priority?: number
  /** How often it is tried again after it failed by itself: 2 means at most three such attempts. Default 2. */
  readonly retries?: number
  readonly backoff?: Backoff
  /** Longest time of one attempt, in milliseconds. Default 3,600,000 (an hour). */
  readonly timeoutMs?: number
  /** Its part of what the run delivers. Default 1. */
  readonly weight?: number
  /** How long an attempt is expected to take, in milliseconds: the longest remaining path goes first. */
  readonly durationMs?: number
  /** Anything the agent should know besides: handed to it as it is. */
  readonly context?: Json
}

/** The state of a task, by its `status`. */
export type TaskState =
  | { readonly status: 'blocked' }
  | { readonly status: 'ready'; readonly since: number }
  | { readonly status: 'held'; readonly because: 'approval' | 'interrupted' | 'budget' }
  | RunningState
  | {
      readonly status: 'stopping'
      readonly attempt: number
      readonly pool: string
      readonly startedAt: number
      readonly key: string
      readonly because: StopReason
    }
  | { readonly status: 'delayed'; readonly until: number; readonly failure: Failure }
  | SucceededState
  | { readonly status: 'dead'; readonly at: number; readonly failure: Failure }
  | { readonly status: 'skipped'; readonly at: number; readonly rootCause: string }
  | { readonly status: 'cancelled'; readonly at: number; readonly reason: string }

/** A task with an attempt that runs. */
export interface RunningState {
  readonly status: 'running'
  readonly attempt: number
  readonly pool: string
  readonly backend: string
  readonly startedAt: number
  readonly key: string
  readonly input: Json
}

/** A task with its output. Its last attempt is told here, and not in its tally: most tasks have no other. */
export interface SucceededState {
  readonly status: 'succeeded'
  readonly at: number
  readonly output: Json
  readonly attempt: number
  readonly startedAt: number
  readonly usage: Usage | undefined
}

/** Why a running attempt is being stopped. */
export type StopReason =
  | { readonly kind: 'timeout'; readonly failure: Failure }
  | { readonly kind: 'cancel'; readonly reason: string }
  | { readonly kind: 'interrupt' }

/** The names of the states of a task. */
export type TaskStatus = TaskState['status']

/** What a task has been through: counted over all its attempts but the one that runs, and the one that succeeded. */
export interface Tally {
  /** Attempts that have ended. */
  readonly attempts: number
  /** Attempts that failed by themselves: these consume retries. */
  readonly failures: number
  /** Attempts turned away by throttling, overload or quota: they have a bound of their own. */
  readonly throttled: number
  /** Attempts cut off because our process ended: they have a bound of their own. */
  readonly interrupted: number
  /** Attempts that outlived their abort and its grace. */
  readonly abandoned: number
  /** Time in attempts, in milliseconds. */
  readonly busyMs: number
  /** When the first attempt started. */
  readonly firstStartAt: number | undefined
  readonly usage: Usage | undefined
}
