import { join } from 'node:path'
import type { FileSystem } from './file-system.js'
import { segmentName } from './names.js'

/** How safe a record is when `append` says that it is durable. */
export type Durability = 'fsync' | 'os' | 'none'

/** The folder of a run, and how it is used. */
export interface Place {
  readonly fileSystem: FileSystem
  /** Where the runs' folders are. */
  readonly root: string
  readonly folder: string
  readonly runId: string
  readonly durability: Durability
  readonly onDamage: 'refuse' | 'cut'
  /** Tells whoever opened the journal. */
  report(message: string, error: unknown): void
}

/** The path of a segment. */
export function segmentPath({ folder }: Place, segment: number): string {
  return join(folder, segmentName(segment))
}
