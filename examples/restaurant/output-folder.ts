import { randomBytes } from 'node:crypto'
import { mkdir, rename, rmdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
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
    await mkdir(out, { recursive: true })
    await mkdir(folder)
    return folder
  } catch (error) {
    throw new UsageError(`--out: expected a folder that can be written, got ${out}: ${(error as Error).message}`)
  }
}

/** Takes the folder of a run that was refused away again, unless there is something in it. */
export async function removeEmptyFolder(folder: string): Promise<void> {
  await rmdir(folder).catch(() => {})
}

/** Has the link `latest` beside the folder lead to it. Only a link is ever replaced; where there can be none, there is none. */
export async function linkLatest(out: string, runId: string): Promise<boolean> {
  const link = join(out, `.latest-${runId}`)
  try {
    await symlink(runId, link, 'dir')
    await rename(link, join(out, 'latest'))
    return true
  } catch {
    return false
  }
}

/** Writes the whole result, outputs included, into the folder. */
export async function keepResult(folder: string, result: RunResult): Promise<void> {
  await writeFile(join(folder, 'result.json'), `${JSON.stringify(result, null, 2)}\n`)
}
