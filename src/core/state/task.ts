import type { Budget, Estimate } from '../budget/budget.js'
import type { Failure, FailureKind } from '../failure/failure.js'
import type { Usage } from '../failure/usage.js'
import type { Json } from '../json.js'
import type { TriggerRule } from '../scheduler/trigger-rule.js'

/** How a task waits between two attempts. Exponential with full jitter (Brooker, AWS Architecture Blog, 2015). */
export interface Backoff {
  /** Upper bound of the first wait, in milliseconds. Default 1,000. */
  readonly baseMs?: number
  /** By how much the bound grows with each failure. Default 2. */
  readonly factor?: number
  /** No wait is longer, in milliseconds; what a provider asks for has a bound of its own (`maxParkMs` of the failure handler). Default 60,000. */
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
  /** Ids of the tasks that must have succeeded before this one starts, or ended as its `triggerRule` says. */
  readonly after?: readonly string[]
  /** Soft dependencies: it does not wait for them; it gets the output of each that has ended by then, and later ones through `context.soft(id)`. */
  readonly softAfter?: readonly string[]
  /** Order-only dependencies: it waits until each has ended, however; it gets nothing from them. */
  readonly orderAfter?: readonly string[]
  /** How the tasks in `after` must have ended. Default `all_success`. */
  readonly triggerRule?: TriggerRule
  /** 1 is the most urgent. Default 3. */
  readonly priority?: number
  /** How often it is tried again after it failed by itself: 2 means at most three such attempts. Default 2. */
  readonly retries?: number
  readonly backoff?: Backoff
  /** Longest time of one attempt, in milliseconds. Default 3,600,000 (an hour). */
  readonly timeoutMs?: number
  /** Longest time within an attempt without any report of its agent, in milliseconds. Default: none. */
  readonly idleTimeoutMs?: number
  /** Longest time that it waits for a slot, in milliseconds, not counting while the run is paused, it is held, or its pool is parked. Default: none. */
  readonly queueTimeoutMs?: number
  /** Longest time from when it was first ready to its end, over all attempts, in milliseconds, counted like `queueTimeoutMs`. Default: none. */
  readonly totalTimeoutMs?: number
  /** Its part of what the run delivers. Default 1. */
  readonly weight?: number
  /** How long an attempt is expected to take, in milliseconds: the longest remaining path goes first. */
  readonly durationMs?: number
  /** What an attempt is expected to use: reserved before it starts where there is a budget or a limit on tokens. Default: nothing is known. */
  readonly estimate?: Estimate
  /** What all its attempts together may use. Default: no bound. */
  readonly budget?: Budget
  /** `never`: an attempt of which nobody knows how far it came is not repeated; the task is held for a person. Default `safe`. */
  readonly replay?: 'safe' | 'never'
  /** True: once it is ready a person must approve it. Default false. */
  readonly approval?: boolean
  /** Anything the agent should know besides: handed to it as it is. */
  readonly context?: Json
}

/** The state of a task, by its `status`. */
export type TaskState =
  | { readonly status: 'blocked' }
  | { readonly status: 'ready'; readonly since: number }
  | {
      readonly status: 'held'
      readonly reason: HoldReason
      readonly since: number
      readonly failure: Failure | undefined
      /** With `reserved`: what it needs. */
      readonly estimate: Estimate | undefined
    }
  | RunningState
  | StoppingState
  | { readonly status: 'delayed'; readonly until: number; readonly failure: Failure }
  | SucceededState
  | { readonly status: 'dead'; readonly at: number; readonly failure: Failure }
  | {
      readonly status: 'skipped'
      readonly at: number
      readonly rootCause: string
      /** The trigger rule that was not met; undefined when what it waited for failed. */
      readonly rule: TriggerRule | undefined
    }
  | { readonly status: 'cancelled'; readonly at: number; readonly reason: string }

/** A task with an attempt that runs. */
export interface RunningState {
  readonly status: 'running'
  readonly attempt: number
  readonly pool: string
  readonly backend: string
  readonly startedAt: number
  readonly input: Json
  /** What is set aside of the budgets for it. */
  readonly reserved: Estimate | undefined
}

/** A task whose attempt is being stopped. */
export interface StoppingState {
  readonly status: 'stopping'
  readonly attempt: number
  readonly pool: string
  readonly backend: string
  readonly startedAt: number
  readonly reserved: Estimate | undefined
  readonly reason: StopReason
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

/**
 * What a held task waits for.
 *
 * - `approval`: a person who approves it.
 * - `interrupted`: a person who looks what an attempt has done of which nobody knows how far it came.
 * - `budget`: more budget, or a person who lets it go over.
 * - `reserved`: attempts that run have set the rest of a budget aside. It goes on by itself when one of them ends.
 */
export type HoldReason = 'approval' | 'interrupted' | 'budget' | 'reserved'

/** A failed attempt, told to the next one so that it can do better. */
export interface Feedback {
  /** The number of the attempt that failed. */
  readonly attempt: number
  readonly kind: FailureKind
  readonly message: string
  /** What it had answered, as text, cut at 4,000 characters. */
  readonly output?: string
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
  /** Attempts that failed and were passed on to another backend: they have a bound of their own. */
  readonly failovers: number
  /** Attempts whose failure was fed back to the agent: they have a bound of their own, and each makes a new revision of the request. */
  readonly repairs: number
  /** What the next attempt is told. */
  readonly feedback: Feedback | undefined
  /** The next attempt goes to a backend after the one of this name. */
  readonly failedOverFrom: string | undefined
  /** Attempts that outlived their abort and its grace. */
  readonly abandoned: number
  /** Time in attempts, in milliseconds. */
  readonly busyMs: number
  /** When the first attempt started. */
  readonly firstStartAt: number | undefined
  readonly usage: Usage | undefined
}

/** Options of a task that a pool may set for all its tasks; a task's own go first. */
export type TaskDefaults = Pick<
  TaskSpec,
  | 'priority'
  | 'retries'
  | 'backoff'
  | 'timeoutMs'
  | 'idleTimeoutMs'
  | 'queueTimeoutMs'
  | 'totalTimeoutMs'
  | 'durationMs'
  | 'estimate'
  | 'budget'
  | 'replay'
  | 'approval'
>
