import type { RunEvent } from './core/event.js'
import type { EventMap } from './emitter.js'
import { CounterpointError } from './errors.js'
import type { PlanInput } from './intake.js'
import type { RunResult, TaskResult } from './results/result-aggregator.js'
import type { RunEngine } from './run-engine.js'
import { progressOf, type RunProgress, taskResult } from './run-view.js'

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
  on<K extends keyof EventMap>(name: K, listener: (payload: EventMap[K]) => unknown): () => void {
    return this.#engine.emitter.on(name, listener)
  }

  /** Takes a listener off. */
  off<K extends keyof EventMap>(name: K, listener: (payload: EventMap[K]) => unknown): void {
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
    return progressOf(this.#engine.loop.durable, this.#engine.running())
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
   * Calls one task off; what waits for it is skipped, with this task as the root cause. Resolves when that is durable.
   * A task that has ended stays as it is.
   *
   * @throws NOT_FOUND when the run has no such task.
   */
  async cancelTask(id: string, reason = 'cancelled by the host'): Promise<void> {
    await this.#engine.sent({ type: 'cancel', taskId: id, reason })
    if (!this.#engine.loop.head.ids.has(id))
      throw new CounterpointError('NOT_FOUND', `run ${this.id} has no task "${id}"`, { id })
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
}
