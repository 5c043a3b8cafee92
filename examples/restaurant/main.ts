import { readFile } from 'node:fs/promises'
import { type CounterpointError, isCounterpointError, type Plan, parsePlan } from 'counterpoint'
import { help, readFlags, UsageError, type Wanted } from './flags.js'
import { KeptRuns } from './kept-runs.js'
import { fileLines, nextSteps } from './next-steps.js'
import { filesOf } from './output-folder.js'
import { begin, goOn } from './perform.js'
import { headline, reportLines, section } from './report.js'
import { runListLines } from './run-list.js'
import { Stop } from './stop.js'
import { Terminal } from './terminal.js'
import { printable } from './text.js'

const stop = new Stop()
const terminal = new Terminal(process.stdout, process.env, () => stop.reason('nobody reads what it prints'))
process.exitCode = await main().then(exitCode, refuse)

/** True when everything that was asked for succeeded. */
async function main(): Promise<boolean> {
  // npm starts us in the folder of the package; people mean the one in which they typed.
  const from = (process.env.npm_lifecycle_event === 'start' && process.env.INIT_CWD) || process.cwd()
  const { out, wanted } = readFlags(process.argv.slice(2), from)
  const kept = new KeptRuns(out)
  switch (wanted.what) {
    case 'help':
      terminal.print(...help)
      return true
    case 'list':
      terminal.print(...runListLines(await kept.list(), out, terminal.width))
      return true
    case 'delete':
      await kept.delete(wanted.runId)
      terminal.print(`deleted run ${wanted.runId}, with its files`)
      return true
    case 'show':
      await tell(await kept.find(wanted.runId, () => true, 'a run to show'), kept, from)
      return true
    case 'continue': {
      const runId = await kept.find(wanted.runId, run => run.outcome === undefined, 'a run that can be continued')
      await goOn(runId, wanted.scale, { terminal, stop, kept })
      return tell(runId, kept, from)
    }
    case 'run':
      return tell(await beginAsWanted(wanted, kept), kept, from)
  }
}

/** Gives the id of the run. */
async function beginAsWanted(wanted: Extract<Wanted, { what: 'run' }>, kept: KeptRuns): Promise<string> {
  const plan = await readPlan(wanted.planFile)
  try {
    return await begin(plan, wanted, { terminal, stop, kept })
  } catch (error) {
    // What is wrong with the journal is not wrong with the plan.
    if (!isCounterpointError(error) || isCounterpointError(error, 'JOURNAL')) throw error
    throw new UsageError(`${wanted.planFile}: ${reasonOf(error)}`)
  }
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

/** Reports where a run stands. True when it completed. */
async function tell(runId: string, kept: KeptRuns, from: string): Promise<boolean> {
  const account = await kept.account(runId)
  terminal.print(
    ...reportLines(account, terminal.width),
    ...section('Files', fileLines(account, await filesOf(kept.out, runId), from)),
    ...section('Next', nextSteps(account, kept.out, from)),
    ...['', headline(account)],
  )
  return account.outcome === 'completed'
}

/** All that is wrong, not only the first of it. */
function reasonOf(error: CounterpointError): string {
  if (!isCounterpointError(error, 'INVALID_INPUT')) return error.message
  return [
    'expected a plan as documented, got',
    ...error.details.issues.map(each => `  ${each.path}: ${each.message}`),
  ].join('\n')
}

function exitCode(isWell: boolean): number {
  if (stop.exitCode !== undefined) return stop.exitCode
  // `npm start | head -1`: whoever read has seen enough.
  if (terminal.broken !== undefined) return terminal.broken.code === 'EPIPE' ? 0 : refuse(terminal.broken)
  return isWell ? 0 : 1
}

/** Says what is wrong; what is no fault of whoever typed the command is thrown on. */
function refuse(error: unknown): number {
  const isMisuse = error instanceof UsageError || isCounterpointError(error)
  if (!isMisuse && error !== terminal.broken) throw error
  process.stderr.on('error', () => {})
  const what = isMisuse ? '' : 'expected to be able to write to standard output, got '
  process.stderr.write(`${printable(what + (error as Error).message)}\n`)
  return isMisuse ? 2 : 1
}
