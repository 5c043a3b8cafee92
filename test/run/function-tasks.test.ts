import { AgentError, Orchestrator, type OrchestratorOptions, type RunEvent, reply, TaskGraph } from 'counterpoint'
import { fail, MockBackend, VirtualClock } from 'counterpoint/testing'
import { describe, expect, test } from 'vitest'
import * as z from 'zod'
import { checkHistory } from '../support/history.js'

function setUp(options: OrchestratorOptions = {}) {
  const clock = new VirtualClock()
  const orchestrator = new Orchestrator({ clock, random: () => 0.5, ...options })
  const events: RunEvent[] = []
  orchestrator.on('event', event => 'runId' in event && void events.push(event as RunEvent))
  const started = (): readonly string[] =>
    events.flatMap(event =>
      event.type === 'attempt.started' ? [`${event.taskId}${event.attempt} ${event.pool} ${event.backend}`] : [],
    )
  return { clock, orchestrator, events, started }
}

const sleep = (clock: VirtualClock, ms: number) => new Promise<void>(resolve => void clock.schedule(resolve, ms))

const backendOf = (clock?: VirtualClock) =>
  new MockBackend({ clock: clock ?? new VirtualClock() }).answer('*', 'backend')

describe('a function task', () => {
  test('runs in an orchestrator without options', async () => {
    const graph = new TaskGraph('first')
    const a = graph.task('a', { run: async () => ({ n: 2 }) })
    graph.task('b', { after: [a], run: ({ outputs }) => outputs.a.n + 1 })
    const { outcome, outputs } = await new Orchestrator().run(graph).result
    expect([outcome, outputs]).toEqual(['completed', { a: { n: 2 }, b: 3 }])
  })

  test('that names no pool runs in the pool "default", and events show its backend as "function"', async () => {
    const { clock, orchestrator, events, started } = setUp()
    const graph = new TaskGraph('g')
    graph.task('a', { run: () => 1 })
    const run = orchestrator.run(graph)
    await clock.runUntilIdle()
    expect([(await run.result).tasks[0]?.pool, graph.tasks[0]?.pool, started()]).toEqual([
      'default',
      'default',
      ['a1 default function'],
    ])
    checkHistory(events)
  })

  test('gets the request and the context of a backend', async () => {
    const { clock, orchestrator } = setUp()
    const graph = new TaskGraph('g')
    const seen: unknown[] = []
    const a = graph.task('a', { run: () => 'one' })
    graph.task('b', {
      description: 'the second',
      after: [a],
      context: { style: 'short' },
      input: outputs => ({ of: outputs.a }),
      run: ({ runId, task, input, outputs }, { attempt, idempotencyKey, signal }) => {
        seen.push([runId, task, input, { ...outputs }, attempt, idempotencyKey, signal.aborted])
      },
    })
    const run = orchestrator.run(graph, { runId: 'x' })
    await clock.runUntilIdle()
    const task = { id: 'b', description: 'the second', pool: 'default', context: { style: 'short' } }
    expect(seen).toEqual([['x', task, { of: 'one' }, { a: 'one' }, 1, 'x/b/1', false]])
    expect((await run.result).outputs.b).toBeNull()
  })

  test('is retried, times out, and is called with the feedback of its schema', async () => {
    const { clock, orchestrator } = setUp()
    const graph = new TaskGraph('g')
    graph.task('flaky', {
      backoff: { baseMs: 10 },
      run: (_, { attempt }) => {
        if (attempt < 3) throw new Error('not yet')
        return attempt
      },
    })
    graph.task('slow', { timeoutMs: 100, retries: 0, run: () => new Promise<string>(() => {}) })
    graph.task('checked', {
      output: z.object({ n: z.string().transform(Number) }),
      run: ({ feedback }) => ({ n: feedback ? '5' : (4 as never) }),
    })
    const run = orchestrator.run(graph)
    await clock.runUntilIdle()
    const { outputs, tasks } = await run.result
    expect(outputs).toEqual({ flaky: 3, checked: { n: 5 } })
    expect(tasks[1]).toMatchObject({ status: 'dead', failure: { kind: 'timeout' }, attempts: 1, abandoned: 1 })
  })

  test('fails when its output is not JSON', async () => {
    const { clock, orchestrator } = setUp()
    const graph = new TaskGraph('g')
    graph.task('a', { retries: 0, run: () => new Map() as never })
    const run = orchestrator.run(graph)
    await clock.runUntilIdle()
    expect((await run.result).tasks[0]).toMatchObject({ status: 'dead', failure: { code: 'OUTPUT_NOT_JSON' } })
  })

  test('takes a slot of its pool, counts in its windows, and reports its usage to the budget', async () => {
    const { clock, orchestrator } = setUp({ pools: { db: { concurrency: 1, requests: { limit: 2, perMs: 1_000 } } } })
    const graph = new TaskGraph('g')
    let running = 0
    let most = 0
    for (const id of ['a', 'b', 'c'])
      graph.task(id, {
        pool: 'db',
        estimate: { costUsd: 0.2 },
        run: async () => {
          most = Math.max(most, ++running)
          await sleep(clock, 10)
          running--
          return reply({ output: id, usage: { costUsd: 0.1 } })
        },
      })
    const run = orchestrator.run(graph, { budget: { costUsd: 1 } })
    await clock.runUntilIdle()
    const { outcome, usage, times } = await run.result
    expect([outcome, most, usage.costUsd?.toFixed(1), times.wallMs]).toEqual(['completed', 1, '0.3', 1_010])
  })

  test('makes mistakes of its own: each is reported once with the name of the task', async () => {
    const { clock, orchestrator } = setUp()
    const graph = new TaskGraph('g')
    graph.task('a', { run: () => reply({ output: 1, usage: { cost_usd: 1 } as never }) })
    graph.task('b', { run: () => reply({ output: 1, usage: { dollars: 1 } as never }) })
    graph.task('c', { run: () => ({ output: 1, usage: { costUsd: 1 } }) })
    const errors: unknown[] = []
    orchestrator.on('error', ({ where, error }) => void errors.push([where, (error as Error).message]))
    for (let n = 0; n < 2; n++) orchestrator.run(graph)
    await clock.runUntilIdle()
    expect(errors).toEqual([
      ['usage of the function of task a', expect.stringContaining('usage.cost_usd')],
      ['usage of the function of task b', expect.stringContaining('usage.dollars')],
      ['output of the function of task c', expect.stringContaining('return reply({ output, usage })')],
    ])
  })

  test('that thousands of tasks have is reported for 20 of them', async () => {
    const { clock, orchestrator } = setUp()
    const graph = new TaskGraph('g')
    const run = (): never => reply({ output: 1, usage: { cost_usd: 1 } as never }) as never
    for (let n = 0; n < 50; n++) graph.task(`t${n}`, { run })
    let errors = 0
    orchestrator.on('error', () => void errors++)
    orchestrator.run(graph)
    await clock.runUntilIdle()
    expect(errors).toBe(20)
  })

  test('that is throttled parks its pool', async () => {
    const { clock, orchestrator } = setUp({ pools: { db: {} } })
    const graph = new TaskGraph('g')
    graph.task('a', {
      pool: 'db',
      run: (_, { attempt }) => {
        if (attempt === 1) throw new AgentError('throttled', 'slow down', { retryAfterMs: 5_000 })
        return attempt
      },
    })
    const parked: unknown[] = []
    orchestrator.on('pool.parked', ({ pool, reason }) => void parked.push([pool, reason]))
    const run = orchestrator.run(graph)
    await clock.runUntilIdle()
    expect([(await run.result).outputs, parked]).toEqual([{ a: 2 }, [['db', 'throttled']]])
  })
})

