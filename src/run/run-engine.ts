import { callEach, firstOnly } from '../core/once.js'
import type { RunResult } from '../core/results/run-result.js'
import type { Signal } from '../core/scheduler/signals.js'
import { type ErrorCode, isCounterpointError } from '../errors.js'
import type { TaskBinding } from '../plan/bindings.js'
import { Bindings } from '../plan/bindings.js'
import type { CheckedPlan } from '../plan/check-plan.js'
import { checkRecordSize } from '../plan/record-size.js'
import type { AdmissionTicket } from './admission-ticket.js'
import { killOrphans } from './attempt/kill-orphans.js'
import { Effects, type EffectsOptions } from './effects.js'
import { Publisher } from './events/publisher.js'
import { HostScope } from './host-scope.js'
import { finishedRun, type ParkedPool, type RunningTask, runningTask } from './progress.js'
import type { RunContext, RunEngineOptions } from './run-context.js'
import { suspended } from './run-errors.js'
import { RunLoop } from './run-loop.js'
import type { LoopFailure } from './run-loop-options.js'
import type { StartOptions } from './start-options.js'
import { TaskIntake } from './task-intake.js'
import { RunTimeLimit } from './timers/run-time-limit.js'

/** How long a drained run waits for its journal to take the last records, after all attempts have been interrupted, in milliseconds. */
const JOURNAL_GRACE_MS = 5_000

const END_CODES: readonly ErrorCode[] = ['RUN_ENDED', 'RUN_SUSPENDED', 'TASK_ENDED']

/** Connects the parts of a run: the loop that decides, the effects of what was decided, the event log and the listeners. */
export class RunEngine {
  readonly id: string
  readonly result: Promise<RunResult>
  readonly loop: RunLoop
  readonly publisher: Publisher
  readonly intake: TaskIntake
  /** The run has ended in this process: it has settled, is suspended, or has failed. */
  hasEnded = false
  /** Resolves when the journal has been closed, after the end of the run. */
  journalClosed: Promise<void> = Promise.resolve()
  readonly #context: RunContext
  readonly #scope: HostScope
  readonly #options: Omit<RunEngineOptions, 'locals'>
  readonly #effects: Effects
  readonly #timeLimit: RunTimeLimit
  readonly #bindings = new Bindings()
  readonly #cleanups: (() => void)[] = []
  readonly #ended: Promise<undefined>
  #resolveEnded: (value: undefined) => void = () => {}
  #resolve: (result: RunResult) => void = () => {}
  #reject: (error: unknown) => void = () => {}

