import { SharedBudget } from './budget/shared-budget.js'
import { systemClock } from './clock.js'
import { shareOf } from './core/amount.js'
import { captureContext } from './core/async-context.js'
import type { Budget } from './core/budget/budget.js'
import { emptyState } from './core/state/new-state.js'
import { unfinishedTasks } from './core/state/run-state.js'
import { distributorOf } from './distributor/task-distributor.js'
import { TaskRouter } from './distributor/task-router.js'
import { CounterpointError } from './errors.js'
import { Emitter } from './events/emitter.js'
import { CHANNELS, type EventMap } from './events/event-map.js'
import type { Forecast } from './forecast/forecast.js'
import { PoolForecast } from './forecast/pool-forecast.js'
import type { Journal } from './journal/journal.js'
import { sharedStreamsOf } from './journal/lazy-stream.js'
import { memoryJournal } from './journal/memory-journal.js'
import { duplicateRun, journalOfNewRun, openJournal } from './journal/opening-journal.js'
import type { Limit } from './limits/limit.js'
import type { OrchestratorOptions, ResumeOptions, RunOptions } from './options.js'
import { invalid } from './options-check.js'
import {
  checkBudget,
  checkDrainOptions,
  checkNewId,
  checkOrchestratorOptions,
  checkResumeOptions,
  checkRunOptions,
} from './options-schema.js'
import { checkPlan } from './plan/check-plan.js'
import { matchGraphs } from './plan/compare-graph.js'
import type { PlanInput } from './plan/plan-input.js'
import { checkRecordSize } from './plan/record-size.js'
import { TaskGraph, type TaskGraphOptions } from './plan/task-graph.js'
import { buildPools } from './pools/build-pools.js'
import type { PoolEvent } from './pools/pool-events.js'
import type { HasPools, PoolMap } from './pools/pool-options.js'
import { cancelOnAbort } from './run/abort-signals.js'
import { PlanAdmission, releasedOnError } from './run/admission-ticket.js'
import { drainRuns } from './run/drain-runs.js'
import { notFound, readStored } from './run/read-run.js'
import { Run } from './run/run.js'
import { journalHost, NO_LOCALS, partsOf, type RunContext } from './run/run-context.js'
import { RunEngine } from './run/run-engine.js'
import { RetainedRuns, Runs } from './run/run-registry.js'
import { startOptionsOf } from './run/start-options.js'

/**
 * Runs plans. Its pools, limits and budget are shared by all its runs. `Pool` is the names of its pools, for the compiler: those that it has
 * at least. Without it (`function f(orchestrator: Orchestrator)`) any name compiles, and is checked when a plan is run.
 *
 * ```ts
 * const orchestrator = new Orchestrator({ pools: { writer: { backend: async ({ task }) => `${task.description}: done`, concurrency: 2 } } })
 * const run = orchestrator.run({ tasks: [{ id: 'a', description: 'Write a poem', pool: 'writer' }] })
 * console.log((await run.result).outputs)
 * ```
 */
export interface Orchestrator<Pool extends string = string> extends OrchestratorOf<Pool> {}

class OrchestratorOf<Pool extends string> {
  static readonly name: string = 'Orchestrator'
  /** For the compiler only: absent at run time. */
  declare readonly '~pools': HasPools<Pool>
  /** The pools by name: to change their concurrency, pause them, or read their statistics. */
  readonly pools: PoolMap<Pool>
  /** The limits that pools share, by `limitKey`: to change them, park all their pools, or read their load. */
  readonly limits: ReadonlyMap<string, Limit>
  /** The runs in this process, and all runs of the journal: to list, show and delete. */
  readonly runs: Runs
  readonly #journal: Journal
  readonly #newId: () => string
  readonly #emitter = new Emitter(CHANNELS)
  readonly #context: RunContext
  readonly #router: TaskRouter
  readonly #forecast: PoolForecast
  readonly #retained: RetainedRuns
  readonly #resuming = new Map<string, Promise<Run<Pool>>>()
  readonly #closeShared: () => Promise<unknown>
  #draining: Promise<void> | undefined

