import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { folderName, isPlain, oddSegmentName, segmentName, segmentNumbers, TRASH } from './files/file-names.js'
import { closing, type FileSystem } from './files/file-system.js'
import { expectFolder } from './files/journal-folder.js'
import { FolderLock, type LeaseTerms } from './files/lock.js'
import { parseHeader } from './segments/header.js'
import { firstBody } from './segments/segment-reader.js'

/** The ids of the runs in a folder that have at least one record, in the order of the names of their folders. */
export async function listRuns(fileSystem: FileSystem, root: string): Promise<string[]> {
  if ((await fileSystem.lstat(root)) === undefined) return []
  const ids: string[] = []
  for (const name of [...(await fileSystem.readdir(root))].sort()) {
    if (name.startsWith('.') || (await fileSystem.lstat(join(root, name)))?.kind !== 'folder') continue
    const id = await runIdIn(fileSystem, root, name)
    // A copy of a folder has the id of the original.
    if (id !== undefined && folderName(id) === name) ids.push(id)
  }
  return ids
}

/** Undefined for a folder without a run. A damaged run is listed: opening it reports the damage. */
async function runIdIn(fileSystem: FileSystem, root: string, name: string): Promise<string | undefined> {
  const folder = join(root, name)
  let hasContent = false
  const names = await fileSystem.readdir(folder)
  if (oddSegmentName(names) !== undefined) hasContent = true
  for (const segment of segmentNumbers(names)) {
    const path = join(folder, segmentName(segment))
    const facts = await fileSystem.lstat(path)
    if (facts?.kind === 'file' && facts.bytes === 0) continue
    hasContent = true
    const id = await runIdInHeader(fileSystem, path)
    if (id !== undefined) return id
  }
  return hasContent && isPlain(name) ? name : undefined
}

async function runIdInHeader(fileSystem: FileSystem, path: string): Promise<string | undefined> {
  try {
    const file = await fileSystem.open(path, 'read')
    await using _ = closing(file)
    const body = await firstBody(file)
    return body === undefined ? undefined : parseHeader(body, path).runId
  } catch {
    return undefined
  }
}

/**
 * Deletes a run: renames its folder, atomically, then deletes the content.
 * @throws JOURNAL while a process has the run open.
 */
export async function deleteRun(fileSystem: FileSystem, root: string, runId: string, lease: LeaseTerms): Promise<void> {
  if ((await fileSystem.lstat(root)) === undefined) return
  const folder = join(root, folderName(runId))
  const trash = join(root, `${TRASH}${randomUUID()}`)
  const facts = await fileSystem.lstat(folder)
  if (facts !== undefined) {
    expectFolder({ folder, runId }, facts)
    // Released first: Windows cannot rename a folder with an open file in it. Whoever opens the run in between finds its lock gone.
    await (await FolderLock.take(fileSystem, folder, { runId }, lease)).release()
    await fileSystem.rename(folder, trash)
    await fileSystem.syncFolder(root)
  }
  // Including what an interrupted deletion left.
  for (const name of await fileSystem.readdir(root))
    if (name.startsWith(TRASH)) await deleteRecursively(fileSystem, join(root, name))
}

/** Never follows a symlink: deletes the link itself. */
async function deleteRecursively(fileSystem: FileSystem, path: string): Promise<void> {
  if ((await fileSystem.lstat(path))?.kind !== 'folder') return fileSystem.unlink(path)
  for (const name of await fileSystem.readdir(path)) await deleteRecursively(fileSystem, join(path, name))
  await fileSystem.rmdir(path)
}
