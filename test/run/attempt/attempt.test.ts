import { AgentError, reply, TaskGraph } from 'counterpoint'
import { describe, expect, test } from 'vitest'
import { specs } from '../../support/scheduler-fixture.js'
import { setUp } from '../../support/set-up.js'

describe('what a stopped attempt still reports', () => {
  const usage = { inputTokens: 100, costUsd: 0.5 }

  test('usage counts when it answers within the grace period', async () => {
    const { backend, clock, orchestrator } = setUp({ defaults: { timeoutMs: 100, retries: 0 } })
    backend.answer('a', () => new Promise(resolve => clock.schedule(() => resolve(reply({ output: 1, usage })), 150)))
    const run = orchestrator.run({ tasks: specs('a') })
    await clock.runUntilIdle()
    expect(await run.result).toMatchObject({ outcome: 'failed', usage })
  })

  test('usage counts when it throws within the grace period', async () => {
    const { backend, clock, orchestrator } = setUp({ defaults: { timeoutMs: 100, retries: 0 } })
    backend.answer('a', (_request, { signal }) => {
      return new Promise((_, reject) =>
        signal.addEventListener('abort', () => reject(new AgentError('agent', 'aborted', { usage }))),
      )
    })
    const run = orchestrator.run({ tasks: specs('a') })
    await clock.runUntilIdle()
    expect(await run.result).toMatchObject({ outcome: 'failed', usage })
  })

  test('usage counts when it is reported on the abort', async () => {
    const { backend, clock, orchestrator } = setUp({ defaults: { timeoutMs: 100, retries: 0 } })
    backend.answer('a', (_request, { signal, report }) => {
      return new Promise((_, reject) =>
        signal.addEventListener('abort', () => {
          report({ usage })
          reject(signal.reason)
        }),
      )
    })
    const run = orchestrator.run({ tasks: specs('a') })
    await clock.runUntilIdle()
    expect(await run.result).toMatchObject({ outcome: 'failed', usage })
  })
})

describe('an input function', () => {
  test('that never returns is limited by the timeout of its attempt', async () => {
    const { clock, orchestrator } = setUp()
    const graph = new TaskGraph('g')
    graph.task('a', { pool: 'p', timeoutMs: 1_000, retries: 0, input: () => new Promise<never>(() => {}) })
    const run = orchestrator.run(graph)
    await clock.advance(60_000)
    expect(run.progress().status).toBe('settled')
  })

  // A timer of an input function that outlives its task would keep the process alive for up to an hour.
  test('leaves no timer when its task is cancelled', async () => {
    const { clock, orchestrator } = setUp()
    const graph = new TaskGraph('g')
    graph.task('a', { pool: 'p', input: () => new Promise<never>(() => {}) })
    const run = orchestrator.run(graph)
    await clock.advance(0)
    await run.cancelTask('a')
    await run.result
    expect(clock.pending).toBe(0)
  })

  test('that fails gives back the slot, the queue entry and the admission', async () => {
    const { backend, clock, orchestrator } = setUp({ concurrency: 1, queueLimit: 3 })
    const graph = new TaskGraph('g')
    for (const id of ['a', 'b']) graph.task(id, { pool: 'p', input: () => Promise.reject(new Error('no')) })
    graph.task('c', { pool: 'p' })
    backend.hold('c')
    const run = orchestrator.run(graph)
    await clock.advance(0)
    expect(orchestrator.pools.get('p')?.stats()).toMatchObject({ running: 1, queued: 0 })
    orchestrator.run({ tasks: specs('x y z') }, { whenFull: 'reject' })
    await clock.advance(0)
    expect(orchestrator.pools.get('p')?.stats()).toMatchObject({ running: 1, queued: 3 })
    backend.release('c')
    expect(await run.result).toMatchObject({
      outcome: 'partial',
      tasks: [{ failure: { kind: 'bad-input' } }, { failure: { kind: 'bad-input' } }, {}],
    })
  })
})
