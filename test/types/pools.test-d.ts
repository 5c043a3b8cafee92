import { type AgentRequest, Orchestrator, WorkerPool } from 'counterpoint'
import { expectTypeOf, it } from 'vitest'

it('a pool is its options, the function of its backend alone, or a WorkerPool', () => {
  new Orchestrator({
    pools: {
      a: { backend: async request => expectTypeOf(request).toEqualTypeOf<AgentRequest>(), concurrency: 2 },
      b: async request => expectTypeOf(request).toEqualTypeOf<AgentRequest>(),
      d: new WorkerPool({ name: 'd', backend: request => expectTypeOf(request).toEqualTypeOf<AgentRequest>() }),
      e: { concurrency: 3 },
    },
  })
})

it('a typo in the options of a pool does not compile', () => {
  // @ts-expect-error 'concurency' does not exist in type 'PoolOptions | ...'
  new Orchestrator({ pools: { a: { backend: () => 1, concurency: 2 } } })
  // @ts-expect-error 'run' does not exist: a backend that is an object stands in the option backend
  new Orchestrator({ pools: { a: { concurrency: 2, run: () => 1 } } })
  // @ts-expect-error A WorkerPool has a `limit` in place of a `limitKey`.
  new WorkerPool({ name: 'a', backend: () => 1, limitKey: 'x' })
})
