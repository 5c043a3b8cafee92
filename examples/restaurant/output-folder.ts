import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readFile, readlink, rename, rm, rmdir, symlink, unlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { RunResult } from 'counterpoint'
import { isRecord } from './agents/agent.js'
import { replaceFile } from './agents/files.js'
import { UsageError } from './flags.js'

/** Settings of a run that are not in its journal: stored in its folder, for a later `--continue`. */
export interface RunSettings {
  /** Absolute path of its plan. */
  readonly plan: string
  readonly scale: number
}

/** An id that contains the start time and is a valid folder name. */
export function newRunId(at: Date): string {
  const time = at.toISOString().slice(0, 19).replaceAll(':', '').replace('T', '-')
  return `${time}-${randomBytes(2).toString('hex')}`
}

/** The format of {@link newRunId}. Folders in `out` with other names are not runs. */
const RUN_ID = /^\d{4}-\d{2}-\d{2}-\d{6}-[\da-f]{4}$/
const SETTINGS = 'settings.json'
const RESULT = 'result.json'
const LATEST = 'latest'

/**
 * Creates the folder of a run in `out`. It must not exist yet, so files of earlier runs are never overwritten.
 *
 * @throws UsageError if it cannot be created.
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

/** Like `mkdir` with `recursive`, which hangs on Node 20 where no folder can be created, such as in /proc. This tries each folder once. */
async function makeFolders(folder: string): Promise<void> {
  if (existsSync(folder)) return
  await makeFolders(dirname(folder))
  await mkdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error
  })
}

/** Removes the folder of a run that was rejected, unless an agent has written into it. */
export async function removeUnusedFolder(folder: string): Promise<void> {
  await unlink(join(folder, SETTINGS)).catch(() => {})
  await rmdir(folder).catch(() => {})
}

/** The settings of the run; undefined if its folder has none. */
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
 * Writes the whole result, including outputs, into the folder of its run in `out`, and points the link `latest` in `out` to it.
 * Only a link of that name is replaced, never a file or folder. Where links are not supported, there is none.
 */
export async function storeResult(out: string, result: RunResult): Promise<void> {
  const { runId } = result
  await replaceFile(join(out, runId, RESULT), `${JSON.stringify(result, null, 2)}\n`)
  const link = join(out, `.${LATEST}-${runId}`)
  try {
    await symlink(runId, link, 'dir')
    // Fails if `latest` is a folder, so a folder is never replaced.
    await rename(link, join(out, LATEST))
  } catch {
    await unlink(link).catch(() => {})
  }
}

/** The location of the files of a run. */
export interface RunFiles {
  readonly folder: string
  /** The link `latest`, if it points to this run. */
  readonly link: string | undefined
  /** The name of the result file in it, if it exists. */
  readonly result: string | undefined
}

/** Finds the files of a run in `out`. */
export async function filesOf(out: string, runId: string): Promise<RunFiles> {
  const folder = join(out, runId)
  return {
    folder,
    link: (await leadsTo(out)) === runId ? join(out, LATEST) : undefined,
    result: existsSync(join(folder, RESULT)) ? RESULT : undefined,
  }
}

/** Deletes the folder of a run. Invariant: nothing else in `out` is deleted, whatever the id is. */
export async function removeRunFolder(out: string, runId: string): Promise<void> {
  if (!RUN_ID.test(runId)) return
  await rm(join(out, runId), { recursive: true, force: true })
  if ((await leadsTo(out)) === runId) await unlink(join(out, LATEST)).catch(() => {})
}

/** The target of the link `latest`; undefined if there is none. */
async function leadsTo(out: string): Promise<string | undefined> {
  return readlink(join(out, LATEST)).catch(() => undefined)
}
