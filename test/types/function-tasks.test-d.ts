import { type AgentRequest, type Json, type OutputOf, reply, TaskGraph, type TaskRef } from 'counterpoint'
import { describe, expectTypeOf, it } from 'vitest'
import * as z from 'zod'

interface Menu {
  readonly dishes: readonly Dish[]
  readonly note?: string
}
interface Dish {
  readonly name: string
  readonly parts: Dish[]
}
type Tree = string | readonly Tree[]

declare const menu: Menu
declare const tree: Tree
declare const json: Json
declare const unknownValue: unknown

const graph = new TaskGraph('restaurant')
const schema = graph.task('schema', { output: z.object({ sql: z.string() }) })
const plain = graph.task('plain')

describe('the output of a function task', () => {
  it('has the type that is returned, promised or carried by a reply', () => {
    const a = graph.task('a', { run: () => ({ n: 2 }) })
    expectTypeOf(a).toEqualTypeOf<TaskRef<'a', { n: number }>>()
    const b = graph.task('b', { run: async () => 'text' })
    expectTypeOf<OutputOf<typeof b>>().toEqualTypeOf<string>()
    const c = graph.task('c', { run: async () => reply({ output: menu, usage: { costUsd: 0.1 } }) })
    expectTypeOf<OutputOf<typeof c>>().toEqualTypeOf<Menu>()
    const d = graph.task('d', { run: (_, { attempt }) => (attempt > 1 ? reply({ output: [attempt] }) : 'first') })
    expectTypeOf<OutputOf<typeof d>>().toEqualTypeOf<'first' | number[]>()
  })

  it('may be of an interface, of a recursive type, and have undefined members', () => {
    const a = graph.task('a', { run: () => menu })
    expectTypeOf<OutputOf<typeof a>>().toEqualTypeOf<Menu>()
    const b = graph.task('b', { run: () => tree })
    expectTypeOf<OutputOf<typeof b>>().toEqualTypeOf<Tree>()
    const c = graph.task('c', { run: () => ({ menu, note: undefined as string | undefined, pair: [1, 'a'] as const }) })
    expectTypeOf<OutputOf<typeof c>>().toEqualTypeOf<{
      menu: Menu
      note: string | undefined
      pair: readonly [1, 'a']
    }>()
    const d = graph.task('d', { run: async (): Promise<Record<string, Menu>> => ({}) })
    expectTypeOf<OutputOf<typeof d>>().toEqualTypeOf<Record<string, Menu>>()
  })

  it('is null when nothing is returned, and any JSON when that is what is known', () => {
    const a = graph.task('a', { run: async () => {} })
    expectTypeOf<OutputOf<typeof a>>().toEqualTypeOf<null>()
    const b = graph.task('b', { run: () => json })
    expectTypeOf<OutputOf<typeof b>>().toEqualTypeOf<Json>()
    const c = graph.task('c', { run: () => JSON.parse('{}') })
    expectTypeOf<OutputOf<typeof c>>().toEqualTypeOf<Json>()
    const d = graph.task('d', { run: () => reply({ output: json }) })
    expectTypeOf<OutputOf<typeof d>>().toEqualTypeOf<Json>()
  })

  it('has the type of its schema, of which the function returns the input', () => {
    const output = z.object({ n: z.string().transform(Number) })
    const a = graph.task('a', { output, run: async () => ({ n: '2' }) })
    expectTypeOf<OutputOf<typeof a>>().toEqualTypeOf<{ n: number }>()
    const b = graph.task('b', { output, run: () => reply({ output: { n: '2' } }) })
    expectTypeOf<OutputOf<typeof b>>().toEqualTypeOf<{ n: number }>()
    // What is unknown is left to the schema.
    const c = graph.task('c', { output, run: async () => unknownValue })
    expectTypeOf<OutputOf<typeof c>>().toEqualTypeOf<{ n: number }>()
  })

  it('must be JSON', () => {
    // The message ends: ... is not assignable to type '"the output must be JSON: no function, class instance, Map, bigint, symbol, or
    // undefined in a list"'.
    // @ts-expect-error a Map
    graph.task('wrong', { run: () => new Map() })
    // @ts-expect-error a promise of a Date
    graph.task('wrong', { run: async () => new Date() })
    // @ts-expect-error a function inside
    graph.task('wrong', { run: () => ({ make: () => 1 }) })
    // @ts-expect-error a bigint
    graph.task('wrong', { run: async () => 5n })
    // @ts-expect-error a symbol inside
    graph.task('wrong', { run: () => [{ s: Symbol('s') }] })
    // @ts-expect-error undefined in a list
    graph.task('wrong', { run: () => [undefined] })
    // @ts-expect-error one of two answers is a function
    graph.task('wrong', { run: (_, { attempt }) => (attempt > 1 ? 5 : () => 1) })
    // @ts-expect-error a reply with a Set
    graph.task('wrong', { run: () => reply({ output: new Set() }) })
    // The message ends: "the output has the type unknown: state its type, or give the task an output schema".
    // @ts-expect-error unknown
    graph.task('wrong', { run: async () => unknownValue })
  })

  it('must be the input of its schema', () => {
    const output = z.object({ sql: z.string() })
    // @ts-expect-error a number
    graph.task('wrong', { output, run: () => ({ sql: 5 }) })
    // @ts-expect-error a promise of something else
    graph.task('wrong', { output, run: async () => 'text' })
    // @ts-expect-error a reply with something else
    graph.task('wrong', { output, run: () => reply({ output: { ddl: '' } }) })
  })
})

