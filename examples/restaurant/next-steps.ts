import { join, relative, resolve } from 'node:path'
import type { Json } from 'counterpoint'
import type { Account } from './account.js'
import { isRecord } from './agents/agent.js'
import { inside } from './agents/files.js'
import { defaultOut } from './flags.js'
import type { RunFiles } from './output-folder.js'
import { type Line, styled } from './terminal.js'
import { cut, many } from './text.js'

/** More tasks than this are not listed one by one. */
const MOST = 20
const MOST_TEXT = 400

/** Where the files lie, and which task wrote which. Paths are for a shell in the folder `from`. */
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
  const more = written.length > MOST ? [`  and what ${many(written.length - MOST, 'more task')} wrote`] : []
  const also = link === undefined ? [] : [styled('dim', '  also as '), shellPath(link, from)]
  return [
    [shellPath(folder, from), ...also],
    ...written.slice(0, MOST),
    ...more,
    ...(result === undefined ? [] : [[`  ${result}`, styled('dim', '  all outputs, times and costs')]]),
  ]
}

/** What to do with what was delivered, and what else. Paths are for a shell in the folder `from`, flags for runs kept in `out`. */
export function nextSteps({ outputs, runId, outcome }: NextOf, out: string, from: string): Line[] {
  const folder = join(out, runId)
  const steps = Object.values(outputs).flatMap(output => stepsWith(output, folder, from))
  const others = [
    { what: 'run another plan', how: 'npm start -- path/to/plan.json' },
    { what: 'see it slower', how: 'npm start -- --scale 0.1' },
    { what: 'see earlier runs', how: command('--list', out, from) },
  ]
  const first = outcome === undefined ? [{ what: 'finish what is left', how: command('--continue', out, from) }] : []
  return [...first, ...steps.slice(0, MOST), ...others].map(({ what, how }) => [styled('dim', what.padEnd(21)), how])
}

type NextOf = Pick<Account, 'outputs' | 'runId' | 'outcome'>

/** How this program is started for the runs in `out`. */
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

/** The path of a file that an output names, ready to be pasted into a shell. An output that leads out of the run's folder names none. */
function pathOf(root: string, folder: unknown, name: unknown, from: string): string | undefined {
  if (typeof folder !== 'string' || typeof name !== 'string') return undefined
  try {
    return shellPath(inside(resolve(root), `${folder}/${name}`), from)
  } catch {
    return undefined
  }
}

/** The shorter of the relative and the absolute path, in quotes if a shell needs them. None looks like a flag. */
export function shellPath(path: string, from: string): string {
  const fromHere = relative(from, path) || '.'
  const shorter = fromHere.length < path.length && !fromHere.startsWith('-') ? fromHere : path
  return /^[\w./@:\\+-]*$/.test(shorter) ? shorter : `'${shorter.replaceAll("'", "'\\''")}'`
}
