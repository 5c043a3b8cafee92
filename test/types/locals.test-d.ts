import { type AttemptContext, type Locals, Orchestrator, TaskGraph } from 'counterpoint'
import { describe, expectTypeOf, it } from 'vitest'

/** As a host does it. Optional, for this declaration holds in all tests. */
declare module 'counterpoint' {
  interface Locals {
    readonly typedTenant?: string
  }
}

describe('locals', () => {
  it('are typed by a declaration of the host, wherever they are given and read', () => {
    expectTypeOf<AttemptContext['locals']['typedTenant']>().toEqualTypeOf<string | undefined>()
    new Orchestrator({
      pools: {
        p: {
          backend: (_, { locals }) => {
            expectTypeOf(locals.typedTenant).toEqualTypeOf<string | undefined>()
          },
        },
      },
    })
    const graph = new TaskGraph('typed')
    graph.task('a', {
      input: (_, { locals }) => {
        expectTypeOf(locals.typedTenant).toEqualTypeOf<string | undefined>()
        return null
      },
      approval: (_, { locals }) => locals.typedTenant === undefined,
    })
  })

  it('may be an instance of a class, or have a type that is an interface', () => {
    class Services {
      readonly typedTenant = 'acme'
      #secret = 1
      readonly other = this.#secret
    }
    interface Own {
      readonly other: number
    }
    const own: Own = { other: 1 }
    const orchestrator = new Orchestrator()
    const plan = { tasks: [{ id: 'a' }] }
    orchestrator.run(plan, { locals: new Services() })
    orchestrator.run(plan, { locals: own })
    orchestrator.run(plan, { locals: { typedTenant: 'acme', other: 1 } })
    const wrong: { readonly typedTenant: number } = { typedTenant: 7 }
    // @ts-expect-error Type 'number' is not assignable to type 'string'.
    orchestrator.run(plan, { locals: wrong })
  })

  it('of another type do not compile', () => {
    const orchestrator = new Orchestrator({ pools: { p: { backend: () => null } } })
    const plan = { tasks: [{ id: 'a' }] }
    // Type 'number' is not assignable to type 'string'.
    // @ts-expect-error
    orchestrator.run(plan, { locals: { typedTenant: 7 } })
    // @ts-expect-error
    orchestrator.resume('x', { locals: { typedTenant: 7 } })
    // @ts-expect-error Locals are an object.
    orchestrator.run(plan, { locals: 'acme' })
  })

  it('that are not declared are unknown', () => {
    expectTypeOf<Locals['other']>().toEqualTypeOf<unknown>()
  })
})

describe('a chunk and the data of a report', () => {
  it('are JSON', () => {
    const context = {} as AttemptContext
    expectTypeOf(context.stream({ text: 'x' })).toEqualTypeOf<Promise<void>>()
    context.report({ data: [1, { a: null }] })
    interface Delta {
      readonly text: string
      readonly logprobs?: readonly number[]
    }
    const delta: Delta = { text: 'x' }
    void context.stream(delta)
    // Type 'bigint' is not assignable to type '"a chunk must be JSON: no function, class instance, Map, bigint, symbol, or undefined in a list"'.
    // @ts-expect-error
    void context.stream(1n)
    // @ts-expect-error
    context.report({ data: new Map() })
  })
})
