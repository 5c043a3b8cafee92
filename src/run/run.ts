import type { RunBudget } from '../core/budget/budget.js'
import type { RunEvent } from '../core/state/events.js'
import type { RunEventMap } from '../emitter.js'
import { CounterpointError } from '../errors.js'
import { checkRunBudget } from '../options-schema.js'
import type { PlanInput } from '../plan/check-plan.js'
import type { RunResult, TaskResult } from '../results/result-aggregator.js'
import { progressOf, type RunProgress, taskResult } from './progress.js'
import type { RunEngine } from './run-engine.js'

/**
 * One plan being executed: what `orchestrator.run()` gives. It starts by itself, in the next microtask.
 * What it shows is what is durable: with a journal that writes to disk it may lag behind what has been decided.
 */
export class Run {
  readonly #engine: RunEngine

  /** @internal `orchestrator.run()` makes it. */
  constructor(engine: RunEngine) {
    this.#engine = engine
  }

  /** Unique among the runs of a journal. */
  get id(): string {
    return this.#engine.id
  }

  /**
   * What came out of it, once everything has ended: a run that failed or was cancelled resolves too, with that outcome.
   * Rejects with JOURNAL when the journal fails, with RUN_SUSPENDED when the orchestrator is drained before, and with NO_POOL, QUEUE_FULL
   * or DUPLICATE_ID (the journal has a run of that id) when that was found only after `run()` had returned.
   */
  get result(): Promise<RunResult> {
    return this.#engine.result
  }

  /**
   * Hears events by name, all of them on `event`, and on `error` what listeners of this run threw.
   * A listener that throws changes nothing. Gives a function that takes the listener off.
   */
  on<K extends keyof RunEventMap>(name: K, listener: (payload: RunEventMap[K]) => unknown): () => void {
    return this.#engine.emitter.on(name, listener)
  }

  /** Takes a listener off. */
  off<K extends keyof RunEventMap>(name: K, listener: (payload: RunEventMap[K]) => unknown): void {
    this.#engine.emitter.off(name, listener)
  }

  /**
   * The events from `from` (a `seq`, default 1) until the run has settled. A cursor: what came before is there too,
   * nothing is missed, and a slow reader holds nothing up.
   *
   * @throws RUN_ENDED once the run has been released.
   */
  events(options: { readonly from?: number } = {}): AsyncGenerator<RunEvent, void, undefined> {
    return this.#engine.log.read(options.from)
  }

  /** How far the run is. */
  progress(): RunProgress {
    return progressOf(this.#engine.loop.durable, this.#engine.running(), this.#engine.parked())
  }

  /** What is known of one task so far; undefined when the run has no such task. */
  task(id: string): TaskResult | undefined {
    const state = this.#engine.loop.durable
    const index = state.ids.get(id)
    return index === undefined ? undefined : taskResult(state, index)
  }

  /**
   * Adds tasks to the live run: a plan as data, or a `TaskGraph`. They may wait for tasks that the run already has.
   * Resolves when they are durable; waits while a pool is full.
   *
   * @throws INVALID_INPUT, CYCLE, DUPLICATE_ID, UNKNOWN_DEPENDENCY, NO_POOL, QUEUE_FULL: nothing was added.
   * @throws RUN_ENDED when the run settled before they could be added.
   */
  async add(plan: PlanInput): Promise<void> {
    await this.#engine.entrance.join(plan)
  }

  /** Calls the run off: what has not started never will, what runs is stopped. Resolves when that is durable. */
  async cancel(reason = 'cancelled by the host'): Promise<void> {
    await this.#engine.cancel(reason)
  }

  /**
   * Calls a branch off: this task, and what waits for it, which is skipped with this task as the root cause (but for what its trigger
   * rule lets run all the same). Resolves when that is durable. A task that has ended stays as it is.
   *
   * @throws NOT_FOUND when the run has no such task.
   */
  async cancelTask(id: string, reason = 'cancelled by the host'): Promise<void> {
    await this.#engine.sent({ type: 'cancel', taskId: id, reason })
    if (!this.#engine.loop.head.ids.has(id))
      throw new CounterpointError('NOT_FOUND', `run ${this.id} has no task "${id}"`, { id })
  }

  /**
   * Lets a held task go on: one that needs approval, one whose interrupted attempt may have done something (it is tried again), or one
   * that no budget has room for (it may go over). Who approved it stands in the journal. Resolves when that is durable.
   *
   * @throws NOT_FOUND when the run has no such task; NOT_HELD when it is not held; RUN_SUSPENDED when the run is suspended.
   */
  async approve(id: string, options: { readonly by?: string } = {}): Promise<void> {
    await this.#checkHeld(id)
    await this.#engine.sent({ type: 'approve', taskId: id, ...(options.by !== undefined && { by: options.by }) })
  }

  /**
   * Ends a held task: it is dead (`refused`, code `REJECTED`), and what waits for it is skipped. Resolves when that is durable.
   *
   * @throws NOT_FOUND when the run has no such task; NOT_HELD when it is not held; RUN_SUSPENDED when the run is suspended.
   */
  async reject(id: string, reason = 'rejected by the host'): Promise<void> {
    await this.#checkHeld(id)
    await this.#engine.sent({ type: 'reject', taskId: id, reason })
  }

  /**
   * From now on the run may use this; what it has used is kept, and tasks that were held for want of budget try again.
   * A run that was paused because its time was over goes on with `unpause`. Resolves when that is durable.
   *
   * @throws INVALID_INPUT for a budget that is not as documented, or names a pool that is not there.
   */
  async setBudget(budget: RunBudget): Promise<void> {
    checkRunBudget(budget, this.#engine.poolNames)
    await this.#engine.sent({ type: 'budget', budget })
  }

  /** Starts nothing until `unpause`; what runs goes on. Resolves when that is durable. */
  async pause(): Promise<void> {
    await this.#engine.sent({ type: 'pause' })
  }

  /** Starts tasks again. Resolves when that is durable. */
  async unpause(): Promise<void> {
    await this.#engine.sent({ type: 'unpause' })
  }

  /**
   * Lets go of a settled run: its events, its place in the orchestrator and in the in-memory journal. `result` stays as long as you hold it.
   * Without this the orchestrator keeps the last `retain` settled runs. Gives false for a run that has not settled: it is kept.
   */
  release(): boolean {
    if (this.#engine.loop.durable.phase.status !== 'settled') return false
    this.#engine.release()
    return true
  }

  /** A word that comes before the run has begun waits for that; one for a run that is suspended here is told so. */
  async #checkHeld(id: string): Promise<void> {
    await this.#engine.entrance.begun
    const { status: phase } = this.#engine.loop.head.phase
    if (phase === 'suspended') {
      const message = `run ${this.id} is suspended: orchestrator.resume("${this.id}") goes on with it, and takes the word of a person`
      throw new CounterpointError('RUN_SUSPENDED', message, { runId: this.id })
    }
    const { ids, states } = this.#engine.loop.head
    const state = states[ids.get(id) ?? -1]
    if (state === undefined) throw new CounterpointError('NOT_FOUND', `run ${this.id} has no task "${id}"`, { id })
    const { status } = state
    if (status !== 'held')
      throw new CounterpointError('NOT_HELD', `task "${id}" of run ${this.id} is ${status}, not held`, { id, status })
  }
}
