import { type CounterpointError, type ResumeOptions, type Run, TaskGraph, type TaskOptions } from 'counterpoint'
import { describe, expect, test } from 'vitest'
import * as z from 'zod'
import { checkHistory } from '../support/history.js'
import { specs } from '../support/scheduler-fixture.js'
import { eventsOf, JOURNAL_KINDS, type JournalKind, TestHost } from './test-host.js'

const RUN = { runId: 'x' } as const

/** `a` and `b`, without functions; `b` depends on `a`. */
function plain(change: { name?: string; version?: string; ids?: string; a?: object; b?: object } = {}): TaskGraph {
  const { name = 'plan', version, ids = 'a b', a, b } = change
  const graph = new TaskGraph(name, { ...(version !== undefined && { version }) })
  const all: Record<string, TaskOptions> = {
    a: { pool: 'p', description: 'first', input: { n: 1 }, ...a },
    b: { pool: 'p', after: ['a'], ...b },
    c: { pool: 'p' },
  }
  for (const id of ids.split(' ')) graph.task(id, all[id])
  return graph
}

/** `b` has an input function, and an output schema that transforms its output. */
function bound(name = 'plan'): TaskGraph {
  const graph = new TaskGraph(name)
  const a = graph.task('a', { pool: 'p' })
  const even = z.object({ n: z.number().multipleOf(2) }).transform(({ n }) => ({ half: n / 2 }))
  graph.task('b', { pool: 'p', after: [a], input: outputs => ({ of: outputs.a }), output: even })
  return graph
}

/** A graph that is added to a live run. */
function joining(): TaskGraph {
  const graph = new TaskGraph('joining')
  graph.task('d', { pool: 'p', after: ['a'], input: outputs => Object.keys(outputs) })
  return graph
}

/** A run that dies while `a` runs, with the graphs that were added. */
async function died(
  start: (host: TestHost) => Run,
  kind: JournalKind = 'memory',
  joined: readonly TaskGraph[] = [],
): Promise<TestHost> {
  const first = new TestHost(kind)
  first.backend.hold('a')
  const run = start(first)
  await first.reached(run, 'a', 'running')
  for (const graph of joined) await first.done(run.add(graph))
  return first.next()
}

const diedOf = (graph: TaskGraph): Promise<TestHost> => died(host => host.orchestrator.run(graph, RUN))

async function refusal(host: TestHost, graph?: ResumeOptions['graph']): Promise<CounterpointError<'PLAN_DIFFERS'>> {
  const error = await host.orchestrator.resume('x', { ...(graph && { graph }) }).then(
    () => undefined,
    (thrown: CounterpointError<'PLAN_DIFFERS'>) => thrown,
  )
  expect(error).toMatchObject({ code: 'PLAN_DIFFERS', details: { runId: 'x' } })
  expect(error!.message).toContain(error!.details.difference)
  expect(error!.message).toContain('Pass the graph that it was started with')
  return error!
}

describe.each(JOURNAL_KINDS)('with a journal of kind %s, a run of a graph', kind => {
  test('resumes with the functions and schemas of the graph passed to resume()', async () => {
    const host = await died(first => first.orchestrator.run(bound(), RUN), kind)
    host.backend.answers('b', [{ n: 3 }, { n: 8 }])
    const run = await host.orchestrator.resume('x', { graph: bound() })
    const { outputs, tasks } = await host.done(run.result, 1_000)
    expect(outputs).toEqual({ a: 'a', b: { half: 4 } })
    expect(host.backend.callsOf('b').map(({ request }) => request.input)).toEqual([{ of: 'a' }, { of: 'a' }])
    expect(tasks.map(({ id, attempts }) => [id, attempts])).toEqual([
      ['a', 2],
      ['b', 2],
    ])
    checkHistory(await eventsOf(run))
  })

  test('needs the graphs that were added while it was live, too', async () => {
    const host = await died(first => first.orchestrator.run(bound(), RUN), kind, [joining()])
    expect((await refusal(host, bound())).details.difference).toContain('task "d" has an input function')
    host.backend.answer('b', { n: 2 })
    const run = await host.orchestrator.resume('x', { graph: [bound(), joining()] })
    const { outcome } = await host.done(run.result)
    expect([outcome, host.backend.callsOf('d')[0]!.request.input]).toEqual(['completed', ['a']])
  })
})

