import type { RunBudget } from '../core/budget/budget.js'
import type { RunResult, TaskResult } from '../core/results/run-result.js'
import type { RunEvent } from '../core/state/events.js'
import type { AttemptProgressed, AttemptStreamed, RunEventMap } from '../events/event-map.js'
import { checkText } from '../options-check.js'
import { checkApproveOptions, checkEventsOptions, checkRunBudget } from '../options-schema.js'
import type { PlanInput } from '../plan/plan-input.js'
import type { HasPools } from '../pools/pool-options.js'
import { completedOnly } from '../results/run-failed.js'
import type { EventsOptions } from './events/event-reader.js'
import { progressOf, type RunProgress, taskResult } from './progress.js'
import type { RunEngine } from './run-engine.js'

/**
 * One plan being executed: what `orchestrator.run()` returns. It starts by itself, in the next microtask.
 * It shows what is durable: with a journal that writes to disk, that may lag behind what has been decided.
 *
 * `add`, `cancel`, `cancelTask`, `approve`, `reject`, `setBudget`, `pause` and `unpause` take effect in the order in which they are called,
 * also before the run has begun. Each resolves once it is durable that what it says is so. Else it rejects, and has changed nothing: with
 * INVALID_INPUT for an invalid argument, with RUN_SUSPENDED when the run is suspended, with what `result` rejects with when its journal has
 * failed or it could not start, and with what was found instead. A promise that rejects because the run or the task has ended may be ignored.
 */
export class Run<Pool extends string = string> {
  /** For the compiler only: absent at run time. */
  declare readonly '~pools': HasPools<Pool>
  readonly #engine: RunEngine
  #completed: Promise<RunResult> | undefined

  /** @internal Use `orchestrator.run()`. */
  constructor(engine: RunEngine) {
    this.#engine = engine
  }

  /** Unique among the runs of a journal. */
  get id(): string {
    return this.#engine.id
  }

  /**
   * Resolves when the run has settled; a failed or cancelled run resolves too, with that outcome.
   * Rejects with JOURNAL when the journal fails, with RUN_SUSPENDED when the orchestrator is drained first, and with NO_POOL, QUEUE_FULL
   * or DUPLICATE_ID (the journal has a run of that id) when that was found only after `run()` had returned.
   */
  get result(): Promise<RunResult> {
    return this.#engine.result
  }

  /**
   * Resolves with the result when the outcome of the run is `completed`. Else it rejects with RUN_FAILED, whose message names the root causes
   * and whose `details` have the result; and with what `result` rejects with. It may be ignored, or awaited later, as `result` may.
   */
  get completed(): Promise<RunResult> {
    if (this.#completed === undefined) {
      this.#completed = this.result.then(completedOnly)
      this.#completed.catch(() => {})
    }
    return this.#completed
  }

  /**
   * Adds a listener for events of this name; `event` gets all events, `error` what listeners of this run threw.
   * A listener that throws changes nothing. Returns a function that removes the listener.
   *
   * @throws INVALID_INPUT for a name that no event of a run has.
   */
  on<K extends keyof RunEventMap>(name: K, listener: (payload: RunEventMap[K]) => unknown): () => void {
    return this.#engine.publisher.emitter.on(name, listener)
  }

  /** Removes a listener. @throws INVALID_INPUT for a name that no event of a run has. */
  off<K extends keyof RunEventMap>(name: K, listener: (payload: RunEventMap[K]) => unknown): void {
    this.#engine.publisher.emitter.off(name, listener)
  }

  /**
   * The events from `from` (a `seq`, default 1) until the run has settled or is suspended, past events included. No event is missed,
   * and a slow reader delays nothing. Leaving a `for await`, `return()`, `throw()` and an abort of `signal` end it at once.
   *
   * With `progress` or `streamed` also what attempts report or stream from now on, in order with the events. A reader that is 1 MiB
   * of chunks behind ends with SLOW_READER; no reader holds an agent, or another reader.
   *
   * @throws INVALID_INPUT for invalid options. `next()` rejects with RUN_ENDED when the run has been released.
   */
  events<Progress extends boolean | undefined = false, Streamed extends boolean | undefined = false>(
    options: EventsOptions<Progress, Streamed> = {},
  ): AsyncIterableIterator<
    RunEvent | (true extends Progress ? AttemptProgressed : never) | (true extends Streamed ? AttemptStreamed : never),
    undefined
  > {
    checkEventsOptions(options)
    return this.#engine.publisher.log.read(options) as AsyncIterableIterator<never, undefined>
  }

