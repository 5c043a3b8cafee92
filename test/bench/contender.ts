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
  /** Gets ready, which is not measured. What it gives is measured, may be called again, and resolves when all tasks have ended. */
  prepare(graph: Graph, work: Work): () => Promise<unknown>
}

/** What a contender lacks for a graph; undefined when it can run it. */
export function missing({ lacks = [] }: Contender, { pools, priorities }: Graph): string | undefined {
  if (pools > 1 && lacks.includes('pools')) return 'no pools'
  if (priorities && lacks.includes('priorities')) return 'no priorities'
  return undefined
}
