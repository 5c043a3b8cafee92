import {
  Orchestrator,
  type OrchestratorOptions,
  type Plan,
  type PlanData,
  type PlanInput,
  parsePlan,
  type Run,
  type TaskData,
  TaskGraph,
  type TaskSpec,
  type WorkerPool,
} from 'counterpoint'
import { describe, expectTypeOf, it } from 'vitest'

const orchestrator = new Orchestrator({ pools: { model: { backend: () => 1 }, db: {} } })
const other = new Orchestrator({ pools: { mail: {} } })
const untyped: Orchestrator = orchestrator

declare const plan: Plan
declare const specs: readonly TaskSpec[]
declare const data: PlanData
const ids = ['x', 'y']

interface Item {
  readonly name: string
}
declare const item: Item

describe('an orchestrator', () => {
  it('has the names of its pools, and the pool default', () => {
    expectTypeOf(orchestrator).toEqualTypeOf<Orchestrator<'model' | 'db'>>()
    expectTypeOf(orchestrator.pools.get('default')).toEqualTypeOf<WorkerPool | undefined>()
    // The message: Argument of type '"mdoel"' is not assignable to parameter of type '"default" | "model" | "db"'.
    // @ts-expect-error there is no such pool
    orchestrator.pools.get('mdoel')
  })

  it('without pools has only the pool default', () => {
    expectTypeOf(new Orchestrator()).toEqualTypeOf<Orchestrator<never>>()
    expectTypeOf(new Orchestrator({ retain: 3 })).toEqualTypeOf<Orchestrator<never>>()
    expectTypeOf(new Orchestrator({ pools: {} })).toEqualTypeOf<Orchestrator<never>>()
    const graph = new Orchestrator().graph('g')
    graph.task('a', { pool: 'default', run: () => 1 })
    // The message: Type '"modle"' is not assignable to type '"default"'.
    // @ts-expect-error there is no such pool
    graph.task('b', { pool: 'modle' })
    // @ts-expect-error there is no such pool
    new Orchestrator({ retain: 3 }).run({ tasks: [{ id: 'a', pool: 'modle' }] })
    const annotated: Orchestrator = new Orchestrator()
    annotated.graph('g').task('a', { pool: 'anything' })
  })

  it('is taken where no other pools than it has are needed', () => {
    const fewer: Orchestrator<'db'> = orchestrator
    const none: Orchestrator<never> = orchestrator
    const fewerOfRun: Run<'db'> = orchestrator.run(plan)
    // The message ends: Type '"mail"' is not assignable to type '"db" | "model"'.
    // @ts-expect-error it has no pool mail
    const more: Orchestrator<'db' | 'model' | 'mail'> = orchestrator
    // @ts-expect-error it has no pool mail
    const different: Orchestrator<'mail'> = orchestrator
    // @ts-expect-error it is not known whether it has a pool mail
    const unknown: Orchestrator<'mail'> = untyped
    // @ts-expect-error it has no pool mail
    const moreOfRun: Run<'db' | 'mail'> = orchestrator.run(plan)
    return [fewer, none, fewerOfRun, more, different, unknown, moreOfRun]
  })

  it('can be extended', () => {
    class Own extends Orchestrator<'db'> {}
    expectTypeOf(new Own()).toExtend<Orchestrator<'db'>>()
    expectTypeOf(new Own()).toExtend<Orchestrator>()
  })

  it('whose pools are computed accepts any name', () => {
    const options: OrchestratorOptions = { pools: Object.fromEntries(ids.map(id => [id, {}])) }
    expectTypeOf(new Orchestrator(options)).toEqualTypeOf<Orchestrator>()
  })

  it('is one of any pools where its pools do not matter', () => {
    expectTypeOf(orchestrator).toExtend<Orchestrator>()
    expectTypeOf(orchestrator.run(plan)).toEqualTypeOf<Run<'model' | 'db'>>()
    expectTypeOf(orchestrator.run(plan)).toExtend<Run>()
    untyped.run({ tasks: [{ id: 'a', pool: 'anything' }] })
  })
})

