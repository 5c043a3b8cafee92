import type { Failure, FailureKind, Usage } from '../core/failure/failure.js'

/** Kinds that say nothing of what the backend can take: it did not get as far as an answer. */
const NO_ANSWER: readonly FailureKind[] = ['throttled', 'overloaded', 'quota', 'timeout', 'crashed', 'interrupted']

/** True when the backend took the attempt and answered, be it that it could not do it. */
export function isAnswer({ kind }: Failure): boolean {
  return !NO_ANSWER.includes(kind)
}

/** All tokens that were used; undefined when nobody told. */
export function tokensOf(usage: Usage | undefined): number | undefined {
  if (usage?.inputTokens === undefined && usage?.outputTokens === undefined) return undefined
  return (usage.inputTokens ?? 0) + (usage.outputTokens ?? 0)
}
