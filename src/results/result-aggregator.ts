import type { Usage } from '../core/failure/usage.js'
import { addUsage } from '../core/failure/usage.js'
import type { Json } from '../core/json.js'
import { once } from '../core/once.js'
import type { RootCause, RunResult, RunTimes, TaskResult } from '../core/results/run-result.js'
import { checkMembers, checkOptions, fn, invalid, optionsOf } from '../options-check.js'
import { criticalPath } from './critical-path.js'

/**
 * A settled run: the input of a {@link ResultAggregator}. It is not a result: `delivered`, `usage`, `times`, `rootCauses` and `outputs`
 * are derived from it, and `awayMs` is not a member of a result.
 */
export interface FinishedRun
  extends Pick<RunResult, 'runId' | 'name' | 'outcome' | 'startedAt' | 'settledAt' | 'tasks'> {
  /** The time between a crash or suspension and a resume, in which no process executed the run, in milliseconds. Default 0. */
  readonly awayMs?: number
}

/** Options of a {@link ResultAggregator}. */
export interface ResultAggregatorOptions {
  /**
   * The share of a task that counts in `delivered` of the result, 0 to 1, by its weight: a task may succeed with half of what was asked, or
   * fail with something of use. Default: 1 when it succeeded, else 0. When it throws or returns something else, `run.result` rejects.
   */
  readonly delivered?: ((task: TaskResult) => number) | undefined
}

const optionsRule = once(() => optionsOf({ delivered: fn }).partial())

/**
 * Builds the result of a settled run. To replace it, pass a function, or an object with a method `aggregate`, as the option `aggregator`.
 * What that returns must have every member of a `RunResult`, or `run.result` rejects with INVALID_INPUT; further members are kept.
 */
export class ResultAggregator {
  readonly #options: ResultAggregatorOptions

  /** @throws INVALID_INPUT for invalid options. */
  constructor(options: ResultAggregatorOptions = {}) {
    checkOptions(optionsRule(), options, { of: 'ResultAggregator' })
    this.#options = options
  }

  /** The result of a settled run. @throws INVALID_INPUT for an argument that is none. */
  aggregate(run: FinishedRun): RunResult {
    checkMembers(
      run,
      { runId: 'string', outcome: 'string', startedAt: 'number', settledAt: 'number', tasks: 'list' },
      'run',
    )
    const { runId, name, outcome, startedAt, settledAt, tasks } = run
    return {
      runId,
      ...(name !== undefined && { name }),
      outcome,
      startedAt,
      settledAt,
      delivered: deliveredOf(tasks, this.#options.delivered),
      usage: usageOf(tasks),
      times: timesOf(run),
      rootCauses: rootCausesOf(tasks),
      outputs: outputsOf(tasks),
      tasks,
    }
  }
}

function deliveredOf(tasks: readonly TaskResult[], shareOf: ResultAggregatorOptions['delivered']): number {
  let whole = 0
  let delivered = 0
  for (const task of tasks) {
    whole += task.weight
    if (shareOf) delivered += task.weight * checkedShare(shareOf(task), task.id)
    else if (task.status === 'succeeded') delivered += task.weight
  }
  return whole === 0 ? 1 : delivered / whole
}

function checkedShare(share: number, id: string): number {
  if (typeof share === 'number' && share >= 0 && share <= 1) return share
  throw invalid(`delivered(${JSON.stringify(id)})`, 'a number from 0 to 1', share)
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

/** Builds the result of a settled run, at once (not a promise). `ResultAggregator` is the default. */
export type Aggregate = (run: FinishedRun) => RunResult
