import * as z from 'zod'
import { once } from '../core/once.js'
import type { RunResult } from '../core/results/run-result.js'
import type { Outcome } from '../core/state/events.js'
import { checkValue } from '../options-check.js'

const OUTCOMES: readonly [Outcome, ...Outcome[]] = ['completed', 'partial', 'failed', 'cancelled']

/** Every member of a `RunResult` that must be there. Others are the host's own. */
const resultRule = once(() => {
  const anyObject = z.custom(value => typeof value === 'object' && value !== null, 'expected an object')
  const anyArray = z.custom(Array.isArray, 'expected an array')
  return z.object(
    {
      runId: z.string(),
      outcome: z.enum(OUTCOMES),
      startedAt: z.number(),
      settledAt: z.number(),
      delivered: z.number(),
      usage: anyObject,
      times: anyObject,
      rootCauses: anyArray,
      outputs: anyObject,
      tasks: anyArray,
    },
    'expected the result of the run, an object as ResultAggregator returns (not a promise)',
  )
})

/**
 * The result that the aggregator of a host returned.
 *
 * @throws INVALID_INPUT when it is not a whole result.
 */
export function checkResult(result: RunResult): RunResult {
  // A promise would say of every member that it is missing.
  const value = result instanceof Promise ? undefined : result
  checkValue(resultRule(), value, 'aggregator')
  return result
}
