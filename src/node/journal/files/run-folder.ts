import { join } from 'node:path'
import { segmentName } from './file-names.js'
import type { FileSystem } from './file-system.js'

/** How safe a record is when `append` says that it is durable. */
export type Durability = 'fsync' | 'os' | 'none'

/** Whose folder it is: that of a run, or that of what runs share under a name. One of the two. */
export interface Owner {
  readonly runId?: string
  readonly stream?: string
}

/** A folder of the journal, and how it is used. */
export interface RunFolder extends Owner {
  readonly fileSystem: FileSystem
  /** Where these folders are. */
  readonly root: string
  readonly folder: string
  readonly durability: Durability
  readonly onDamage: 'refuse' | 'cut'
  /** Tells whoever opened the journal. */
  report(message: string, error: unknown): void
}

/** An owner in a sentence. */
export function nameOf({ runId, stream }: Owner): string {
  return runId === undefined ? `shared stream ${JSON.stringify(stream)}` : `run ${JSON.stringify(runId)}`
}

/** The path of a segment. */
export function segmentPath({ folder }: RunFolder, segment: number): string {
  return join(folder, segmentName(segment))
}