describe('a run of a graph', () => {
  test('without functions resumes with or without the graph', async () => {
    for (const graph of [undefined, plain()]) {
      const host = await diedOf(plain())
      const run = await host.orchestrator.resume('x', { ...(graph && { graph }) })
      expect((await run.result).outcome).toBe('completed')
      expect(host.backend.callsOf('a')[0]!.request.input).toEqual({ n: 1 })
    }
  })

  test('of which only a part was run resumes with the whole graph', async () => {
    const host = await died(first => first.orchestrator.run(plain({ ids: 'a b c' }), { ...RUN, only: ['b'] }))
    const run = await host.orchestrator.resume('x', { graph: plain({ ids: 'a b c' }) })
    expect((await run.result).outputs).toEqual({ a: 'a', b: 'b' })
  })

  test('that has settled returns its result without its graph', async () => {
    const first = new TestHost('memory')
    first.backend.answer('b', { n: 2 })
    const expected = await first.orchestrator.run(bound(), RUN).result
    expect(await (await (await first.next()).orchestrator.resume('x')).result).toEqual(expected)
  })

  test('can be resumed with the right graph after a wrong one', async () => {
    const host = await diedOf(bound())
    await refusal(host, plain())
    host.backend.answer('b', { n: 2 })
    expect((await (await host.orchestrator.resume('x', { graph: bound() })).result).outcome).toBe('completed')
  })

  test('says that the graph is missing when none was given, and not that it differs', async () => {
    const host = await diedOf(bound())
    expect((await refusal(host)).message).toBe(
      'run x cannot be resumed without its TaskGraph: task "b" has an input function and an output schema, which no journal holds. Pass the graph that it was started with: resume("x", { graph })',
    )
    expect((await refusal(host, plain())).message).toContain('run x cannot be resumed with this graph: ')
  })

  test('that uses defaults of its pool counts as the same graph', async () => {
    const pool = { defaults: { retries: 5, timeoutMs: 1_000, priority: 2 } }
    const first = new TestHost('memory', { pool })
    first.backend.hold('a')
    await first.reached(first.orchestrator.run(plain(), RUN), 'a', 'running')
    const second = await first.next({ pool })
    expect((await (await second.orchestrator.resume('x', { graph: plain() })).result).outcome).toBe('completed')
  })

  test.each<[string, TaskGraph, TaskGraph | undefined, string]>([
    ['a missing graph', bound(), undefined, 'task "b" has an input function and an output schema'],
    ['another name', plain(), plain({ name: 'other' }), 'its name was "plan", and is "other"'],
    ['another version', plain({ version: '1' }), plain({ version: '2' }), 'its version was "1", and is "2"'],
    ['a version that is new', plain(), plain({ version: '2' }), 'its version was missing, and is "2"'],
    ['a version that is gone', plain({ version: '1' }), plain(), 'its version was "1", and is missing'],
    ['a task more', plain(), plain({ ids: 'a b c' }), 'task number 2 was missing, and is "c"'],
    ['a task less', plain({ ids: 'a b c' }), plain(), 'task number 2 was "c", and is missing'],
    ['another order', plain({ ids: 'a b c' }), plain({ ids: 'a c b' }), 'task number 1 was "b", and is "c"'],
    [
      'another description',
      plain(),
      plain({ a: { description: 'x' } }),
      'description of task "a" was "first", and is "x"',
    ],
    ['another input', plain(), plain({ a: { input: { n: 2 } } }), 'input of task "a" was {"n":1}, and is {"n":2}'],
    ['an after that is new', plain(), plain({ ids: 'b a', b: { after: [] } }), 'task number 0 was "a", and is "b"'],
    ['another after', plain({ ids: 'a c b' }), plain({ ids: 'a c b', b: { after: ['c'] } }), 'after of task "b" was'],
    ['an after that is gone', plain(), plain({ b: { after: [] } }), 'after of task "b" was ["a"], and is missing'],
    [
      'an approval that is gone',
      plain({ b: { approval: true } }),
      plain(),
      'approval of task "b" was true, and is missing',
    ],
    [
      'a budget that is gone',
      plain({ a: { budget: { costUsd: 5 } } }),
      plain(),
      'budget of task "a" was {"costUsd":5}',
    ],
    ['a replay that is gone', plain({ a: { replay: 'never' } }), plain(), 'replay of task "a" was "never"'],
    ['other retries', plain(), plain({ a: { retries: 9 } }), 'retries of task "a" was missing, and is 9'],
  ])('is rejected with %s, and the error says where', async (_, was, is, difference) => {
    expect((await refusal(await diedOf(was), is)).details.difference).toContain(difference)
  })

  test.each<[string, TaskOptions]>([
    ['an input that is gone', { input: undefined as never }],
    ['an input that has become a function', { input: () => 2 }],
    ['an output schema that is new', { input: { n: 1 }, output: z.number() }],
  ])('is rejected with %s', async (_, a) => {
    await refusal(await diedOf(plain()), plain({ a }))
  })

  test('added to a run that was started from data is needed to resume it', async () => {
    const host = await died(first => first.orchestrator.run({ tasks: specs('a') }, RUN), 'memory', [joining()])
    const run = await host.orchestrator.resume('x', { graph: joining() })
    expect((await run.result).outcome).toBe('completed')
  })
})

