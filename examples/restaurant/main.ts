import { readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { type CounterpointError, isCounterpointError, type Plan, parsePlan } from 'counterpoint'
import { help, readFlags, type Settings, UsageError } from './flags.js'
import { follow } from './live.js'
import { fileLines, nextSteps } from './next-steps.js'
import { keepResult, makeRunFolder, newRunId, removeEmptyFolder } from './output-folder.js'
import { planFile } from './paths.js'
import { restaurantOrchestrator } from './pools.js'
import { headline, reportLines, section } from './report.js'
import { Stop } from './stop.js'
import { styled, Terminal } from './terminal.js'
import { printable } from './text.js'
import { attemptsOf } from './timeline.js'

const stop = new Stop()
const terminal = new Terminal(process.stdout, process.env, () => stop.because('nobody reads what it prints'))
process.exitCode = await main().then(exitCode, refuse)

/** True when everything succeeded. */
async function main(): Promise<boolean> {
  // npm starts us in the folder of the package; people mean the one in which they typed.
  const from = (process.env.npm_lifecycle_event === 'start' && process.env.INIT_CWD) || process.cwd()
  const settings = readFlags(process.argv.slice(2), from)
  if (!settings.help) return runPlan(await readPlan(settings.planFile), settings, from)
  terminal.print(...help)
  return true
}

/** @throws UsageError when there is no such file, or it holds no plan. */
async function readPlan(file: string): Promise<Plan> {
  try {
    return parsePlan(await readFile(file))
  } catch (error) {
    if (isCounterpointError(error)) throw new UsageError(`${file}: ${reasonOf(error)}`)
    throw new UsageError(
      `expected a plan in JSON at ${file}: ${(error as Error).message}. ` +
        'Flags go after two dashes: npm start -- path/to/plan.json --scale 0.05',
    )
  }
}

/** Where everything comes together: a plan, pools of agents, one run, its result. True when everything succeeded. */
async function runPlan(plan: Plan, settings: Settings, from: string): Promise<boolean> {
  const isStory = settings.planFile === planFile
  const title = plan.name ?? (isStory ? 'restaurant' : basename(settings.planFile, '.json'))
  const runId = newRunId(new Date())
  const folder = await makeRunFolder(settings.out, runId)
  const orchestrator = restaurantOrchestrator(folder, settings.scale)
  try {
    const run = orchestrator.run(plan, { runId, signal: stop.signal, ...settings.run })
    terminal.print([styled('bold', title), `  run ${runId}`])
    const result = await run.result.finally(follow(run, orchestrator, title, terminal))
    const latest = await keepResult(settings.out, result)
    const attempts = await attemptsOf(run.events())
    terminal.print(
      ...reportLines(result, attempts, terminal.width, isStory && settings.run.only === undefined),
      ...section('Files', fileLines(result, folder, latest, from)),
      ...section('Next', nextSteps(result, folder, from)),
      ...['', headline(title, result)],
    )
    return result.outcome === 'completed'
  } catch (error) {
    await removeEmptyFolder(folder)
    throw isCounterpointError(error) ? new UsageError(`${settings.planFile}: ${reasonOf(error)}`) : error
  }
}

/** All that is wrong, not only the first of it. */
function reasonOf(error: CounterpointError): string {
  if (!isCounterpointError(error, 'INVALID_INPUT')) return error.message
  return [
    'expected a plan as documented, got',
    ...error.details.issues.map(each => `  ${each.path}: ${each.message}`),
  ].join('\n')
}

function exitCode(isCompleted: boolean): number {
  if (stop.exitCode !== undefined) return stop.exitCode
  // `npm start | head -1`: whoever read has seen enough.
  if (terminal.broken !== undefined) return terminal.broken.code === 'EPIPE' ? 0 : refuse(terminal.broken)
  return isCompleted ? 0 : 1
}

/** Says what is wrong; what is no fault of whoever typed the command is thrown on. */
function refuse(error: unknown): number {
  if (!(error instanceof UsageError) && error !== terminal.broken) throw error
  process.stderr.on('error', () => {})
  const what = error instanceof UsageError ? '' : 'expected to be able to write to standard output, got '
  process.stderr.write(`${printable(what + (error as Error).message)}\n`)
  return error instanceof UsageError ? 2 : 1
}
