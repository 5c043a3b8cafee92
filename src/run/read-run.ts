import * as z from 'zod'
import { addUsage, type Usage } from '../core/failure/usage.js'
import { once } from '../core/once.js'
import type { TaskResult } from '../core/results/run-result.js'
import type { FailureMode, JournalRecord, Outcome, RunMode } from '../core/state/events.js'
import { replay } from '../core/state/evolve.js'
import { emptyState } from '../core/state/new-state.js'
import type { RunState, RunStatus } from '../core/state/run-state.js'
import type { TaskStatus } from '../core/state/task.js'
import { CounterpointError } from '../errors.js'
import type { Journal } from '../journal/journal.js'
import { checkValue, port } from '../options-check.js'
import { type HeldTask, heldTasks, taskResult } from './progress.js'

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
  /**
   * True when it can be resumed: it has not settled. In what `orchestrator.runs` returns, false when another orchestrator has it open, if the
   * journal can tell (`Journal.isOpen`); `readRun` does not ask.
   */
  readonly resumable: boolean
  /** True when it could be resumed, but another orchestrator has it open, in this process or another. Absent otherwise. */
  readonly openElsewhere?: true
  readonly total: number
  /** How many tasks are in each state. */
  readonly counts: Readonly<Record<TaskStatus, number>>
  /** In milliseconds since 1970. */
  readonly startedAt: number
  /** When its last event happened, in milliseconds since 1970. */
  readonly updatedAt: number
}

/** A {@link RunSummary} with everything else that can be read from the journal of a run. */
export interface RunReport extends RunSummary {
  readonly status: RunStatus
  readonly failureMode: FailureMode
  readonly mode: RunMode
  /** While it is stopping: why. */
  readonly reason?: string
  /** All its tasks, in the order in which they were added. */
  readonly tasks: readonly TaskResult[]
  /** Tasks that wait for `run.approve`, `run.reject` or `run.setBudget`. */
  readonly held: readonly HeldTask[]
  /** The sum over all ended attempts, failed ones included. */
  readonly usage: Usage
  /** How long no process had the run, between a crash or suspension and a resume, in milliseconds. */
  readonly awayMs: number
}

/**
 * Reads the state of a run from its journal, as far as it is durable, without opening it: also while another process has it open.
 *
 * ```ts
 * const { status, tasks } = await readRun(fileJournal({ folder: 'runs' }), 'run-1')
 * ```
 *
 * @throws INVALID_INPUT for a `journal` without `read`; NOT_FOUND when it has no such run; JOURNAL when it cannot be read.
 */
export async function readRun(journal: Pick<Journal, 'read'>, runId: string): Promise<RunReport> {
  checkValue(journalRule(), journal, 'journal')
  checkValue(z.string(), runId, 'runId')
  const stored = await readStored(runId, journal.read(runId))
  if (stored === undefined) throw notFound(runId)
  return reportOf(stored.state)
}

const journalRule = once(() => port('read'))

/** The summary of a run; undefined for a run that the journal does not have. */
export async function summaryOf(journal: Journal, runId: string): Promise<RunSummary | undefined> {
  try {
    const stored = await readStored(runId, journal.read(runId))
    return stored && summarise(stored.state)
  } catch (error) {
    return damaged(runId, error)
  }
}

/** What a journal holds of a run. */
export interface StoredRun {
  readonly records: readonly JournalRecord[]
  /** The state after all of them. */
  readonly state: RunState
}

/**
 * Reads all records of a run; undefined when there are none.
 * @throws JOURNAL when they cannot have happened, or whatever the journal throws.
 */
export async function readStored(
  runId: string,
  source: AsyncIterable<JournalRecord> | Iterable<JournalRecord>,
): Promise<StoredRun | undefined> {
  const records: JournalRecord[] = []
  for await (const record of source) records.push(record)
  return records.length === 0 ? undefined : { records, state: replayed(runId, records) }
}

function replayed(runId: string, records: readonly JournalRecord[]): RunState {
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

function summarise(state: RunState): RunSummary & { readonly status: RunStatus } {
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

function reportOf(state: RunState): RunReport {
  const tasks = state.specs.map((_, index) => taskResult(state, index))
  let usage: Usage | undefined
  for (const task of tasks) usage = addUsage(usage, task.usage)
  return {
    ...summarise(state),
    failureMode: state.failureMode,
    mode: state.serial ? 'serial' : 'parallel',
    ...(state.phase.status === 'stopping' && { reason: state.phase.reason }),
    tasks,
    held: heldTasks(state),
    usage: usage ?? {},
    awayMs: state.downtimeMs,
  }
}
