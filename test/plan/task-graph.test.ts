import { parsePlan, TaskGraph, type TaskOptions, type TaskRef } from 'counterpoint'
import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import { checkGraph } from '../../src/plan/graph-check.js'
import { badPaths, firstIssue, thrown } from './thrown.js'

/** Options as JavaScript code may pass them, unchecked by the compiler. */
const untyped = (options: object): TaskOptions<readonly []> => options as TaskOptions<readonly []>

describe('TaskGraph', () => {
  it('builds task specs with only the members that were given', () => {
    const graph = new TaskGraph('restaurant')
    const schema = graph.task('schema', { pool: 'database', description: 'Design it', timeoutMs: 1000, weight: -0 })
    graph.task('backend', { after: [schema, 'schema', 'docs'], retries: 0, context: { a: [1] } })
    graph.task('docs')
    expect(graph.name).toBe('restaurant')
    expect(graph.tasks).toEqual([
      { id: 'schema', description: 'Design it', pool: 'database', timeoutMs: 1000, weight: 0 },
      { id: 'backend', description: 'backend', after: ['schema', 'docs'], retries: 0, context: { a: [1] } },
      { id: 'docs', description: 'docs' },
    ])
    expect(Object.is(graph.tasks[0]!.weight, 0)).toBe(true)
    expect(() => checkGraph(graph.tasks)).not.toThrow()
  })

  it('keeps functions and schemas out of the specs', () => {
    const graph = new TaskGraph('g')
    const output = z.object({ sql: z.string() })
    const input = (): string => 'x'
    graph.task('plain', { input: { table: 'menus', gone: undefined } })
    graph.task('bound', { input, output })
    expect(graph.tasks).toEqual([
      { id: 'plain', description: 'plain', input: { table: 'menus' } },
      { id: 'bound', description: 'bound' },
    ])
    expect(graph.binding('bound')).toEqual({ input, output })
    expect(graph.binding('plain')).toBeUndefined()
    expect(graph.binding('toString')).toBeUndefined()
  })

  it('accepts refs and ids in all three kinds of dependencies, and removes duplicates', () => {
    const graph = new TaskGraph('g')
    const a = graph.task('a')
    graph.task('b', { after: [a, 'a'], softAfter: ['a', a, 'c'], orderAfter: [a, 'c', 'c'], triggerRule: 'one_done' })
    graph.task('c', { softAfter: [], orderAfter: [] })
    expect(graph.tasks.slice(1)).toEqual([
      {
        id: 'b',
        description: 'b',
        after: ['a'],
        softAfter: ['a', 'c'],
        orderAfter: ['a', 'c'],
        triggerRule: 'one_done',
      },
      { id: 'c', description: 'c' },
    ])
    expect(() => checkGraph(graph.tasks)).not.toThrow()
  })

  it('keeps an approval in the spec, unless it is a function', () => {
    const graph = new TaskGraph('g')
    const approval = (): boolean => true
    graph.task('always', { approval: true })
    graph.task('never', { approval: false })
    graph.task('asked', { approval })
    expect(graph.tasks.map(task => task.approval)).toEqual([true, false, undefined])
    expect(graph.binding('asked')).toEqual({ approval })
    expect(graph.binding('always')).toBeUndefined()
    expect(['always', 'asked'].map(id => graph.bound.get(id))).toEqual([undefined, ['approval']])
  })

  it('keeps estimates, budgets and timeouts in the spec, frozen', () => {
    const graph = new TaskGraph('g')
    const options = {
      estimate: { costUsd: 0.5, tokens: 10 },
      budget: { wallMs: 5, soft: 0.5, onSoft: 'degrade', onHard: 'hold' },
      idleTimeoutMs: 1,
      queueTimeoutMs: 2,
      totalTimeoutMs: 3,
      replay: 'never',
    } as const
    graph.task('a', options)
    expect(graph.tasks[0]).toEqual({ id: 'a', description: 'a', ...options })
    expect(Object.isFrozen(graph.tasks[0]!.budget)).toBe(true)
  })

  it('leaves unknown ids and cycles of soft and order-only dependencies to checkGraph', () => {
    const of = (options: object): (() => void) => {
      const graph = new TaskGraph('g')
      graph.task('a', untyped(options))
      return () => checkGraph(graph.tasks)
    }
    for (const list of ['softAfter', 'orderAfter']) {
      expect(thrown('UNKNOWN_DEPENDENCY', of({ [list]: ['unknown'] })).details.dependency).toBe('unknown')
      expect(thrown('CYCLE', of({ [list]: ['a'] })).details.cycle).toEqual(['a', 'a'])
    }
  })

  it('returns snapshots of its tasks, which later tasks do not change', () => {
    const graph = new TaskGraph('g')
    graph.task('a')
    const before = graph.tasks
    expect(graph.tasks).toBe(before)
    graph.task('b')
    expect(before).toHaveLength(1)
    expect(graph.tasks).toHaveLength(2)
    expect(Object.isFrozen(before) && Object.isFrozen(before[0])).toBe(true)
  })

  it('drops undefined members and an empty after', () => {
    const graph = new TaskGraph('g')
    graph.task('a', untyped({ pool: undefined, input: undefined, output: undefined, after: [] }))
    expect(Object.keys(graph.tasks[0]!)).toEqual(['id', 'description'])
    expect(graph.binding('a')).toBeUndefined()
  })

  it('accepts ids of tasks that are added later, and leaves cycles to checkGraph', () => {
    const graph = new TaskGraph('g')
    graph.task('a', { after: ['b'] })
    graph.task('b', { after: ['a'] })
    expect(thrown('CYCLE', () => checkGraph(graph.tasks)).details.cycle).toEqual(['a', 'b', 'a'])
    const unknown = new TaskGraph('g')
    unknown.task('a', { after: ['unknown'] })
    expect(thrown('UNKNOWN_DEPENDENCY', () => checkGraph(unknown.tasks)).details.dependency).toBe('unknown')
  })
})

