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
import { type KeptRuns, subjectOf } from './kept-runs.js'
import { follow } from './live.js'
import { filesOf, keepResult, makeRunFolder, newRunId, readSettings, removeUnusedFolder } from './output-folder.js'
import { restaurantOrchestrator } from './pools.js'
import { FINISH_MS, type Stop } from './stop.js'
import { styled, type Terminal } from './terminal.js'
import { wrap } from './text.js'

/** What a run is shown and stopped with. */
export interface Stage {
  readonly terminal: Terminal
  /** Its signal suspends the run. */
  readonly stop: Pick<Stop, 'signal'>
  readonly kept: KeptRuns
}

/**
 * Runs a plan, live, and keeps what comes out. Gives the id of the run, which is over or can be continued.
 *
 * @throws UsageError, CounterpointError when nothing was started: no folder is left then.
 */
export async function begin(plan: Plan, wanted: Extract<Wanted, { what: 'run' }>, stage: Stage): Promise<string> {
  const { kept, terminal } = stage
  const { scale, options } = wanted
  const runId = newRunId(new Date())
  const settings = { plan: wanted.planFile, scale }
  const folder = await makeRunFolder(kept.out, runId, settings)
  await using orchestrator = restaurantOrchestrator(kept.journal, { out: kept.out, scale })
  orchestrator.on('error', problemTeller(terminal))
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
 * Finishes what is left of a run, live, and keeps what comes out. Of a run that is over only that may be left.
 *
 * @throws UsageError for an unknown run, or one whose folder is gone.
 * @throws CounterpointError JOURNAL when another process has it, or its journal is damaged.
 */
export async function goOn(runId: string, givenScale: number | undefined, stage: Stage): Promise<void> {
  const { kept, terminal } = stage
  const { title, outcome, events } = await kept.account(runId)
  const settings = await readSettings(kept.out, runId)
  // A process that ends between the last event and this file leaves a run that is over, with nothing to show for it.
  const isKept = settings === undefined || (await filesOf(kept.out, runId)).result !== undefined
  if (outcome !== undefined && isKept) return
  if (settings === undefined)
    throw new UsageError(
      `expected the folder of run ${runId} in ${kept.out}, with the settings that it was started with, got none: what its ` +
        `agents wrote is gone. npm start -- --delete ${runId} forgets the run`,
    )
  const scale = givenScale ?? settings.scale
  await using orchestrator = restaurantOrchestrator(kept.journal, { out: kept.out, scale })
  orchestrator.on('error', problemTeller(terminal))
  const run = await orchestrator.resume(runId)
  await attend(run, orchestrator, { ...stage, title, history: events })
}

/** A {@link Stage} with what is shown on it. */
interface Show extends Stage {
  readonly title: string
  readonly history: readonly RunEvent[]
}

/** Shows a run until it is over or can go no further here. To be called before its next event. */
async function attend(run: Run, orchestrator: Orchestrator, show: Show): Promise<void> {
  const { terminal, title, history } = show
  terminal.print([styled('bold', title), `  run ${run.id}`])
  const endShow = follow(run, orchestrator, { title, terminal, history })
  obeyStop(orchestrator, show)
  try {
    await keepResult(show.kept.out, await run.result.finally(endShow))
  } catch (error) {
    if (!isCounterpointError(error) || run.progress().startedAt === 0) throw error
    if (error.code !== 'RUN_SUSPENDED') tellCutOff(error, terminal)
  }
}

/** The first stop suspends the run; when nobody reads what is printed, what runs is not waited for. */
function obeyStop(orchestrator: Orchestrator, { stop: { signal }, terminal }: Show): void {
  const obey = (): void => {
    const finishMs = terminal.broken === undefined ? FINISH_MS : 0
    const what = `${signal.reason.message}: nothing new starts, what runs may end within ${finishMs / 1_000} s; again: at once`
    terminal.print(...wrap(what, terminal.width).map(line => styled('doubtful', line)))
    void orchestrator.drain({ timeoutMs: finishMs })
  }
  if (signal.aborted) obey()
  else signal.addEventListener('abort', obey, { once: true })
}

function tellCutOff({ message }: CounterpointError, terminal: Terminal): void {
  terminal.print(...wrap(message, terminal.width).map(line => styled('bad', line)))
}

/** Tells what the journal lives with, and what went wrong in a listener. What is said twice in a row is told once. */
function problemTeller(terminal: Terminal): (problem: HostError) => void {
  let last = ''
  return ({ where, error }) => {
    const text = error instanceof Error && !where.includes(error.message) ? `${where}: ${error.message}` : where
    if (text !== last) terminal.print(...wrap(text, terminal.width).map(line => styled('doubtful', line)))
    last = text
  }
}
