import { Orchestrator, type Run, TaskGraph } from 'counterpoint'
import { type Contender, SLOTS, type Work } from '../contender.js'
import { type Graph, rowOf } from '../graph.js'

/** Counterpoint as a host would use it: a graph, one or two pools, a listener for every event, the in-memory journal. */
export const counterpoint: Contender = {
  name: 'counterpoint',
  graph: 'own',
  largest: Number.POSITIVE_INFINITY,
  prepare(graph, work) {
    const plans = plansOf(graph)
    return async () => {
      const orchestrator = new Orchestrator({ pools: poolsFor(graph, work) })
      let received = 0
      orchestrator.on('event', () => {
        received++
      })
      const runs = plans.map(plan => orchestrator.run(plan))
      await Promise.all(runs.map(expectCompleted))
      const events = EVENTS_PER_TASK * graph.size + EVENTS_PER_RUN * graph.runs
      if (received !== events) throw new Error(`expected ${events} events, got ${received}`)
      return runs
    }
  },
}

/** task.added, task.ready, attempt.started, task.succeeded. */
const EVENTS_PER_TASK = 4
/** run.started, run.settled. */
const EVENTS_PER_RUN = 2

/** One plan per run. The input of a task is its number. */
export function plansOf(graph: Graph): TaskGraph[] {
  const size = graph.size / graph.runs
  return Array.from({ length: graph.runs }, (_, run) => {
    const plan = new TaskGraph(`bench-${run}`)
    for (let index = run * size; index < (run + 1) * size; index++) addTask(plan, graph, index)
    return plan
  })
}

function addTask(plan: TaskGraph, graph: Graph, index: number): void {
  const needs = Array.from(rowOf(graph.needs, index), need => `t${need}`)
  plan.task(`t${index}`, {
    pool: `pool-${index % graph.pools}`,
    input: index,
    ...(needs.length > 0 && { after: needs }),
    ...(graph.priorities && { priority: graph.priorities[index]! }),
  })
}

export function poolsFor(
  { pools }: Graph,
  work: Work,
): Record<string, { backend: (request: { readonly input: unknown }) => Promise<void>; concurrency: number }> {
  const pool = {
    backend: ({ input }: { readonly input: unknown }) => work(input as number),
    concurrency: SLOTS / pools,
  }
  return Object.fromEntries(Array.from({ length: pools }, (_, number) => [`pool-${number}`, pool]))
}

/** @throws Error unless the run completed. */
export async function expectCompleted(run: Run): Promise<void> {
  const result = await run.result
  if (result.outcome === 'completed') return
  const { failure, reason } = result.rootCauses[0] ?? {}
  throw new Error(`expected the run to complete, got "${result.outcome}": ${failure?.message ?? reason}`)
}