describe('the request of a function task', () => {
  it('has the outputs of its dependencies', () => {
    graph.task('a', {
      after: [schema, plain],
      softAfter: ['later'],
      run: ({ outputs, task, feedback, runId }) => {
        expectTypeOf(outputs.schema).toEqualTypeOf<{ sql: string }>()
        expectTypeOf(outputs.plain).toEqualTypeOf<Json>()
        expectTypeOf(outputs.later).toEqualTypeOf<Json | undefined>()
        expectTypeOf(task).toEqualTypeOf<AgentRequest['task']>()
        expectTypeOf(feedback).toEqualTypeOf<AgentRequest['feedback']>()
        expectTypeOf(runId).toEqualTypeOf<string>()
      },
    })
    graph.task('b', {
      after: [schema],
      triggerRule: 'all_done',
      run: ({ outputs }) => {
        expectTypeOf(outputs.schema).toEqualTypeOf<{ sql: string } | undefined>()
      },
    })
    // @ts-expect-error plain is not in after
    graph.task('wrong', { after: [schema], run: ({ outputs }) => outputs.plain })
    // @ts-expect-error there is no after
    graph.task('wrong', { run: ({ outputs }) => outputs.schema })
    // @ts-expect-error the output has no ddl
    graph.task('wrong', { after: [schema], run: ({ outputs: { schema } }) => schema.ddl })
    // @ts-expect-error it may be missing
    graph.task('wrong', { softAfter: [schema], run: ({ outputs }) => outputs.schema.sql })
  })

  it('has the input: a value, or what its function makes of the outputs', () => {
    graph.task('a', { run: ({ input }) => expectTypeOf(input).toEqualTypeOf<null>() as never })
    graph.task('b', {
      input: { n: 1, menu },
      run: ({ input }) => expectTypeOf(input.menu).toEqualTypeOf<Menu>() as never,
    })
    graph.task('c', {
      after: [schema],
      input: async ({ schema }) => ({ use: schema.sql }),
      run: ({ input }) => expectTypeOf(input).toEqualTypeOf<{ use: string }>() as never,
    })
    // @ts-expect-error the input has no ddl
    graph.task('wrong', { input: { sql: '' }, run: ({ input }) => input.ddl })
  })

  it('has an input that is JSON', () => {
    // The message ends: ... is not assignable to type '"the input must be JSON: ...'.
    // @ts-expect-error a Date
    graph.task('wrong', { input: () => new Date(0), run: ({ input }) => input.getTime() })
    // @ts-expect-error a function inside
    graph.task('wrong', { input: { make: () => 1 } })
    // @ts-expect-error unknown
    graph.task('wrong', { input: unknownValue })
    // @ts-expect-error nothing is returned
    graph.task('wrong', { input: () => {} })
  })

  it('comes with the context of a backend', () => {
    graph.task('a', {
      run: async (_, { attempt, signal, report }) => {
        expectTypeOf(attempt).toEqualTypeOf<number>()
        expectTypeOf(signal).toEqualTypeOf<AbortSignal>()
        report({ progress: 0.5 })
      },
    })
  })
})

describe('a generic helper', () => {
  it('states what the function returns, and the output of the task', () => {
    function add<T extends Json>(run: () => T | Promise<T>) {
      return graph.task('x', { run: async (): Promise<Json> => run() }) as TaskRef<'x', T>
    }
    function each<T, R extends { ok: boolean }>(items: readonly T[], run: (item: T) => Promise<R>) {
      return items.map(
        (item, i) => graph.task(`t${i}`, { run: async () => (await run(item)) as Json }) as TaskRef<string, R>,
      )
    }
    expectTypeOf(add(async () => 5)).toEqualTypeOf<TaskRef<'x', number>>()
    expectTypeOf(each([1], async () => ({ ok: true as boolean }))).toEqualTypeOf<TaskRef<string, { ok: boolean }>[]>()
  })
})

describe('run', () => {
  it('is a function', () => {
    // @ts-expect-error a number
    graph.task('wrong', { run: 5 })
    // @ts-expect-error options beside it are checked, too
    graph.task('wrong', { timeuotMs: 5, run: () => 1 })
  })
})
