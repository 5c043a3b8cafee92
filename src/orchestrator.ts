import { SharedBudget } from './budget/shared-budget.js'
import { systemClock } from './clock.js'
import type { Budget } from './core/budget/budget.js'
import type { JournalRecord } from './core/state/events.js'
import { emptyState } from './core/state/new-state.js'
import { unfinishedTasks } from './core/state/run-state.js'
import { distributorOf } from './distributor/task-distributor.js'
import { TaskRouter } from './distributor/task-router.js'
import { Emitter, type EventMap } from './emitter.js'
import { CounterpointError } from './errors.js'
import type { Forecast } from './forecast/forecast.js'
import { PoolForecast } from './forecast/pool-forecast.js'
import type { Journal, JournalHost, JournalProblem, OpenJournal } from './journal/journal.js'
import { memoryJournal } from './journal/memory-journal.js'
import { newJournal } from './journal/new-journal.js'
import { sharedStreamsOf } from './journal/passing-stream.js'
import type { Limit } from './limits/limit.js'
import type { OrchestratorOptions, ResumeOptions, RunOptions } from './options.js'
import { checkBudget, checkOrchestratorOptions, checkResumeOptions, checkRunOptions } from './options-schema.js'
import { checkPlan, type PlanInput } from './plan/check-plan.js'
import { compareGraphs } from './plan/compare-graph.js'
import { buildPools } from './pools/build-pools.js'
import type { WorkerPool } from './pools/worker-pool.js'
import { AbortFanout, reasonOf } from './run/abort-fanout.js'
import { type AdmissionTicket, PlanAdmission } from './run/admission-ticket.js'
import { KeptRuns } from './run/kept-runs.js'
import { openingTerms } from './run/opening-terms.js'
import { partsOf } from './run/parts.js'
import { Run } from './run/run.js'
import type { RunContext } from './run/run-context.js'
import { RunEngine } from './run/run-engine.js'
import { notFound, Runs, replayed } from './run/run-registry.js'

/**
 * Runs plans: options in, runs out. Its pools are shared by all its runs.
 *
 * ```ts
 * const orchestrator = new Orchestrator({ pools: { writer: { backend: async ({ task }) => `${task.description}: done`, concurrency: 2 } } })
 * const run = orchestrator.run({ tasks: [{ id: 'a', description: 'Write a poem', pool: 'writer' }] })
 * console.log((await run.result).outputs)
 * ```
 */
export class Orchestrator {
  /** The pools by name: to change their concurrency, pause them, look at their queues. */
  readonly pools: ReadonlyMap<string, WorkerPool>
  /** What pools share, by their `limitKey`: to change limits, park, look at what is in flight. */
  readonly limits: ReadonlyMap<string, Limit>
  /** The runs that are here, and those that the journal holds: to list, show and delete. */
  readonly runs: Runs
  readonly #journal: Journal
  readonly #ownJournal: boolean
  readonly #newId: () => string
  readonly #emitter = new Emitter()
  readonly #host: RunContext
  readonly #intake: TaskRouter
  readonly #kept: KeptRuns
  readonly #resuming = new Map<string, Promise<Run>>()
  readonly #closeShared: () => Promise<unknown>
  #draining: Promise<void> | undefined
  readonly #forecast: PoolForecast
  readonly #obeying = new WeakMap<AbortSignal, AbortFanout>()

