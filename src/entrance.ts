import type { FailureMode } from './core/event.js'
import type { AddSignal } from './core/signal.js'
import { CounterpointError } from './errors.js'
import { type CheckedPlan, checkPlan, demandOf, type Intake, type PlanInput } from './intake.js'
import { duplicateId } from './plan/graph-check.js'
import type { TaskGraph } from './plan/task-graph.js'
import type { Admission } from './pools/admission.js'
import { Door, type WayIn } from './way-in.js'

/** What an {@link Entrance} works with. */
export interface EntranceSetup {
  readonly runId: string
  readonly intake: Intake
  readonly admission: Admission
  readonly whenFull: 'wait' | 'reject'
  /** True for a task of the run. */
  has(id: string): boolean
  /** Resolves when it is durable; with false when the run takes nothing more. */
  add(signal: AddSignal): Promise<boolean>
  /** Keeps a graph for its input functions and output schemas. */
  keep(graph: TaskGraph): void
  /** Resolves when the run is over. */
  readonly over: Promise<undefined>
}

/** How a run gets its tasks: those that it begins with, and those that join it live. */
export class Entrance {
  readonly #setup: EntranceSetup
  readonly #door: Door
  /** Ids of tasks that are on their way in. */
  readonly #entering = new Set<string>()
  #callOff: ((reason: string) => void) | undefined
  /** Resolves when the run has begun. */
  begun: Promise<void> = Promise.resolve()

  constructor(setup: EntranceSetup) {
    this.#setup = setup
    this.#door = new Door(setup.intake, setup.admission, setup.whenFull)
  }

  /**
   * Begins with a plan, a microtask later, so that whoever called `run()` can listen first.
   * @throws NO_POOL, QUEUE_FULL when that can be known at once; else `begun` rejects with it. Nothing has been started then.
   */
  begin(plan: CheckedPlan, failureMode: FailureMode | undefined): void {
    const way = this.#door.comeIn(plan.tasks)
    this.begun = this.#start(plan, failureMode ?? plan.failureMode, way)
  }

  /** Before the run has begun: its tasks are added and end as cancelled. False when it is too late for that. */
  callOff(reason: string): boolean {
    this.#callOff?.(reason)
    return this.#callOff !== undefined
  }

  /** Adds tasks to the live run. */
  async join(input: PlanInput): Promise<void> {
    await this.begun
    const plan = checkPlan(input, undefined, this.#setup.has)
    for (const { id } of plan.tasks)
      if (this.#entering.has(id)) throw duplicateId(id, `a task "${id}" is being added already`)
    for (const { id } of plan.tasks) this.#entering.add(id)
    try {
      await this.#join(plan)
    } finally {
      for (const { id } of plan.tasks) this.#entering.delete(id)
    }
  }

  async #start(plan: CheckedPlan, failureMode: FailureMode | undefined, way: WayIn): Promise<void> {
    const calledOff = new Promise<string>(resolve => {
      this.#callOff = resolve
    })
    const first = await Promise.race([way.tasks, calledOff])
    this.#callOff = undefined
    const { name, version, only, graph } = plan
    if (graph) this.#setup.keep(graph)
    const add = {
      type: 'add',
      ...(name !== undefined && { name }),
      ...(version !== undefined && { version }),
      ...(only && { only }),
      ...(failureMode && { failureMode }),
      ...(graph && { bound: graph.bound }),
    } as const
    if (typeof first !== 'string') return void (await this.#setup.add({ ...add, tasks: first }))
    if (way.giveUp()) this.#setup.admission.occupy(demandOf(plan.tasks))
    await this.#setup.add({ ...add, tasks: plan.tasks, cancelled: first })
  }

  async #join(plan: CheckedPlan): Promise<void> {
    const way = this.#door.comeIn(plan.tasks)
    const tasks = await Promise.race([way.tasks, this.#setup.over])
    const { graph } = plan
    if (graph) this.#setup.keep(graph)
    if (tasks !== undefined && (await this.#setup.add({ type: 'add', tasks, ...(graph && { bound: graph.bound }) })))
      return
    if (!way.giveUp()) for (const { pool = '' } of tasks ?? []) this.#setup.admission.leave(pool)
    throw new CounterpointError('RUN_ENDED', `run ${this.#setup.runId} settled before the tasks could be added`, {
      runId: this.#setup.runId,
    })
  }
}
