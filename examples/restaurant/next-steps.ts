import { relative, resolve } from 'node:path'
import type { Json, RunResult } from 'counterpoint'
import { isRecord } from './agents/agent.js'
import { inside } from './agents/files.js'
import type { Line } from './terminal.js'
import { styled } from './terminal.js'

/** Which files each task wrote, and where. */
export function fileLines({ outputs }: RunResult): Line[] {
  return Object.entries(outputs).flatMap(([task, output]) => {
    if (!isRecord(output) || typeof output.folder !== 'string' || !Array.isArray(output.files)) return []
    const names = output.files.flatMap(file => (isRecord(file) && typeof file.name === 'string' ? [file.name] : []))
    return [[`${output.folder}/`, styled('dim', ` ${names.join(', ')} (${task})`)]]
  })
}

/** What to do with what was delivered, as commands that work in the folder `from`. */
export function nextSteps({ outputs }: RunResult, folder: string, from: string): Line[] {
  const steps = Object.values(outputs).flatMap(output => stepOf(output, folder, from))
  return steps.map(({ what, how }) => [styled('dim', `${what.padEnd(18)}`), how])
}

function stepOf(output: Json, folder: string, from: string): { what: string; how: string }[] {
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

/** The shorter of the relative and the absolute path, in quotes if a shell needs them. */
export function shellPath(path: string, from: string): string {
  const fromHere = relative(from, path) || '.'
  const shorter = fromHere.length < path.length ? fromHere : path
  return /^[\w./@:\\+~-]*$/.test(shorter) ? shorter : `'${shorter.replaceAll("'", "'\\''")}'`
}