  constructor(options: OrchestratorOptions<Pool> = {}) {
    checkOrchestratorOptions(options)
    const clock = options.clock ?? systemClock
    const { random: given = Math.random } = options
    const random = (): number => shareOf(given())
    const { report } = journalHost(this.#emitter)
    const inContext = captureContext()
    const publish = (event: PoolEvent): void => inContext(() => this.#emitter.emit(event))
    this.#journal = options.journal ?? memoryJournal()
    // Limits and budget are persisted only in a journal of the host: the orchestrator's own ends with the process.
    const shared = sharedStreamsOf(options.journal, report)
    const built = buildPools(options, { clock, random, report, publish, shared: shared('limits', true) })
    const stream = shared('budget', false)
    const budget = options.budget && new SharedBudget(options.budget, stream && { stream, clock, report })
    this.#closeShared = () => Promise.all([built.close(), budget?.close()])
    this.pools = built.workers as PoolMap<Pool>
    this.limits = built.limits
    this.#retained = new RetainedRuns(options.retain ?? 100)
    this.runs = new Runs(this.#journal, this.#retained, runId => this.#resuming.has(runId))
    this.#newId = options.newId ?? (() => `run-${crypto.randomUUID()}`)
    const parts = partsOf(options)
    this.#forecast = new PoolForecast(this.pools, parts.order)
    this.#router = new TaskRouter(built, distributorOf(options.distributor, built))
    this.#context = {
      clock,
      random,
      ...parts,
      pools: built.pools,
      admission: built.admission,
      emitter: this.#emitter,
      ownsJournal: options.journal === undefined,
      budget,
      reportedOnce: new Map(),
      recordDuration: (pool, ms) => this.#forecast.recordDuration(pool, ms),
      onEnded: (runId, settled) => this.#retained.onEnded(runId, settled),
      onReleased: runId => this.#onReleased(runId),
    }
  }

  /**
   * Adds a listener for the events of all runs and pools that have this name; `event` gets all events, `error` the errors of the host's code.
   * A listener that throws changes nothing. Returns a function that removes the listener.
   *
   * @throws INVALID_INPUT for a name that no event has.
   */
  on<K extends keyof EventMap>(name: K, listener: (payload: EventMap[K]) => unknown): () => void {
    return this.#emitter.on(name, listener)
  }

  /** Removes a listener. @throws INVALID_INPUT for a name that no event has. */
  off<K extends keyof EventMap>(name: K, listener: (payload: EventMap[K]) => unknown): void {
    this.#emitter.off(name, listener)
  }

  /**
   * Makes a graph that knows the pools of this orchestrator: a task that names another one does not compile.
   *
   * @throws INVALID_INPUT as the constructor of `TaskGraph` does.
   */
  graph(name: string, options?: TaskGraphOptions): TaskGraph<Pool | 'default'> {
    return new TaskGraph(name, options)
  }

  /**
   * Runs a plan: a `TaskGraph`, the result of `parsePlan`, or a plan as data. The whole plan has been checked when this
   * returns. The run starts in the next microtask: listeners that are added synchronously get every event.
   *
   * @throws INVALID_INPUT, CYCLE, DUPLICATE_ID, UNKNOWN_DEPENDENCY, NOT_FOUND (a task in `only`), NO_POOL, QUEUE_FULL: nothing was started.
   * @throws CLOSED after `drain`.
   */
  run<const Name extends string = Pool>(
    plan: PlanInput<Pool, Name>,
    options: RunOptions<Pool | 'default'> = {},
  ): Run<Pool> {
    this.#checkOpen()
    checkRunOptions(options, [...this.pools.keys()])
    const checked = checkPlan(plan, options.only)
    const runId = options.runId ?? checkNewId(this.#newId())
    checkRecordSize(checked.tasks, this.#context, runId)
    if (this.#retained.runs.has(runId) || this.#resuming.has(runId)) throw duplicateRun(runId)
    const planAdmission = this.#planAdmission(options)
    const ticket = planAdmission.request(checked)
    const journal = releasedOnError(ticket, () =>
      journalOfNewRun(runId, openJournal(this.#journal, runId, journalHost(this.#emitter, runId))),
    )
    const { weight = 1, signal, locals = NO_LOCALS } = options
    const state = emptyState(runId)
    const engine = new RunEngine(this.#context, { state, records: [], journal, weight, planAdmission, locals })
    engine.start(checked, startOptionsOf(options, this.#forecast, this.#context.budget !== undefined), ticket)
    return this.#retain(engine, signal)
  }

  /**
   * Continues a run of the journal. Tasks that have succeeded are not run again. Attempts that were running count as interrupted:
   * whatever they left running is ended, and their tasks are retried. If the run was started with a `TaskGraph`, or one was added to it
   * live, pass the graphs again: their functions and schemas are needed until the tasks that have them have ended. A settled run gives its
   * result. A run that is live in this process is returned.
   *
   * @throws NOT_FOUND when the journal has no such run; PLAN_DIFFERS when a graph is missing or differs; NO_POOL when a pool of an
   * unfinished task does not exist; JOURNAL when the journal cannot be opened: it is damaged, or another process has it open.
   * @throws INVALID_INPUT for unknown or invalid options, and when an unfinished task without a function is in a pool that has no backend;
   * CLOSED after `drain`.
   */
  async resume(runId: string, options: ResumeOptions = {}): Promise<Run<Pool>> {
    this.#checkOpen()
    if (typeof runId !== 'string') throw invalid('runId', 'a string', runId)
    checkResumeOptions(options)
    const live = (this.#retained.runs.get(runId) as Run<Pool> | undefined) ?? this.#resuming.get(runId)
    if (live) return live
    const resuming = this.#resume(runId, options).finally(() => this.#resuming.delete(runId))
    this.#resuming.set(runId, resuming)
    return resuming
  }

  /**
   * Starts no further attempts. Running ones may end within `timeoutMs` milliseconds (default 10,000), then they are interrupted.
   * Resolves when every run has settled or is suspended, and its journal is closed. The `result` of a suspended run rejects with
   * RUN_SUSPENDED; `resume` continues it. A run that had not started is cancelled. The orchestrator accepts no further runs.
   *
   * Rejects with JOURNAL when the journal of a run failed before the run had settled or was suspended, once everything is closed: what that
   * journal holds can be resumed.
   *
   * @throws INVALID_INPUT for invalid options.
   */
  drain(options: { readonly timeoutMs?: number | undefined } = {}): Promise<void> {
    checkDrainOptions(options)
    if (this.#draining) return this.#draining
    let follow: (work: Promise<void>) => void = () => {}
    // First: a listener that is called meanwhile finds the orchestrator drained.
    this.#draining = new Promise(resolve => {
      follow = resolve
    })
    // The result of the run that failed says it, too.
    this.#draining.catch(() => {})
    const { timeoutMs = 10_000 } = options
    const { engines } = this.#retained
    follow(drainRuns({ engines, resuming: this.#resuming, timeoutMs, close: this.#closeShared }))
    return this.#draining
  }

  /** `await using orchestrator = new Orchestrator(...)`: {@link Orchestrator.drain} with its defaults. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.drain()
  }

  async #resume(runId: string, options: ResumeOptions): Promise<Run<Pool>> {
    const journal = await openJournal(this.#journal, runId, journalHost(this.#emitter, runId))
    try {
      const stored = await readStored(runId, journal.read())
      if (stored === undefined) throw notFound(runId)
      const { state } = stored
      const graphs = options.graph === undefined ? [] : [options.graph].flat()
      const bindings = matchGraphs(state, graphs)
      this.#router.checkPools(unfinishedTasks(state))
      const { weight = 1, signal, locals = NO_LOCALS } = options
      const planAdmission = this.#planAdmission(options)
      const engine = new RunEngine(this.#context, { ...stored, journal, weight, planAdmission, locals })
      await engine.recover(bindings)
      return this.#retain(engine, signal)
    } catch (error) {
      await journal.close()
      throw error
    }
  }

  /**
   * Forecasts a run of this plan: how long it takes in parallel and serially, and what it costs. Uses what the tasks declare and how long
   * the attempts of the pools have taken so far. Starts nothing. Tasks without a pool are sent through the distributor.
   *
   * @throws INVALID_INPUT, CYCLE, DUPLICATE_ID, UNKNOWN_DEPENDENCY, NOT_FOUND (a task in `only`), NO_POOL.
   */
  async forecast<const Name extends string = Pool>(
    plan: PlanInput<Pool, Name>,
    options: Pick<RunOptions, 'only'> = {},
  ): Promise<Forecast> {
    checkRunOptions(options, [...this.pools.keys()])
    return this.#forecast.forecast(await this.#router.route(checkPlan(plan, options.only)))
  }

  /**
   * Replaces the budget that all runs share. What has been used still counts; tasks that are held because of it are checked again.
   *
   * @throws INVALID_INPUT for an invalid budget, or when the orchestrator was created without one.
   */
  setBudget(budget: Budget): void {
    checkBudget(budget, this.#context.budget !== undefined)
    if (this.#context.budget) this.#context.budget.budget = budget
    for (const engine of this.#retained.engines.values()) engine.intake.forward({ type: 'budget' })
  }

  /** The usage of all runs together, including reservations of running attempts; undefined without a budget. */
  get spent(): { readonly costUsd: number; readonly tokens: number; readonly wallMs: number } | undefined {
    return this.#context.budget?.used
  }

  #planAdmission({ whenFull = 'wait' }: Pick<RunOptions, 'whenFull'>): PlanAdmission {
    return new PlanAdmission(this.#router, this.#context.admission, whenFull)
  }

  #checkOpen(): void {
    if (this.#draining)
      throw new CounterpointError('CLOSED', 'the orchestrator was drained: it accepts no further runs', {})
  }

  #retain(engine: RunEngine, signal: AbortSignal | undefined): Run<Pool> {
    const run = new Run<Pool>(engine)
    this.#retained.add(run, engine)
    if (signal) cancelOnAbort(engine, signal)
    return run
  }

  #onReleased(runId: string): void {
    this.#retained.onReleased(runId)
    if (this.#context.ownsJournal) void this.#journal.delete(runId)
  }
}

/** The constructor. The compiler infers the names of the pools; without `pools` it knows only `default`. */
export const Orchestrator: {
  /**
   * Makes an orchestrator, whose pools, limits and budget all its runs share. Everything is optional: without `pools` it runs tasks that
   * have a function of their own.
   *
   * @param options `pools`: the agents, each a backend or the options of a pool (`backend`, `concurrency`, `requests`, ...), by name.
   * `journal`: where runs are persisted (default: in memory). `budget`: what all runs together may use. `distributor`, `scheduler`,
   * `failureHandler`, `aggregator`: the parts that can be replaced.
   * @throws INVALID_INPUT for unknown or invalid options.
   */
  new <Pool extends string = never>(options?: OrchestratorOptions<Pool>): Orchestrator<Pool>
} = OrchestratorOf
