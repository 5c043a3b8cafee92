import type { Clock } from '../clock.js'
import type { RunBudget } from '../core/budget/budget.js'
import type { AddSignal, Signal } from '../core/scheduler/signals.js'
import type { FailureMode } from '../core/state/events.js'
import type { TaskSpec } from '../core/state/task.js'
import { CounterpointError } from '../errors.js'
import type { ModeChoice } from '../forecast/choose-mode.js'
import { type CheckedPlan, checkPlan, type PlanInput } from '../plan/check-plan.js'
import { duplicateId } from '../plan/graph-check.js'
import type { TaskGraph } from '../plan/task-graph.js'
import type { Admission } from '../pools/admission.js'
import { demandOf } from '../pools/admission.js'
import type { AdmissionTicket, PlanAdmission } from './admission-ticket.js'
import type { Done } from './run-loop.js'

/** How a run begins, besides its plan. */
export interface OpeningTerms {
  /** Default: the plan's. */
  readonly failureMode?: FailureMode
  readonly budget?: RunBudget
  readonly autoFallbackToSerial?: boolean
  /** Called with the tasks once their pools are known. */
  chooseMode?(tasks: readonly TaskSpec[]): ModeChoice | undefined
}

/** What an {@link TaskIntake} works with. */
export interface TaskIntakeOptions {
  readonly runId: string
  readonly door: PlanAdmission
  readonly admission: Admission
  /** True for a task of the run. */
  has(id: string): boolean
  /** Sends signals of which none is decided before all are there. */
  send(signals: readonly (readonly [Signal, Done?])[]): void
  /** Keeps a graph for its input functions and output schemas. */
  keep(graph: TaskGraph): void
  /** Resolves when the run is over. */
  readonly over: Promise<undefined>
}

/** How a run gets its tasks: those that it begins with, and those that join it live. */
export class TaskIntake {
  readonly #setup: TaskIntakeOptions
  /** Ids of tasks that are on their way in. */
  readonly #entering = new Set<string>()
  #callOff: ((reason: string) => void) | undefined
  #early: (readonly [Signal, Done])[] | undefined
  /** Resolves when the run has begun. */
  begun: Promise<void> = Promise.resolve()

  constructor(setup: TaskIntakeOptions) {
    this.#setup = setup
  }

  /** Begins with a plan, a microtask later, so that whoever called `run()` can listen first. */
  begin(plan: CheckedPlan, terms: OpeningTerms, way: AdmissionTicket): void {
    this.#early = []
    this.begun = this.#start(plan, terms, way)
  }

  /** Goes on with a run from its journal, in the next turn of the event loop, so that whoever resumed it can listen first. */
  reopen(clock: Clock): void {
    this.#early = []
    this.begun = new Promise(resolve => {
      clock.schedule(() => void this.#open({ type: 'recover' }).then(() => resolve()), 0)
    })
  }

  /** Before the run has begun: its tasks are added and end as cancelled. False when it is too late for that. */
  callOff(reason: string): boolean {
    if (this.#callOff === undefined) return false
    this.#callOff(reason)
    return true
  }

  /** A signal that comes before the run has begun is decided right after its tasks are there. False when it has begun. */
  keepForLater(signal: Signal, done: Done): boolean {
    this.#early?.push([signal, done])
    return this.#early !== undefined
  }

  /** Adds tasks to the live run. */
  async join(input: PlanInput): Promise<void> {
    // Without a wait where none is needed: a listener that adds to a run of instant agents must not come too late.
    if (this.#early) await this.begun
    const plan = checkPlan(input, undefined, this.#setup.has)
    if (plan.tasks.length === 0) return
    for (const { id } of plan.tasks)
      if (this.#entering.has(id)) throw duplicateId(id, `a task "${id}" is being added already`)
    for (const { id } of plan.tasks) this.#entering.add(id)
    try {
      await this.#join(plan)
    } finally {
      for (const { id } of plan.tasks) this.#entering.delete(id)
    }
  }

  async #start(plan: CheckedPlan, terms: OpeningTerms, way: AdmissionTicket): Promise<void> {
    let cancelled: string | undefined
    const calledOff = new Promise<undefined>(resolve => {
      this.#callOff = reason => {
        cancelled ??= reason
        resolve(undefined)
      }
    })
    const entered = await Promise.race([way.tasks, calledOff]).finally(() => {
      this.#callOff = undefined
    })
    const { graph } = plan
    if (graph) this.#setup.keep(graph)
    if (cancelled === undefined) {
      const tasks = entered ?? []
      return void (await this.#open(opening(plan, terms, tasks, terms.chooseMode?.(tasks))))
    }
    if (way.giveUp()) this.#setup.admission.occupy(demandOf(plan.tasks))
    await this.#open(opening(plan, terms, plan.tasks, undefined, cancelled))
  }

  /** Resolves when the signal is durable; with false when the run takes nothing more. What came too early is decided right after it. */
  #open(first: Signal): Promise<boolean> {
    const early = this.#early ?? []
    this.#early = undefined
    return new Promise(resolve => this.#setup.send([[first, resolve], ...early]))
  }

  async #join(plan: CheckedPlan): Promise<void> {
    const way = this.#setup.door.request(plan.tasks)
    const tasks = way.entered() ?? (await Promise.race([way.tasks, this.#setup.over]))
    const { graph } = plan
    if (graph) this.#setup.keep(graph)
    if (tasks !== undefined && (await this.#open({ type: 'add', tasks, ...(graph && { bound: graph.bound }) }))) return
    way.leave()
    throw new CounterpointError('RUN_ENDED', `run ${this.#setup.runId} settled before the tasks could be added`, {
      runId: this.#setup.runId,
    })
  }
}

/** Member by member: one that is spread together would have a shape of its own for each run, and every signal would be slower to read. */
function opening(
  plan: CheckedPlan,
  terms: OpeningTerms,
  tasks: readonly TaskSpec[],
  mode: ModeChoice | undefined,
  cancelled?: string,
): AddSignal {
  const { name, version, only, graph } = plan
  const { failureMode = plan.failureMode, budget, autoFallbackToSerial } = terms
  const signal: { -readonly [K in keyof AddSignal]: AddSignal[K] } = { type: 'add', tasks }
  if (name !== undefined) signal.name = name
  if (version !== undefined) signal.version = version
  if (only) signal.only = only
  if (failureMode) signal.failureMode = failureMode
  if (budget) signal.budget = budget
  if (autoFallbackToSerial) signal.autoFallbackToSerial = autoFallbackToSerial
  if (graph) signal.bound = graph.bound
  if (mode) signal.mode = mode
  if (cancelled !== undefined) signal.cancelled = cancelled
  return signal
}
