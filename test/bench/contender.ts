import type { Graph } from './graph.js'

/** How many tasks run at once, over all pools. */
export const SLOTS = 64

/** Does the task of that number. */
export type Work = (index: number) => Promise<void>

/** What is measured: a way to run a graph of tasks. */
export interface Contender {
  readonly name: string
  /** Who keeps the graph: the library, or a few lines around it (counters of open dependencies that feed its queue). */
  readonly graph: 'own' | 'by hand'
  /** What it does not have at all; workloads that need it are left out. */
  readonly lacks?: readonly ('pools' | 'priorities')[]
  /** The most tasks that it is measured with; with more it would take minutes. */
  readonly largest: number
  /** Gets ready, which is not measured. What it gives is measured, may be called again, and resolves when all tasks have ended. */
  prepare(graph: Graph, work: Work): () => Promise<unknown>
}

/** Why a contender is not measured with a graph; undefined when it is. */
export function missing({ lacks = [], largest }: Contender, { size, pools, priorities }: Graph): string | undefined {
  if (pools > 1 && lacks.includes('pools')) return 'no pools'
  if (priorities && lacks.includes('priorities')) return 'no priorities'
  if (size > largest) return '-'
  return undefined
}