  /** The status of the run and the number of tasks in each state; its running and held tasks, and its parked pools. */
  progress(): RunProgress {
    return progressOf(this.#engine.loop.durable, this.#engine.runningTasks(), this.#engine.parkedPools())
  }

  /** The result of one task so far; undefined when the run has no such task. */
  task(id: string): TaskResult | undefined {
    const state = this.#engine.loop.durable
    const index = state.ids.get(id)
    return index === undefined ? undefined : taskResult(state, index)
  }

  /**
   * Adds tasks to the live run: a plan as data, or a `TaskGraph`. They may depend on tasks that the run already has.
   * Resolves when the tasks are durable. Waits while a pool is full, unless the run has `whenFull: 'reject'`; a call that names one of the
   * tasks then waits, too.
   *
   * @throws INVALID_INPUT, CYCLE, DUPLICATE_ID, UNKNOWN_DEPENDENCY, NO_POOL, QUEUE_FULL: nothing was added.
   * @throws RUN_ENDED when the run settled before they could be added.
   */
  add<const Name extends string = Pool>(plan: PlanInput<Pool, Name>): Promise<void> {
    return this.#call(() => this.#engine.intake.add(plan))
  }

  /**
   * Cancels the run: no further task starts, and running attempts are aborted. Resolves when that is durable, also when the run is
   * cancelled already.
   *
   * @throws RUN_ENDED when it has settled with another outcome.
   */
  cancel(reason = 'cancelled by the host'): Promise<void> {
    return this.#call(() => this.#engine.send({ type: 'cancel', reason: checkText('reason', reason) }))
  }

  /**
   * Cancels a task. The tasks that depend on it are skipped with this task as the root cause, unless their trigger rule lets them run.
   * Resolves when that is durable, also when the task is cancelled already.
   *
   * @throws NOT_FOUND when the run has no such task; TASK_ENDED when it has ended otherwise.
   */
  cancelTask(id: string, reason = 'cancelled by the host'): Promise<void> {
    return this.#call(() =>
      this.#engine.send({ type: 'cancel', taskId: checkText('id', id), reason: checkText('reason', reason) }),
    )
  }

  /**
   * Releases a held task: one that needs approval, one whose interrupted attempt may have had effects (it is tried again), or one that
   * does not fit into a budget (it may exceed it). `by`, who approved it, is kept in the journal. Resolves when that is durable.
   *
   * @throws NOT_FOUND when the run has no such task; NOT_HELD when it is not held, also because it was approved or rejected before.
   */
  approve(id: string, options: { readonly by?: string | undefined } = {}): Promise<void> {
    return this.#call(() => {
      checkApproveOptions(options)
      const by = options.by === undefined ? {} : { by: options.by }
      return this.#engine.send({ type: 'approve', taskId: checkText('id', id), ...by })
    })
  }

  /**
   * Ends a held task: it is dead (`refused`, code `REJECTED`), and the tasks that depend on it are skipped. Resolves when that is durable.
   *
   * @throws NOT_FOUND when the run has no such task; NOT_HELD when it is not held, also because it was approved or rejected before.
   */
  reject(id: string, reason = 'rejected by the host'): Promise<void> {
    return this.#call(() =>
      this.#engine.send({ type: 'reject', taskId: checkText('id', id), reason: checkText('reason', reason) }),
    )
  }

  /**
   * Replaces the budget of the run. What has been used still counts; tasks that are held because of the budget are tried again. A run
   * that was paused because its `wallMs` was used up continues after `unpause`. Resolves when that is durable.
   *
   * @throws INVALID_INPUT also for a budget that names a pool that does not exist; RUN_ENDED when the run has settled.
   */
  setBudget(budget: RunBudget<Pool | 'default'>): Promise<void> {
    return this.#call(() => {
      checkRunBudget(budget, this.#engine.poolNames)
      return this.#engine.send({ type: 'budget', budget })
    })
  }

  /**
   * Starts no task until `unpause`. Running attempts continue. Resolves when that is durable, also when the run is paused already.
   *
   * @throws RUN_ENDED when the run is stopping or has settled; RUN_SUSPENDED also while it is drained.
   */
  pause(): Promise<void> {
    return this.#call(() => this.#engine.send({ type: 'pause' }))
  }

  /**
   * Starts tasks again after `pause`. Resolves when that is durable, also when the run is not paused.
   *
   * @throws RUN_ENDED when the run is stopping or has settled; RUN_SUSPENDED also while it is drained.
   */
  unpause(): Promise<void> {
    return this.#call(() => this.#engine.send({ type: 'unpause' }))
  }

  /**
   * Releases a settled run: its events, and its entry in the orchestrator and in the in-memory journal. `result` stays valid.
   * Without a call the orchestrator keeps the last `retain` settled runs. Returns false, and does nothing, when the run has not settled.
   */
  release(): boolean {
    if (this.#engine.loop.durable.phase.status !== 'settled') return false
    this.#engine.release()
    return true
  }

  /** Calls may come too late: whoever ignores what one gives must not end the process by that. */
  #call(call: () => Promise<void>): Promise<void> {
    const called: Promise<void> = new Promise((resolve, reject) => {
      call().then(resolve, error => {
        if (this.#engine.isEndError(error)) called.catch(() => {})
        reject(error)
      })
    })
    return called
  }
}
