import { decide } from './core/dag-scheduler.js'
import { FailureHandler } from './core/failure-handler.js'
import type { OrchestratorOptions } from './options.js'
import { ResultAggregator } from './results/result-aggregator.js'
import type { RunHost } from './run-host.js'

/** The parts that a host may replace, each a function now. */
export function partsOf(options: OrchestratorOptions): Pick<RunHost, 'decide' | 'judge' | 'aggregate'> {
  const { scheduler = decide, failureHandler = new FailureHandler(), aggregator = new ResultAggregator() } = options
  return {
    decide: typeof scheduler === 'function' ? scheduler : scheduler.decide.bind(scheduler),
    judge: typeof failureHandler === 'function' ? failureHandler : failureHandler.verdict.bind(failureHandler),
    aggregate: typeof aggregator === 'function' ? aggregator : aggregator.aggregate.bind(aggregator),
  }
}
