import { createHash } from 'node:crypto'
import { mkdir, rename, writeFile } from 'node:fs/promises'
import { dirname, resolve, sep } from 'node:path'
import type { Workshop } from './agent.js'

/** A file to write: its name inside the task's folder, and the progress message after it. */
export interface Draft {
  readonly name: string
  readonly text: string
  readonly message: string
}

/** The output of a task that wrote files. `folder` is relative to the run's folder, so the output is valid on any machine. */
export interface Delivery {
  readonly folder: string
  readonly files: readonly { readonly name: string; readonly bytes: number }[]
}

/** Writes the drafts one by one, spread over the time that the task takes. */
export async function deliver(workshop: Workshop, folder: string, drafts: readonly Draft[]): Promise<Delivery> {
  const files: { name: string; bytes: number }[] = []
  for (const [index, draft] of drafts.entries()) {
    await replaceFile(inside(workshop.folder, `${folder}/${draft.name}`), draft.text)
    files.push({ name: draft.name, bytes: Buffer.byteLength(draft.text) })
    await workshop.reached((index + 1) / (drafts.length + 1), draft.message)
  }
  return { folder, files }
}

/**
 * The absolute path of `path` in `root`. Names come from the outputs of other agents and must not leave the folder.
 *
 * @throws Error if `path` is outside `root`.
 */
export function inside(root: string, path: string): string {
  const absolute = resolve(root, path)
  if (!absolute.startsWith(root + sep))
    throw new Error(
      `expected a path inside the run's folder ${root}, got "${path}": an output may only name files of its own task`,
    )
  return absolute
}

/** The folder name of a task. Ids may contain any character; different ids get different folders. */
export function folderName(taskId: string): string {
  const name = taskId.replaceAll(/[^a-z0-9_-]/g, '_').slice(0, 40)
  return name === taskId ? name : `${name}-${createHash('sha256').update(taskId).digest('hex').slice(0, 8)}`
}

/** Replaces a file atomically, because an attempt may be killed at any time. */
export async function replaceFile(file: string, text: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true })
  const draft = `${file}.${process.pid}`
  await writeFile(draft, text)
  await rename(draft, file)
}
