import type { Failure } from '../core/failure/failure.js'
import type { Usage } from '../core/failure/usage.js'
import { addUsage } from '../core/failure/usage.js'
import type { Json } from '../core/json.js'
import type { Outcome } from '../core/state/events.js'
import type { TaskStatus } from '../core/state/task.js'
import type { TaskRef } from '../plan/task-graph.js'
import { criticalPath } from './critical-path.js'

/** The result of one task. */
export interface TaskResult {
  readonly id: string
  readonly description: string
  readonly pool: string
  readonly status: TaskStatus
  /** With `succeeded`. */
  readonly output?: Json
  /** With `dead`, and with `delayed`: of the last attempt. */
  readonly failure?: Failure
  /** With `skipped`: the id of the task that caused it. */
  readonly rootCause?: string
  /** With `cancelled`. */
  readonly reason?: string
  /** Attempts started. */
  readonly attempts: number
  /** Attempts that did not end within their grace period after an abort. */
  readonly abandoned: number
  /** The sum over all attempts. */
  readonly usage?: Usage
  /** Time in attempts, in milliseconds. */
  readonly busyMs: number
  /** When its first attempt started, in milliseconds since 1970. */
  readonly startedAt?: number
  /** When it reached its terminal state, in milliseconds since 1970. */
  readonly endedAt?: number
  readonly weight: number
  /** Its hard dependencies. */
  readonly after: readonly string[]
  /** Its order-only dependencies. */
  readonly orderAfter?: readonly string[]
}

/** A settled run: the input of a {@link ResultAggregator}. */
export interface FinishedRun {
  readonly runId: string
  readonly name?: string | undefined
  readonly outcome: Outcome
  readonly startedAt: number
  readonly settledAt: number
  /** The time between a crash or suspension and a resume, in which no process executed the run, in milliseconds. Default 0. */
  readonly awayMs?: number | undefined
  /** In the order in which they were added. Built when first read. */
  readonly tasks: readonly TaskResult[]
}

/** A task that failed or was cancelled, and the tasks that were skipped because of it. */
export interface RootCause {
  readonly taskId: string
  readonly status: 'dead' | 'cancelled'
  /** With `dead`. */
  readonly failure?: Failure
  /** With `cancelled`. */
  readonly reason?: string
  /** The tasks that were skipped because of it. */
  readonly skipped: readonly string[]
}

/** The times of a run, in milliseconds. */
export interface RunTimes {
  /** From its start to its end, without `awayMs`. */
  readonly wallMs: number
  /** The sum of the durations of all attempts. */
  readonly serialMs: number
  /** The length of the longest chain of tasks that waited for each other: more slots could not have made the run shorter than that. */
  readonly criticalPathMs: number
  /** The ids along that chain. */
  readonly criticalPath: readonly string[]
}

/** The result of a run. It is complete: `tasks` has every task of the plan, whatever its status. */
export interface RunResult {
  readonly runId: string
  readonly name?: string
  readonly outcome: Outcome
  readonly startedAt: number
  readonly settledAt: number
  readonly tasks: readonly TaskResult[]
  /** The outputs of the tasks that succeeded, by id, in task order. */
  readonly outputs: Readonly<Record<string, Json>>
  readonly rootCauses: readonly RootCause[]
  /** The share of the plan that succeeded, by weight: 0 to 1. 1 for a plan without tasks or weight. */
  readonly delivered: number
  /** The sum over all attempts, failed ones included. */
  readonly usage: Usage
  readonly times: RunTimes
  /** The output of one task, typed by its ref; undefined unless the task succeeded. */
  output<T>(task: TaskRef<string, T>): T | undefined
}

/**
 * Builds the result of a settled run. Each part is computed when it is first read, so a result of which only `outcome` is read costs
 * next to nothing. To replace it, pass a function, or an object with a method `aggregate`, as the option `aggregator`.
 */
export class ResultAggregator {
  /** The result of a settled run. */
  aggregate(run: FinishedRun): RunResult {
    return new AggregatedResult(run)
  }
}

class AggregatedResult implements RunResult {
  readonly runId: string
  declare readonly name?: string
  readonly outcome: Outcome
  readonly startedAt: number
  readonly settledAt: number
  readonly #run: FinishedRun
  #outputs: Readonly<Record<string, Json>> | undefined
  #rootCauses: readonly RootCause[] | undefined
  #times: RunTimes | undefined

  constructor(run: FinishedRun) {
    this.#run = run
    this.runId = run.runId
    if (run.name !== undefined) this.name = run.name
    this.outcome = run.outcome
    this.startedAt = run.startedAt
    this.settledAt = run.settledAt
  }

  get tasks(): readonly TaskResult[] {
    return this.#run.tasks
  }

  get outputs(): Readonly<Record<string, Json>> {
    this.#outputs ??= outputsOf(this.tasks)
    return this.#outputs
  }

  get rootCauses(): readonly RootCause[] {
    this.#rootCauses ??= rootCausesOf(this.tasks)
    return this.#rootCauses
  }

  get delivered(): number {
    let whole = 0
    let delivered = 0
    for (const { weight, status } of this.tasks) {
      whole += weight
      if (status === 'succeeded') delivered += weight
    }
    return whole === 0 ? 1 : delivered / whole
  }

  get usage(): Usage {
    let usage: Usage | undefined
    for (const task of this.tasks) usage = addUsage(usage, task.usage)
    return usage ?? {}
  }

  get times(): RunTimes {
    this.#times ??= timesOf(this.#run)
    return this.#times
  }

  output<T>(task: TaskRef<string, T>): T | undefined {
    return Object.hasOwn(this.outputs, task.id) ? (this.outputs[task.id] as T) : undefined
  }

  /** Makes `console.log(result)` show the computed parts. */
  [Symbol.for('nodejs.util.inspect.custom')](): object {
    return this.toJSON()
  }

  /** Everything, for `JSON.stringify` and for printing. */
  toJSON(): object {
    const { runId, name, outcome, startedAt, settledAt, delivered, usage, times, rootCauses, outputs, tasks } = this
    return { runId, name, outcome, startedAt, settledAt, delivered, usage, times, rootCauses, outputs, tasks }
  }
}

function outputsOf(tasks: readonly TaskResult[]): Readonly<Record<string, Json>> {
  const outputs: Record<string, Json> = {}
  for (const { id, output } of tasks) if (output !== undefined) outputs[id] = output
  return outputs
}

function rootCausesOf(tasks: readonly TaskResult[]): readonly RootCause[] {
  const skipped = new Map<string, string[]>()
  for (const { id, rootCause } of tasks) {
    if (rootCause === undefined) continue
    const list = skipped.get(rootCause)
    if (list) list.push(id)
    else skipped.set(rootCause, [id])
  }
  const causes: RootCause[] = []
  for (const { id, status, failure, reason } of tasks) {
    const taken = skipped.get(id) ?? []
    if (status === 'dead' && failure) causes.push({ taskId: id, status, failure, skipped: taken })
    if (status === 'cancelled' && reason !== undefined) causes.push({ taskId: id, status, reason, skipped: taken })
  }
  return causes
}

function timesOf(run: FinishedRun): RunTimes {
  let serialMs = 0
  for (const { busyMs } of run.tasks) serialMs += busyMs
  const path = criticalPath(run.tasks)
  return {
    wallMs: run.settledAt - run.startedAt - (run.awayMs ?? 0),
    serialMs,
    criticalPathMs: path.ms,
    criticalPath: path.ids,
  }
}

/** Builds the result of a settled run. `ResultAggregator` is the default. */
export type Aggregate = (run: FinishedRun) => RunResult
