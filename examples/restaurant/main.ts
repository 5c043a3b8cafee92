import { readFile } from 'node:fs/promises'
import { type CounterpointError, isCounterpointError, type Plan, parsePlan } from 'counterpoint'
import { help, readFlags, UsageError, type Wanted } from './flags.js'
import { fileLines, nextSteps } from './next-steps.js'
import { filesOf } from './output-folder.js'
import { begin, resume } from './perform.js'
import { headline, reportLines, section } from './report.js'
import { runListLines } from './run-list.js'
import { Stop } from './stop.js'
import { StoredRuns } from './stored-runs.js'
import { Terminal } from './terminal.js'
import { printable } from './text.js'

const stop = new Stop()
const terminal = new Terminal(process.stdout, process.env, () => stop.reason('output closed'))
process.exitCode = await main().then(exitCode, refuse)

/** Returns true if the command succeeded. */
async function main(): Promise<boolean> {
  // npm runs this in the package folder; relative paths refer to the folder in which npm was called.
  const from = (process.env.npm_lifecycle_event === 'start' && process.env.INIT_CWD) || process.cwd()
  const { out, wanted } = readFlags(process.argv.slice(2), from)
  const stored = new StoredRuns(out)
  switch (wanted.what) {
    case 'help':
      terminal.print(...help)
      return true
    case 'list':
      terminal.print(...runListLines(await stored.list(), out, terminal.width))
      return true
    case 'delete':
      await stored.delete(wanted.runId)
      terminal.print(`deleted run ${wanted.runId}, with its files`)
      return true
    case 'show':
      await report(await stored.find(wanted.runId, () => true, 'a run to show'), stored, from)
      return true
    case 'continue': {
      const runId = await stored.find(wanted.runId, run => run.outcome === undefined, 'a run that can be continued')
      await resume(runId, wanted.scale, { terminal, stop, stored })
      return report(runId, stored, from)
    }
    case 'run':
      return report(await beginRun(wanted, stored), stored, from)
  }
}

/** Returns the id of the run. */
async function beginRun(wanted: Extract<Wanted, { what: 'run' }>, stored: StoredRuns): Promise<string> {
  const plan = await readPlan(wanted.planFile)
  try {
    return await begin(plan, wanted, { terminal, stop, stored })
  } catch (error) {
    // A journal error is not an error in the plan.
    if (!isCounterpointError(error) || isCounterpointError(error, 'JOURNAL')) throw error
    throw new UsageError(`${wanted.planFile}: ${reasonOf(error)}`)
  }
}

/** @throws UsageError if the file does not exist or is not a valid plan. */
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

/** Prints the report of a run. Returns true if it completed. */
async function report(runId: string, stored: StoredRuns, from: string): Promise<boolean> {
  const account = await stored.account(runId)
  terminal.print(
    ...reportLines(account, terminal.width),
    ...section('Files', fileLines(account, await filesOf(stored.out, runId), from)),
    ...section('Next', nextSteps(account, stored.out, from)),
    ...['', headline(account)],
  )
  return account.outcome === 'completed'
}

/** Lists all issues, not only the first one. */
function reasonOf(error: CounterpointError): string {
  if (!isCounterpointError(error, 'INVALID_INPUT')) return error.message
  return ['invalid plan:', ...error.details.issues.map(each => `  ${each.path}: ${each.message}`)].join('\n')
}

function exitCode(isSuccess: boolean): number {
  if (stop.exitCode !== undefined) return stop.exitCode
  // `npm start | head -1`: the reader has closed the pipe.
  if (terminal.broken !== undefined) return terminal.broken.code === 'EPIPE' ? 0 : refuse(terminal.broken)
  return isSuccess ? 0 : 1
}

/** Prints the message of a usage error; rethrows any other error. */
function refuse(error: unknown): number {
  const isMisuse = error instanceof UsageError || isCounterpointError(error)
  if (!isMisuse && error !== terminal.broken) throw error
  process.stderr.on('error', () => {})
  const what = isMisuse ? '' : 'cannot write to standard output: '
  process.stderr.write(`${printable(what + (error as Error).message)}\n`)
  return isMisuse ? 2 : 1
}
