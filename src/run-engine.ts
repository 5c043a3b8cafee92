import type { OpenPool } from './attempts.js'
import type { Clock } from './clock.js'
import type { JudgeFailure } from './core/decision.js'
import type { FailureMode, JournalRecord } from './core/event.js'
import type { RunState } from './core/run-state.js'
import type { Signal } from './core/signal.js'
import { type CounterpointEvent, Emitter } from './emitter.js'
import { Entrance, type WayIn } from './entrance.js'
import { CounterpointError } from './errors.js'
import { EventLog } from './event-log.js'
import { type CheckedPlan, checkPlan, demandOf, type Intake, type PlanInput } from './intake.js'
import type { OpenJournal } from './journal/journal.js'
import type { Aggregate, Decide } from './options.js'
import { duplicateId } from './plan/graph-check.js'
import type { TaskBinding } from './plan/task-graph.js'
import type { Admission } from './pools/admission.js'
import { Pursuit } from './pursuit.js'
import type { RunResult } from './results/result-aggregator.js'
import { RunLoop } from './run-loop.js'
import { finishedRun, type RunningTask, runningTask } from './run-view.js'

/** What an orchestrator gives each of its runs. */
export interface RunHost {
  readonly clock: Clock
  readonly random: () => number
  readonly decide: Decide
  readonly judge: JudgeFailure
  readonly aggregate: Aggregate
  readonly pools: ReadonlyMap<string, OpenPool>
  readonly intake: Intake
  readonly admission: Admission
  readonly emitter: Emitter
  settled(runId: string): void
  released(runId: string): void
}

/** What makes one run different from another. */
export interface RunSetup {
  /** Empty, or replayed from the journal. */
  readonly state: RunState
  readonly journal: OpenJournal
  readonly weight: number
  readonly whenFull: 'wait' | 'reject'
}

/** Joins the parts of a run: the loop that decides, the pursuit of what was decided, the log and the listeners. `Run` is its face. */
export class RunEngine {
  readonly id: string
  readonly result: Promise<RunResult>
  readonly emitter: Emitter
  readonly log: EventLog
  readonly loop: RunLoop
  readonly #host: RunHost
  readonly #setup: RunSetup
  readonly #pursuit: Pursuit
  readonly #entrance: Entrance
  readonly #bindings: ((id: string) => TaskBinding | undefined)[] = []
  readonly #cleanups: (() => void)[] = []
  /** Ids of tasks that are on their way in. */
  readonly #entering = new Set<string>()
  #begun: Promise<void> | undefined
  #callOff: ((reason: string) => void) | undefined
  readonly #over: Promise<undefined>
  #resolveOver!: () => void
  #resolve!: (result: RunResult) => void
  #reject!: (error: unknown) => void

