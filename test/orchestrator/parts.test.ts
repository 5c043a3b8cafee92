import {
  DagScheduler,
  type Distribution,
  type FailureFacts,
  FailureHandler,
  type HostError,
  Orchestrator,
  type Order,
  type OrderFacts,
  type PoolOptions,
} from 'counterpoint'
import { describe, expect, test } from 'vitest'
import { specs } from '../support/scheduler-fixture.js'
import { setUp } from '../support/set-up.js'

const failing = (): Promise<never> => Promise.reject(new Error('no'))

describe('a custom distributor', () => {
  test('finds the pool of tasks that name none, and is not called for the others', async () => {
    const distributed: string[] = []
    const { orchestrator } = setUp(
      {},
      {
        distributor: task => {
          distributed.push(task.id)
          return { kind: 'pool', pool: 'p', confidence: 1 }
        },
      },
    )
    const { tasks } = await orchestrator.run({ tasks: [{ id: 'a' }, { id: 'b', pool: 'p' }] }).result
    expect([distributed, tasks.map(task => task.pool)]).toEqual([['a'], ['p', 'p']])
  })

  test('can be an object with state, and asynchronous', async () => {
    class Classifier {
      readonly #pool = 'p'
      async distribute(): Promise<Distribution> {
        return { kind: 'pool', pool: this.#pool, confidence: 0.9 }
      }
    }
    const { orchestrator } = setUp({}, { distributor: new Classifier() })
    const run = orchestrator.run({ tasks: [{ id: 'a' }] })
    await run.add({ tasks: [{ id: 'b', after: ['a'] }] }).catch(() => {})
    expect((await run.result).tasks[0]?.pool).toBe('p')
  })

  test.each([
    ['nothing', undefined, /got nothing/],
    ['a name', 'p', /got "p"/],
    ['an answer without a kind', { pool: 'p' }, /got an object whose kind is nothing/],
    ['another kind', { kind: 'unsure', pools: ['p'], confidence: 1 }, /got an object whose kind is "unsure"/],
  ])('is refused, with the task, if it returns %s', async (_what, answer, got) => {
    const expected =
      /^distributor: expected an answer for task "a" from the distributor, \{ kind: 'pool', pool, confidence \}/
    const tasks = [{ id: 'a' }]
    const { orchestrator } = setUp({}, { distributor: () => answer as never })
    expect(() => orchestrator.run({ tasks })).toThrow(expected)
    expect(() => orchestrator.run({ tasks })).toThrow(got)
    const later = setUp({}, { distributor: async () => answer as never }).orchestrator
    await expect(later.run({ tasks }).result).rejects.toThrow(expected)
  })

  test('is named if it chose a pool that cannot run the task', () => {
    const choose = (pool: string) => () => {
      const distributor = () => ({ kind: 'pool', pool, confidence: 1 }) as const
      new Orchestrator({ pools: { p: () => 1 }, distributor }).run({ tasks: [{ id: 'a' }] })
    }
    expect(choose('default')).toThrow(/pool "default", which the distributor chose, has no backend/)
    expect(choose('nowhere')).toThrow(/there is no pool "nowhere", which the distributor chose/)
  })

  test('is rejected with NO_POOL if it returns an unknown pool, or none', () => {
    const answers = [
      { kind: 'pool', pool: 'nowhere', confidence: 1 },
      { kind: 'decompose', pools: ['p', 'q'], confidence: 0.8 },
      { kind: 'none', pools: ['p'], confidence: 0.2 },
    ] as const
    for (const answer of answers) {
      const { orchestrator } = setUp({}, { distributor: () => answer as never })
      expect(() => orchestrator.run({ tasks: [{ id: 'a' }] })).toThrow(expect.objectContaining({ code: 'NO_POOL' }))
    }
  })
})

const thrower = (): never => {
  throw new Error('a broken part')
}

describe('a custom failure handler', () => {
  test('returns every verdict, and receives the facts', async () => {
    const received: FailureFacts[] = []
    const { backend, clock, orchestrator } = setUp(
      {},
      {
        failureHandler: (_failure, facts) => {
          received.push(facts)
          return facts.attempt < 4 ? { action: 'retry', delayMs: 5 } : { action: 'dead', reason: 'four is enough' }
        },
      },
    )
    backend.answer('*', failing)
    const run = orchestrator.run({ tasks: [{ id: 'a', pool: 'p', context: { mine: true } }] }, { runId: 'x' })
    await clock.runUntilIdle()
    expect((await run.result).tasks[0]).toMatchObject({ status: 'dead', attempts: 4 })
    expect(received[3]).toMatchObject({
      runId: 'x',
      task: { id: 'a', context: { mine: true } },
      attempt: 4,
      failures: 3,
    })
  })

  test('can be a FailureHandler with other options', async () => {
    const { backend, clock, orchestrator } = setUp({}, { failureHandler: new FailureHandler({ retries: 0 }) })
    backend.answer('*', failing)
    const run = orchestrator.run({ tasks: specs('a') })
    await clock.runUntilIdle()
    expect((await run.result).tasks[0]?.attempts).toBe(1)
  })
})

describe('a failure handler that returns no verdict at once', () => {
  test('is refused by name when it is an async function, or has an async method', () => {
    const verdict = async () => ({ action: 'dead', reason: 'no' })
    for (const failureHandler of [verdict, { verdict }])
      expect(() => setUp({}, { failureHandler: failureHandler as never })).toThrow(
        expect.objectContaining({
          code: 'INVALID_INPUT',
          message: expect.stringContaining('failureHandler: expected'),
        }),
      )
  })

  test.each([
    ['returns a promise', () => Promise.reject(new Error('late')), 'got a promise'],
    ['returns no verdict', () => ({ action: 'retry' }), 'got no valid verdict'],
    ['throws', thrower, 'a broken part'],
    [
      'returns an object that throws',
      () => ({
        get action() {
          return thrower()
        },
      }),
      'a broken part',
    ],
  ])(
    'because it %s leaves its tasks dead, says so, and is reported once for a run',
    async (_name, handler, message) => {
      const { backend, clock, orchestrator } = setUp({}, { failureHandler: handler as never })
      const errors: unknown[] = []
      orchestrator.on('error', ({ where, error }) => void errors.push([where, (error as Error).message]))
      backend.answer('*', failing)
      const run = orchestrator.run({ tasks: specs('a b') })
      await clock.runUntilIdle()
      expect((await run.result).tasks.map(({ status, attempts }) => [status, attempts])).toEqual([
        ['dead', 1],
        ['dead', 1],
      ])
      expect(errors).toEqual([['failure handler', expect.stringContaining(message)]])
      const verdicts: unknown[] = []
      for await (const event of run.events()) if (event.type === 'attempt.failed') verdicts.push(event.verdict)
      expect(verdicts[0]).toEqual({
        action: 'dead',
        reason: expect.stringMatching(/^the failure handler (threw|returned)/),
      })
    },
  )

  test('with members of its own: only those of a verdict are journaled', async () => {
    const { backend, clock, orchestrator } = setUp(
      {},
      { failureHandler: () => ({ action: 'dead', reason: 'no', helper: () => 1, secret: 5n }) as never },
    )
    backend.answer('*', failing)
    const run = orchestrator.run({ tasks: specs('a') })
    await clock.runUntilIdle()
    await run.result
    for await (const event of run.events())
      if (event.type === 'attempt.failed') expect(event.verdict).toEqual({ action: 'dead', reason: 'no' })
  })
})

describe('a custom scheduler', () => {
  const one: Partial<PoolOptions> = { concurrency: 1 }

  test('orders the ready tasks: the lowest number starts first, equal ones as by default', async () => {
    const { backend, clock, orchestrator } = setUp(one, {
      scheduler: ({ context }) => (typeof context === 'number' ? context : 5),
    })
    const tasks = [{ id: 'short' }, { id: 'long' }, { id: 'last', after: ['long'] }, { id: 'first', context: 1 }]
    const run = orchestrator.run({ tasks })
    await clock.runUntilIdle()
    await run.result
    expect(backend.calls.map(call => call.taskId)).toEqual(['first', 'long', 'short', 'last'])
  })

  test('can be a DagScheduler, or an object with state, and receives the facts', async () => {
    const received: OrderFacts[] = []
    const order: Order = (_task, facts) => {
      received.push(facts)
      return -received.length
    }
    for (const scheduler of [new DagScheduler({ order }), { calls: received, order }]) {
      received.length = 0
      const { backend, clock, orchestrator } = setUp({ ...one, agingMs: 7_000 }, { scheduler })
      backend.answers('a', [failing, 'a'])
      const run = orchestrator.run({ tasks: [{ id: 'a', durationMs: 20 }, { id: 'b' }] }, { runId: 'x' })
      await clock.runUntilIdle()
      await run.result
      expect(backend.calls.map(call => call.taskId)).toEqual(['b', 'a', 'a'])
      const facts = { runId: 'x', pool: 'p', agingMs: 7_000, remainingPath: 20, attempt: 1 }
      expect(received[0]).toEqual({ ...facts, readyAt: clock.now() - 500 })
      expect(received[2]).toEqual({ ...facts, readyAt: clock.now(), attempt: 2 })
    }
  })

  test.each<readonly [string, () => unknown, RegExp]>([
    ['throws', () => failedOrder(), /my own order/],
    ['returns NaN', () => Number.NaN, /expected a number for task "a" from the order of the scheduler, got NaN/],
    ['returns nothing', () => undefined, /got undefined/],
    ['returns a promise', () => Promise.reject(new Error('never seen')), /got a promise/],
  ])('that %s is reported once per run, and the default order is used', async (_what, order, message) => {
    const { backend, clock, orchestrator } = setUp(one, { scheduler: order as Order })
    const errors: HostError[] = []
    orchestrator.on('error', error => void errors.push(error))
    for (const runId of ['r1', 'r2']) {
      const run = orchestrator.run({ tasks: [{ id: 'a' }, { id: 'b', priority: 1 }, { id: 'c' }] }, { runId })
      await clock.runUntilIdle()
      expect((await run.result).outcome).toBe('completed')
    }
    expect(backend.calls.map(call => call.taskId)).toEqual(['b', 'a', 'c', 'b', 'a', 'c'])
    expect(errors.map(({ where, runId }) => [where, runId])).toEqual([
      ['scheduler', 'r1'],
      ['scheduler', 'r2'],
    ])
    for (const { error } of errors) expect((error as Error).message).toMatch(message)
  })

  test('is used by forecasts', async () => {
    const tasks = [
      { id: 'a', durationMs: 10 },
      { id: 'b', durationMs: 10 },
    ]
    const last: Order = ({ id }) => (id === 'a' ? 2 : 1)
    const etas = async (scheduler?: Order): Promise<unknown> =>
      (await setUp(one, scheduler && { scheduler }).orchestrator.forecast({ tasks })).etaMs
    expect([await etas(), await etas(last), await etas(failedOrder)]).toEqual([
      [10, 20],
      [20, 10],
      [10, 20],
    ])
  })
})

function failedOrder(): never {
  throw new Error('my own order')
}

describe('custom newId and random', () => {
  test('provide ids and random numbers', async () => {
    let ids = 0
    const draws: number[] = []
    const { backend, clock, orchestrator } = setUp(
      {},
      {
        newId: () => `mine-${++ids}`,
        random: () => {
          draws.push(0.25)
          return 0.25
        },
      },
    )
    backend.answers('a', [failing, 'a'])
    const run = orchestrator.run({ tasks: specs('a') })
    await clock.runUntilIdle()
    expect([run.id, draws]).toEqual(['mine-1', [0.25]])
    expect((await run.result).times.wallMs).toBe(250)
  })
})
