import type { Graph } from './graph.js'

/** How many tasks run at once, over all pools. */
export const SLOTS = 64

/** Runs the task with this number. */
export type Work = (index: number) => Promise<void>

/** A measured way to run a graph of tasks. */
export interface Contender {
  readonly name: string
  /** Where the graph is implemented: in the library, or in a few lines around it (counters of open dependencies that feed its queue). */
  readonly graph: 'own' | 'by hand'
  /** Features that it does not have; workloads that need them are omitted. */
  readonly lacks?: readonly ('pools' | 'priorities')[]
  /** Maximum number of tasks that it is measured with; more would take minutes. */
  readonly largest: number
  /** Preparation, which is not measured. The returned function is measured, may be called again, and resolves when all tasks have ended. */
  prepare(graph: Graph, work: Work): () => Promise<unknown>
}

/** Why a contender is not measured with a graph; undefined if it is. */
export function missing({ lacks = [], largest }: Contender, { size, pools, priorities }: Graph): string | undefined {
  if (pools > 1 && lacks.includes('pools')) return 'no pools'
  if (priorities && lacks.includes('priorities')) return 'no priorities'
  if (size > largest) return '-'
  return undefined
}
