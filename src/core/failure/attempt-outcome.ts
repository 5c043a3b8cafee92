import type { Failure, FailureKind } from './failure.js'
import type { Verdict } from './verdict.js'

/** How an attempt ended, as its pool sees it. */
export type AttemptOutcome =
  | { readonly ok: true }
  | { readonly ok: false; readonly failure: Failure; readonly verdict: Verdict }

/** Kinds of failures in which the backend did not answer, so that they say nothing about the task. */
const NO_ANSWER: readonly FailureKind[] = ['throttled', 'overloaded', 'quota', 'timeout', 'crashed', 'interrupted']

/** True when the backend accepted the attempt and answered, even if the answer is a failure. */
export function backendAnswered({ kind }: Failure): boolean {
  return !NO_ANSWER.includes(kind)
}
