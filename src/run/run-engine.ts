import type { Signal } from '../core/scheduler/signals.js'
import { Emitter, type RunChannelEvent, type RunEventMap } from '../emitter.js'
import { CounterpointError } from '../errors.js'
import type { CheckedPlan } from '../plan/check-plan.js'
import type { TaskBinding, TaskGraph } from '../plan/task-graph.js'
import type { RunResult } from '../results/result-aggregator.js'
import type { AdmissionTicket } from './admission-ticket.js'
import { killOrphans } from './attempt/kill-orphans.js'
import { Effects } from './effects.js'
import { EventLog } from './event-log.js'
import { finishedRun, type ParkedPool, type RunningTask, runningTask } from './progress.js'
import type { RunContext, RunStart } from './run-context.js'
import { RunLoop } from './run-loop.js'
import { type OpeningTerms, TaskIntake } from './task-intake.js'
import { RunTimeLimit } from './timers/run-time-limit.js'

/** How long a journal may take for its last records after everything was told to stop, in milliseconds. */
const JOURNAL_GRACE_MS = 5_000

/** Joins the parts of a run: the loop that decides, the pursuit of what was decided, the log and the listeners. `Run` is its face. */
export class RunEngine {
  readonly id: string
  readonly result: Promise<RunResult>
  readonly emitter: Emitter<RunEventMap>
  readonly log: EventLog
  readonly loop: RunLoop
  /** When the journal has been let go of, after the end. */
  closed: Promise<void> = Promise.resolve()
  readonly #host: RunContext
  readonly #hostEmitter: Emitter
  readonly #setup: RunStart
  readonly #pursuit: Effects
  readonly #wallBudget: RunTimeLimit
  readonly entrance: TaskIntake
  readonly #graphs: TaskGraph[] = []
  readonly #cleanups: (() => void)[] = []
  readonly #over: Promise<undefined>
  #resolveOver!: () => void
  #resolve!: (result: RunResult) => void
  #reject!: (error: unknown) => void

  constructor(host: RunContext, setup: RunStart) {
    this.#host = host
    this.#hostEmitter = host.emitter
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
    this.loop = new RunLoop({
      ...host,
      ...setup,
      decided: (signal, from, to) => {
        // First: when its time is over, nothing starts any more.
        this.#wallBudget.decided(this.loop.head, this.loop.history, from, to)
        this.#pursuit.decided(signal, from, to)
      },
      published: (from, to) => this.#published(from, to),
      stalled: error => this.#stalled(error),
    })
    this.log = new EventLog(this.id, this.loop.history)
    this.#pursuit = this.#makePursuit()
    this.#wallBudget = new RunTimeLimit(host.clock, () => this.loop.send({ type: 'elapse' }))
    this.entrance = new TaskIntake({
      runId: this.id,
      door: setup.door,
      admission: host.admission,
      has: id => this.loop.head.ids.has(id),
      send: signals => this.loop.sendAll(signals),
      keep: graph => this.#graphs.push(graph),
      over: this.#over,
    })
  }

