import { FailureHandler } from '../core/failure/failure-handler.js'
import { decideInto } from '../core/scheduler/dag-scheduler.js'
import type { Decide, Decision } from '../core/scheduler/decision.js'
import type { Signal } from '../core/scheduler/signals.js'
import type { OrchestratorOptions } from '../options.js'
import { ResultAggregator } from '../results/result-aggregator.js'
import type { RunContext } from './run-context.js'

/** Decides what follows from a signal, and writes it to the history of the decision. */
export type Scheduler = (decision: Decision, signal: Signal) => void

/** The parts that a host may replace, each a function now. */
export function partsOf(options: OrchestratorOptions): Pick<RunContext, 'decide' | 'judge' | 'aggregate'> {
  const { scheduler, failureHandler = new FailureHandler(), aggregator = new ResultAggregator() } = options
  return {
    decide: scheduler ? writing(scheduler) : decideInto,
    judge: typeof failureHandler === 'function' ? failureHandler : failureHandler.verdict.bind(failureHandler),
    aggregate: typeof aggregator === 'function' ? aggregator : aggregator.aggregate.bind(aggregator),
  }
}

function writing(scheduler: Decide | { decide: Decide }): Scheduler {
  const decide = typeof scheduler === 'function' ? scheduler : scheduler.decide.bind(scheduler)
  return ({ history, state, context }, signal) => {
    for (const event of decide(state, signal, context)) history.push(event)
  }
}