describe.each(JOURNAL_KINDS)('with a journal of kind %s, a run of function tasks', kind => {
  /** `b` waits for the attempt of `a` to be answered by the backend. */
  const functions = (): TaskGraph => {
    const graph = new TaskGraph('functions')
    const a = graph.task('a', { pool: 'p' })
    graph.task('b', { after: [a], run: ({ outputs, task }, { attempt }) => [outputs.a, task.pool, attempt] })
    return graph
  }
  const start = (host: TestHost): Run => host.orchestrator.run(functions(), RUN)

  test('continues with the same graph', async () => {
    const host = await died(start, kind)
    const run = await host.orchestrator.resume('x', { graph: functions() })
    const { outcome, outputs } = await host.done(run.result)
    expect([outcome, outputs.b]).toEqual(['completed', ['a', 'default', 1]])
    checkHistory(await eventsOf(run))
  })

  test('needs the graph', async () => {
    const host = await died(start, kind)
    expect((await refusal(host)).details.difference).toContain('task "b" has a function')
  })

  test.each<[string, TaskOptions, TaskOptions, string]>([
    ['lost its function', { run: () => 1 }, {}, 'had an output schema and a function, and has an output schema'],
    ['got a function', {}, { run: () => 1 }, 'had an output schema, and has an output schema and a function'],
    ['lost its input function', { input: () => 1 }, {}, 'had an input function and an output schema, and has'],
    ['lost its approval function', { approval: () => true }, {}, 'had an approval function and an output schema, and'],
    [
      'lost its schema',
      { run: () => 1 },
      { run: () => 1, output: undefined },
      'had an output schema and a function, and has a function',
    ],
  ])('is refused when a task in a pool with a backend has %s', async (_, before, after, difference) => {
    const checked = (b: TaskOptions): TaskGraph =>
      plain({ b: { after: ['a'], output: z.number(), ...b } as TaskOptions })
    const host = await died(first => first.orchestrator.run(checked(before), RUN), kind)
    expect((await refusal(host, checked(after))).details.difference).toContain(difference)
  })

  test('needs no graph once the tasks with functions have ended', async () => {
    const graph = new TaskGraph('functions')
    const b = graph.task('b', { run: () => 1 })
    graph.task('a', { pool: 'p', after: [b] })
    const host = await died(first => first.orchestrator.run(graph, RUN), kind)
    const run = await host.orchestrator.resume('x')
    expect((await host.done(run.result)).outputs).toEqual({ a: 'a', b: 1 })
  })
})

