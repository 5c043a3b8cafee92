import {
  type CounterpointError,
  type HostError,
  isCounterpointError,
  type Orchestrator,
  type Plan,
  type Run,
  type RunEvent,
} from 'counterpoint'
import { UsageError, type Wanted } from './flags.js'
import { follow } from './live.js'
import { filesOf, makeRunFolder, newRunId, readSettings, removeUnusedFolder, storeResult } from './output-folder.js'
import { restaurantOrchestrator } from './pools.js'
import { FINISH_MS, type Stop } from './stop.js'
import { type StoredRuns, subjectOf } from './stored-runs.js'
import { styled, type Terminal } from './terminal.js'
import { wrap } from './text.js'

/** How a run is shown and stopped. */
export interface Stage {
  readonly terminal: Terminal
  /** Its signal suspends the run. */
  readonly stop: Pick<Stop, 'signal'>
  readonly stored: StoredRuns
}

/**
 * Runs a plan, shows it live, and stores the result. Returns the id of the run, which has settled or can be continued.
 *
 * @throws UsageError, CounterpointError if nothing was started; then no folder is left behind.
 */
export async function begin(plan: Plan, wanted: Extract<Wanted, { what: 'run' }>, stage: Stage): Promise<string> {
  const { stored, terminal } = stage
  const { scale, options } = wanted
  const runId = newRunId(new Date())
  const settings = { plan: wanted.planFile, scale }
  const folder = await makeRunFolder(stored.out, runId, settings)
  await using orchestrator = restaurantOrchestrator(stored.journal, { out: stored.out, scale })
  orchestrator.on('error', problemPrinter(terminal))
  try {
    const run = orchestrator.run(plan, { runId, ...options })
    await attend(run, orchestrator, { ...stage, title: subjectOf(settings, plan.name).title, history: [] })
    return runId
  } catch (error) {
    if (isCounterpointError(error)) await removeUnusedFolder(folder)
    throw error
  }
}

/**
 * Continues a run, shows it live, and stores the result. If the run has settled, it only stores the result.
 *
 * @throws UsageError for an unknown run, or one whose folder was deleted.
 * @throws CounterpointError JOURNAL if another process has it open, or its journal is damaged.
 */
export async function resume(runId: string, givenScale: number | undefined, stage: Stage): Promise<void> {
  const { stored, terminal } = stage
  const { title, outcome, events } = await stored.account(runId)
  const settings = await readSettings(stored.out, runId)
  // If a process ends after the last event and before the result is stored, the run has settled without a result file.
  const hasResult = settings === undefined || (await filesOf(stored.out, runId)).result !== undefined
  if (outcome !== undefined && hasResult) return
  if (settings === undefined)
    throw new UsageError(
      `expected the folder of run ${runId} in ${stored.out}, with its settings, got none: the files of its agents are ` +
        `missing. npm start -- --delete ${runId} deletes the run`,
    )
  const scale = givenScale ?? settings.scale
  await using orchestrator = restaurantOrchestrator(stored.journal, { out: stored.out, scale })
  orchestrator.on('error', problemPrinter(terminal))
  const run = await orchestrator.resume(runId)
  await attend(run, orchestrator, { ...stage, title, history: events })
}

/** A {@link Stage} and what it shows. */
interface Show extends Stage {
  readonly title: string
  readonly history: readonly RunEvent[]
}

/** Shows a run until it has settled or is suspended. Must be called before its next event. */
async function attend(run: Run, orchestrator: Orchestrator, show: Show): Promise<void> {
  const { terminal, title, history } = show
  terminal.print([styled('bold', title), `  run ${run.id}`])
  const endShow = follow(run, orchestrator, { title, terminal, history })
  drainOnStop(orchestrator, show)
  try {
    await storeResult(show.stored.out, await run.result.finally(endShow))
  } catch (error) {
    if (!isCounterpointError(error) || run.progress().startedAt === 0) throw error
    if (error.code !== 'RUN_SUSPENDED') printFailure(error, terminal)
  }
}

/** The first stop suspends the run. If the output is closed, running attempts are stopped at once. */
function drainOnStop(orchestrator: Orchestrator, { stop: { signal }, terminal }: Show): void {
  const drain = (): void => {
    const finishMs = terminal.broken === undefined ? FINISH_MS : 0
    const what = `${signal.reason.message}: running agents have ${finishMs / 1_000} s to finish; repeat to exit at once`
    terminal.print(...wrap(what, terminal.width).map(line => styled('doubtful', line)))
    void orchestrator.drain({ timeoutMs: finishMs })
  }
  if (signal.aborted) drain()
  else signal.addEventListener('abort', drain, { once: true })
}

function printFailure({ message }: CounterpointError, terminal: Terminal): void {
  terminal.print(...wrap(message, terminal.width).map(line => styled('bad', line)))
}

/** Prints problems of the journal and errors of listeners. Consecutive duplicates are printed once. */
function problemPrinter(terminal: Terminal): (problem: HostError) => void {
  let last = ''
  return ({ where, error }) => {
    const text = error instanceof Error && !where.includes(error.message) ? `${where}: ${error.message}` : where
    if (text !== last) terminal.print(...wrap(text, terminal.width).map(line => styled('doubtful', line)))
    last = text
  }
}
