import { SeededRandom, seedOf } from '../support/seeded-random.js'
import { type Graph, graphOf } from './graph.js'

/** A measured shape of graph. */
export interface Workload {
  readonly name: string
  readonly build: (size: number) => Graph
}

type Edge = readonly [number, number]

/** Width of layers and fans: more than the number of slots, and the same for all sizes, so that sizes can be compared. */
const WIDTH = 200

/** The workloads, in the order of the tables. */
export const workloads: readonly Workload[] = [
  { name: 'independent', build: size => graphOf(size, []) },
  { name: 'chain', build: size => graphOf(size, chain(size)) },
  { name: 'layered', build: size => graphOf(size, layers(size, 0)) },
  { name: 'fans', build: size => graphOf(size, fans(size)) },
  { name: 'priorities', build: size => graphOf(size, [], { priorities: priorities(size) }) },
  { name: 'two by two', build: twoByTwo },
]

function chain(size: number): Edge[] {
  const edges: Edge[] = []
  for (let index = 1; index < size; index++) edges.push([index - 1, index])
  return edges
}

/** Every task depends on three random tasks of the previous layer. `first` is the number of the first task. */
function layers(size: number, first: number): Edge[] {
  const dice = new SeededRandom(seedOf('layers', size, first))
  const width = Math.min(WIDTH, Math.ceil(size / 5))
  const edges: Edge[] = []
  for (let index = width; index < size; index++) {
    const start = index - (index % width) - width
    const drawn = new Set<number>()
    while (drawn.size < Math.min(3, width)) drawn.add(start + dice.below(width))
    for (const need of drawn) edges.push([first + need, first + index])
  }
  return edges
}

/** One task with many dependents, then one task that depends on all of those, and so on. */
function fans(size: number): Edge[] {
  const edges: Edge[] = []
  for (let hub = 0; hub < size; hub += WIDTH) {
    const next = Math.min(hub + WIDTH, size - 1)
    for (let index = hub + 1; index < next; index++) edges.push([hub, index], [index, next])
  }
  return edges
}

function priorities(size: number): Uint16Array {
  const dice = new SeededRandom(seedOf('priorities', size))
  return Uint16Array.from({ length: size }, () => 1 + dice.below(1_000))
}

/** Two concurrent layered runs, both spread over two pools. */
function twoByTwo(size: number): Graph {
  const half = Math.floor(size / 2)
  return graphOf(2 * half, [...layers(half, 0), ...layers(half, half)], { pools: 2, runs: 2 })
}
