import { AgentError, Orchestrator, WorkerPool } from 'counterpoint'
import { VirtualClock } from 'counterpoint/testing'
import { describe, expect, test } from 'vitest'
import { specs } from '../support/scene.js'
import { setUp } from '../support/set-up.js'

describe('a slot', () => {
  const backends: readonly [string, () => unknown][] = [
    [
      'throws synchronously',
      () => {
        throw new Error('no')
      },
    ],
    ['answers at once', () => 1],
    ['answers undefined', () => undefined],
    ['rejects', () => Promise.reject(new Error('no'))],
    ['rejects with nothing', () => Promise.reject(undefined)],
    ['answers later', () => new Promise(resolve => setImmediate(resolve, 1))],
    ['answers with what is no JSON', () => 1n],
    [
      'refuses',
      () => {
        throw new AgentError('refused', 'no')
      },
    ],
    ['never answers', () => new Promise(() => {})],
    [
      'answers with a thenable that throws',
      () => ({
        // biome-ignore lint/suspicious/noThenProperty: that is what a hostile backend does.
        then: () => {
          throw new Error('no')
        },
      }),
    ],
  ]
  test.each(backends)('comes back when the backend %s', async (_title, backend) => {
    const clock = new VirtualClock()
    const orchestrator = new Orchestrator({
      clock,
      pools: { p: { backend, concurrency: 1, defaults: { timeoutMs: 10, retries: 1 } } },
    })
    const run = orchestrator.run({ tasks: specs('a b c') })
    await clock.runUntilIdle()
    expect((await run.result).tasks.every(task => task.attempts > 0)).toBe(true)
    expect(orchestrator.pools.get('p')!.stats()).toMatchObject({ running: 0, queued: 0 })
    expect(clock.pending).toBe(0)
  })

  test('comes back when its run is cancelled while it is claimed, and when the run ends', async () => {
    const { backend, orchestrator } = setUp({ concurrency: 1 })
    backend.hold('*')
    const first = orchestrator.run({ tasks: specs('a') })
    const second = orchestrator.run({ tasks: specs('b') })
    await backend.started('a')
    await first.cancel()
    await first.result
    await backend.started('b')
    backend.release('b')
    await second.result
    expect(orchestrator.pools.get('p')!.stats()).toMatchObject({ running: 0, queued: 0 })
  })

  test('of an attempt that ignores its abort comes back after the grace, and what that says later changes nothing', async () => {
    const clock = new VirtualClock()
    const backend = (): Promise<number> => new Promise(resolve => clock.schedule(() => resolve(1), 10_000))
    const orchestrator = new Orchestrator({ clock, pools: { p: { backend, concurrency: 1, graceMs: 100 } } })
    const run = orchestrator.run({ tasks: [{ id: 'a', pool: 'p', timeoutMs: 1_000, retries: 0 }] })
    await clock.advance(1_099)
    expect(orchestrator.pools.get('p')!.stats().running).toBe(1)
    await clock.advance(1)
    expect(orchestrator.pools.get('p')!.stats().running).toBe(0)
    await clock.runUntilIdle()
    expect((await run.result).tasks[0]).toMatchObject({ status: 'dead', abandoned: 1, failure: { kind: 'timeout' } })
  })

  test('is used when the concurrency is lowered from inside a start, while several are free', async () => {
    const clock = new VirtualClock()
    // Attempts of 256 tasks close the gate; when it opens, the four slots of the last of them are free at once.
    const backend = ({ task }: { task: { id: string } }): unknown => {
      if (task.id !== 't256') return Promise.resolve(task.id)
      orchestrator.pools.get('p')!.concurrency = 3
      return task.id
    }
    const orchestrator = new Orchestrator({ clock, pools: { p: { backend, concurrency: 4 } } })
    const run = orchestrator.run({ tasks: Array.from({ length: 300 }, (_, i) => ({ id: `t${i}`, pool: 'p' })) })
    await clock.runUntilIdle()
    expect(run.progress()).toMatchObject({ status: 'settled', outcome: 'completed' })
  })
})

describe("a pool of one's own", () => {
  test('may be shared by two orchestrators: one limit for both', async () => {
    const clock = new VirtualClock()
    let running = 0
    let most = 0
    const run = async (): Promise<number> => {
      most = Math.max(most, ++running)
      await new Promise<void>(resolve => clock.schedule(resolve, 10))
      running--
      return 1
    }
    const pool = new WorkerPool({ name: 'shared', backend: { run }, concurrency: 2, clock })
    const runs = [1, 2].map(() => new Orchestrator({ clock, pools: { p: pool } }).run({ tasks: specs('a b c d') }))
    await clock.runUntilIdle()
    for (const other of runs) expect((await other.result).outcome).toBe('completed')
    expect([most, pool.stats().running]).toEqual([2, 0])
  })
})
