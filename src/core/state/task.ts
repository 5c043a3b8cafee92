import type { Budget, Estimate } from '../budget/budget.js'
import type { Failure, FailureKind } from '../failure/failure.js'
import type { Usage } from '../failure/usage.js'
import type { Json } from '../json.js'
import type { TriggerRule } from '../scheduler/trigger-rule.js'

/** The delay between two attempts: exponential with full jitter (Brooker, AWS Architecture Blog, 2015). */
export type Backoff = {
  /** Upper bound of the first delay, in milliseconds. Default 1,000. */
  readonly baseMs?: number | undefined
  /** The bound is multiplied by this after each failure. Default 2. */
  readonly factor?: number | undefined
  /** Longest delay, in milliseconds. Delays requested by a provider are limited by `maxParkMs` of the failure handler instead. Default 60,000. */
  readonly maxMs?: number | undefined
}

/** A task as data, as journaled. `parsePlan` and `TaskGraph` make these; there, every member except `id` is optional. */
export interface TaskSpec {
  /** 1 to 128 characters, unique in its run. */
  readonly id: string
  /** What the agent is to do. */
  readonly description: string
  /** The pool of the task. Default: the `TaskDistributor` chooses one; for a task with a function of its own, `default`. */
  readonly pool?: string | undefined
  /** Input known in advance. A `TaskGraph` can compute it from the outputs of the dependencies instead. */
  readonly input?: Json | undefined
  /** Hard dependencies, by id: they must have succeeded before this task starts, or ended as its `triggerRule` says. */
  readonly after?: readonly string[] | undefined
  /** Soft dependencies, by id: the task does not wait for them. It gets the outputs of those that have ended by its start, and later ones through `context.softOutput(id)`. */
  readonly softAfter?: readonly string[] | undefined
  /** Order-only dependencies, by id: the task waits until each has ended in any way and gets no output from them. */
  readonly orderAfter?: readonly string[] | undefined
  /** How the tasks in `after` must have ended. Default `all_success`. */
  readonly triggerRule?: TriggerRule | undefined
  /** 1 is the most urgent. Default 3. */
  readonly priority?: number | undefined
  /** How often the task is retried after it failed by itself: 2 means at most three such attempts. Default 2. */
  readonly retries?: number | undefined
  readonly backoff?: Backoff | undefined
  /** Longest time of one attempt, in milliseconds. Default 3,600,000 (an hour). */
  readonly timeoutMs?: number | undefined
  /** Longest time within an attempt without a report from its agent, in milliseconds. Default: none. */
  readonly idleTimeoutMs?: number | undefined
  /** Longest time that the task waits for a slot, in milliseconds. Stops while the run is paused, the task held, or the pool parked. Default: none. */
  readonly queueTimeoutMs?: number | undefined
  /** Longest time from when the task is first ready to its end, over all attempts, in milliseconds. Stops as `queueTimeoutMs` does. Default: none. */
  readonly totalTimeoutMs?: number | undefined
  /** The weight of the task in the delivered share of the run. Default 1. */
  readonly weight?: number | undefined
  /** Expected duration of an attempt, in milliseconds. Tasks on the longest remaining path start first. */
  readonly durationMs?: number | undefined
  /** Expected usage of an attempt: reserved before it starts where there is a budget or a token limit. Default: unknown. */
  readonly estimate?: Estimate | undefined
  /** What all attempts of the task together may use. Default: no bound. */
  readonly budget?: Budget | undefined
  /** `never`: an attempt that may have had effects is not repeated; the task is held until a person decides. Default `safe`. */
  readonly replay?: 'safe' | 'never' | undefined
  /** True: a person must approve the task once it is ready. Default false. */
  readonly approval?: boolean | undefined
  /** Further information for the agent, passed on unchanged. */
  readonly context?: Json | undefined
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
      /** With `reserved`: the estimate of its next attempt. */
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
      /** The trigger rule that was not met; undefined when a dependency failed. */
      readonly rule: TriggerRule | undefined
    }
  | { readonly status: 'cancelled'; readonly at: number; readonly reason: string }

/** A task with an attempt in flight. */
export interface RunningState {
  readonly status: 'running'
  readonly attempt: number
  readonly pool: string
  readonly backend: string
  readonly startedAt: number
  readonly input: Json
  /** The estimate that is reserved in the budgets. */
  readonly reserved: Estimate | undefined
}

/** A task whose attempt was aborted and has not ended yet. */
export interface StoppingState {
  readonly status: 'stopping'
  readonly attempt: number
  readonly pool: string
  readonly backend: string
  readonly startedAt: number
  readonly reserved: Estimate | undefined
  readonly reason: StopReason
}

/** A task that succeeded. Its last attempt is recorded here and not in its tally, since most tasks have no other. */
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
 * - `approval`: a person must approve it.
 * - `interrupted`: an attempt may have had effects; a person must decide whether to repeat it.
 * - `budget`: more budget, or a person who approves exceeding it.
 * - `reserved`: the rest of a budget is reserved for attempts in flight. It becomes ready by itself when one of them ends.
 */
export type HoldReason = 'approval' | 'interrupted' | 'budget' | 'reserved'

/** A failed attempt, passed to the next attempt so that it can correct the failure. */
export type Feedback = {
  /** The number of the attempt that failed. */
  readonly attempt: number
  readonly kind: FailureKind
  readonly message: string
  /** The output of the agent as text, cut to 4,000 characters. */
  readonly output?: string
}

/** Why an attempt is stopped. */
export type StopReason =
  | { readonly kind: 'timeout'; readonly failure: Failure }
  | { readonly kind: 'cancel'; readonly reason: string }
  | { readonly kind: 'interrupt' }

/** The names of the states of a task. */
export type TaskStatus = TaskState['status']

/** Counts over all ended attempts of a task, except the one that succeeded. */
export interface Tally {
  /** Attempts that have ended. */
  readonly attempts: number
  /** Attempts that failed by themselves: these consume retries. */
  readonly failures: number
  /** Attempts that failed by throttling, overload or quota; bounded by `maxThrottled`. */
  readonly throttled: number
  /** Attempts interrupted because the process ended; bounded by `maxInterrupted`. */
  readonly interrupted: number
  /** Attempts after which the task was passed on to another backend; bounded by `maxFailovers`. */
  readonly failovers: number
  /** Attempts whose failure was fed back to the agent; bounded by `maxRepairs`. Each starts a new round of the request. */
  readonly repairs: number
  /** The feedback for the next attempt. */
  readonly feedback: Feedback | undefined
  /** The backend that the last attempt failed over from: the next attempt goes to one after it. */
  readonly failedOverFrom: string | undefined
  /** True when the provider refused the last attempt and the wait for it was kept: the next one is no retry of work. */
  readonly wasRefused: true | undefined
  /** Attempts that did not end within their grace period after the abort. */
  readonly abandoned: number
  /** Total duration of the attempts, in milliseconds. */
  readonly busyMs: number
  /** When the first attempt started. */
  readonly firstStartAt: number | undefined
  readonly usage: Usage | undefined
}

/** The pool of function tasks that name none. Every orchestrator has one of this name. */
export const DEFAULT_POOL = 'default'

/** Options of tasks that a pool can set for all its tasks. The options of a task take precedence. */
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
