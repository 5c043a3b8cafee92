import type { Failure, FailureKind } from './failure.js'
import type { Usage } from './usage.js'
import type { Verdict } from './verdict.js'

/** How an attempt ended, as far as a pool is concerned. */
export type AttemptOutcome =
  | { readonly ok: true; readonly usage?: Usage }
  | { readonly ok: false; readonly failure: Failure; readonly verdict: Verdict; readonly usage?: Usage }

/** Kinds that say nothing of what the backend can take: it did not get as far as an answer. */
const NO_ANSWER: readonly FailureKind[] = ['throttled', 'overloaded', 'quota', 'timeout', 'crashed', 'interrupted']

/** True when the backend took the attempt and answered, be it that it could not do it. */
export function backendAnswered({ kind }: Failure): boolean {
  return !NO_ANSWER.includes(kind)
}
