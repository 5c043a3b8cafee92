import type { StandardSchemaV1 as Published } from '@standard-schema/spec'
import { type Json, type OutputOf, TaskGraph, type TaskRef } from 'counterpoint'
import { describe, expectTypeOf, it } from 'vitest'
import * as z from 'zod'
import type { StandardSchemaV1 } from '../../src/plan/standard-schema.js'

const graph = new TaskGraph('restaurant')
const schema = graph.task('schema', { pool: 'database', output: z.object({ sql: z.string() }) })
const menu = graph.task('menu', { input: { items: ['soup'] } })

describe('a task', () => {
  it('has its id as a literal type, and the output of its schema', () => {
    expectTypeOf(schema).toEqualTypeOf<TaskRef<'schema', { sql: string }>>()
    expectTypeOf<OutputOf<typeof schema>>().toEqualTypeOf<{ sql: string }>()
  })

  it('has any JSON as its output without a schema', () => {
    expectTypeOf<OutputOf<typeof menu>>().toEqualTypeOf<Json>()
  })

  it('has the output type of its schema, not the input type', () => {
    const count = graph.task('count', { output: z.string().transform(Number) })
    expectTypeOf<OutputOf<typeof count>>().toEqualTypeOf<number>()
  })
})

describe('an input function', () => {
  it('gets the outputs of the tasks in after, by id, and no others', () => {
    graph.task('backend', {
      after: [schema, menu, 'later'],
      input: outputs => {
        expectTypeOf(outputs).toEqualTypeOf<{
          readonly schema: { sql: string }
          readonly menu: Json
          readonly later: Json
        }>()
        return { use: outputs.schema.sql }
      },
    })
  })

  it('may precede after, be asynchronous, and leave members undefined', () => {
    graph.task('backend', {
      input: async ({ schema }) => ({ use: schema.sql, note: Math.random() > 2 ? 'never' : undefined }),
      after: [schema],
    })
  })

  it('cannot read a task that is not in after', () => {
    // @ts-expect-error menu is not in after
    graph.task('wrong', { after: [schema], input: ({ menu }) => menu })
    // @ts-expect-error there is no after
    graph.task('wrong', { input: ({ schema }) => schema })
  })

  it('cannot read a missing member of an output', () => {
    // @ts-expect-error the output has no ddl
    graph.task('wrong', { after: [schema], input: ({ schema }) => schema.ddl })
    // @ts-expect-error without a schema the output is any JSON
    graph.task('wrong', { after: [menu], input: ({ menu }) => menu.items })
  })

  it('must return JSON', () => {
    // @ts-expect-error a Date is not JSON
    graph.task('wrong', { input: () => new Date(0) })
    // @ts-expect-error a function is not JSON
    graph.task('wrong', { input: { make: () => 1 } })
    // @ts-expect-error it returns undefined
    graph.task('wrong', { input: () => {} })
  })

  it('gets outputs that may be missing, where after may lack the task', () => {
    const list: (typeof schema)[] = []
    const some = Math.random() > 2
    // The message: 'outputs.schema' is possibly 'undefined'.
    // @ts-expect-error it may be missing
    graph.task('wrong', { after: some ? [schema] : [], input: outputs => outputs.schema.sql })
    // @ts-expect-error it may be missing
    graph.task('wrong', { after: list, input: outputs => outputs.schema.sql })
    // @ts-expect-error one of the two is missing
    graph.task('wrong', { after: some ? [schema] : [menu], input: outputs => outputs.schema.sql })
    graph.task('ok', { after: some ? [schema] : [], input: ({ schema }) => schema?.sql ?? null })
    graph.task('fixed', { after: [schema, ...list], input: ({ schema }) => schema.sql })
    const both = [schema, menu] as const
    graph.task('both', { after: both, input: ({ schema }) => schema.sql })
    const pages = [1, 2].map(n => graph.task(`page-${n}`, { run: () => n }))
    graph.task('sum', { after: pages, input: outputs => Object.values(outputs).reduce((a, b) => a + b, 0) })
  })

  it('gets any number of outputs of one type', () => {
    const parts: TaskRef<string, number>[] = []
    graph.task('sum', {
      after: parts,
      input: outputs => {
        expectTypeOf(outputs).toEqualTypeOf<{ readonly [id: string]: number }>()
        return Object.values(outputs).reduce((a, b) => a + b, 0)
      },
    })
  })
})

describe('soft dependencies', () => {
  it('have outputs that may be undefined', () => {
    graph.task('report', {
      after: [schema],
      softAfter: [menu, 'later'],
      input: outputs => {
        expectTypeOf(outputs.schema).toEqualTypeOf<{ sql: string }>()
        expectTypeOf(outputs.menu).toEqualTypeOf<Json | undefined>()
        expectTypeOf(outputs.later).toEqualTypeOf<Json | undefined>()
        return { use: outputs.schema.sql, menu: outputs.menu }
      },
    })
    graph.task('alone', {
      softAfter: [schema],
      input: ({ schema }) => {
        expectTypeOf(schema).toEqualTypeOf<{ sql: string } | undefined>()
        return schema?.sql ?? null
      },
    })
  })

  it('must be checked before their outputs are read', () => {
    // @ts-expect-error schema may be undefined
    graph.task('wrong', { softAfter: [schema], input: ({ schema }) => schema.sql })
    // @ts-expect-error menu is not in softAfter
    graph.task('wrong', { softAfter: [schema], input: ({ menu }) => menu ?? null })
  })

  it('are refs or ids', () => {
    // @ts-expect-error a list
    graph.task('wrong', { softAfter: schema })
    // @ts-expect-error refs or ids
    graph.task('wrong', { softAfter: [5] })
  })
})