  /** @throws INVALID_INPUT for options that are not as documented. */
  constructor(options: OrchestratorOptions) {
    checkOrchestratorOptions(options)
    const clock = options.clock ?? systemClock
    const random = options.random ?? Math.random
    const { report } = this.#journalHost(undefined)
    const publish = this.#emitter.publish.bind(this.#emitter)
    this.#journal = options.journal ?? memoryJournal()
    this.#ownJournal = options.journal === undefined
    // A journal that is our own ends with us: it has nothing to keep over a restart.
    const shared = sharedStreamsOf(options.journal, report)
    const built = buildPools(options, { clock, random, report, publish, shared: shared('limits', true) })
    const stream = shared('budget', false)
    const budget = options.budget && new SharedBudget(options.budget, stream && { stream, clock, report })
    this.#closeShared = () => Promise.all([built.close(), budget?.close()])
    this.pools = built.workers
    this.limits = built.limits
    this.#kept = new KeptRuns(options.retain ?? 100)
    this.runs = new Runs(this.#journal, this.#kept.runs, runId => this.#kept.engines.get(runId)?.closed)
    this.#newId = options.newId ?? (() => `run-${crypto.randomUUID()}`)
    this.#forecast = new PoolForecast(this.pools)
    this.#intake = new TaskRouter(built.defaults, distributorOf(options.distributor, built))
    this.#host = {
      clock,
      random,
      ...partsOf(options),
      pools: built.pools,
      admission: built.admission,
      emitter: this.#emitter,
      ownsJournal: this.#ownJournal,
      budget,
      took: (pool, ms) => this.#forecast.recordDuration(pool, ms),
      ended: (runId, settled) => this.#kept.ended(runId, settled),
      released: runId => this.#onReleased(runId),
    }
  }

  /** Hears the events of all runs, by name or on `event`. Gives a function that takes the listener off. */
  on<K extends keyof EventMap>(name: K, listener: (payload: EventMap[K]) => unknown): () => void {
    return this.#emitter.on(name, listener)
  }

  /** Takes a listener off. */
  off<K extends keyof EventMap>(name: K, listener: (payload: EventMap[K]) => unknown): void {
    this.#emitter.off(name, listener)
  }

