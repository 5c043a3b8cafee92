import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import type { FailureMode, RunOptions } from 'counterpoint'
import { packageRoot, planFile } from './paths.js'
import { FINISH_MS } from './stop.js'

/** The parsed command line. */
export interface Settings {
  /** Absolute path of the folder with the journals, and one folder per run for the files of its agents. */
  readonly out: string
  readonly wanted: Wanted
}

/** The command to execute. `scale` is the time scale of the agents: 1 is real time. */
export type Wanted =
  | {
      readonly what: 'run'
      /** Absolute. */
      readonly planFile: string
      readonly scale: number
      readonly options: Pick<RunOptions, 'only' | 'failureMode'>
    }
  /** Without an id: the latest run that has not settled. Without a scale: the scale of the run. */
  | { readonly what: 'continue'; readonly runId: string | undefined; readonly scale: number | undefined }
  /** Without an id: the latest run. */
  | { readonly what: 'show'; readonly runId: string | undefined }
  | { readonly what: 'delete'; readonly runId: string }
  | { readonly what: 'list' | 'help' }

/** An invalid command line, or an invalid file that it names. The message is shown to the user. */
export class UsageError extends Error {
  override readonly name: string = 'UsageError'
}

const DEFAULT_SCALE = 0.01

/** The default of `--out`. */
export const defaultOut: string = resolve(packageRoot, '.counterpoint/restaurant')

/** What `--help` prints. */
export const help: readonly string[] = [
  'npm start                                run the sample plan: four tasks, three pools of agents',
  'npm start -- path/to/plan.json           run another plan with the same pools',
  'npm start -- --continue [run-id]         continue a run that was stopped or crashed (default: the latest)',
  'npm start -- --list                      list the stored runs, the latest first',
  'npm start -- --show [run-id]             show the report of a run (default: the latest)',
  'npm start -- --delete run-id             delete a run and the files of its agents',
  '',
  `  --scale 0.05            time scale of the agents; 1 is real time (default ${DEFAULT_SCALE}, 0 to 4)`,
  '  --only task_1,task_4    run only these tasks and their dependencies',
  '  --failure-mode no-new   what happens after a dead task: continue (default), no-new, kill',
  '  --out folder            folder for the runs (default .counterpoint/restaurant)',
  '  --help',
  '',
  `Ctrl-C: running agents have ${FINISH_MS / 1_000} s to finish, then the run is suspended. A second Ctrl-C exits at once.`,
  'In both cases, and after a crash, --continue finishes the run with its original plan, --only, --failure-mode and',
  '--scale (--scale can be overridden). A run started with --out needs the same --out again.',
  '',
  'Exit codes: 0 completed, 1 not completed, 2 nothing was started, 130 stopped by Ctrl-C, 143 by SIGTERM.',
]

const options = {
  scale: { type: 'string' },
  out: { type: 'string' },
  only: { type: 'string', multiple: true },
  'failure-mode': { type: 'string' },
  continue: { type: 'boolean', default: false },
  list: { type: 'boolean', default: false },
  show: { type: 'boolean', default: false },
  delete: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const

const COMMANDS = ['list', 'show', 'delete', 'continue'] as const
/** The flags that each command accepts in addition to `--out`. */
const FITTING = { run: ['scale', 'only', 'failure-mode'], continue: ['scale'], list: [], show: [], delete: [] } as const

type Values = ReturnType<typeof parse>['values']

/**
 * Reads the command line; relative paths start at `folder`.
 *
 * @throws UsageError for an unknown flag, an invalid value, conflicting flags, or more than one plan or run.
 */
export function readFlags(args: readonly string[], folder: string): Settings {
  const { values, positionals } = parse(args)
  const out = values.out === undefined ? defaultOut : resolve(folder, values.out)
  return { out, wanted: values.help ? { what: 'help' } : readWanted(values, positionals, folder) }
}

function readWanted(values: Values, positionals: readonly string[], folder: string): Wanted {
  const [what = 'run', another] = COMMANDS.filter(each => values[each])
  if (another !== undefined) throw new UsageError(`--${what}: expected no other command with it, got --${another}`)
  expectFitting(what, values)
  const name = onlyOne(positionals, what === 'run' ? 'the path of one plan' : 'the id of one run')
  const scale = values.scale === undefined ? undefined : readScale(values.scale)
  switch (what) {
    case 'run':
      return {
        what,
        planFile: name === undefined ? planFile : resolve(folder, name),
        scale: scale ?? DEFAULT_SCALE,
        options: readOptions(values),
      }
    case 'continue':
      return { what, runId: name, scale }
    case 'show':
      return { what, runId: name }
    case 'list':
      if (name !== undefined) throw new UsageError(`--list: expected nothing with it, got "${name}"`)
      return { what }
    case 'delete':
      if (name === undefined) throw new UsageError('--delete: expected the id of a run, got none; --list lists them')
      return { what, runId: name }
  }
}

function expectFitting(what: keyof typeof FITTING, values: Values): void {
  const fitting: readonly string[] = FITTING[what]
  const unfit = FITTING.run.find(flag => values[flag] !== undefined && !fitting.includes(flag))
  if (unfit === undefined) return
  const why = what === 'continue' ? 'the run continues with its original options' : 'nothing is started'
  throw new UsageError(`--${unfit}: cannot be combined with --${what}: ${why}`)
}

function onlyOne(names: readonly string[], expected: string): string | undefined {
  if (names.length > 1) throw new UsageError(`expected ${expected}, got ${names.length}: ${names.join(', ')}`)
  return names[0]
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true })
  } catch (error) {
    // The rest of the message is advice for callers of parseArgs.
    const [what] = (error as Error).message.split('. ')
    throw new UsageError(`${what}. For all flags: npm start -- --help`)
  }
}

function readOptions(values: Values): Pick<RunOptions, 'only' | 'failureMode'> {
  const only = values.only?.flatMap(ids => ids.split(',')).filter(id => id !== '')
  if (only?.length === 0) throw new UsageError('--only: expected ids of tasks, as in --only task_1,task_4, got none')
  const failureMode = readFailureMode(values['failure-mode'])
  return { ...(only && { only }), ...(failureMode && { failureMode }) }
}

function readScale(text: string): number {
  const scale = text.trim() === '' ? Number.NaN : Number(text)
  if (scale >= 0 && scale <= 4) return scale
  throw new UsageError(`--scale: expected a number from 0 to 4, got "${text}"; 0.01 makes a minute 0.6 s`)
}

function readFailureMode(text: string | undefined): FailureMode | undefined {
  if (text === undefined || text === 'continue' || text === 'no-new' || text === 'kill') return text
  throw new UsageError(`--failure-mode: expected continue, no-new or kill, got "${text}"`)
}
