import { Deferred, Effect, Semaphore } from 'effect'
import { type Contender, SLOTS, type Work } from '../contender.js'
import { type Graph, rowOf } from '../graph.js'

/** Effect: one fibre per task, which awaits its dependencies and takes a permit. Without dependencies, a bounded `forEach`. */
export const effect: Contender = {
  name: 'effect',
  graph: 'by hand',
  lacks: ['priorities'],
  largest: 100_000,
  prepare(graph, work) {
    const indexes = Array.from({ length: graph.size }, (_, index) => index)
    if (graph.needs.items.length > 0) return () => Effect.runPromise(runGraph(graph, indexes, work))
    const run = (index: number): Effect.Effect<void> => Effect.promise(() => work(index))
    return () => Effect.runPromise(Effect.forEach(indexes, run, { concurrency: SLOTS, discard: true }))
  },
}

function runGraph(graph: Graph, indexes: readonly number[], work: Work): Effect.Effect<void> {
  const ended = indexes.map(() => Deferred.makeUnsafe<void>())
  const pools = Array.from({ length: graph.pools }, () => Semaphore.makeUnsafe(SLOTS / graph.pools))
  const run = (index: number): Effect.Effect<unknown> => {
    const needs = Array.from(rowOf(graph.needs, index), need => ended[need]!)
    const task = Effect.promise(() => work(index))
    return Effect.forEach(needs, Deferred.await, { discard: true }).pipe(
      Effect.andThen(Semaphore.withPermit(pools[index % graph.pools]!, task)),
      Effect.andThen(Deferred.succeed(ended[index]!, undefined)),
    )
  }
  return Effect.forEach(indexes, run, { concurrency: 'unbounded', discard: true })
}
