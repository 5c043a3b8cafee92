import type { Clock } from '../clock.js'
import type { RunBudget } from '../core/budget/budget.js'
import type { AddSignal, Signal } from '../core/scheduler/signals.js'
import type { FailureMode } from '../core/state/events.js'
import type { TaskSpec } from '../core/state/task.js'
import { CounterpointError } from '../errors.js'
import type { ModeChoice } from '../forecast/choose-mode.js'
import type { PoolForecast } from '../forecast/pool-forecast.js'
import type { RunOptions } from '../options.js'
import { type CheckedPlan, checkPlan } from '../plan/check-plan.js'
import { duplicateId } from '../plan/graph-check.js'
import type { PlanInput } from '../plan/plan-input.js'
import type { TaskGraph } from '../plan/task-graph.js'
import type { AdmissionTicket, PlanAdmission } from './admission-ticket.js'
import type { OnDurable } from './run-loop.js'

/** How a run starts, besides its plan. */
export interface StartOptions {
  /** Default: that of the plan. */
  readonly failureMode?: FailureMode | undefined
  readonly budget?: RunBudget | undefined
  readonly autoFallbackToSerial?: boolean | undefined
  /** Called with the tasks once their pools are known. */
  chooseMode?(tasks: readonly TaskSpec[]): ModeChoice | undefined
}

/** Where the runs share a budget, a run without one of its own keeps accounts too: its attempts reserve their estimates. */
export function startOptionsOf(options: RunOptions, forecast: PoolForecast, hasSharedBudget: boolean): StartOptions {
  const { failureMode, budget = hasSharedBudget ? {} : undefined, mode, auto, autoFallbackToSerial } = options
  return {
    ...(failureMode && { failureMode }),
    ...(budget && { budget }),
    ...(autoFallbackToSerial !== undefined && { autoFallbackToSerial }),
    ...(mode && { chooseMode: tasks => forecast.choose(tasks, mode, auto) }),
  }
}

/** What a {@link TaskIntake} works with. */
export interface TaskIntakeOptions {
  readonly runId: string
  readonly planAdmission: PlanAdmission
  /** True for a task of the run. */
  hasTask(id: string): boolean
  /** Sends signals of which none is decided before all have been sent. */
  sendAll(signals: readonly (readonly [Signal, OnDurable?])[]): void
  /** Called before the signal is sent: its tasks come from this graph, with their functions and output schemas. */
  expectGraph(signal: AddSignal, graph: TaskGraph): void
  /** @throws RUN_SUSPENDED when the run is suspended. */
  checkNotSuspended(): void
  /** Resolves when the run has ended. */
  readonly runEnded: Promise<undefined>
}

/** How a run gets its tasks: those that it starts with, and those that are added while it is live. */
export class TaskIntake {
  readonly #options: TaskIntakeOptions
  /** Ids of the tasks that are being added. */
  readonly #adding = new Set<string>()
  /** Undefined once the run has started. */
  #earlySignals: (readonly [Signal, OnDurable])[] | undefined
  /** The run could not start: it takes no signals. */
  #hasFailed = false
  /** Undefined unless the tasks of the run wait to be admitted. */
  #cancelStart: ((reason: string) => void) | undefined
  /** Resolves when the run has started. */
  started: Promise<void> = Promise.resolve()

  constructor(options: TaskIntakeOptions) {
    this.#options = options
  }

