import PQueue from 'p-queue'
import { type Contender, SLOTS } from '../contender.js'
import { runOver } from './hand-wired.js'

/** p-queue alone, one `add` for each task. Its priorities are reversed. */
export const pQueue: Contender = {
  name: 'p-queue',
  graph: 'by hand',
  largest: 100_000,
  prepare: (graph, work) => () => {
    const { pools, priorities } = graph
    const queues = Array.from({ length: pools }, () => new PQueue({ concurrency: SLOTS / pools }))
    return runOver(graph, work, (index, run) => {
      void queues[index % pools]!.add(run, priorities && { priority: -priorities[index]! })
    })
  },
}
