import pLimit from 'p-limit'
import { type Contender, SLOTS } from '../contender.js'
import { runOver } from './hand-wired.js'

/** p-limit, one call for each task. */
export const limit: Contender = {
  name: 'p-limit',
  graph: 'by hand',
  lacks: ['priorities'],
  largest: 100_000,
  prepare: (graph, work) => () => {
    const limits = Array.from({ length: graph.pools }, () => pLimit(SLOTS / graph.pools))
    return runOver(graph, work, (index, run) => {
      void limits[index % graph.pools]!(run)
    })
  },
}
