import type { Usage } from './failure.js'
import type { RunState } from './run-state.js'
import type { Tally } from './task.js'

/** Code of an interruption that was asked for: it says nothing against the task. */
export const DRAINED = 'DRAINED'

/** An attempt that ended without failing. */
export const NOTHING = { failures: 0, throttled: 0, interrupted: 0 }

/** Books an attempt that ends now. A task that has none running is left alone. */
export function endAttempt(
  state: RunState,
  index: number,
  at: number,
  usage: Usage | undefined,
  failed: { readonly failures: number; readonly throttled: number; readonly interrupted: number },
): void {
  const was = state.states[index]
  if (was === undefined || (was.status !== 'running' && was.status !== 'stopping')) return
  const tally = state.tallies[index] as Tally
  if (tally.attempts >= was.attempt) return
  state.tallies[index] = {
    attempts: was.attempt,
    failures: tally.failures + failed.failures,
    throttled: tally.throttled + failed.throttled,
    interrupted: tally.interrupted + failed.interrupted,
    abandoned: tally.abandoned,
    busyMs: tally.busyMs + (at - was.startedAt),
    firstStartAt: tally.firstStartAt ?? was.startedAt,
    usage: addUsage(tally.usage, usage),
  }
}

/** The sum of two usages. What neither knows stays unknown. */
export function addUsage(a: Usage | undefined, b: Usage | undefined): Usage | undefined {
  if (a === undefined || b === undefined) return a ?? b
  const sum = (x: number | undefined, y: number | undefined): number | undefined =>
    x === undefined && y === undefined ? undefined : (x ?? 0) + (y ?? 0)
  const inputTokens = sum(a.inputTokens, b.inputTokens)
  const outputTokens = sum(a.outputTokens, b.outputTokens)
  const costUsd = sum(a.costUsd, b.costUsd)
  return {
    ...(inputTokens !== undefined && { inputTokens }),
    ...(outputTokens !== undefined && { outputTokens }),
    ...(costUsd !== undefined && { costUsd }),
    ...((a.estimated || b.estimated) && { estimated: true }),
  }
}
