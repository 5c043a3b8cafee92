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
import { specs } from '../support/scene.js'
import { setUp } from '../support/set-up.js'

const failing = (): Promise<never> => Promise.reject(new Error('no'))

describe('a distributor of the host', () => {
  test('finds the pool of tasks that name none, and is not asked about the others', async () => {
    const asked: string[] = []
    const { orchestrator } = setUp(
      {},
      {
        distributor: task => {
          asked.push(task.id)
          return { kind: 'pool', pool: 'p', confidence: 1 }
        },
      },
    )
    const { tasks } = await orchestrator.run({ tasks: [{ id: 'a' }, { id: 'b', pool: 'p' }] }).result
    expect([asked, tasks.map(task => task.pool)]).toEqual([['a'], ['p', 'p']])
  })

  test('may be an object, keep its own state, and take its time', async () => {
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

  test('that names a pool which is not there, or none, is refused with NO_POOL', () => {
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

describe('a failure handler of the host', () => {
  test('gives every verdict, with the facts', async () => {
    const told: FailureFacts[] = []
    const { backend, clock, orchestrator } = setUp(
      {},
      {
        failureHandler: (_failure, facts) => {
          told.push(facts)
          return facts.attempt < 4 ? { action: 'retry', delayMs: 5 } : { action: 'dead', reason: 'four is enough' }
        },
      },
    )
    backend.answer('*', failing)
    const run = orchestrator.run({ tasks: [{ id: 'a', pool: 'p', context: { mine: true } }] }, { runId: 'x' })
    await clock.runUntilIdle()
    expect((await run.result).tasks[0]).toMatchObject({ status: 'dead', attempts: 4 })
    expect(told[3]).toMatchObject({ runId: 'x', task: { id: 'a', context: { mine: true } }, attempt: 4, failures: 3 })
  })

  test('may be ours with other options', async () => {
    const { backend, clock, orchestrator } = setUp({}, { failureHandler: new FailureHandler({ retries: 0 }) })
    backend.answer('*', failing)
    const run = orchestrator.run({ tasks: specs('a') })
    await clock.runUntilIdle()
    expect((await run.result).tasks[0]?.attempts).toBe(1)
  })
})

describe('a scheduler of the host', () => {
  test('may wrap ours: it sees every signal and may change what is decided', async () => {
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

describe('small ports of the host', () => {
  test('give ids and random numbers', async () => {
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
