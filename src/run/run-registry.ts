import type { JournalRecord, Outcome } from '../core/state/events.js'
import { replay } from '../core/state/evolve.js'
import { emptyState } from '../core/state/new-state.js'
import type { RunState, RunStatus } from '../core/state/run-state.js'
import type { TaskStatus } from '../core/state/task.js'
import { CounterpointError } from '../errors.js'
import type { Journal } from '../journal/journal.js'
import type { TaskResult } from '../results/result-aggregator.js'
import { taskResult } from './progress.js'
import type { Run } from './run.js'
import type { RunEngine } from './run-engine.js'

/** A run, as far as its journal holds it. */
export interface RunSummary {
  readonly runId: string
  readonly name?: string
  readonly version?: string
  /** `damaged`: its journal cannot be read; `problem` says why. */
  readonly status: RunStatus | 'damaged'
  readonly problem?: string
  /** Only when it has settled. */
  readonly outcome?: Outcome
  /** True when it can be resumed: it has not settled. It may still be live in another process. */
  readonly resumable: boolean
  readonly total: number
  /** How many tasks are in each state. */
  readonly counts: Readonly<Record<TaskStatus, number>>
  /** In milliseconds since 1970. */
  readonly startedAt: number
  /** When its last event happened, in milliseconds since 1970. */
  readonly updatedAt: number
}

/** A {@link RunSummary} with the result of each task. */
export interface RunReport extends RunSummary {
  readonly status: RunStatus
  readonly tasks: readonly TaskResult[]
}

/** The runs of an orchestrator: those that are live or retained in this process, and all that its journal holds. */
export class Runs {
  readonly #journal: Journal
  readonly #retained: RetainedRuns

  /** @internal Use `orchestrator.runs`. */
  constructor(journal: Journal, retained: RetainedRuns) {
    this.#journal = journal
    this.#retained = retained
  }

  /** The runs that are live or retained in this process, oldest first. */
  get live(): readonly Run[] {
    return [...this.#retained.runs.values()]
  }

  /** A run that is live or retained in this process. */
  get(runId: string): Run | undefined {
    return this.#retained.runs.get(runId)
  }

  /**
   * All runs of the journal, the latest first. A run that cannot be read has the status `damaged`.
   * Reads every run completely: the time it takes grows with the size of the journal.
   */
  async list(): Promise<readonly RunSummary[]> {
    const summaries: RunSummary[] = []
    for (const runId of await this.#journal.list()) {
      const summary = await this.#summarise(runId)
      if (summary) summaries.push(summary)
    }
    return summaries.sort((a, b) => b.startedAt - a.startedAt)
  }

  /**
   * One run with all its tasks, as far as they are durable.
   *
   * @throws NOT_FOUND when the journal has no such run.
   */
  async show(runId: string): Promise<RunReport> {
    const state = await this.#read(runId)
    if (state === undefined) throw notFound(runId)
    return { ...summaryOf(state), tasks: state.specs.map((_, index) => taskResult(state, index)) }
  }

  /**
   * Deletes a run and its journal. A run that is live in this process must have settled or been suspended first.
   *
   * @throws NOT_FOUND when the journal has no such run; RUN_LIVE when it is live in this process, JOURNAL when in another.
   */
  async delete(runId: string): Promise<void> {
    const run = this.#retained.runs.get(runId)
    // Taken first: the release forgets the engine.
    const journalClosed = this.#retained.engines.get(runId)?.journalClosed
    if (run && !run.release()) {
      const message = `run ${runId} is live: cancel or drain it before you delete it`
      throw new CounterpointError('RUN_LIVE', message, { runId })
    }
    await journalClosed
    if (run === undefined && !(await this.#has(runId))) throw notFound(runId)
    await this.#journal.delete(runId)
  }

  async #summarise(runId: string): Promise<RunSummary | undefined> {
    try {
      const state = await this.#read(runId)
      return state && summaryOf(state)
    } catch (error) {
      return damaged(runId, error)
    }
  }

  async #has(runId: string): Promise<boolean> {
    return (await this.#summarise(runId)) !== undefined
  }

  async #read(runId: string): Promise<RunState | undefined> {
    const records: JournalRecord[] = []
    for await (const record of this.#journal.read(runId)) records.push(record)
    return records.length === 0 ? undefined : replayed(runId, records)
  }
}

/** The runs of an orchestrator in this process: the live ones, and the last ones that have settled. */
export class RetainedRuns {
  /** Oldest first. */
  readonly runs: Map<string, Run> = new Map()
  readonly engines: Map<string, RunEngine> = new Map()
  readonly #settled: string[] = []
  readonly #limit: number

  /** At most `limit` settled runs are retained; the oldest is released first. */
  constructor(limit: number) {
    this.#limit = limit
  }

  add(run: Run, engine: RunEngine): void {
    this.runs.set(run.id, run)
    this.engines.set(run.id, engine)
  }

  /** A run has ended in this process. One that can be resumed is forgotten. */
  onEnded(runId: string, settled: boolean): void {
    // A listener of its last event may have released it.
    if (!settled || !this.runs.has(runId)) return this.#forget(runId)
    this.#settled.push(runId)
    while (this.#settled.length > this.#limit) this.runs.get(this.#settled[0] as string)?.release()
  }

  onReleased(runId: string): void {
    this.#forget(runId)
    const position = this.#settled.indexOf(runId)
    if (position !== -1) this.#settled.splice(position, 1)
  }

  #forget(runId: string): void {
    this.runs.delete(runId)
    this.engines.delete(runId)
  }
}

/**
 * The state after the records of a journal.
 * @throws JOURNAL when they cannot have happened.
 */
export function replayed(runId: string, records: readonly JournalRecord[]): RunState {
  try {
    return replay(runId, records.flat())
  } catch (cause) {
    const message = `the journal of run ${runId} does not hold a possible run: ${(cause as Error).message}`
    throw new CounterpointError('JOURNAL', message, { runId }, { cause })
  }
}

/** The error for a run that the journal does not have. */
export function notFound(runId: string): CounterpointError<'NOT_FOUND'> {
  const message = `the journal has no run "${runId}"; orchestrator.runs.list() lists those it has`
  return new CounterpointError('NOT_FOUND', message, { id: runId })
}

function damaged(runId: string, error: unknown): RunSummary {
  const problem = error instanceof Error ? error.message : String(error)
  const { counts } = emptyState(runId)
  return { runId, status: 'damaged', problem, resumable: false, total: 0, counts, startedAt: 0, updatedAt: 0 }
}

function summaryOf(state: RunState): RunSummary & { readonly status: RunStatus } {
  const { runId, name, version, phase, specs, counts, startedAt, at } = state
  return {
    runId,
    ...(name !== undefined && { name }),
    ...(version !== undefined && { version }),
    status: phase.status,
    ...(phase.status === 'settled' && { outcome: phase.outcome }),
    resumable: phase.status !== 'settled',
    total: specs.length,
    counts: { ...counts },
    startedAt,
    updatedAt: at,
  }
}
