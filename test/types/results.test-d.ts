import type { Failure, Json, RunEvent, RunResult, TaskResult } from 'counterpoint'
import { Orchestrator, TaskGraph } from 'counterpoint'
import { describe, expectTypeOf, it } from 'vitest'
import type { RootCause } from '../../src/core/results/run-result.js'
import type { HoldReason } from '../../src/core/state/task.js'

declare const task: TaskResult
declare const cause: RootCause
declare const result: RunResult

type Of<S extends TaskResult['status']> = Extract<TaskResult, { readonly status: S }>

describe('the result of a task', () => {
  it('is narrowed by its status', () => {
    expectTypeOf<Of<'succeeded'>['output']>().toEqualTypeOf<Json>()
    expectTypeOf<Of<'succeeded'>['startedAt']>().toEqualTypeOf<number>()
    expectTypeOf<Of<'dead'>['failure']>().toEqualTypeOf<Failure>()
    expectTypeOf<Of<'delayed'>['failure']>().toEqualTypeOf<Failure>()
    expectTypeOf<Of<'skipped'>['rootCause']>().toEqualTypeOf<string>()
    expectTypeOf<Of<'cancelled'>['reason']>().toEqualTypeOf<string>()
    expectTypeOf<Of<'held'>['reason']>().toEqualTypeOf<HoldReason>()
    if (task.status === 'succeeded') expectTypeOf(task.output).toEqualTypeOf<Json>()
    if (task.status === 'dead') expectTypeOf(task.failure.kind).toEqualTypeOf<Failure['kind']>()
    if (task.status === 'running') expectTypeOf(task.endedAt).toEqualTypeOf<undefined>()
  })

  it('has none of the members of another status', () => {
    // @ts-expect-error Type 'undefined' is not assignable to type 'Json'
    if (task.status === 'dead') task.output satisfies Json
    // @ts-expect-error 'task.failure' is possibly 'undefined'
    task.failure.kind
    // @ts-expect-error a task that succeeded has an output
    const wrong: Of<'succeeded'> = { ...task, status: 'succeeded' }
    return wrong
  })

  it('can be read without narrowing, where undefined will do', () => {
    expectTypeOf(task.output).toEqualTypeOf<Json | undefined>()
    expectTypeOf(task.failure?.message).toEqualTypeOf<string | undefined>()
  })

  it('that is a root cause has a failure or a reason, by its status', () => {
    if (cause.status === 'dead') expectTypeOf(cause.failure).toEqualTypeOf<Failure>()
    else expectTypeOf(cause.reason).toEqualTypeOf<string>()
  })
})

describe('the result of a run', () => {
  it('is read by the refs of a graph, with the type of their outputs', () => {
    const menu = new TaskGraph('g').task('menu')
    expectTypeOf(menu.outputIn(result)).toEqualTypeOf<Json | undefined>()
    // @ts-expect-error Property 'output' does not exist on type 'RunResult'
    result.output
  })
})

describe('the events that are read', () => {
  const run = new Orchestrator({ pools: { p: { backend: () => 1 } } }).run({ tasks: [] })
  const flag = Math.random() > 2

  it('are those that the options ask for', () => {
    type Read<E> = E extends AsyncIterable<infer T> ? Exclude<T, RunEvent> : never
    const [plain, from] = [run.events(), run.events({ from: 3, signal: new AbortController().signal })]
    expectTypeOf<Read<typeof plain>>().toEqualTypeOf<never>()
    expectTypeOf<Read<typeof from>>().toEqualTypeOf<never>()
    const off = run.events({ progress: false, streamed: undefined })
    expectTypeOf<Read<typeof off>>().toEqualTypeOf<never>()
    const progress = run.events({ progress: true })
    expectTypeOf<Read<typeof progress>['type']>().toEqualTypeOf<'attempt.progressed'>()
    const streamed = run.events({ streamed: true })
    expectTypeOf<Read<typeof streamed>['type']>().toEqualTypeOf<'attempt.streamed'>()
    const maybe = run.events({ progress: flag, streamed: true })
    expectTypeOf<Read<typeof maybe>['type']>().toEqualTypeOf<'attempt.progressed' | 'attempt.streamed'>()
  })

  it('have no unknown option', () => {
    // @ts-expect-error 'progres' does not exist in type 'EventsOptions'
    run.events({ progres: true })
  })
})
