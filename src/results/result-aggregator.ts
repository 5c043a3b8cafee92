import type { Failure } from '../core/failure/failure.js'
import type { Usage } from '../core/failure/usage.js'
import { addUsage } from '../core/failure/usage.js'
import type { Json } from '../core/json.js'
import type { Outcome } from '../core/state/events.js'
import type { TaskStatus } from '../core/state/task.js'
import type { TaskRef } from '../plan/task-graph.js'
import { criticalPath } from './critical-path.js'

/** What became of one task. */
export interface TaskResult {
  readonly id: string
  readonly description: string
  readonly pool: string
  readonly status: TaskStatus
  /** With `succeeded`. */
  readonly output?: Json
  /** With `dead`, and with `delayed`: of the last attempt. */
  readonly failure?: Failure
  /** With `skipped`: the task where it began. */
  readonly rootCause?: string
  /** With `cancelled`. */
  readonly reason?: string
  /** Attempts started. */
  readonly attempts: number
  /** Attempts that outlived their abort and its grace. */
  readonly abandoned: number
  /** Of all attempts together. */
  readonly usage?: Usage
  /** Time in attempts, in milliseconds. */
  readonly busyMs: number
  /** When its first attempt started, in milliseconds since 1970. */
  readonly startedAt?: number
  /** When it reached its terminal state, in milliseconds since 1970. */
  readonly endedAt?: number
  readonly weight: number
  /** What it waited for. */
  readonly after: readonly string[]
}

/** A run that has settled, as a {@link ResultAggregator} gets it. */
export interface FinishedRun {
  readonly runId: string
  readonly name?: string
  readonly outcome: Outcome
  readonly startedAt: number
  readonly settledAt: number
  /** How long no process had the run, between a crash or a suspension and a resume, in milliseconds. Default 0. */
  readonly awayMs?: number
  /** In the order in which they were added. Made when first read. */
  readonly tasks: readonly TaskResult[]
}

/** A task at which something went wrong, and what that took along. */
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

/** What a run cost in time, in milliseconds. */
export interface RunTimes {
  /** From its start to its end, without the time in which no process had it. */
  readonly wallMs: number
  /** All its attempts one after the other. */
  readonly serialMs: number
  /** The longest chain of tasks that had to wait for each other: no number of slots makes the run shorter. */
  readonly criticalPathMs: number
  /** The ids along that chain. */
  readonly criticalPath: readonly string[]
}

/** What came out of a run. Nothing is left out: every task of the plan is in `tasks`, whatever became of it. */
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
  /** The share of the plan that was delivered, by weight: 0 to 1. A plan without tasks or weight is delivered. */
  readonly delivered: number
  /** Of every attempt, failed ones too. */
  readonly usage: Usage
  readonly times: RunTimes
  /** The output of one task, typed by its ref; undefined unless it succeeded. */
  output<T>(task: TaskRef<string, T>): T | undefined
}

/**
 * Brings together what the tasks of a run left. Each part is made when it is first read, so a result of which only `outcome` is read
 * costs nothing. Replace it by any function or object with an `aggregate` of the same kind.
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

  /** `console.log(result)` shows what there is, too. */
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

/** Brings together what a settled run left. `ResultAggregator` is the default. */
export type Aggregate = (run: FinishedRun) => RunResult
