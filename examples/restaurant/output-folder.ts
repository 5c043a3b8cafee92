import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, rename, rmdir, symlink, unlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { RunResult } from 'counterpoint'
import { UsageError } from './flags.js'

/** An id that tells when a run began, and is a fit name for its folder. */
export function newRunId(at: Date): string {
  const time = at.toISOString().slice(0, 19).replaceAll(':', '').replace('T', '-')
  return `${time}-${randomBytes(2).toString('hex')}`
}

/**
 * Makes the folder of a run in `out`. It was not there before: nothing is ever overwritten, and what earlier runs left stays.
 *
 * @throws UsageError when it cannot be made.
 */
export async function makeRunFolder(out: string, runId: string): Promise<string> {
  const folder = join(out, runId)
  try {
    await makeFolders(out)
    await mkdir(folder)
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

/** Takes the folder of a run that was refused away again, unless there is something in it. */
export async function removeEmptyFolder(folder: string): Promise<void> {
  await rmdir(folder).catch(() => {})
}

/**
 * Writes the whole result, outputs included, into the folder of its run in `out`, and has the link `latest` in `out` lead there.
 * Of what was there before, only a link of that name is ever replaced. Gives the link; undefined where there can be none.
 */
export async function keepResult(out: string, result: RunResult): Promise<string | undefined> {
  const { runId } = result
  await writeFile(join(out, runId, 'result.json'), `${JSON.stringify(result, null, 2)}\n`)
  const latest = join(out, 'latest')
  const link = join(out, `.latest-${runId}`)
  try {
    await symlink(runId, link, 'dir')
    // A folder of that name is not replaced: rename refuses to.
    await rename(link, latest)
    return latest
  } catch {
    await unlink(link).catch(() => {})
    return undefined
  }
}
