import type { Usage } from '../core/failure/usage.js'
import { addUsage } from '../core/failure/usage.js'
import type { Json } from '../core/json.js'
import type { RootCause, RunResult, RunTimes, TaskResult } from '../core/results/run-result.js'
import { criticalPath } from './critical-path.js'

/** A settled run: the input of a {@link ResultAggregator}. */
export interface FinishedRun
  extends Pick<RunResult, 'runId' | 'name' | 'outcome' | 'startedAt' | 'settledAt' | 'tasks'> {
  /** The time between a crash or suspension and a resume, in which no process executed the run, in milliseconds. Default 0. */
  readonly awayMs?: number
}

/**
 * Builds the result of a settled run. To replace it, pass a function, or an object with a method `aggregate`, as the option `aggregator`.
 */
export class ResultAggregator {
  /** The result of a settled run. */
  aggregate(run: FinishedRun): RunResult {
    const { runId, name, outcome, startedAt, settledAt, tasks } = run
    return {
      runId,
      ...(name !== undefined && { name }),
      outcome,
      startedAt,
      settledAt,
      delivered: deliveredOf(tasks),
      usage: usageOf(tasks),
      times: timesOf(run),
      rootCauses: rootCausesOf(tasks),
      outputs: outputsOf(tasks),
      tasks,
    }
  }
}

function deliveredOf(tasks: readonly TaskResult[]): number {
  let whole = 0
  let delivered = 0
  for (const { weight, status } of tasks) {
    whole += weight
    if (status === 'succeeded') delivered += weight
  }
  return whole === 0 ? 1 : delivered / whole
}

function usageOf(tasks: readonly TaskResult[]): Usage {
  let sum: Usage | undefined
  for (const { usage } of tasks) if (usage !== undefined) sum = addUsage(sum, usage)
  return sum ?? {}
}

function outputsOf(tasks: readonly TaskResult[]): Readonly<Record<string, Json>> {
  const outputs = Object.create(null) as Record<string, Json>
  for (const task of tasks) if (task.status === 'succeeded') outputs[task.id] = task.output
  return outputs
}

function rootCausesOf(tasks: readonly TaskResult[]): readonly RootCause[] {
  const skipped = new Map<string, string[]>()
  for (const task of tasks) {
    if (task.status !== 'skipped') continue
    const list = skipped.get(task.rootCause)
    if (list) list.push(task.id)
    else skipped.set(task.rootCause, [task.id])
  }
  const causes: RootCause[] = []
  for (const task of tasks) {
    const { id: taskId, status } = task
    if (status === 'dead') causes.push({ taskId, status, failure: task.failure, skipped: skipped.get(taskId) ?? [] })
    else if (status === 'cancelled')
      causes.push({ taskId, status, reason: task.reason, skipped: skipped.get(taskId) ?? [] })
  }
  return causes
}

function timesOf({ tasks, startedAt, settledAt, awayMs = 0 }: FinishedRun): RunTimes {
  let serialMs = 0
  for (const { busyMs } of tasks) serialMs += busyMs
  const path = criticalPath(tasks)
  return { wallMs: settledAt - startedAt - awayMs, serialMs, criticalPathMs: path.ms, criticalPath: path.ids }
}

/** Builds the result of a settled run. `ResultAggregator` is the default. */
export type Aggregate = (run: FinishedRun) => RunResult