describe('TaskGraph with invalid input', () => {
  it('rejects a duplicate id, and keeps the first task', () => {
    const graph = new TaskGraph('g')
    graph.task('a', { pool: 'one', input: () => 1 })
    expect(thrown('DUPLICATE_ID', () => graph.task('a', { pool: 'two', input: () => 2 })).message).toContain(
      'graph "g"',
    )
    expect(graph.tasks).toHaveLength(1)
    expect(graph.binding('a')!.input!({}, { locals: {} })).toBe(1)
    graph.task('b')
    expect(graph.tasks.map(({ id }) => id)).toEqual(['a', 'b'])
  })

  it('rejects a task of another graph', () => {
    const other = new TaskGraph('other').task('a')
    const graph = new TaskGraph('g')
    graph.task('a')
    expect(firstIssue(() => graph.task('b', { after: [other] }))).toBe(
      'tasks["b"].after[0]: expected a task of this graph, got one of another graph',
    )
    expect(graph.tasks).toHaveLength(1)
  })

  it('suggests retries for retry, as plan data does', () => {
    const retry = { retry: 3 }
    expect(firstIssue(() => new TaskGraph('g').task('a', untyped(retry)))).toBe(
      'tasks["a"].retry: unknown key (did you mean "retries"?)',
    )
    expect(firstIssue(() => parsePlan({ tasks: [{ id: 'a', ...retry }] }))).toBe(
      'tasks[0].retry: unknown key (did you mean "retries"?)',
    )
  })

  it('says that a task that is not in a list has to be, be it a ref or an id', () => {
    const graph = new TaskGraph('g')
    const a = graph.task('a')
    for (const list of ['after', 'softAfter', 'orderAfter'])
      for (const one of [a, 'a'])
        expect(firstIssue(() => graph.task('b', untyped({ [list]: one })))).toBe(
          `tasks["b"].${list}: expected a list of tasks or ids, got one task: put it in [ ]`,
        )
    expect(firstIssue(() => graph.task('b', untyped({ after: 1 })))).toBe(
      'tasks["b"].after: expected a list of tasks or ids, got 1',
    )
  })

  it.each<[object, string]>([
    [{ timeoutMs: 0 }, '.timeoutMs'],
    [{ timeoutMs: '5' }, '.timeoutMs'],
    [{ retries: -1 }, '.retries'],
    [{ priority: 1.5 }, '.priority'],
    [{ weight: Number.NaN }, '.weight'],
    [{ pool: '' }, '.pool'],
    [{ description: 5 }, '.description'],
    [{ backoff: { factor: 0 } }, '.backoff.factor'],
    [{ backoff: { fcator: 2 } }, '.backoff.fcator'],
    [{ after: 'schema' }, '.after'],
    [{ after: [{ id: 'schema' }] }, '.after[0]'],
    [{ after: [' '] }, '.after[0]'],
    [{ after: new Set() }, '.after'],
    [{ softAfter: 'schema' }, '.softAfter'],
    [{ softAfter: [3] }, '.softAfter[0]'],
    [{ orderAfter: { id: 'schema' } }, '.orderAfter'],
    [{ orderAfter: ['ok', ''] }, '.orderAfter[1]'],
    [{ triggerRule: 'all_succeeded' }, '.triggerRule'],
    [{ idleTimeoutMs: 0 }, '.idleTimeoutMs'],
    [{ queueTimeoutMs: '5' }, '.queueTimeoutMs'],
    [{ totalTimeoutMs: -1 }, '.totalTimeoutMs'],
    [{ estimate: { costUSD: 1 } }, '.estimate.costUSD'],
    [{ estimate: 5 }, '.estimate'],
    [{ budget: { soft: 2 } }, '.budget.soft'],
    [{ budget: { onHard: 'pause' } }, '.budget.onHard'],
    [{ replay: 'maybe' }, '.replay'],
    [{ approval: 'yes' }, '.approval'],
    [{ input: Number.NaN }, '.input'],
    [{ input: { at: new Date(0) } }, '.input.at'],
    [{ context: () => 1 }, '.context'],
    [{ context: JSON.parse('{"x": {"__proto__": 1}}') }, '.context.x'],
    [{ output: { parse: () => 1 } }, '.output'],
    [{ output: null }, '.output'],
    [{ id: 'b' }, '.id'],
    [{ blocked_by: [] }, '.blocked_by'],
    [{ timeoutSec: 5 }, '.timeoutSec'],
    [{ 'a key': 1 }, '["a key"]'],
  ])('rejects %o, at %s', (options, path) => {
    const graph = new TaskGraph('g')
    expect(badPaths(() => graph.task('a', untyped(options)))).toEqual([`tasks["a"]${path}`])
    expect(graph.tasks).toEqual([])
  })

  it('rejects invalid options with the messages of parsePlan', () => {
    const graph = new TaskGraph('g')
    expect(firstIssue(() => graph.task('a', { retries: -1 }))).toBe(
      'tasks["a"].retries: expected a whole number of further attempts, from 0 to 1000 (default: 2), got -1',
    )
    expect(firstIssue(() => graph.task('a', untyped({ timeuot: 1 })))).toBe(
      'tasks["a"].timeuot: unknown key (did you mean "timeoutMs"?)',
    )
    expect(badPaths(() => graph.task('a', { retries: -1, priority: 0, weight: -1 }))).toHaveLength(3)
  })

  it('rejects an invalid id, name or options', () => {
    const graph = new TaskGraph('g')
    graph.task('first')
    for (const id of ['', ' a', '__proto__', 'a\u0000', 3, 3n, null, Symbol('x')])
      expect(badPaths(() => graph.task(id as string, { timeoutMs: 5 }))).toEqual(['tasks[1].id'])
    expect(badPaths(() => graph.task('a', null as never))).toEqual(['tasks["a"]'])
    expect(badPaths(() => new TaskGraph(undefined as never))).toEqual(['name'])
    expect(badPaths(() => new TaskGraph(''))).toEqual(['name'])
  })
})