  constructor(context: RunContext, options: RunEngineOptions) {
    this.#context = context
    const { locals, ...rest } = options
    this.#options = rest
    this.#scope = new HostScope(locals)
    this.id = options.state.runId
    this.result = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    this.result.catch(() => {})
    this.#ended = new Promise(resolve => {
      this.#resolveEnded = resolve
    })
    this.loop = this.#newLoop()
    const { inContext } = this.#scope
    this.publisher = new Publisher({ runId: this.id, history: this.loop.history, context, inContext })
    this.#effects = this.#newEffects()
    this.#timeLimit = new RunTimeLimit(context.clock, () => this.loop.send({ type: 'elapse' }))
    this.intake = new TaskIntake({
      checkSize: tasks => checkRecordSize(tasks, context, this.id),
      planAdmission: options.planAdmission,
      hasTask: id => this.loop.head.ids.has(id),
      sendAll: signals => this.loop.sendAll(signals),
      expectGraph: (signal, graph) => this.#bindings.expect(signal, graph),
      endError: () => this.loop.endError,
      onStartFailed: error => this.loop.fail(error),
      runEnded: this.#ended,
    })
  }

  /** Starts with a plan whose tasks wait to be admitted. When they cannot be, `result` rejects, and nothing has been started. */
  start(plan: CheckedPlan, options: StartOptions, ticket: AdmissionTicket): void {
    this.intake.start(plan, options, ticket)
  }

  /** Continues what the journal holds, with these functions and schemas. What the interrupted attempts left running is ended first. */
  async recover(bindings: ReadonlyMap<number, TaskBinding>): Promise<void> {
    this.#bindings.restore(bindings)
    if (this.loop.head.phase.status === 'settled') return this.#settle()
    await killOrphans(this.loop.head, this.#context.pools, (where, error) => this.publisher.report(where, error))
    this.intake.recover(this.#context.clock)
  }

  /**
   * Resolves when what the signal says is durable, and rejects with what was found instead. Takes effect after the calls that were made
   * before, also when the run has not begun.
   */
  send(signal: Signal): Promise<void> {
    const sent = this.intake.send(signal)
    if (signal.type === 'pause') this.#effects.attempts.gate.closeDuring(sent)
    return sent
  }

  /** As `send`, for which no answer is needed. */
  cancel(reason: string): void {
    this.send({ type: 'cancel', reason }).catch(() => {})
  }

  /** True for an error that says only how the run, or a task of it, has ended: its result says that, too. */
  isEndError(error: unknown): boolean {
    return error === this.loop.failure?.error || END_CODES.some(code => isCounterpointError(error, code))
  }

  /**
   * Starts nothing more, and interrupts what still runs after `timeoutMs`. Resolves when the run has settled or is suspended; rejects with
   * the error of a run that has failed meanwhile.
   */
  async drain(timeoutMs: number): Promise<void> {
    if (this.intake.isStarting) this.cancel('the orchestrator was closed before the run could begin')
    this.intake.forward({ type: 'drain' })
    const { clock } = this.#context
    let cancelTimer = clock.schedule(() => {
      for (const index of this.#effects.attempts.indexes()) this.loop.send({ type: 'interrupt', index })
      cancelTimer = clock.schedule(() => this.#giveUpJournal(), timeoutMs + JOURNAL_GRACE_MS)
    }, timeoutMs)
    await this.#ended
    cancelTimer()
    if (this.loop.failure) throw this.loop.failure.error
  }

  /** `cleanup` is called once, when the run ends in this process; at once when it has ended. */
  onEnd(cleanup: () => void): void {
    if (this.hasEnded) cleanup()
    else this.#cleanups.push(cleanup)
  }

  get isSettled(): boolean {
    return this.loop.durable.phase.status === 'settled'
  }

  /** The tasks that have an attempt, as far as that is durable. */
  runningTasks(): readonly RunningTask[] {
    const { attempts } = this.#effects
    return attempts
      .indexes()
      .flatMap(index => runningTask(this.loop.durable, index, attempts.latestReport(index)) ?? [])
  }

  /** The pools of the orchestrator. */
  get poolNames(): readonly string[] {
    return [...this.#context.pools.keys()]
  }

  /** The parked ones of the pools in which the run has had tasks. */
  parkedPools(): readonly ParkedPool[] {
    return this.#effects.parkedPools()
  }

  release(): void {
    this.publisher.log.release()
    this.loop.release()
    this.#context.onReleased(this.id)
  }

  #onPublished(from: number, to: number): void {
    const { history } = this.loop
    this.publisher.publish(from, to)
    this.#effects.onPublished(from, to)
    const last = history.typeOf(to)
    if (last === 'run.settled') this.#settle()
    else if (last === 'run.suspended') this.#end(() => this.#reject(suspended(this.id)))
  }

  #settle(): void {
    const { phase } = this.loop.durable
    if (phase.status !== 'settled') return
    this.#end(() => {
      try {
        this.#resolve(this.#context.aggregate(finishedRun(this.loop.durable, phase.outcome)))
      } catch (error) {
        this.#reject(error)
      }
    })
  }

  #fail({ error, source }: LoopFailure): void {
    // The run was not started, as when a pool is full: the rejection of its result says all.
    if (source && !isCounterpointError(error, 'DUPLICATE_ID')) this.publisher.report(source.where, source.cause)
    this.#end(() => this.#reject(error))
  }

  /** A journal that does not answer must not delay the end forever. */
  #giveUpJournal(): void {
    const cause = new Error('the journal did not take the last records in time')
    if (this.loop.hasPending) this.#scope.inContext(() => this.loop.failJournal(cause))
  }

  /** Leaves nothing of the run in pools, timers or listeners, closes the journal, then settles the result. */
  #end(settleResult: () => void): void {
    this.hasEnded = true
    // A clock of the host that throws must not leave the result pending.
    const report = (error: unknown): void => this.publisher.report('scheduler', error)
    callEach([() => this.#effects.close(), () => this.#timeLimit.close(), ...this.#cleanups.splice(0)], report)
    this.publisher.log.end()
    this.#resolveEnded(undefined)
    this.#context.onEnded(this.id, this.isSettled)
    const close = async (): Promise<void> => this.#options.journal.close()
    // Of a journal that has failed, that is known.
    const closed = close().catch(error => this.loop.failure ?? this.publisher.report('journal', error))
    // A journal that has failed may never close: the result does not wait for it.
    if (this.loop.hasPending) settleResult()
    else this.journalClosed = closed.then(settleResult)
    this.#scope.release()
  }

  #newLoop(): RunLoop {
    return new RunLoop({
      ...this.#context,
      ...this.#options,
      inContext: this.#scope.inContext,
      onDecided: (signal, from, to) => {
        if (signal.type === 'add' && to >= from)
          this.#bindings.added(signal, this.loop.head.specs.length - signal.tasks.length)
        // First: once the time limit has passed, no task starts.
        this.#timeLimit.onDecided(this.loop.head, this.loop.history, from, to)
        this.#effects.onDecided(signal, from, to)
      },
      onPublished: (from, to) => this.#onPublished(from, to),
      onJudgeFailed: firstOnly(error => this.publisher.report('failure handler', error)),
      onFailed: failure => this.#fail(failure),
    })
  }

  #newEffects(): Effects {
    const { loop } = this
    const options: EffectsOptions = {
      ...this.#context,
      budget: loop.share,
      weight: this.#options.weight,
      locals: this.#scope.locals,
      inContext: this.#scope.inContext,
      binding: index => this.#bindings.get(index),
      send: signal => loop.send(signal),
      now: () => loop.now(),
      onOrderFailed: firstOnly(error => this.publisher.report('scheduler', error)),
      onReport: event => this.publisher.publishReport(event),
      onChunk: (event, bytes) => this.publisher.publishChunk(event, bytes),
      onChunkFailed: (taskId, error) => this.publisher.report(`stream of task ${taskId}`, error),
      onBackendProblem: (source, issues) => this.publisher.reportOnce(source, issues),
    }
    return new Effects(options, loop.head, loop.durable, loop.history)
  }
}