describe('a function task in a pool with backends', () => {
  test('is called in their place', async () => {
    const backend = backendOf()
    const { clock, orchestrator } = setUp({ pools: { p: { backend } } })
    const graph = new TaskGraph('g')
    graph.task('a', { pool: 'p', run: () => 'function' })
    graph.task('b', { pool: 'p' })
    const run = orchestrator.run(graph)
    await clock.runUntilIdle()
    expect([(await run.result).outputs, backend.calls.length]).toEqual([{ a: 'function', b: 'backend' }, 1])
  })

  test('does not fail over, and does not count as a failure of a backend', async () => {
    const clock = new VirtualClock()
    const backends = ['b0', 'b1'].map(name => new MockBackend({ clock, name }))
    const { orchestrator, started } = setUp({ clock, pools: { p: { backends, breaker: { failures: 1 } } } })
    const graph = new TaskGraph('g')
    graph.task('a', {
      pool: 'p',
      retries: 1,
      backoff: { baseMs: 0 },
      run: () => {
        throw new AgentError('crashed', 'no')
      },
    })
    const run = orchestrator.run(graph)
    await clock.runUntilIdle()
    expect([(await run.result).outcome, started()]).toEqual(['failed', ['a1 p function', 'a2 p function']])
    expect(
      orchestrator.pools
        .get('p')
        ?.stats()
        .backends.map(({ healthy }) => healthy),
    ).toEqual([true, true])
    expect(backends.flatMap(({ calls }) => calls)).toEqual([])
  })

  test('runs while its backend is unhealthy', async () => {
    const clock = new VirtualClock()
    const backend = { run: () => 'backend', health: () => false }
    const { orchestrator } = setUp({ clock, pools: { p: { backend, health: { everyMs: 10, beforeEach: true } } } })
    const graph = new TaskGraph('g')
    const first = graph.task('first', { pool: 'p', run: () => sleep(clock, 50) })
    graph.task('a', { pool: 'p', after: [first], run: () => 'function' })
    const run = orchestrator.run(graph)
    await clock.advance(100)
    expect([(await run.result).outputs.a, orchestrator.pools.get('p')?.stats().backends[0]?.healthy]).toEqual([
      'function',
      false,
    ])
  })

  test('reserves its own estimate, not that of the backend', async () => {
    const backend = { run: () => 'backend', estimate: { costUsd: 5 } }
    const { clock, orchestrator } = setUp({ pools: { p: { backend } } })
    const graph = new TaskGraph('g')
    graph.task('a', { pool: 'p', estimate: { costUsd: 1 }, run: () => 'function' })
    const run = orchestrator.run(graph, { budget: { costUsd: 2 } })
    await clock.runUntilIdle()
    expect((await run.result).outcome).toBe('completed')
  })

  test.each([[{ costUsd: 2.5, onHard: 'degrade' }], [{ costUsd: 2.5, onSoft: 'degrade', soft: 0.1 }]] as const)(
    'keeps its estimate in a budget that degrades, for it has no cheaper variant: %j',
    async budget => {
      const { clock, orchestrator } = setUp({ pools: { p: { backend: backendOf(), concurrency: 10 } } })
      const graph = new TaskGraph('g')
      for (let n = 0; n < 8; n++)
        graph.task(`t${n}`, {
          pool: 'p',
          estimate: { costUsd: 1 },
          run: async () => {
            await sleep(clock, 50)
            return reply({ output: n, usage: { costUsd: 1 } })
          },
        })
      const run = orchestrator.run(graph, { budget })
      await clock.runUntilIdle()
      const { outcome, usage } = await run.result
      expect([outcome, usage.costUsd]).toEqual(['partial', 2])
    },
  )

  test('waits while the pool is parked as unhealthy, as no backend may be used', async () => {
    const clock = new VirtualClock()
    const backend = new MockBackend({ clock }).answer('*', fail('crashed'))
    const breaker = { failures: 1, openMs: 1_000 }
    const { orchestrator, events } = setUp({ clock, pools: { p: { backend, breaker, concurrency: 1 }, own: {} } })
    const graph = new TaskGraph('g')
    for (const id of ['b', 'c']) graph.task(id, { pool: 'p', retries: 0 })
    const later = graph.task('later', { run: () => sleep(clock, 10) })
    graph.task('behind', { pool: 'p', after: [later], run: () => 1 })
    graph.task('free', { pool: 'own', after: [later], run: () => 1 })
    const begun = clock.now()
    orchestrator.run(graph)
    await clock.advance(500)
    const startsOf = (id: string) =>
      events.flatMap(event => (event.type === 'attempt.started' && event.taskId === id ? [event.at - begun] : []))
    expect([startsOf('free'), startsOf('behind')]).toEqual([[10], []])
  })

  test('parks the pool when the retry budget is spent, and opens no breaker', async () => {
    const clock = new VirtualClock()
    const pool = { backend: backendOf(clock), retryBudget: { floor: 1, ratio: 0 } }
    const { orchestrator } = setUp({ clock, pools: { p: pool } })
    const graph = new TaskGraph('g')
    graph.task('a', {
      pool: 'p',
      backoff: { baseMs: 0 },
      run: (_, { attempt }) => {
        if (attempt < 3) throw new Error('no')
        return attempt
      },
    })
    const parked: string[] = []
    orchestrator.on('pool.parked', ({ reason }) => void parked.push(reason))
    const run = orchestrator.run(graph)
    await clock.runUntilIdle()
    expect([(await run.result).outputs, parked[0]]).toEqual([{ a: 3 }, 'retry-budget'])
    expect(orchestrator.pools.get('p')?.stats().backends[0]?.breaker).toBe('closed')
  })
})