describe('order-only dependencies', () => {
  it('give no outputs', () => {
    graph.task('after', { orderAfter: [schema, 'later'] })
    // @ts-expect-error an order-only dependency gives no output
    graph.task('wrong', { orderAfter: [schema], input: ({ schema }) => schema.sql })
    // @ts-expect-error refs or ids
    graph.task('wrong', { orderAfter: [5] })
  })
})

describe('a trigger rule', () => {
  it('of all_success makes all hard outputs present', () => {
    graph.task('build', {
      after: [schema],
      triggerRule: 'all_success',
      input: ({ schema }) => {
        expectTypeOf(schema).toEqualTypeOf<{ sql: string }>()
        return schema.sql
      },
    })
  })

  it('of another kind makes hard outputs possibly undefined', () => {
    graph.task('tidy', {
      triggerRule: 'all_done',
      after: [schema, menu],
      softAfter: ['later'],
      input: outputs => {
        expectTypeOf(outputs.schema).toEqualTypeOf<{ sql: string } | undefined>()
        expectTypeOf(outputs.menu).toEqualTypeOf<Json | undefined>()
        expectTypeOf(outputs.later).toEqualTypeOf<Json | undefined>()
        return outputs.schema?.sql ?? null
      },
    })
    // @ts-expect-error schema may be undefined
    graph.task('wrong', { triggerRule: 'none_failed', after: [schema], input: ({ schema }) => schema.sql })
    const rule = 'one_success' as 'all_success' | 'one_success'
    // @ts-expect-error it may be the other rule
    graph.task('wrong', { triggerRule: rule, after: [schema], input: ({ schema }) => schema.sql })
  })

  it('has one of the names of Airflow', () => {
    // @ts-expect-error all_success
    graph.task('wrong', { triggerRule: 'all_succeeded' })
  })
})

describe('an approval', () => {
  it('is a boolean, or a function of the outputs, which may be asynchronous', () => {
    graph.task('ask', { approval: true })
    graph.task('ask', {
      after: [schema],
      softAfter: [menu],
      approval: async outputs => {
        expectTypeOf(outputs.schema).toEqualTypeOf<{ sql: string }>()
        expectTypeOf(outputs.menu).toEqualTypeOf<Json | undefined>()
        return outputs.schema.sql.includes('drop')
      },
    })
  })

  it('returns a boolean, and gets the outputs of dependencies only', () => {
    // @ts-expect-error a boolean
    graph.task('wrong', { approval: () => 'yes' })
    // @ts-expect-error a boolean
    graph.task('wrong', { approval: 'yes' })
    // @ts-expect-error menu is not in after
    graph.task('wrong', { after: [schema], approval: ({ menu }) => menu !== null })
  })
})

describe('options', () => {
  it('that are misspelt do not compile', () => {
    // @ts-expect-error timeoutMs
    graph.task('wrong', { timeuotMs: 5 })
    // @ts-expect-error graphs have one name for it: after
    graph.task('wrong', { blockedBy: ['schema'] })
    // @ts-expect-error the id is the first argument
    graph.task('wrong', { id: 'wrong' })
  })

  it('of a wrong type do not compile', () => {
    // @ts-expect-error milliseconds are a number
    graph.task('wrong', { timeoutMs: '5' })
    // @ts-expect-error a list of refs or ids
    graph.task('wrong', { after: schema })
    // @ts-expect-error refs or ids
    graph.task('wrong', { after: [5] })
    // @ts-expect-error no schema
    graph.task('wrong', { output: { parse: (value: unknown) => value } })
    // @ts-expect-error safe or never
    graph.task('wrong', { replay: 'maybe' })
    // @ts-expect-error stop, degrade or hold
    graph.task('wrong', { budget: { onHard: 'pause' } })
    // @ts-expect-error an estimate has no time
    graph.task('wrong', { estimate: { wallMs: 5 } })
  })
})

describe('schemas', () => {
  it('our Standard Schema is the published one', () => {
    expectTypeOf<StandardSchemaV1<string, number>>().toExtend<Published<string, number>>()
    expectTypeOf<Published<string, number>>().toExtend<StandardSchemaV1<string, number>>()
    expectTypeOf<StandardSchemaV1.InferOutput<Published<string, number>>>().toEqualTypeOf<number>()
    expectTypeOf<StandardSchemaV1.InferInput<Published<string, number>>>().toEqualTypeOf<string>()
  })
})
