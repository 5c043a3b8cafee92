import { systemClock } from './clock.js'
import { decide } from './core/dag-scheduler.js'
import type { JournalRecord } from './core/event.js'
import { replay } from './core/evolve.js'
import { FailureHandler } from './core/failure-handler.js'
import { emptyState } from './core/run-state.js'
import { Emitter, type EventMap } from './emitter.js'
import { CounterpointError } from './errors.js'
import { checkPlan, Intake, type PlanInput } from './intake.js'
import type { Journal } from './journal/journal.js'
import { lateJournal } from './journal/late-journal.js'
import { memoryJournal } from './journal/memory-journal.js'
import type { OrchestratorOptions, RunOptions } from './options.js'
import { checkOrchestratorOptions, checkRunOptions } from './options-check.js'
import type { TaskGraph } from './plan/task-graph.js'
import { buildPools, distributorOf } from './pools/build-pools.js'
import type { WorkerPool } from './pools/worker-pool.js'
import { ResultAggregator } from './results/result-aggregator.js'
import { Run } from './run.js'
import { RunEngine, type RunHost } from './run-engine.js'

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
  readonly #journal: Journal
  readonly #ownJournal: boolean
  readonly #newId: () => string
  readonly #retain: number
  readonly #emitter = new Emitter()
  readonly #host: RunHost
  readonly #runs = new Map<string, Run>()
  readonly #settled: string[] = []

  /** @throws INVALID_INPUT for options that are not as documented. */
  constructor(options: OrchestratorOptions) {
    checkOrchestratorOptions(options)
    const clock = options.clock ?? systemClock
    const built = buildPools(options.pools, clock)
    this.pools = built.workers
    this.#journal = options.journal ?? memoryJournal()
    this.#ownJournal = options.journal === undefined
    this.#newId = options.newId ?? (() => `run-${crypto.randomUUID()}`)
    this.#retain = options.retain ?? 100
    const failureHandler = options.failureHandler ?? new FailureHandler()
    const scheduler = options.scheduler ?? decide
    const aggregator = options.aggregator ?? new ResultAggregator()
    const distribute = distributorOf(options.distributor, built)
    this.#host = {
      clock,
      random: options.random ?? Math.random,
      decide: typeof scheduler === 'function' ? scheduler : scheduler.decide.bind(scheduler),
      judge: typeof failureHandler === 'function' ? failureHandler : failureHandler.verdict.bind(failureHandler),
      aggregate: typeof aggregator === 'function' ? aggregator : aggregator.aggregate.bind(aggregator),
      pools: built.pools,
      intake: new Intake(built.defaults, distribute),
      admission: built.admission,
      emitter: this.#emitter,
      settled: runId => this.#onSettled(runId),
      released: runId => this.#onReleased(runId),
    }
  }

  /** The runs that are live or retained, oldest first. */
  get runs(): readonly Run[] {
    return [...this.#runs.values()]
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
    checkRunOptions(options)
    const checked = checkPlan(plan, options.only)
    const runId = options.runId ?? this.#newId()
    if (this.#runs.has(runId))
      throw new CounterpointError('DUPLICATE_ID', `there is a run "${runId}" already`, { taskId: runId })
    const engine = new RunEngine(this.#host, {
      state: emptyState(runId),
      journal: lateJournal(this.#journal.open(runId)),
      weight: options.weight ?? 1,
      whenFull: options.whenFull ?? 'wait',
    })
    engine.begin(checked, options.failureMode)
    return this.#keep(engine, options.signal)
  }

  /**
   * Goes on with a run that the journal holds: what had succeeded is not run again, what was running was interrupted.
   * A run of a `TaskGraph` needs the `graph` again, for its functions and schemas. A run that had settled gives its result.
   *
   * @throws NOT_FOUND when the journal has no such run.
   */
  async resume(
    runId: string,
    options: Omit<RunOptions, 'runId' | 'only' | 'failureMode'> & { readonly graph?: TaskGraph } = {},
  ): Promise<Run> {
    const live = this.#runs.get(runId)
    if (live) return live
    const journal = await this.#journal.open(runId)
    const records: JournalRecord[] = []
    for await (const record of journal.read()) records.push(record)
    if (records.length === 0)
      throw new CounterpointError('NOT_FOUND', `the journal has no run "${runId}"`, { id: runId })
    const { graph } = options
    const engine = new RunEngine(this.#host, {
      state: replay(runId, records.flat()),
      journal,
      weight: options.weight ?? 1,
      whenFull: options.whenFull ?? 'wait',
    })
    const run = this.#keep(engine, options.signal)
    engine.recover(records, graph && (id => graph.binding(id)))
    return run
  }

  #keep(engine: RunEngine, signal: AbortSignal | undefined): Run {
    const run = new Run(engine)
    this.#runs.set(engine.id, run)
    if (signal) this.#obey(engine, signal)
    return run
  }

  /** One listener a run, taken off when it ends: thousands of runs and tasks may share a signal. */
  #obey(engine: RunEngine, signal: AbortSignal): void {
    const cancel = (): void => void engine.cancel(reasonOf(signal))
    if (signal.aborted) return cancel()
    signal.addEventListener('abort', cancel, { once: true })
    engine.onEnd(() => signal.removeEventListener('abort', cancel))
  }

  #onSettled(runId: string): void {
    this.#settled.push(runId)
    while (this.#settled.length > this.#retain) this.#runs.get(this.#settled[0] as string)?.release()
  }

  #onReleased(runId: string): void {
    this.#runs.delete(runId)
    const place = this.#settled.indexOf(runId)
    if (place !== -1) this.#settled.splice(place, 1)
    if (this.#ownJournal) void this.#journal.delete(runId)
  }
}

function reasonOf({ reason }: AbortSignal): string {
  return reason instanceof Error && reason.name !== 'AbortError' ? reason.message : 'cancelled by its signal'
}