  /**
   * Runs a plan: a `TaskGraph`, what `parsePlan` made, or plain data of the same form. It has been checked as a whole when this returns,
   * and starts in the next microtask: listeners that are added at once hear everything.
   *
   * @throws INVALID_INPUT, CYCLE, DUPLICATE_ID, UNKNOWN_DEPENDENCY, NOT_FOUND (`only`), NO_POOL, QUEUE_FULL: nothing was started.
   */
  run(plan: PlanInput, options: RunOptions = {}): Run {
    this.#checkOpen()
    checkRunOptions(options, [...this.pools.keys()])
    const checked = checkPlan(plan, options.only)
    const runId = options.runId ?? this.#newId()
    if (this.#kept.runs.has(runId) || this.#resuming.has(runId))
      throw new CounterpointError('DUPLICATE_ID', `there is a run "${runId}" already`, { id: runId })
    const door = new PlanAdmission(this.#intake, this.#host.admission, options.whenFull ?? 'wait')
    const way = door.request(checked.tasks)
    const journal = this.#openNew(runId, way)
    const begin = { state: emptyState(runId), records: [] }
    const engine = new RunEngine(this.#host, { ...begin, journal, door, weight: options.weight ?? 1 })
    engine.begin(checked, openingTerms(options, this.#forecast, this.#host.budget !== undefined), way)
    return this.#keep(engine, options.signal)
  }

  /**
   * Goes on with a run that the journal holds: what had succeeded is not run again; what was running was interrupted, what is left of it
   * is ended, and it is tried again. A run that was started with a `TaskGraph` needs it again, for its functions and schemas; so do
   * the graphs that joined it live. A run that had settled gives its result. Resuming a run twice gives the same one.
   *
   * @throws NOT_FOUND when the journal has no such run; PLAN_DIFFERS when a graph is missing or is another one; JOURNAL when it cannot be
   * opened: it is damaged, or another process has it.
   */
  async resume(runId: string, options: ResumeOptions = {}): Promise<Run> {
    this.#checkOpen()
    checkResumeOptions(options)
    const live = this.#kept.runs.get(runId) ?? this.#resuming.get(runId)
    if (live) return live
    const resuming = this.#resume(runId, options).finally(() => this.#resuming.delete(runId))
    this.#resuming.set(runId, resuming)
    return resuming
  }

  /**
   * Starts nothing more, here and in any run; what runs may end within `timeoutMs` (default 10,000), then it is stopped.
   * Resolves when every run has settled or is suspended, and its journal is closed: `resume` goes on with the suspended ones,
   * whose `result` rejects with RUN_SUSPENDED. The orchestrator takes no further runs. A run that had not begun is cancelled.
   */
  drain(options: { readonly timeoutMs?: number } = {}): Promise<void> {
    this.#draining ??= this.#drain(options.timeoutMs ?? 10_000)
    return this.#draining
  }

  /** `await using orchestrator = new Orchestrator(...)`: {@link Orchestrator.drain} with its defaults. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.drain()
  }

  async #drain(timeoutMs: number): Promise<void> {
    await Promise.allSettled(this.#resuming.values())
    const engines = [...this.#kept.engines.values()]
    await Promise.all(engines.map(engine => engine.drain(timeoutMs)))
    await Promise.all(engines.map(engine => engine.closed))
    await this.#closeShared()
  }

  async #resume(runId: string, options: ResumeOptions): Promise<Run> {
    const journal = await this.#journal.open(runId, this.#journalHost(runId))
    try {
      const records: JournalRecord[] = []
      for await (const record of journal.read()) records.push(record)
      if (records.length === 0) throw notFound(runId)
      const state = replayed(runId, records)
      const graphs = options.graph === undefined ? [] : [options.graph].flat()
      if (state.phase.status !== 'settled') {
        compareGraphs(state, graphs)
        this.#intake.checkPools(unfinishedTasks(state))
      }
      const door = new PlanAdmission(this.#intake, this.#host.admission, options.whenFull ?? 'wait')
      const engine = new RunEngine(this.#host, { state, records, journal, door, weight: options.weight ?? 1 })
      await engine.recover(graphs)
      return this.#keep(engine, options.signal)
    } catch (error) {
      await journal.close()
      throw error
    }
  }

  /**
   * Foretells a run of this plan: how long it takes in parallel and serially, and what it costs; by what its tasks declare, and what the
   * pools have taken so far. Nothing is started. Tasks without a pool go where the distributor says.
   *
   * @throws as `run` does.
   */
  async forecast(plan: PlanInput, options: Pick<RunOptions, 'only'> = {}): Promise<Forecast> {
    checkRunOptions(options, [...this.pools.keys()])
    return this.#forecast.forecast(await this.#intake.route(checkPlan(plan, options.only).tasks))
  }

  /**
   * From now on all runs together may use this; what has been used is kept, and tasks that were held for want of it try again.
   *
   * @throws INVALID_INPUT for a budget that is not as documented, or when the orchestrator was made without one.
   */
  setBudget(budget: Budget): void {
    checkBudget(budget, this.#host.budget !== undefined)
    if (this.#host.budget) this.#host.budget.budget = budget
    for (const engine of this.#kept.engines.values()) void engine.sent({ type: 'budget' })
  }

  /** What all runs together have used of the budget, and what is set aside for attempts that run; undefined without a budget. */
  get spent(): { readonly costUsd: number; readonly tokens: number; readonly wallMs: number } | undefined {
    return this.#host.budget?.used
  }

  /** A journal that refuses leaves no place taken. */
  #openNew(runId: string, way: AdmissionTicket): OpenJournal {
    try {
      return newJournal(runId, this.#journal.open(runId, this.#journalHost(runId)))
    } catch (error) {
      way.leave()
      throw error
    }
  }

  #journalHost(runId: string | undefined): JournalHost {
    const tell = (problem: JournalProblem): void =>
      this.#emitter.report({
        type: 'error',
        error: problem.error,
        where: `journal: ${problem.message}`,
        ...(runId !== undefined && { runId }),
      })
    return { report: tell }
  }

  #checkOpen(): void {
    if (this.#draining)
      throw new CounterpointError('CLOSED', 'the orchestrator was drained: it takes no further runs', {})
  }

  #keep(engine: RunEngine, signal: AbortSignal | undefined): Run {
    const run = new Run(engine)
    this.#kept.add(run, engine)
    if (signal) this.#obey(engine, signal)
    return run
  }

  /** One listener a signal, however many runs share it; taken off when the last of them ends. */
  #obey(engine: RunEngine, signal: AbortSignal): void {
    if (signal.aborted) return void engine.cancel(reasonOf(signal))
    const obeying = this.#obeying.get(signal) ?? new AbortFanout(signal)
    this.#obeying.set(signal, obeying)
    engine.onEnd(obeying.add(reason => void engine.cancel(reason)))
  }

  #onReleased(runId: string): void {
    this.#kept.released(runId)
    if (this.#ownJournal) void this.#journal.delete(runId)
  }
}