  /** Starts with a plan, in the next microtask at the earliest, so that the caller of `run()` can add listeners first. */
  start(plan: CheckedPlan, options: StartOptions, ticket: AdmissionTicket): void {
    this.#earlySignals = []
    this.started = this.#start(plan, options, ticket).catch(error => {
      this.#hasFailed = true
      for (const [, onDurable] of this.#earlySignals?.splice(0) ?? []) onDurable(false)
      throw error
    })
  }

  /** Recovers a run from its journal, in the next turn of the event loop, so that the caller of `resume()` can add listeners first. */
  recover(clock: Clock): void {
    this.#earlySignals = []
    this.started = new Promise(resolve => {
      clock.schedule(() => void this.#sendFirst({ type: 'recover' }).then(() => resolve()), 0)
    })
  }

  /** Before the run has started: its tasks are added, and end as cancelled. False when it has started. */
  cancelStart(reason: string): boolean {
    if (this.#cancelStart === undefined) return false
    this.#cancelStart(reason)
    return true
  }

  /** A signal that is sent before the run has started is decided right after its tasks are added. False when it has started. */
  sendAfterStart(signal: Signal, onDurable: OnDurable): boolean {
    if (this.#hasFailed) onDurable(false)
    else this.#earlySignals?.push([signal, onDurable])
    return this.#earlySignals !== undefined
  }

  /** Adds tasks to the live run. */
  async add(input: PlanInput): Promise<void> {
    // Waits only if it must: a listener that adds tasks to a run of instant agents must be in time.
    if (this.#earlySignals) await this.started
    const plan = checkPlan(input, undefined, this.#options.hasTask)
    if (plan.tasks.length === 0) return
    for (const { id } of plan.tasks)
      if (this.#adding.has(id)) throw duplicateId(id, `a task "${id}" is being added already`)
    for (const { id } of plan.tasks) this.#adding.add(id)
    try {
      await this.#add(plan)
    } finally {
      for (const { id } of plan.tasks) this.#adding.delete(id)
    }
  }

  async #start(plan: CheckedPlan, options: StartOptions, ticket: AdmissionTicket): Promise<void> {
    let cancelled: string | undefined
    const cancellation = new Promise<undefined>(resolve => {
      this.#cancelStart = reason => {
        cancelled ??= reason
        resolve(undefined)
      }
    })
    const admitted = await Promise.race([ticket.tasks, cancellation]).finally(() => {
      this.#cancelStart = undefined
    })
    if (cancelled !== undefined) {
      const signal = startSignal(plan, options, ticket.force(plan.tasks))
      await this.#sendAdmitted({ ...signal, cancelled }, plan, ticket)
    } else {
      const tasks = admitted ?? []
      const mode = options.chooseMode?.(tasks)
      await this.#sendAdmitted({ ...startSignal(plan, options, tasks), ...(mode && { mode }) }, plan, ticket)
    }
  }

  /** Resolves when the signal is durable; with false when the run accepts none any more. The early signals are decided right after it. */
  #sendFirst(first: Signal): Promise<boolean> {
    const early = this.#earlySignals ?? []
    this.#earlySignals = undefined
    return new Promise(resolve => this.#options.sendAll([[first, resolve], ...early]))
  }

  /** As `#sendAdd`. If the run does not take the tasks, their room is given back; if it does, they leave it one by one. */
  async #sendAdmitted(content: AddSignal, plan: CheckedPlan, ticket: AdmissionTicket): Promise<boolean> {
    const isDurable = await this.#sendAdd(content, plan)
    const [first] = content.tasks
    if (!isDurable && first !== undefined && !this.#options.hasTask(first.id)) ticket.release()
    return isDurable
  }

  #sendAdd(content: AddSignal, { graph, tasks }: CheckedPlan): Promise<boolean> {
    if (graph === undefined) return this.#sendFirst(content)
    const signal = { ...content, bound: graph.bound, ...(tasks !== content.tasks && { planned: tasks }) }
    this.#options.expectGraph(signal, graph)
    return this.#sendFirst(signal)
  }

  async #add(plan: CheckedPlan): Promise<void> {
    const { runId, planAdmission, runEnded } = this.#options
    const ticket = planAdmission.request(plan)
    const tasks = ticket.admitted() ?? (await Promise.race([ticket.tasks, runEnded]))
    if (tasks === undefined) ticket.release()
    else if (await this.#sendAdmitted({ type: 'add', tasks }, plan, ticket)) return
    this.#options.checkNotSuspended()
    throw new CounterpointError('RUN_ENDED', `run ${runId} settled before the tasks could be added`, { runId })
  }
}

function startSignal(plan: CheckedPlan, options: StartOptions, tasks: readonly TaskSpec[]): AddSignal {
  const { name, version, only } = plan
  const { failureMode = plan.failureMode, budget, autoFallbackToSerial } = options
  return {
    type: 'add',
    tasks,
    ...(name !== undefined && { name }),
    ...(version !== undefined && { version }),
    ...(only && { only }),
    ...(failureMode && { failureMode }),
    ...(budget && { budget }),
    ...(autoFallbackToSerial && { autoFallbackToSerial }),
  }
}