  /** Begins with a plan whose tasks are on their way in. When that fails, `result` rejects, and nothing has been started. */
  begin(plan: CheckedPlan, terms: OpeningTerms, way: AdmissionTicket): void {
    this.entrance.begin(plan, terms, way)
    this.entrance.begun.catch(error => this.#end(() => this.#reject(error)))
  }

  /** Calls the run off; resolves when that is durable. */
  async cancel(reason: string): Promise<void> {
    if (this.entrance.callOff(reason)) await this.entrance.begun
    else await this.sent({ type: 'cancel', reason })
  }

  /** Goes on with what the journal holds: what was running was interrupted, and what is left of it is ended first. */
  async recover(graphs: readonly TaskGraph[]): Promise<void> {
    this.#graphs.push(...graphs)
    if (this.loop.head.phase.status === 'settled') return this.#finish()
    await killOrphans(this.loop.head, this.#host.pools, (where, error) => this.#report(where, error))
    this.entrance.reopen(this.#host.clock)
  }

  /** Starts nothing more; what still runs after `timeoutMs` is stopped, to be tried again. Resolves when the run has ended here. */
  async drain(timeoutMs: number): Promise<void> {
    this.entrance.callOff('the orchestrator was closed before the run could begin')
    void this.sent({ type: 'drain' })
    const { clock } = this.#host
    let callOff = clock.schedule(() => {
      for (const index of this.#pursuit.attempts.active()) this.loop.send({ type: 'interrupt', index })
      callOff = clock.schedule(() => this.#giveUpJournal(), timeoutMs + JOURNAL_GRACE_MS)
    }, timeoutMs)
    await this.#over
    callOff()
  }

  /** A journal that takes nothing any more must not hold the end up for ever. */
  #giveUpJournal(): void {
    if (this.loop.isBehind) this.#stalled(new Error('the journal did not take the last records in time'))
  }

  /** Resolves when the signal's record is durable; with false when it changed nothing. Before the run has begun it waits for that. */
  sent(signal: Signal): Promise<boolean> {
    return new Promise(resolve => {
      if (!this.entrance.keepForLater(signal, resolve)) this.loop.send(signal, resolve)
    })
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

  /** The pools of its orchestrator. */
  get poolNames(): readonly string[] {
    return [...this.#host.pools.keys()]
  }

  /** The pools that it uses and that are parked. */
  parked(): readonly ParkedPool[] {
    return this.#pursuit.parkedPools()
  }

  release(): void {
    this.log.release()
    this.loop.release()
    this.#host.released(this.id)
  }

  #published(from: number, to: number): void {
    const { history } = this.loop
    this.log.publish(to)
    if (this.emitter.isHeard || this.#hostEmitter.isHeard)
      for (let seq = from; seq <= to; seq++) this.#publish(history.event(seq))
    this.#pursuit.published(from, to)
    const last = history.typeOf(to)
    if (last === 'run.settled') this.#finish()
    else if (last === 'run.suspended') this.#suspend()
  }

  #publish(event: RunChannelEvent): void {
    this.emitter.publish(event)
    this.#hostEmitter.publish(event)
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

  #suspend(): void {
    const message = `run ${this.id} was suspended: orchestrator.resume("${this.id}") goes on with it`
    this.#end(() => this.#reject(new CounterpointError('RUN_SUSPENDED', message, { runId: this.id })))
  }

  #report(where: string, error: unknown): void {
    this.emitter.report({ type: 'error', error, where, runId: this.id })
  }

  #stalled(cause: unknown): void {
    this.#report('journal', cause)
    const message = `run ${this.id} cannot go on: its journal failed. What it holds can be resumed`
    const misuse = cause instanceof CounterpointError ? cause : undefined
    this.#end(() => this.#reject(misuse ?? new CounterpointError('JOURNAL', message, { runId: this.id }, { cause })))
  }

  /** Nothing of the run is left in pools, timers or listeners; then the result is told. */
  #end(tell: () => void): void {
    this.#pursuit.close()
    this.#wallBudget.close()
    for (const cleanup of this.#cleanups.splice(0)) cleanup()
    this.log.end()
    this.#resolveOver()
    this.#host.ended(this.id, this.loop.durable.phase.status === 'settled')
    const close = async (): Promise<void> => this.#setup.journal.close()
    const closed = close().catch(error => this.#report('journal', error))
    // One that has failed may never close: nobody waits for it. Else the journal has been let go of when the result is there.
    if (this.loop.isBehind) return tell()
    this.closed = closed.then(tell)
  }

  #binding(taskId: string): TaskBinding | undefined {
    for (const graph of this.#graphs) {
      const found = graph.binding(taskId)
      if (found) return found
    }
    return undefined
  }

  #makePursuit(): Effects {
    const { loop } = this
    return new Effects(
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
      loop.history,
    )
  }
}
