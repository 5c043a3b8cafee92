import { basename, join } from 'node:path'
import {
  type CounterpointError,
  isCounterpointError,
  type Journal,
  Orchestrator,
  type RunEvent,
  type RunReport,
  type Runs,
} from 'counterpoint'
import { fileJournal } from 'counterpoint/node'
import { type Account, accountOf, type Subject } from './account.js'
import { UsageError } from './flags.js'
import { type RunSettings, readSettings, removeRunFolder } from './output-folder.js'
import { planFile } from './paths.js'
import { many } from './text.js'

/** A run in the list. */
export interface KeptRun {
  readonly runId: string
  readonly title: string
  readonly status: RunReport['status']
  /** Once it has settled. */
  readonly outcome: RunReport['outcome']
  readonly succeeded: number
  readonly total: number
  /** In milliseconds since 1970. */
  readonly startedAt: number
  /** US dollars; undefined if no agent reported any. */
  readonly costUsd: number | undefined
}

/** A run whose journal cannot be read, and why. */
export interface UnreadableRun {
  readonly runId: string
  readonly why: string
}

/** The contents of a folder. */
export interface RunList {
  /** The latest first. */
  readonly runs: readonly KeptRun[]
  readonly unreadable: readonly UnreadableRun[]
}

/** The runs stored in a folder: finds, lists, shows and deletes them. */
export class StoredRuns {
  /** Absolute. */
  readonly out: string
  readonly journal: Journal
  readonly #runs: Runs

  constructor(out: string) {
    this.out = out
    this.journal = fileJournal({ folder: join(out, 'journal') })
    this.#runs = new Orchestrator({ pools: { none: { backend: () => null } }, journal: this.journal }).runs
  }

  /** All runs. Damaged ones are listed separately. */
  async list(): Promise<RunList> {
    const runs: KeptRun[] = []
    const unreadable: UnreadableRun[] = []
    for (const runId of await this.journal.list()) {
      try {
        runs.push(await this.#summary(runId))
      } catch (error) {
        if (!isCounterpointError(error)) throw error
        unreadable.push({ runId, why: error.message })
      }
    }
    return { runs: runs.sort((a, b) => b.startedAt - a.startedAt), unreadable }
  }

  /**
   * The run with this id; without an id, the latest one that `isWanted` accepts.
   *
   * @throws UsageError when there is none.
   */
  async find(runId: string | undefined, isWanted: (run: KeptRun) => boolean, wanted: string): Promise<string> {
    if (runId !== undefined) return runId
    const { runs, unreadable } = await this.list()
    const found = runs.find(isWanted)
    if (found) return found.runId
    const all = runs.length + unreadable.length
    const got =
      all === 0 ? 'there is none: npm start starts one' : `got ${many(all, 'other')}: npm start -- --list lists them`
    throw new UsageError(`expected ${wanted} in ${this.out}, ${got}`)
  }

  /**
   * The account of one run.
   *
   * @throws UsageError for an unknown id.
   * @throws CounterpointError JOURNAL when its journal is damaged.
   */
  async account(runId: string): Promise<Account> {
    const report = await this.#report(runId)
    const events: RunEvent[] = []
    for await (const record of this.journal.read(runId)) for (const event of record) events.push(event)
    return accountOf(report, events, subjectOf(await readSettings(this.out, runId), report.name))
  }

  /**
   * Deletes a run, with all files in its folder, even if it is damaged.
   *
   * @throws UsageError for an unknown id.
   * @throws CounterpointError JOURNAL while another process has it open.
   */
  async delete(runId: string): Promise<void> {
    if (![...(await this.journal.list())].includes(runId)) throw this.#unknown(runId)
    await this.journal.delete(runId)
    await removeRunFolder(this.out, runId)
  }

  async #summary(runId: string): Promise<KeptRun> {
    const { name, status, outcome, counts, total, startedAt, tasks } = await this.#runs.show(runId)
    const { title } = subjectOf(await readSettings(this.out, runId), name)
    const costs = tasks.flatMap(({ usage }) => usage?.costUsd ?? [])
    const costUsd = costs.length === 0 ? undefined : costs.reduce((sum, cost) => sum + cost, 0)
    return { runId, title, status, outcome, succeeded: counts.succeeded, total, startedAt, costUsd }
  }

  async #report(runId: string): Promise<RunReport> {
    try {
      return await this.#runs.show(runId)
    } catch (error) {
      throw isCounterpointError(error, 'NOT_FOUND') ? this.#unknown(runId) : (error as CounterpointError)
    }
  }

  #unknown(runId: string): UsageError {
    const advice = 'npm start -- --list lists the runs, --out selects the folder'
    return new UsageError(`expected the id of a run in ${this.out}, got "${runId}": ${advice}`)
  }
}

/** The name of the plan, else its file name. */
export function subjectOf(settings: RunSettings | undefined, name: string | undefined): Subject {
  if (settings === undefined) return { title: name ?? 'run', isSample: false }
  const isSample = settings.plan === planFile
  return { title: name ?? (isSample ? 'restaurant' : basename(settings.plan, '.json')), isSample }
}
