import { relative, resolve } from 'node:path'
import type { Json, RunResult } from 'counterpoint'
import { isRecord } from './agents/agent.js'
import { inside } from './agents/files.js'
import { type Line, styled } from './terminal.js'
import { cut, many } from './text.js'

/** More tasks than this are not listed one by one. */
const MOST = 20
const MOST_TEXT = 400

/** Where the files lie, and which task wrote which; `latest` is another way there. Paths are for a shell in the folder `from`. */
export function fileLines({ outputs }: RunResult, folder: string, latest: string | undefined, from: string): Line[] {
  const written = Object.entries(outputs).flatMap(([task, output]): Line[] => {
    if (!isRecord(output) || typeof output.folder !== 'string' || !Array.isArray(output.files)) return []
    const names = output.files.flatMap(file => (isRecord(file) && typeof file.name === 'string' ? [file.name] : []))
    return [[`  ${output.folder}/  `, cut(names.join(', '), MOST_TEXT), styled('dim', `  ${task}`)]]
  })
  const more = written.length > MOST ? [`  and what ${many(written.length - MOST, 'more task')} wrote`] : []
  const also = latest === undefined ? [] : [styled('dim', '  also as '), shellPath(latest, from)]
  return [
    [shellPath(folder, from), ...also],
    ...written.slice(0, MOST),
    ...more,
    ['  result.json', styled('dim', '  all outputs, times and costs')],
  ]
}

/** What to do with what was delivered. Paths are for a shell in the folder `from`. */
export function nextSteps({ outputs }: RunResult, folder: string, from: string): Line[] {
  const steps = Object.values(outputs).flatMap(output => stepsWith(output, folder, from))
  const others = [
    { what: 'run another plan', how: 'npm start -- path/to/plan.json' },
    { what: 'see it slower', how: 'npm start -- --scale 0.1' },
  ]
  return [...steps.slice(0, MOST), ...others].map(({ what, how }) => [styled('dim', what.padEnd(20)), how])
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
