import { getEventListeners } from 'node:events'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { Orchestrator } from 'counterpoint'
import { hang, MockBackend } from 'counterpoint/testing'
import { describe, expect, test } from 'vitest'
import { turn } from './fixture.js'

describe('one signal shared by many', () => {
  /** Warnings of the platform during `body`. */
  async function warningsDuring(body: () => Promise<void>): Promise<readonly string[]> {
    // Warnings of the previous test come a turn later.
    await turn()
    const warnings: string[] = []
    const note = (warning: Error): void => void warnings.push(`${warning.name}: ${warning.message}`)
    process.on('warning', note)
    try {
      await body()
      await turn()
    } finally {
      process.off('warning', note)
    }
    return warnings
  }

  test('runs causes no warning, and leaves no listener', async () => {
    const { signal } = new AbortController()
    const orchestrator = new Orchestrator({ pools: { pool: { backend: () => 'done' } }, retain: 0 })
    const warnings = await warningsDuring(async () => {
      const runs = Array.from({ length: 500 }, () =>
        orchestrator.run({ tasks: [{ id: 'a', description: 'a' }] }, { signal }),
      )
      expect(getEventListeners(signal, 'abort').length).toBe(1)
      await Promise.all(runs.map(run => run.result))
    })
    expect([warnings, getEventListeners(signal, 'abort').length]).toEqual([[], 0])
  })

  test('runs cancels them all', async () => {
    const controller = new AbortController()
    const backend = new MockBackend().answer('*', hang())
    const orchestrator = new Orchestrator({ pools: { pool: { backend, concurrency: 10 } } })
    const runs = Array.from({ length: 300 }, () =>
      orchestrator.run({ tasks: [{ id: 'a', description: 'a' }] }, { signal: controller.signal }),
    )
    // A slot yields after 4 ms: on a busy machine ten starts take several turns.
    while (backend.running < 10) await turn()
    controller.abort()
    const results = await Promise.all(runs.map(run => run.result))
    expect(new Set(results.map(({ outcome }) => outcome))).toEqual(new Set(['cancelled']))
    expect([backend.running, backend.maxRunning]).toEqual([0, 10])
  })

  test('tasks causes no warning, and leaves no memory', async () => {
    setFlagsFromString('--expose-gc')
    const gc = runInNewContext('gc') as () => void
    const heap = async (): Promise<number> => {
      for (let i = 0; i < 3; i++) await turn()
      gc()
      return process.memoryUsage().heapUsed
    }
    const { signal } = new AbortController()
    const backend = (_: unknown, context: { signal: AbortSignal }): boolean => context.signal.aborted
    const orchestrator = new Orchestrator({ pools: { pool: { backend, concurrency: 64 } }, retain: 0 })
    const round = async (count: number): Promise<void> => {
      const tasks = Array.from({ length: count }, (_, i) => ({ id: `t${i}`, description: 'x' }))
      expect((await orchestrator.run({ tasks }, { signal }).result).outcome).toBe('completed')
    }
    const warnings = await warningsDuring(async () => {
      await round(5_000)
      const before = await heap()
      for (let i = 0; i < 3; i++) await round(15_000)
      expect((await heap()) - before).toBeLessThan(8_000_000)
    })
    expect(warnings).toEqual([])
  })
})
