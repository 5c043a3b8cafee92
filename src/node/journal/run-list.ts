import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { folderName, isPlain, namesBefore, segmentName, segmentNumbers, TRASH } from './files/file-names.js'
import type { FileSystem } from './files/file-system.js'
import { FolderLock } from './files/lock.js'
import type { RunFolder } from './files/run-folder.js'
import { parseHeader } from './segments/header.js'
import { firstBody } from './segments/segment-reader.js'

/** The ids of the runs in a folder: of those that have begun, in the order of the names of their folders. */
export async function listRuns(fileSystem: FileSystem, root: string): Promise<string[]> {
  if ((await fileSystem.lstat(root)) === undefined) return []
  const ids: string[] = []
  for (const name of [...(await fileSystem.readdir(root))].sort()) {
    if (name.startsWith('.') || (await fileSystem.lstat(join(root, name)))?.kind !== 'folder') continue
    const id = await idOf(fileSystem, root, name)
    // A copy that somebody made has the id of another folder.
    if (id !== undefined && folderName(id) === name) ids.push(id)
  }
  return ids
}

/** Undefined for a folder that holds no run. A run that is damaged is one: opening it tells more. */
async function idOf(fileSystem: FileSystem, root: string, name: string): Promise<string | undefined> {
  const folder = join(root, name)
  let begun = false
  for (const segment of segmentNumbers(await fileSystem.readdir(folder))) {
    const path = join(folder, segmentName(segment))
    const facts = await fileSystem.lstat(path)
    if (facts?.kind === 'file' && facts.bytes === 0) continue
    begun = true
    const id = await headerId(fileSystem, path)
    if (id !== undefined) return id
  }
  return begun && isPlain(name) ? name : undefined
}

async function headerId(fileSystem: FileSystem, path: string): Promise<string | undefined> {
  try {
    const file = await fileSystem.open(path, 'read')
    try {
      const body = await firstBody(file)
      return body === undefined ? undefined : parseHeader(body, path).runId
    } finally {
      await file.close()
    }
  } catch {
    return undefined
  }
}

/**
 * Takes a run away, in one step for those who look; then what it consists of.
 * @throws JOURNAL while somebody has it open.
 */
export async function deleteRun(fileSystem: FileSystem, root: string, runId: string): Promise<void> {
  if ((await fileSystem.lstat(root)) === undefined) return
  const folder = join(root, folderName(runId))
  const trash = join(root, `${TRASH}${randomUUID()}`)
  if ((await fileSystem.lstat(folder))?.kind === 'folder') {
    // Released first: Windows renames no folder in which a file is open. Who opens the run in between finds its lock gone.
    await (await FolderLock.take(fileSystem, folder, { runId })).release()
    await fileSystem.rename(folder, trash)
    await fileSystem.syncFolder(root)
  }
  // What a deletion left that was cut off goes as well.
  for (const name of await fileSystem.readdir(root))
    if (name.startsWith(TRASH)) await removeAll(fileSystem, join(root, name))
}

/** Takes away the segments of a folder that have smaller numbers than this, half-written ones too. */
export async function removeSegments({ fileSystem, folder }: RunFolder, before: number): Promise<void> {
  for (const name of namesBefore(before, await fileSystem.readdir(folder))) await fileSystem.unlink(join(folder, name))
}

/** Never goes through a symlink: it takes the link away. */
async function removeAll(fileSystem: FileSystem, folder: string): Promise<void> {
  for (const name of await fileSystem.readdir(folder)) {
    const path = join(folder, name)
    if ((await fileSystem.lstat(path))?.kind === 'folder') await removeAll(fileSystem, path)
    else await fileSystem.unlink(path)
  }
  await fileSystem.rmdir(folder)
}
