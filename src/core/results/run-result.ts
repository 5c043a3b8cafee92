import type { Failure } from '../failure/failure.js'
import type { Usage } from '../failure/usage.js'
import type { Json } from '../json.js'
import type { TriggerRule } from '../scheduler/trigger-rule.js'
import type { Outcome } from '../state/events.js'
import type { HoldReason } from '../state/task.js'

/**
 * The result of one task, so far if its run has not settled. `status` says which of the members `output`, `failure`, `rootCause`, `rule`,
 * `reason` and `endedAt` it has; TypeScript narrows them by it.
 */
export type TaskResult = {
  readonly id: string
  readonly description: string
  /** Empty before a pool was found for it. */
  readonly pool: string
  /** Attempts started. */
  readonly attempts: number
  /** Attempts that did not end within their grace period after an abort. */
  readonly abandoned: number
  /** The sum over all attempts. Absent when no attempt reported any. */
  readonly usage?: Usage
  /** Time in attempts that have ended, in milliseconds. */
  readonly busyMs: number
  /** When its first attempt started, in milliseconds since 1970. Absent when none did. */
  readonly startedAt?: number
  readonly weight: number
  /** Its hard dependencies, by id. */
  readonly after: readonly string[]
  /** Its order-only dependencies, by id. */
  readonly orderAfter?: readonly string[]
} & (
  | {
      readonly status: 'succeeded'
      readonly output: Json
      readonly failure?: undefined
      readonly rootCause?: undefined
      readonly rule?: undefined
      readonly reason?: undefined
      readonly startedAt: number
      /** When it reached its terminal state, in milliseconds since 1970. */
      readonly endedAt: number
    }
  | {
      readonly status: 'dead'
      readonly output?: undefined
      /** Of its last attempt, or why it had none. */
      readonly failure: Failure
      readonly rootCause?: undefined
      readonly rule?: undefined
      readonly reason?: undefined
      readonly endedAt: number
    }
  | {
      readonly status: 'skipped'
      readonly output?: undefined
      readonly failure?: undefined
      /** The id of the task that caused it. */
      readonly rootCause: string
      /** The trigger rule that was not met. Absent when it was skipped because of a failure. */
      readonly rule?: TriggerRule
      readonly reason?: undefined
      readonly endedAt: number
    }
  | {
      readonly status: 'cancelled'
      readonly output?: undefined
      readonly failure?: undefined
      readonly rootCause?: undefined
      readonly rule?: undefined
      readonly reason: string
      readonly endedAt: number
    }
  | {
      readonly status: 'delayed'
      readonly output?: undefined
      /** Of its last attempt. */
      readonly failure: Failure
      readonly rootCause?: undefined
      readonly rule?: undefined
      readonly reason?: undefined
      readonly endedAt?: undefined
    }
  | {
      readonly status: 'held'
      readonly output?: undefined
      readonly failure?: undefined
      readonly rootCause?: undefined
      readonly rule?: undefined
      /** What it waits for. */
      readonly reason: HoldReason
      readonly endedAt?: undefined
    }
  | {
      readonly status: 'blocked' | 'ready' | 'running' | 'stopping'
      readonly output?: undefined
      readonly failure?: undefined
      readonly rootCause?: undefined
      readonly rule?: undefined
      readonly reason?: undefined
      readonly endedAt?: undefined
    }
)

/** A task that failed or was cancelled, and the tasks that were skipped because of it. `status` says whether it has a `failure` or a `reason`. */
export type RootCause = {
  readonly taskId: string
  /** The ids of the tasks that were skipped because of it. */
  readonly skipped: readonly string[]
} & (
  | { readonly status: 'dead'; readonly failure: Failure; readonly reason?: undefined }
  | { readonly status: 'cancelled'; readonly failure?: undefined; readonly reason: string }
)

/** The times of a run, in milliseconds. */
export type RunTimes = {
  /** From its start to its end, without the time in which no process executed it. */
  readonly wallMs: number
  /** The sum of the durations of all attempts. */
  readonly serialMs: number
  /** The length of the longest chain of tasks that waited for each other: more slots could not have made the run shorter than that. */
  readonly criticalPathMs: number
  /** The ids along that chain. */
  readonly criticalPath: readonly string[]
}

/** The result of a run, as plain data. It is complete: `tasks` has every task of the plan, whatever its status. */
export interface RunResult {
  readonly runId: string
  /** The name of its plan. */
  readonly name?: string
  readonly outcome: Outcome
  /** In milliseconds since 1970. */
  readonly startedAt: number
  /** In milliseconds since 1970. */
  readonly settledAt: number
  /** The share of the plan that succeeded, by weight: 0 to 1. 1 for a plan without tasks or weight. */
  readonly delivered: number
  /** The sum over all attempts, failed ones included. A measure that no attempt reported is absent. */
  readonly usage: Usage
  readonly times: RunTimes
  /** The tasks that failed or were cancelled, in task order. */
  readonly rootCauses: readonly RootCause[]
  /** The outputs of the tasks that succeeded, by id, in task order. Has no prototype, since an id may be any text. */
  readonly outputs: Readonly<Record<string, Json>>
  /** All tasks, in the order in which they were added. */
  readonly tasks: readonly TaskResult[]
}
