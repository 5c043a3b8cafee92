import {
  AgentError,
  type FinishedRun,
  ResultAggregator,
  type RunResult,
  reply,
  TaskGraph,
  type TaskResult,
} from 'counterpoint'
import { succeed } from 'counterpoint/testing'
import { describe, expect, test } from 'vitest'
import { specs } from '../support/scheduler-fixture.js'
import { setUp } from '../support/set-up.js'
import { finished } from './finished.js'

const failing = (): Promise<never> => Promise.reject(new Error('no'))

describe('outputs', () => {
  test('are in task order, whatever the order in which tasks end', async () => {
    const { backend, clock, orchestrator } = setUp({ concurrency: 4 })
    for (const [place, id] of ['d', 'b', 'a', 'c'].entries()) backend.answer(id, succeed(id, { afterMs: place }))
    const run = orchestrator.run({ tasks: specs('a b c d') })
    await clock.runUntilIdle()
    expect(Object.keys((await run.result).outputs)).toEqual(['a', 'b', 'c', 'd'])
  })

  test('are those of the tasks that succeeded, null included', async () => {
    const { backend, clock, orchestrator } = setUp({ defaults: { retries: 0 } })
    backend.answer('a', null).answer('b', failing)
    const run = orchestrator.run({ tasks: specs('a b c<b d') })
    await clock.runUntilIdle()
    expect({ ...(await run.result).outputs }).toEqual({ a: null, d: 'd' })
  })

  test('can have ids that are names of object members', async () => {
    const { orchestrator } = setUp()
    const ids = ['constructor', 'toString', 'hasOwnProperty']
    const { outputs } = await orchestrator.run({ tasks: specs(ids.join(' ')) }).result
    expect(Object.entries(outputs)).toEqual(ids.map(id => [id, id]))
    expect('valueOf' in outputs).toBe(false)
  })

  test('are read by the refs of a graph; undefined unless the task succeeded', async () => {
    const { backend, clock, orchestrator } = setUp({ defaults: { retries: 0 } })
    backend.answer('b', failing)
    const graph = new TaskGraph('g')
    const [a, b] = [graph.task('a', { pool: 'p' }), graph.task('b', { pool: 'p' })]
    const run = orchestrator.run(graph)
    await clock.runUntilIdle()
    const result = await run.result
    expect([a.outputIn(result), b.outputIn(result)]).toEqual(['a', undefined])
  })

  test('are not read from a run or a promise, where an await was forgotten', async () => {
    const { orchestrator } = setUp()
    const graph = new TaskGraph('g')
    const a = graph.task('a', { pool: 'p' })
    const run = orchestrator.run(graph)
    const messageFor = (value: unknown): string => {
      try {
        return `no error: ${a.outputIn(value as RunResult)}`
      } catch (error) {
        expect(error).toMatchObject({ code: 'INVALID_INPUT' })
        return (error as Error).message
      }
    }
    const expected = 'result: expected a result: `await run.result` or `await run.completed`, got'
    expect(messageFor(run)).toBe(`${expected} a Run`)
    expect(messageFor(run.result)).toBe(`${expected} a promise`)
    expect(messageFor(undefined)).toBe(`${expected} nothing`)
    expect(messageFor({ outputs: null })).toBe(`${expected} an object`)
    await run.result
  })
})

describe('root causes', () => {
  test('name the task where it began and all tasks that were skipped because of it', async () => {
    const { backend, clock, orchestrator } = setUp({ defaults: { retries: 0 } })
    backend.answer('a', failing).hold('x')
    const run = orchestrator.run({ tasks: specs('a b<a c<b x y<x z') })
    await backend.started('x')
    await run.cancelTask('x', 'not needed')
    await clock.runUntilIdle()
    expect((await run.result).rootCauses).toMatchObject([
      { taskId: 'a', status: 'dead', failure: { kind: 'agent', message: 'no' }, skipped: ['b', 'c'] },
      { taskId: 'x', status: 'cancelled', reason: 'not needed', skipped: ['y'] },
    ])
  })

  test('are empty when everything succeeded', async () => {
    expect((await setUp().orchestrator.run({ tasks: specs('a b<a') }).result).rootCauses).toEqual([])
  })
})

