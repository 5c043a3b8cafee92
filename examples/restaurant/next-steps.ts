import { join, relative, resolve } from 'node:path'
import type { Json } from 'counterpoint'
import type { Account } from './account.js'
import { isRecord } from './agents/agent.js'
import { inside } from './agents/files.js'
import { defaultOut } from './flags.js'
import type { RunFiles } from './output-folder.js'
import { type Line, styled } from './terminal.js'
import { cut, many } from './text.js'

/** Maximum number of tasks that are listed. */
const MOST = 20
const MOST_TEXT = 400

/** The files of a run, with the tasks that wrote them. Paths are relative to the folder `from`, and quoted for a shell. */
export function fileLines(
  { outputs }: Pick<Account, 'outputs'>,
  { folder, link, result }: RunFiles,
  from: string,
): Line[] {
  const written = Object.entries(outputs).flatMap(([task, output]): Line[] => {
    if (!isRecord(output) || typeof output.folder !== 'string' || !Array.isArray(output.files)) return []
    const names = output.files.flatMap(file => (isRecord(file) && typeof file.name === 'string' ? [file.name] : []))
    return [[`  ${output.folder}/  `, cut(names.join(', '), MOST_TEXT), styled('dim', `  ${task}`)]]
  })
  const more = written.length > MOST ? [`  and the files of ${many(written.length - MOST, 'more task')}`] : []
  const also = link === undefined ? [] : [styled('dim', '  linked as '), shellPath(link, from)]
  return [
    [shellPath(folder, from), ...also],
    ...written.slice(0, MOST),
    ...more,
    ...(result === undefined ? [] : [[`  ${result}`, styled('dim', '  all outputs, times and costs')]]),
  ]
}

/** Suggested commands. Paths are relative to the folder `from`; the flags include `--out` if needed. */
export function nextSteps({ outputs, runId, outcome }: NextOf, out: string, from: string): Line[] {
  const folder = join(out, runId)
  const steps = Object.values(outputs).flatMap(output => stepsWith(output, folder, from))
  const others = [
    { what: 'run another plan', how: 'npm start -- path/to/plan.json' },
    { what: 'run it slower', how: 'npm start -- --scale 0.1' },
    { what: 'list earlier runs', how: command('--list', out, from) },
  ]
  const first = outcome === undefined ? [{ what: 'continue this run', how: command('--continue', out, from) }] : []
  return [...first, ...steps.slice(0, MOST), ...others].map(({ what, how }) => [styled('dim', what.padEnd(21)), how])
}

type NextOf = Pick<Account, 'outputs' | 'runId' | 'outcome'>

/** The command line of this program for the runs in `out`. */
function command(flags: string, out: string, from: string): string {
  return `npm start -- ${flags}${out === defaultOut ? '' : ` --out ${shellPath(out, from)}`}`
}

function stepsWith(output: Json, folder: string, from: string): { what: string; how: string }[] {
  if (!isRecord(output)) return []
  const path = (name: unknown): string | undefined => pathOf(folder, output.folder, name, from)
  const page = output.kind === 'frontend' ? path(output.entry) : undefined
  const program = output.kind === 'backend' ? path(output.start) : undefined
  const report = output.kind === 'audit' ? path('report.json') : undefined
  return [
    ...(page ? [{ what: 'open the frontend', how: page }] : []),
    ...(program ? [{ what: 'start the backend', how: `node ${program}` }] : []),
    ...(report ? [{ what: 'read the audit', how: report }] : []),
  ]
}

/** The path of a file named by an output, quoted for a shell; undefined if it is outside the folder of the run. */
function pathOf(root: string, folder: unknown, name: unknown, from: string): string | undefined {
  if (typeof folder !== 'string' || typeof name !== 'string') return undefined
  try {
    return shellPath(inside(resolve(root), `${folder}/${name}`), from)
  } catch {
    return undefined
  }
}

/** The shorter of the relative and the absolute path, quoted if necessary. Never begins with a dash. */
export function shellPath(path: string, from: string): string {
  const fromHere = relative(from, path) || '.'
  const shorter = fromHere.length < path.length && !fromHere.startsWith('-') ? fromHere : path
  return /^[\w./@:\\+-]*$/.test(shorter) ? shorter : `'${shorter.replaceAll("'", "'\\''")}'`
}