describe('a pool without a backend', () => {
  const plain = { tasks: [{ id: 'a', pool: 'db' }] }
  const path = 'tasks["a"].run'
  const refused = expect.objectContaining({
    code: 'INVALID_INPUT',
    details: { issues: [{ path, message: expect.stringMatching(/pool "db".* has no backend: give the task a run/) }] },
  })

  test('refuses tasks without a function: in run, add and forecast, before anything starts', async () => {
    const { clock, orchestrator } = setUp({ pools: { db: {} } })
    expect(() => orchestrator.run(plain)).toThrow(refused)
    await expect(orchestrator.forecast(plain)).rejects.toEqual(refused)
    const graph = new TaskGraph('g')
    graph.task('first', { run: () => sleep(clock, 10) })
    const run = orchestrator.run(graph)
    const added = run.add(plain)
    await expect(added).rejects.toEqual(refused)
    await clock.runUntilIdle()
    expect((await run.result).tasks.map(({ id }) => id)).toEqual(['first'])
  })

  test('refuses a task that the distributor sends there', async () => {
    const { clock, orchestrator } = setUp({
      pools: { db: {} },
      distributor: async () => ({ kind: 'pool', pool: 'db', confidence: 1 }),
    })
    const run = orchestrator.run({ tasks: [{ id: 'a' }] })
    const result = expect(run.result).rejects.toEqual(refused)
    await clock.runUntilIdle()
    await result
  })

  test('is not a target of routing', async () => {
    const { clock, orchestrator } = setUp({ pools: { db: {}, model: { backend: () => 'answer' } } })
    const run = orchestrator.run({ tasks: [{ id: 'a' }] })
    await clock.runUntilIdle()
    expect((await run.result).tasks[0]?.pool).toBe('model')
  })

  test('is all that there is: a task without a function and a pool finds none', () => {
    expect(() => new Orchestrator().run({ tasks: [{ id: 'a' }] })).toThrow(
      expect.objectContaining({ code: 'NO_POOL', message: expect.stringMatching(/no pool has a backend\. Give/) }),
    )
  })
})