describe('delivered', () => {
  test.each<readonly [string, readonly (readonly [number, TaskResult['status']])[], number]>([
    [
      'is 1 when everything succeeded',
      [
        [1, 'succeeded'],
        [5, 'succeeded'],
      ],
      1,
    ],
    [
      'is weighted',
      [
        [1, 'succeeded'],
        [3, 'dead'],
      ],
      0.25,
    ],
    [
      'does not include skipped and cancelled tasks',
      [
        [2, 'succeeded'],
        [1, 'skipped'],
        [1, 'cancelled'],
      ],
      0.5,
    ],
    [
      'is 0 when nothing succeeded',
      [
        [1, 'dead'],
        [1, 'skipped'],
      ],
      0,
    ],
    [
      'ignores tasks of weight 0',
      [
        [0, 'dead'],
        [1, 'succeeded'],
      ],
      1,
    ],
    ['is 1 when all weights are 0', [[0, 'dead']], 1],
    ['is 1 for a plan without tasks', [], 1],
  ])('%s', (_title, tasks, share) => {
    const run = finished(tasks.map(([weight, status], i) => ({ id: `t${i}`, weight, status })))
    expect(new ResultAggregator().aggregate(run).delivered).toBe(share)
  })

  test('counts the share of each task that the host says', async () => {
    const delivered = (task: TaskResult): number => (task.status === 'succeeded' ? Number(task.output) : 0.5)
    const { backend, clock, orchestrator } = setUp(
      { defaults: { retries: 0 } },
      { aggregator: new ResultAggregator({ delivered }) },
    )
    backend.answer('a', 0.25).answer('b', failing)
    const run = orchestrator.run({ tasks: [{ id: 'a', weight: 3 }, { id: 'b' }] })
    await clock.runUntilIdle()
    expect(await run.result).toMatchObject({ outcome: 'partial', delivered: (3 * 0.25 + 0.5) / 4 })
  })

  test.each([-0.1, 1.1, Number.NaN, '1', undefined])('of %j is refused', share => {
    const aggregator = new ResultAggregator({ delivered: () => share as number })
    expect(() => aggregator.aggregate(finished([{ id: 'a' }]))).toThrow(
      /^delivered\("a"\): expected a number from 0 to 1, got/,
    )
  })

  test('is set by an option; an unknown option is refused', () => {
    expect(() => new ResultAggregator({ deliverd: () => 1 } as never)).toThrow(/did you mean "delivered"/)
    expect(() => new ResultAggregator({ delivered: 1 } as never)).toThrow(/expected a function/)
    expect(new ResultAggregator({ delivered: undefined }).aggregate(finished([])).delivered).toBe(1)
  })
})

describe('usage', () => {
  test('is the sum over all attempts, failed, timed out and cancelled ones included', async () => {
    const { backend, clock, orchestrator } = setUp({ defaults: { timeoutMs: 100 } })
    const usage = { inputTokens: 10, costUsd: 0.5 }
    backend.answers('a', [
      () => Promise.reject(new AgentError('crashed', 'no', { usage })),
      reply({ output: 1, usage }),
    ])
    backend.answers('b', [reported(usage), reply({ output: 1, usage: { outputTokens: 7 } })])
    backend.answer('c', reported(usage))
    const run = orchestrator.run({ tasks: specs('a b c') })
    await backend.started('c')
    await run.cancelTask('c')
    await clock.runUntilIdle()
    const result = await run.result
    expect(result.tasks.map(task => task.usage)).toEqual([
      { inputTokens: 20, costUsd: 1 },
      { inputTokens: 10, outputTokens: 7, costUsd: 0.5 },
      usage,
    ])
    expect(result.usage).toEqual({ inputTokens: 40, outputTokens: 7, costUsd: 2 })
  })

  test('is unknown, not zero, when no agent reported any', async () => {
    expect((await setUp().orchestrator.run({ tasks: specs('a') }).result).usage).toEqual({})
  })

  function reported(
    usage: object,
  ): (request: unknown, context: { signal: AbortSignal; report(report: object): void }) => unknown {
    return (_request, { signal, report }) => {
      report({ usage })
      return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
    }
  }
})

