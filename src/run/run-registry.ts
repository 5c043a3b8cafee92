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

/** A run as its journal tells it. */
export interface RunSummary {
  readonly runId: string
  readonly name?: string
  readonly version?: string
  /** `damaged`: its journal cannot be read; `problem` says why. */
  readonly status: RunStatus | 'damaged'
  readonly problem?: string
  /** When it has settled. */
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

/** A {@link RunSummary} with what became of each task. */
export interface RunReport extends RunSummary {
  readonly status: RunStatus
  readonly tasks: readonly TaskResult[]
}

/** The runs of an orchestrator: those that are live or retained in this process, and all that its journal holds. */
export class Runs {
  readonly #journal: Journal
  readonly #here: ReadonlyMap<string, Run>
  readonly #closed: (runId: string) => Promise<void> | undefined

  /** @internal `orchestrator.runs` is it. */
  constructor(journal: Journal, here: ReadonlyMap<string, Run>, closed: (runId: string) => Promise<void> | undefined) {
    this.#journal = journal
    this.#here = here
    this.#closed = closed
  }

  /** The runs that are live or retained in this process, oldest first. */
  get live(): readonly Run[] {
    return [...this.#here.values()]
  }

  /** A run that is live or retained in this process. */
  get(runId: string): Run | undefined {
    return this.#here.get(runId)
  }

  /**
   * Every run that the journal holds, the latest first; one that cannot be read is there as `damaged`.
   * Reads each of them: the time it takes grows with what they hold.
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
   * One run with all its tasks, as far as it is durable.
   * @throws NOT_FOUND when the journal has no such run.
   */
  async show(runId: string): Promise<RunReport> {
    const state = await this.#read(runId)
    if (state === undefined) throw notFound(runId)
    return { ...summaryOf(state), tasks: state.specs.map((_, index) => taskResult(state, index)) }
  }

  /**
   * Forgets a run, with its journal. One that is live here must have settled or been suspended first.
   * @throws NOT_FOUND when the journal has no such run; RUN_LIVE when it is live in this process, JOURNAL when in another.
   */
  async delete(runId: string): Promise<void> {
    const run = this.#here.get(runId)
    // A run tells its result a moment before its journal has been let go of.
    const closed = this.#closed(runId)
    if (run && !run.release()) {
      const message = `run ${runId} is live: cancel or drain it before it is deleted`
      throw new CounterpointError('RUN_LIVE', message, { runId })
    }
    await closed
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

/**
 * The state that a journal leads to.
 * @throws JOURNAL when it holds what cannot have happened.
 */
export function replayed(runId: string, records: readonly JournalRecord[]): RunState {
  try {
    return replay(runId, records.flat())
  } catch (cause) {
    const message = `the journal of run ${runId} does not hold a possible run: ${(cause as Error).message}`
    throw new CounterpointError('JOURNAL', message, { runId }, { cause })
  }
}

/** The error for a run that no journal knows. */
export function notFound(runId: string): CounterpointError<'NOT_FOUND'> {
  return new CounterpointError(
    'NOT_FOUND',
    `the journal has no run "${runId}"; orchestrator.runs.list() tells which it has`,
    {
      id: runId,
    },
  )
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
