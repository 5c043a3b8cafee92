import { AgentError, Orchestrator, WorkerPool } from 'counterpoint'
import { VirtualClock } from 'counterpoint/testing'
import { describe, expect, test } from 'vitest'
import { specs } from '../support/scheduler-fixture.js'
import { setUp } from '../support/set-up.js'

describe('the slot of an attempt', () => {
  const backends: readonly [string, () => unknown][] = [
    [
      'throws synchronously',
      () => {
        throw new Error('no')
      },
    ],
    ['answers immediately', () => 1],
    ['answers undefined', () => undefined],
    ['rejects', () => Promise.reject(new Error('no'))],
    ['rejects with nothing', () => Promise.reject(undefined)],
    ['answers later', () => new Promise(resolve => setImmediate(resolve, 1))],
    ['answers with something other than JSON', () => 1n],
    [
      'refuses the task',
      () => {
        throw new AgentError('refused', 'no')
      },
    ],
    ['never answers', () => new Promise(() => {})],
    [
      'answers with a thenable that throws',
      () => ({
        // biome-ignore lint/suspicious/noThenProperty: a hostile backend may do this.
        then: () => {
          throw new Error('no')
        },
      }),
    ],
  ]
  test.each(backends)('is released when the backend %s', async (_title, backend) => {
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

  test('is released when its run is cancelled', async () => {
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

  test('is released after the grace period when the attempt ignores its abort; its late answer is ignored', async () => {
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

  test('is used again when the concurrency is lowered inside a start while several are free', async () => {
    const clock = new VirtualClock()
    // After 256 starts the pool yields to the event loop; then four slots are free together.
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

describe('a pool that a host has created', () => {
  test('can be shared by two orchestrators, which then share its limit', async () => {
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