/** The time of the processor for one task of a plan of `count` tasks, in microseconds. */
function timePerTask(count: number, build: (graph: TaskGraph, count: number) => void): number {
  const before = process.cpuUsage()
  const graph = new TaskGraph('large')
  build(graph, count)
  checkGraph(graph.tasks)
  expect(graph.tasks).toHaveLength(count)
  return process.cpuUsage(before).user / count
}

describe('a large plan', () => {
  it.each<[string, (graph: TaskGraph, count: number) => void]>([
    [
      'a chain',
      (graph, count) => {
        let last: TaskRef = graph.task('task-0')
        for (let i = 1; i < count; i++) last = graph.task(`task-${i}`, { description: 'next', after: [last] })
      },
    ],
    [
      'a star',
      (graph, count) => {
        const leaves: TaskRef[] = []
        for (let i = 1; i < count; i++) leaves.push(graph.task(`task-${i}`))
        graph.task('all', { after: leaves })
        expect(graph.tasks.at(-1)?.after).toHaveLength(count - 1)
      },
    ],
  ])('of a million tasks in %s is built and checked in linear time', (_shape, build) => {
    timePerTask(20_000, build)
    const few = timePerTask(20_000, build)
    // Quadratic would be 50 times. Caches of the processor and the garbage collector make two to three times of it.
    expect(timePerTask(1_000_000, build) / few).toBeLessThan(8)
  })
})