describe('the pool "default"', () => {
  test('has no backend and a concurrency of 4', () => {
    const { orchestrator } = setUp({ pools: { p: { backend: () => 1 } } })
    expect([...orchestrator.pools.keys()]).toEqual(['p', 'default'])
    expect(orchestrator.pools.get('default')?.stats()).toMatchObject({ concurrency: 4, backends: [] })
  })

  test('is that of the host where it defines one, and then counts as any other', async () => {
    const { clock, orchestrator } = setUp({ pools: { default: { backend: () => 'backend', concurrency: 7 } } })
    const graph = new TaskGraph('g')
    graph.task('a', { run: () => 'function' })
    graph.task('b')
    const run = orchestrator.run(graph)
    await clock.runUntilIdle()
    expect((await run.result).outputs).toEqual({ a: 'function', b: 'backend' })
    expect(orchestrator.pools.get('default')?.concurrency).toBe(7)
  })
})

describe('a graph with function tasks', () => {
  test('is forecast', async () => {
    const graph = new TaskGraph('g')
    graph.task('a', { durationMs: 10, run: () => 1 })
    graph.task('b', { durationMs: 10, run: () => 1 })
    expect(await new Orchestrator().forecast(graph)).toMatchObject({ serialMs: 20, parallelMs: 10 })
  })

  test('can be run by several orchestrators at once', async () => {
    const graph = new TaskGraph('g')
    graph.task('a', { run: ({ runId }) => runId })
    const runs = [1, 2].map(n => new Orchestrator().run(graph, { runId: `r${n}` }).result)
    expect((await Promise.all(runs)).map(({ outputs }) => outputs.a)).toEqual(['r1', 'r2'])
  })

  test('rejects a run that is not a function', () => {
    expect(() => new TaskGraph('g').task('a', { run: 'x' as never })).toThrow(
      'tasks["a"].run: expected a function, got "x"',
    )
  })

  test('runs beside tasks for backends that fail', async () => {
    const clock = new VirtualClock()
    const backend = new MockBackend({ clock }).answer('*', fail('agent'))
    const { orchestrator } = setUp({ clock, pools: { p: { backend } } })
    const graph = new TaskGraph('g')
    const b = graph.task('b', { pool: 'p', retries: 0 })
    graph.task('tidy', { after: [b], triggerRule: 'all_done', run: ({ outputs }) => outputs.b ?? 'nothing' })
    const run = orchestrator.run(graph)
    await clock.runUntilIdle()
    expect((await run.result).outputs).toEqual({ tidy: 'nothing' })
  })
})
