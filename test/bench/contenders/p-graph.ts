import { type DependencyList, PGraph, type PGraphNode } from 'p-graph'
import { type Contender, SLOTS } from '../contender.js'
import { rowOf } from '../graph.js'

/** p-graph. Its constructor is included, because it detects cycles like `run`. Its priorities are reversed. */
export const pGraph: Contender = {
  name: 'p-graph',
  graph: 'own',
  lacks: ['pools'],
  largest: 100_000,
  prepare(graph, work) {
    const nodes = new Map<string, PGraphNode>()
    const dependencies: DependencyList = []
    for (let index = 0; index < graph.size; index++) {
      const run = (): Promise<void> => work(index)
      nodes.set(`t${index}`, graph.priorities ? { run, priority: -graph.priorities[index]! } : { run })
      for (const need of rowOf(graph.needs, index)) dependencies.push([`t${need}`, `t${index}`])
    }
    return () => new PGraph(nodes, dependencies).run({ concurrency: SLOTS })
  },
}