describe('a result', () => {
  test('has every task for every outcome, and can be written as JSON', async () => {
    const { backend, clock, orchestrator } = setUp({ defaults: { retries: 0 } })
    backend.answer('a', failing).hold('h')
    const failed = orchestrator.run({ tasks: specs('a b<a') })
    await clock.advance(0)
    const cancelled = orchestrator.run({ tasks: specs('h i<h') })
    await backend.started('h')
    await cancelled.cancel()
    for (const [run, outcome] of [
      [failed, 'failed'],
      [cancelled, 'cancelled'],
    ] as const) {
      const printed = JSON.parse(JSON.stringify(await run.result))
      expect(printed).toMatchObject({ runId: run.id, outcome, delivered: 0, usage: {}, outputs: {} })
      expect(printed.tasks).toHaveLength(2)
    }
  })

  test('has the name of its plan', async () => {
    const { orchestrator } = setUp()
    expect((await orchestrator.run(new TaskGraph('story')).result).name).toBe('story')
    expect('name' in (await orchestrator.run({ tasks: [] }).result)).toBe(false)
  })
})

describe('a custom aggregator', () => {
  test('gets the whole run, and its return value is the result', async () => {
    const seen: FinishedRun[] = []
    const aggregator = {
      aggregate: (run: FinishedRun) => {
        seen.push(run)
        return Object.assign(new ResultAggregator().aggregate(run), { stars: 5 })
      },
    }
    const { orchestrator } = setUp({}, { aggregator })
    expect(await orchestrator.run({ tasks: specs('a b<a') }, { runId: 'x' }).result).toMatchObject({ stars: 5 })
    expect(seen[0]).toMatchObject({ runId: 'x', outcome: 'completed' })
    expect(seen[0]?.tasks.map(task => [task.id, task.status])).toEqual([
      ['a', 'succeeded'],
      ['b', 'succeeded'],
    ])
  })

  test.each<[string, (run: FinishedRun) => unknown, RegExp]>([
    ['nothing', () => undefined, /^aggregator: expected the result of the run, .* \(not a promise\)/],
    ['a promise', async run => new ResultAggregator().aggregate(run), /^aggregator: expected the result of the run/],
    ['the run itself', run => ({ ...run }), /^aggregator\.delivered: .*aggregator\.usage: .*aggregator\.outputs: /],
    [
      'an outcome that does not exist',
      run => ({ ...new ResultAggregator().aggregate(run), outcome: 'done' }),
      /^aggregator\.outcome: .*got "done"$/,
    ],
  ])('that returns %s makes `result` and `completed` reject with INVALID_INPUT', async (_, aggregator, message) => {
    const { orchestrator } = setUp({}, { aggregator: aggregator as never })
    const run = orchestrator.run({ tasks: specs('a') })
    const error = { code: 'INVALID_INPUT', message: expect.stringMatching(message) }
    await expect(run.result).rejects.toMatchObject(error)
    await expect(run.completed).rejects.toMatchObject(error)
  })

  test('that throws makes the result reject with its error, after the run has settled', async () => {
    const { orchestrator, clock } = setUp(
      {},
      {
        aggregator: () => {
          throw new Error('my own aggregator')
        },
      },
    )
    const run = orchestrator.run({ tasks: specs('a') })
    await expect(run.result).rejects.toThrow('my own aggregator')
    expect([run.progress().status, clock.pending, orchestrator.pools.get('p')?.stats().running]).toEqual([
      'settled',
      0,
      0,
    ])
  })
})