describe('a plan as data', () => {
  it('is written with the names of the members of a task', () => {
    orchestrator.run({ name: 'n', version: '1', failureMode: 'kill', tasks: [{ id: 'a' }, { id: 'b', after: ['a'] }] })
    orchestrator.run({ tasks: [{ id: 'a', pool: 'model', input: item, context: { item } }] })
    orchestrator.run({ tasks: [{ id: 'a', pool: 'default', retries: 1, backoff: { baseMs: 5 } }] })
    orchestrator.run({ tasks: ids.map(id => ({ id, pool: 'db' })) })
  })

  it('with a typo, or without an id, does not compile', () => {
    // The message: ... but 'afer' does not exist in type 'TaskData<...>'. Did you mean to write 'after'?
    // @ts-expect-error after
    orchestrator.run({ tasks: [{ id: 'b', afer: ['x'] }] })
    // The message: Property 'id' is missing in type '{ after: string[]; }' but required in type 'TaskData<...>'.
    // @ts-expect-error without an id
    orchestrator.run({ tasks: [{ after: ['x'] }] })
    // @ts-expect-error tasks
    orchestrator.run({ taks: [{ id: 'a' }] })
    // @ts-expect-error a number
    orchestrator.run({ tasks: [{ id: 'a', retries: '3' }] })
    // @ts-expect-error continue, no-new or kill
    orchestrator.run({ tasks: [], failureMode: 'stop' })
    // @ts-expect-error without type arguments, too
    untyped.run({ tasks: [{ id: 'b', afer: ['x'] }] })
    // @ts-expect-error without type arguments, too
    untyped.run({ tasks: [{}] })
  })

  it('has one spelling', () => {
    // @ts-expect-error after
    orchestrator.run({ tasks: [{ id: 'a', blocked_by: ['b'] }] })
    // @ts-expect-error timeoutMs
    orchestrator.run({ tasks: [{ id: 'a', timeoutSec: 5 }] })
    // @ts-expect-error baseMs
    orchestrator.run({ tasks: [{ id: 'a', backoff: { base_ms: 5 } }] })
    // @ts-expect-error failureMode
    orchestrator.run({ tasks: [], failure_mode: 'kill' })
    // @ts-expect-error text is for parsePlan
    orchestrator.run('{ "tasks": [] }')
  })

  it('that names a pool that there is not does not compile', () => {
    // The message: Type '"mdoel"' is not assignable to type '"default" | "model" | "db" | undefined'.
    // @ts-expect-error model
    orchestrator.run({ tasks: [{ id: 'a', pool: 'mdoel' }] })
    // @ts-expect-error one of two is wrong
    orchestrator.run({ tasks: [{ id: 'a', pool: 'db' }, { id: 'b', description: 'b', pool: 'mail' }] }) // biome-ignore format: one line
    // @ts-expect-error in a forecast
    orchestrator.forecast({ tasks: [{ id: 'a', pool: 'mail' }] })
    // @ts-expect-error in a live run
    orchestrator.run(plan).add({ tasks: [{ id: 'a', pool: 'mail' }] })
  })

  it('has budgets of pools that there are', () => {
    const run = orchestrator.run(plan, { budget: { costUsd: 5, pools: { model: { costUsd: 3 }, db: undefined } } })
    run.setBudget({ pools: { default: { tokens: 5 } } })
    untyped.run(plan, { budget: { pools: { anything: { tokens: 5 } } } })
    // The message: Object literal may only specify known properties, and 'mail' does not exist in type ...
    // @ts-expect-error no such pool
    orchestrator.run(plan, { budget: { pools: { mail: { costUsd: 3 } } } })
    // @ts-expect-error no such pool
    run.setBudget({ pools: { mail: { costUsd: 3 } } })
  })

  it('whose pools are known only at run time is checked then', () => {
    orchestrator.run(plan)
    orchestrator.run(parsePlan('{}'))
    orchestrator.run(data)
    orchestrator.run({ tasks: specs })
    const tasks = ids.map(id => ({ id, pool: 'db' }))
    orchestrator.run({ tasks })
    const typed: TaskData<'db'>[] = []
    orchestrator.run({ tasks: typed })
    expectTypeOf<PlanInput>().toExtend<PlanInput<string>>()
  })
})

describe('functions of a host', () => {
  function start(any: Orchestrator, input: PlanInput) {
    return any.run(input)
  }
  function startAll<Pool extends string>(some: Orchestrator<Pool>, tasks: TaskData<Pool>[]) {
    return some.run({ tasks })
  }
  function startIn<Pool extends string>(some: Orchestrator<Pool>, input: PlanInput<Pool>) {
    return some.run(input)
  }

  it('take any orchestrator and any plan', () => {
    start(orchestrator, orchestrator.graph('g'))
    start(orchestrator, { tasks: [{ id: 'a', pool: 'anything' }] })
    startIn(orchestrator, orchestrator.graph('g'))
    startIn(orchestrator, { tasks: [{ id: 'a', pool: 'model' }] })
    startAll(orchestrator, [{ id: 'a', pool: 'model' }])
    // @ts-expect-error there is no such pool
    startAll(orchestrator, [{ id: 'a', pool: 'mdoel' }])
    // @ts-expect-error there is no such pool
    startIn(orchestrator, { tasks: [{ id: 'a', pool: 'mdoel' }] })
    orchestrator.run(Math.random() > 1 ? orchestrator.graph('g') : data)
  })
})

describe('a graph', () => {
  it('of an orchestrator knows its pools', () => {
    const graph = orchestrator.graph('g', { version: '1' })
    expectTypeOf(graph).toEqualTypeOf<TaskGraph<'model' | 'db' | 'default'>>()
    graph.task('a', { pool: 'model' })
    graph.task('b', { pool: 'default', run: () => 1 })
    // The message: Type '"mdoel"' is not assignable to type '"default" | "model" | "db" | undefined'.
    // @ts-expect-error model
    graph.task('wrong', { pool: 'mdoel' })
    // @ts-expect-error beside a function, too
    graph.task('wrong', { pool: 'mdoel', run: () => 1 })
  })

  it('is run by its orchestrator, or by one whose pools are not known', () => {
    const graph = orchestrator.graph('g')
    const run = orchestrator.run(graph)
    orchestrator.forecast(graph)
    run.add(graph)
    untyped.run(graph)
    orchestrator.resume('x', { graph })
    // The message ends: Type '"model"' is not assignable to type '"default" | "mail"'.
    // @ts-expect-error other pools
    other.run(graph)
    // @ts-expect-error other pools
    other.forecast(graph)
  })

  it('of more pools than its orchestrator has is checked at run time', () => {
    const fewer = new Orchestrator({ pools: { model: {} } })
    fewer.run(orchestrator.graph('g'))
    orchestrator.run(fewer.graph('g'))
  })

  it('that knows no pools names any, and is run by any', () => {
    const graph = new TaskGraph('g')
    expectTypeOf(graph).toEqualTypeOf<TaskGraph>()
    graph.task('a', { pool: 'anything' })
    orchestrator.run(graph)
    untyped.run(graph)
  })
})
