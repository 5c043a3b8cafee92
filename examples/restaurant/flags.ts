import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import type { FailureMode, RunOptions } from 'counterpoint'
import { packageRoot, planFile } from './paths.js'

/** What the command line asks for. */
export interface Settings {
  /** Absolute. */
  readonly planFile: string
  /** How long agents take: at 1 the seconds of the story, at 0.01 a hundredth of them. */
  readonly scale: number
  /** Each run gets a folder of its own in this one. Absolute. */
  readonly out: string
  /** Options of the run. */
  readonly run: Pick<RunOptions, 'only' | 'failureMode'>
  readonly help: boolean
}

/** Something is wrong with the command line, or with what it names. The message is for whoever typed it. */
export class UsageError extends Error {
  override readonly name: string = 'UsageError'
}

/** What `--help` prints. */
export const help: readonly string[] = [
  'npm start                                the restaurant story: four tasks, three pools of agents',
  'npm start -- path/to/plan.json           another plan with the same pools',
  '',
  '  --scale 0.05            how long agents take; 1 is as long as in the story (default 0.01, 0 to 4)',
  '  --only task_1,task_4    these tasks, with all that they need',
  '  --failure-mode no-new   what a dead task means: continue (default), no-new, kill',
  '  --out folder            where runs get their folders (default .counterpoint/restaurant)',
  '  --help',
  '',
  'Exit code: 0 completed, 1 not completed, 2 nothing was started, 130 stopped with Ctrl-C.',
]

const options = {
  scale: { type: 'string', default: '0.01' },
  out: { type: 'string' },
  only: { type: 'string', multiple: true },
  'failure-mode': { type: 'string' },
  help: { type: 'boolean', short: 'h', default: false },
} as const

/**
 * Reads the command line; relative paths start at `folder`.
 *
 * @throws UsageError for an unknown flag, a value that is not as documented, or more than one plan.
 */
export function readFlags(args: readonly string[], folder: string): Settings {
  const { values, positionals } = parse(args)
  const [plan, ...more] = positionals
  if (more.length > 0) throw new UsageError(`expected the path of one plan, got ${positionals.length}: ${positionals}`)
  const only = values.only?.flatMap(ids => ids.split(',')).filter(id => id !== '')
  if (only?.length === 0) throw new UsageError('--only: expected ids of tasks, as in --only task_1,task_4, got none')
  const failureMode = readFailureMode(values['failure-mode'])
  return {
    planFile: plan === undefined ? planFile : resolve(folder, plan),
    scale: readScale(values.scale),
    out: values.out === undefined ? resolve(packageRoot, '.counterpoint/restaurant') : resolve(folder, values.out),
    run: { ...(only && { only }), ...(failureMode && { failureMode }) },
    help: values.help,
  }
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true })
  } catch (error) {
    // The rest of its advice is for whoever calls it.
    const [what] = (error as Error).message.split('. ')
    throw new UsageError(`${what}. For all flags: npm start -- --help`)
  }
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
