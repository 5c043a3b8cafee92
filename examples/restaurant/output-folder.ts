import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readFile, readlink, rename, rm, rmdir, symlink, unlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { RunResult } from 'counterpoint'
import { isRecord } from './agents/agent.js'
import { replaceFile } from './agents/files.js'
import { UsageError } from './flags.js'

/** What a run was started with and its journal does not hold: kept in its folder, for whoever continues it. */
export interface RunSettings {
  /** The file of its plan, absolute. */
  readonly plan: string
  readonly scale: number
}

/** An id that tells when a run began, and is a fit name for its folder. */
export function newRunId(at: Date): string {
  const time = at.toISOString().slice(0, 19).replaceAll(':', '').replace('T', '-')
  return `${time}-${randomBytes(2).toString('hex')}`
}

/** What {@link newRunId} makes. No other name in `out` is the folder of a run. */
const RUN_ID = /^\d{4}-\d{2}-\d{2}-\d{6}-[\da-f]{4}$/
const SETTINGS = 'settings.json'
const RESULT = 'result.json'
const LATEST = 'latest'

/**
 * Makes the folder of a run in `out`. It was not there before: nothing is ever overwritten, and what earlier runs left stays.
 *
 * @throws UsageError when it cannot be made.
 */
export async function makeRunFolder(out: string, runId: string, settings: RunSettings): Promise<string> {
  const folder = join(out, runId)
  try {
    await makeFolders(out)
    await mkdir(folder)
    await replaceFile(join(folder, SETTINGS), `${JSON.stringify(settings, null, 2)}\n`)
    return folder
  } catch (error) {
    throw new UsageError(`--out: expected a folder that can be written, got ${out}: ${(error as Error).message}`)
  }
}

/** Measured: where nothing can be made, as in /proc, `mkdir` with `recursive` tries for ever (Node 20). This tries each folder once. */
async function makeFolders(folder: string): Promise<void> {
  if (existsSync(folder)) return
  await makeFolders(dirname(folder))
  await mkdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error
  })
}

/** Takes the folder of a run that was refused away again, unless an agent has written into it. */
export async function removeUnusedFolder(folder: string): Promise<void> {
  await unlink(join(folder, SETTINGS)).catch(() => {})
  await rmdir(folder).catch(() => {})
}

/** What the run was started with; undefined when its folder does not tell. */
export async function readSettings(out: string, runId: string): Promise<RunSettings | undefined> {
  try {
    const value: unknown = JSON.parse(await readFile(join(out, runId, SETTINGS), 'utf8'))
    if (!isRecord(value)) return undefined
    const { plan, scale } = value
    return typeof plan === 'string' && typeof scale === 'number' && scale >= 0 ? { plan, scale } : undefined
  } catch {
    return undefined
  }
}

/**
 * Writes the whole result, outputs included, into the folder of its run in `out`, and has the link `latest` in `out` lead there.
 * Of what was there before, only a link of that name is ever replaced; where there can be none, there is none.
 */
export async function keepResult(out: string, result: RunResult): Promise<void> {
  const { runId } = result
  await replaceFile(join(out, runId, RESULT), `${JSON.stringify(result, null, 2)}\n`)
  const link = join(out, `.${LATEST}-${runId}`)
  try {
    await symlink(runId, link, 'dir')
    // A folder of that name is not replaced: rename refuses to.
    await rename(link, join(out, LATEST))
  } catch {
    await unlink(link).catch(() => {})
  }
}

/** Where the files of a run lie. */
export interface RunFiles {
  readonly folder: string
  /** The link `latest`, when it leads there. */
  readonly link: string | undefined
  /** The name of the file of the result in it, when it is there. */
  readonly result: string | undefined
}

/** Looks at the files of a run in `out`. */
export async function filesOf(out: string, runId: string): Promise<RunFiles> {
  const folder = join(out, runId)
  return {
    folder,
    link: (await leadsTo(out)) === runId ? join(out, LATEST) : undefined,
    result: existsSync(join(folder, RESULT)) ? RESULT : undefined,
  }
}

/** Takes the folder of a run away, with all that is in it. Invariant: nothing else in `out` goes, whatever the id is. */
export async function removeRunFolder(out: string, runId: string): Promise<void> {
  if (!RUN_ID.test(runId)) return
  await rm(join(out, runId), { recursive: true, force: true })
  if ((await leadsTo(out)) === runId) await unlink(join(out, LATEST)).catch(() => {})
}

/** Where the link `latest` leads; undefined when there is none. */
async function leadsTo(out: string): Promise<string | undefined> {
  return readlink(join(out, LATEST)).catch(() => undefined)
}
