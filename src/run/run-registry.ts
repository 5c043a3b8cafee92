import { CounterpointError } from '../errors.js'
import type { Journal } from '../journal/journal.js'
import { invalid } from '../options-check.js'
import { notFound, type RunReport, type RunSummary, readRun, summaryOf } from './read-run.js'
import type { Run } from './run.js'
import type { RunEngine } from './run-engine.js'

/** The runs of an orchestrator: those that are live or retained in this process, and all that its journal holds. */
export class Runs {
  readonly #journal: Journal
  readonly #retained: RetainedRuns
  readonly #isResuming: (runId: string) => boolean

  /** @internal Use `orchestrator.runs`. */
  constructor(journal: Journal, retained: RetainedRuns, isResuming: (runId: string) => boolean) {
    this.#journal = journal
    this.#retained = retained
    this.#isResuming = isResuming
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
   * All runs of the journal, the latest first. A run that cannot be read has the status `damaged`. One that another orchestrator has open,
   * in this process or another, is not resumable.
   * Reads every run completely: the time it takes grows with the size of the journal.
   */
  async list(): Promise<readonly RunSummary[]> {
    const summaries: RunSummary[] = []
    for (const runId of await this.#journal.list()) {
      const summary = await summaryOf(this.#journal, runId)
      if (summary) summaries.push(await this.#marked(summary))
    }
    return summaries.sort((a, b) => b.startedAt - a.startedAt)
  }

  /**
   * One run with all its tasks, as far as they are durable: {@link readRun}.
   *
   * @throws NOT_FOUND when the journal has no such run; JOURNAL when it cannot be read.
   */
  async show(runId: string): Promise<RunReport> {
    return this.#marked(await readRun(this.#journal, runId))
  }

  /**
   * Deletes a run and its journal. A run that is live in this process must have settled or been suspended first.
   *
   * @throws NOT_FOUND when the journal has no such run; RUN_LIVE when it is live in this process, JOURNAL when in another.
   */
  async delete(runId: string): Promise<void> {
    if (typeof runId !== 'string') throw invalid('runId', 'a string', runId)
    const run = this.#retained.runs.get(runId)
    // Taken first: the release forgets the engine.
    const journalClosed = this.#retained.engines.get(runId)?.journalClosed
    if (run && !run.release()) {
      const message = `run ${runId} is live: cancel or drain it before you delete it`
      throw new CounterpointError('RUN_LIVE', message, { runId })
    }
    await journalClosed
    if (run === undefined && (await summaryOf(this.#journal, runId)) === undefined) throw notFound(runId)
    await this.#journal.delete(runId)
  }

  /** A journal that cannot tell must not keep the runs from being listed. */
  async #isOpen(runId: string): Promise<boolean> {
    try {
      return (await this.#journal.isOpen?.(runId)) === true
    } catch {
      return false
    }
  }

  /** A run of this orchestrator is resumable: `resume` returns it. */
  async #marked<S extends RunSummary>(summary: S): Promise<S> {
    const { runId, resumable } = summary
    const isHere = (): boolean => this.#retained.engines.has(runId) || this.#isResuming(runId)
    if (!resumable || isHere()) return summary
    return (await this.#isOpen(runId)) && !isHere() ? { ...summary, resumable: false, openElsewhere: true } : summary
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
    // A run that is resumed may have nothing left to do.
    if (engine.hasEnded) this.onEnded(run.id, engine.isSettled)
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