  constructor(host: RunHost, setup: RunSetup) {
    this.#host = host
    this.#setup = setup
    this.id = setup.state.runId
    this.result = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    this.result.catch(() => {})
    this.#over = new Promise(resolve => {
      this.#resolveOver = () => resolve(undefined)
    })
    this.emitter = new Emitter(host.emitter)
    this.log = new EventLog(this.id)
    this.loop = new RunLoop({
      ...host,
      ...setup,
      decided: (signal, record) => this.#pursuit.decided(signal, record),
      published: record => this.#published(record),
      stalled: error => this.#stalled(error),
    })
    this.#pursuit = this.#makePursuit()
    this.#entrance = new Entrance(host.intake, host.admission, setup.whenFull)
  }

  /**
   * Begins with a plan, a microtask later, so that whoever called `run()` can listen first.
   * @throws NO_POOL, QUEUE_FULL when that can be known at once; else `result` rejects with it. Nothing has been started then.
   */
  begin(plan: CheckedPlan, failureMode: FailureMode | undefined): void {
    const way = this.#entrance.comeIn(plan.tasks)
    this.#begun = this.#start(plan, failureMode ?? plan.failureMode, way)
    this.#begun.catch(error => this.#end(() => this.#reject(error)))
  }

  /** Goes on with what the journal holds: what was running was interrupted. */
  recover(records: readonly JournalRecord[], binding: ((id: string) => TaskBinding | undefined) | undefined): void {
    if (binding) this.#bindings.push(binding)
    for (const record of records) this.log.push(record)
    if (this.loop.head.phase.status === 'settled') return this.#finish()
    this.#begun = Promise.resolve().then(() => void this.loop.send({ type: 'recover' }))
  }

  /** Adds tasks to the live run. */
  async add(input: PlanInput): Promise<void> {
    await this.#begun
    const plan = checkPlan(input, undefined, id => this.loop.head.ids.has(id))
    for (const { id } of plan.tasks)
      if (this.#entering.has(id)) throw duplicateId(id, `a task "${id}" is being added already`)
    for (const { id } of plan.tasks) this.#entering.add(id)
    try {
      await this.#join(plan)
    } finally {
      for (const { id } of plan.tasks) this.#entering.delete(id)
    }
  }

  /** Calls the run off; resolves when that is durable. */
  async cancel(reason: string): Promise<void> {
    if (this.#callOff) {
      this.#callOff(reason)
      await this.#begun
    } else await this.sent({ type: 'cancel', reason })
  }

  /** Resolves when the signal's record is durable; with false when it changed nothing. */
  sent(signal: Signal): Promise<boolean> {
    return new Promise(resolve => this.loop.send(signal, resolve))
  }

  /** Called once, when the run has settled or can go no further. */
  onEnd(cleanup: () => void): void {
    this.#cleanups.push(cleanup)
  }

  /** The tasks that have an attempt, as far as is durable. */
  running(): readonly RunningTask[] {
    const tasks: RunningTask[] = []
    for (const index of this.#pursuit.attempts.active()) {
      const task = runningTask(this.loop.durable, index, this.#pursuit.attempts.latestReport(index))
      if (task) tasks.push(task)
    }
    return tasks
  }

  release(): void {
    this.log.release()
    this.#host.released(this.id)
  }

  async #start(plan: CheckedPlan, failureMode: FailureMode | undefined, way: WayIn): Promise<void> {
    const calledOff = new Promise<string>(resolve => {
      this.#callOff = resolve
    })
    const first = await Promise.race([way.tasks, calledOff])
    this.#callOff = undefined
    const { name, binding } = plan
    if (binding) this.#bindings.push(binding)
    const add = { type: 'add', ...(name !== undefined && { name }), ...(failureMode && { failureMode }) } as const
    if (typeof first !== 'string') return void (await this.sent({ ...add, tasks: first }))
    if (way.giveUp()) this.#host.admission.occupy(demandOf(plan.tasks))
    await this.sent({ ...add, tasks: plan.tasks, cancelled: first })
  }

  async #join(plan: CheckedPlan): Promise<void> {
    const way = this.#entrance.comeIn(plan.tasks)
    const tasks = await Promise.race([way.tasks, this.#over])
    if (plan.binding) this.#bindings.push(plan.binding)
    if (tasks !== undefined && (await this.sent({ type: 'add', tasks }))) return
    if (!way.giveUp()) for (const { pool = '' } of tasks ?? []) this.#host.admission.leave(pool)
    throw new CounterpointError('RUN_ENDED', `run ${this.id} settled before the tasks could be added`, {
      runId: this.id,
    })
  }

  #published(record: JournalRecord): void {
    this.log.push(record)
    for (const event of record) this.#publish(event)
    this.#pursuit.published(record)
    if (record[record.length - 1]?.type === 'run.settled') this.#finish()
  }

  #publish(event: CounterpointEvent): void {
    this.emitter.publish(event)
    this.#host.emitter.publish(event)
  }

  #finish(): void {
    const { phase } = this.loop.durable
    if (phase.status !== 'settled') return
    this.#end(() => {
      try {
        this.#resolve(this.#host.aggregate(finishedRun(this.loop.durable, phase.outcome)))
      } catch (error) {
        this.#reject(error)
      }
    })
  }

  #stalled(cause: unknown): void {
    this.emitter.report({ type: 'error', error: cause, where: 'journal', runId: this.id })
    const message = `run ${this.id} cannot go on: its journal failed. What it holds can be resumed`
    this.#end(() => this.#reject(new CounterpointError('JOURNAL', message, { runId: this.id }, { cause })))
  }

  /** Nothing of the run is left in pools, timers or listeners; then the result is told. */
  #end(tell: () => void): void {
    this.#pursuit.close()
    for (const cleanup of this.#cleanups.splice(0)) cleanup()
    this.log.end()
    this.#resolveOver()
    this.#host.settled(this.id)
    const close = async (): Promise<void> => this.#setup.journal.close()
    close().catch(error => this.emitter.report({ type: 'error', error, where: 'journal', runId: this.id }))
    tell()
  }

  #binding(taskId: string): TaskBinding | undefined {
    for (const binding of this.#bindings) {
      const found = binding(taskId)
      if (found) return found
    }
    return undefined
  }

  #makePursuit(): Pursuit {
    const { loop } = this
    return new Pursuit(
      {
        ...this.#host,
        weight: this.#setup.weight,
        binding: id => this.#binding(id),
        send: signal => loop.send(signal),
        now: () => loop.now(),
        progressed: event => this.#publish(event),
      },
      loop.head,
      loop.durable,
    )
  }
}
