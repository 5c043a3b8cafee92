import type { Feedback, TaskSpec } from '../state/task.js'
import type { Failure } from './failure.js'
import type { RefusalCounts } from './refusals.js'
import type { Verdict } from './verdict.js'

/** What a failure handler knows besides the failure. Counts do not include the attempt that failed. */
export interface FailureFacts {
  readonly runId: string
  readonly task: TaskSpec
  /** The number of the attempt that failed, from 1. */
  readonly attempt: number
  /** Earlier attempts that failed by themselves. */
  readonly failures: number
  /** Earlier attempts that were throttled (throttled, overloaded, quota). */
  readonly throttled: number
  /** Earlier attempts that were interrupted. */
  readonly interrupted: number
  /** Earlier attempts after which the task was passed on to another backend. */
  readonly failovers: number
  /** Earlier attempts whose failure was fed back to the agent. */
  readonly repairs: number
  /** The feedback that this attempt got on an earlier failure. */
  readonly feedback: Feedback | undefined
  /** How many other backends of the pool could take the next attempt now. */
  readonly alternatives: number
  /** How often, and since when, the provider had refused attempts in a row before this one. Default: never. */
  readonly refusals?: RefusalCounts | undefined
  /** Returns a number in [0, 1). */
  readonly random: () => number
}

/** What the pool of a failed attempt knows. Defaults as in {@link FailureFacts}. */
export type PoolFacts = Partial<Pick<FailureFacts, 'alternatives' | 'refusals'>>

/** Returns the verdict on a failed attempt. Pure except for `facts.random`. */
export type JudgeFailure = (failure: Failure, facts: FailureFacts) => Verdict
