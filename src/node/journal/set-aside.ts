import { join } from 'node:path'
import { type OpenFile, readFully, writeFully } from './file-system.js'
import { segmentName } from './names.js'
import { type Place, segmentPath } from './place.js'
import { wordsOf } from './problem.js'
import { withSegment } from './segment-reader.js'

const CHUNK = 1024 * 1024

/**
 * Moves what stands past the end of a segment to a file of its own, and tells.
 * Invariant: this is for tidiness alone. When it cannot be done (no space), the tail stays, and the next segment says that it is none.
 */
export async function setTailAside(
  place: Place,
  segment: number,
  from: number,
  size: number,
  isNewest: boolean,
): Promise<void> {
  const what = isNewest
    ? `${segmentPath(place, segment)} ends at byte ${from} with a write that was cut off`
    : `${segmentPath(place, segment)} goes on past byte ${from}, where a later writer took over: a writer that had lost its lock, or whose write had failed`
  await aside(
    place,
    `${what}. These ${size - from} bytes are not part of the journal`,
    `${segmentName(segment)}.torn-${from}`,
    name =>
      withSegment(place, segment, 'write', async source => {
        const target = await place.fileSystem.open(join(place.folder, name), 'create')
        try {
          await copy(source, from, size, target)
          await target.fsync()
        } finally {
          await target.close()
        }
        await source.truncate(from)
        await source.fsync()
      }),
  )
}

/** Gives a segment that is not part of the history another name, and tells. One that is empty is taken away. */
export async function setFileAside(place: Place, segment: number): Promise<void> {
  const path = segmentPath(place, segment)
  const bytes = (await place.fileSystem.lstat(path))?.bytes ?? 0
  const what = `${path} is not part of the journal: its first write was cut off, or its writer had lost its lock, or what it goes on from is damaged`
  if (bytes === 0)
    return aside(place, `${path} is empty: its first write was cut off`, undefined, () => place.fileSystem.unlink(path))
  await aside(place, `${what}. It has ${bytes} bytes`, `${segmentName(segment)}.torn-0`, name =>
    place.fileSystem.rename(path, join(place.folder, name)),
  )
}

/** Does `move` with a name that is free, and reports what came of it. */
async function aside(
  place: Place,
  what: string,
  wanted: string | undefined,
  move: (name: string) => Promise<void>,
): Promise<void> {
  try {
    const name = wanted === undefined ? '' : await freeName(place, wanted)
    await move(name)
    await place.fileSystem.syncFolder(place.folder)
    place.report(
      wanted === undefined ? `${what}. It was taken away` : `${what}; they were set aside in ${name}`,
      undefined,
    )
  } catch (error) {
    place.report(`${what}; they stay where they are, as they could not be set aside (${wordsOf(error)})`, error)
  }
}

async function freeName(place: Place, wanted: string): Promise<string> {
  const names = new Set(await place.fileSystem.readdir(place.folder))
  for (let i = 1; ; i++) {
    const name = i === 1 ? wanted : `${wanted}.${i}`
    if (!names.has(name)) return name
  }
}

async function copy(source: OpenFile, from: number, to: number, target: OpenFile): Promise<void> {
  const buffer = Buffer.allocUnsafe(Math.min(CHUNK, to - from))
  for (let at = from; at < to; ) {
    const held = await readFully(source, buffer.subarray(0, Math.min(CHUNK, to - at)), at)
    if (held === 0) throw new Error('the file is shorter than it was')
    await writeFully(target, buffer.subarray(0, held), at - from)
    at += held
  }
}