/** `x` waits for `a`, and is in two graphs. A run can have it from one of them only. */
describe.each(JOURNAL_KINDS)('with a journal of kind %s, a task whose id other graphs have, too', kind => {
  const first = (): TaskGraph => {
    const graph = new TaskGraph('first')
    graph.task('a', { pool: 'p' })
    graph.task('x', { priority: 2, run: () => 'of the first' })
    return graph
  }
  const second = (ids = ['x']): TaskGraph => {
    const graph = new TaskGraph('second')
    for (const id of ids) graph.task(id, { after: ['a'], run: () => 'of the second' })
    return graph
  }
  const third = (): TaskGraph => {
    const graph = new TaskGraph('third')
    graph.task('y', { after: ['a'], run: () => 'of the third' })
    return graph
  }

  test('runs the function of the graph that it was added with', async () => {
    const host = new TestHost(kind)
    host.backend.hold('a')
    const run = host.orchestrator.run(first(), { ...RUN, only: ['a'] })
    await host.done(run.add(second()))
    host.backend.release('a')
    expect((await host.done(run.result)).outputs).toEqual({ a: 'a', x: 'of the second' })
  })

  test('runs the function of that graph also where another one got the task after its run had started', async () => {
    const host = new TestHost(kind)
    host.backend.hold('a')
    const grown = new TaskGraph('grown')
    grown.task('a', { pool: 'p' })
    const run = host.orchestrator.run(grown, RUN)
    grown.task('x', { run: () => 'wrong' })
    await host.done(run.add(second()))
    host.backend.release('a')
    expect((await host.done(run.result)).outputs).toEqual({ a: 'a', x: 'of the second' })
  })

  test('resumes with the function of the graph that it was added with', async () => {
    const start = (host: TestHost): Run => host.orchestrator.run(first(), { ...RUN, only: ['a'] })
    const host = await died(start, kind, [second(), third()])
    const run = await host.orchestrator.resume('x', { graph: [first(), second(), third()] })
    expect((await host.done(run.result)).outputs).toEqual({ a: 'a', x: 'of the second', y: 'of the third' })
  })

  test.each<[string, readonly (() => TaskGraph)[], string]>([
    ['a graph that was not added', [first, third, second, () => plain({ ids: 'c' })], 'task number 0 of graph "plan"'],
    ['a task more', [first, () => second(['x', 'z']), third], 'task number 1 of graph "second" was "y", and is "z"'],
    ['a graph twice', [first, second, second], 'task "x" is in graph "second" and in graph "second"'],
    ['a task of two graphs', [first, () => second(['x', 'y']), third], 'task "y" is in graph "second" and in graph'],
    ['a graph that has lost what it ran', [second, third], 'its name was "first", and is "second"'],
    ['a missing one', [first, third], 'task "x" has a function, which no journal holds'],
  ])('is refused with %s', async (_, graphs, difference) => {
    const start = (host: TestHost): Run => host.orchestrator.run(first(), { ...RUN, only: ['a'] })
    const host = await died(start, kind, [second(), third()])
    const graph = graphs.map(make => make())
    expect((await refusal(host, graph)).details.difference).toContain(difference)
  })
})

test('a graph that has lost a task that `only` selected is refused', async () => {
  const host = await died(first => first.orchestrator.run(plain({ ids: 'a c' }), { ...RUN, only: ['a', 'c'] }))
  expect((await refusal(host, plain({ ids: 'a' }))).details.difference).toBe('it had a task "c", and has none')
})
