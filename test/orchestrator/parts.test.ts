import {
  type DecideContext,
  type Distribution,
  decide,
  type FailureFacts,
  FailureHandler,
  type RunState,
  type Signal,
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

  test('is rejected with NO_POOL if it returns an unknown pool, or none', () => {
    const answers = [
      { kind: 'pool', pool: 'nowhere', confidence: 1 },
      { kind: 'decompose', pools: ['p', 'q'], confidence: 0.8 },
      { kind: 'unsure', pools: ['p'], confidence: 0.2 },
    ] as const
    for (const answer of answers) {
      const { orchestrator } = setUp({}, { distributor: () => answer as never })
      expect(() => orchestrator.run({ tasks: [{ id: 'a' }] })).toThrow(expect.objectContaining({ code: 'NO_POOL' }))
    }
  })
})

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

describe('a custom scheduler', () => {
  test('can wrap the default one: it receives every signal and can change its decisions', async () => {
    const seen: string[] = []
    const scheduler = {
      decide(state: RunState, signal: Signal, context: DecideContext) {
        seen.push(signal.type)
        const late =
          signal.type === 'fail' ? { ...signal, failure: { ...signal.failure, kind: 'refused' as const } } : signal
        return decide(state, late, context)
      },
    }
    const { backend, clock, orchestrator } = setUp({}, { scheduler })
    backend.answer('b', failing)
    const run = orchestrator.run({ tasks: specs('a b') })
    await clock.runUntilIdle()
    expect((await run.result).tasks.map(task => task.attempts)).toEqual([1, 1])
    expect(seen).toEqual(['add', 'start', 'start', 'succeed', 'fail'])
  })
})

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
