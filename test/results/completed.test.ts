import type { CounterpointError, Run } from 'counterpoint'
import { describe, expect, test } from 'vitest'
import { specs } from '../support/scheduler-fixture.js'
import { setUp } from '../support/set-up.js'

async function failureOf(run: Run): Promise<CounterpointError<'RUN_FAILED'>> {
  return run.completed.then(
    () => expect.unreachable(),
    error => error,
  )
}

describe('run.completed', () => {
  test('resolves with the result when the outcome is completed, each time with the same promise', async () => {
    const run = setUp().orchestrator.run({ tasks: specs('a b<a') })
    const first = run.completed
    expect(await first).toBe(await run.result)
    expect(run.completed).toBe(first)
  })

  test('rejects with RUN_FAILED for any other outcome, with the root causes in the message and the result in its details', async () => {
    const { backend, clock, orchestrator } = setUp({ defaults: { retries: 0 } })
    backend.answer('bad', () => Promise.reject(new Error('no more disk')))
    const failed = orchestrator.run({ tasks: specs('bad b<bad') }, { runId: 'nightly' })
    const partial = orchestrator.run({ tasks: specs('bad c') }, { runId: 'weekly' })
    await clock.runUntilIdle()
    const error = await failureOf(failed)
    expect(error).toMatchObject({
      code: 'RUN_FAILED',
      message: 'run nightly failed: task "bad" is dead (agent): no more disk',
      details: { runId: 'nightly' },
    })
    expect(error.details.result).toBe(await failed.result)
    expect((await failureOf(partial)).message).toBe(
      'run weekly was completed only in part: task "bad" is dead (agent): no more disk',
    )
  })

  test('names the first three of many root causes, and shortens long messages', async () => {
    const { backend, clock, orchestrator } = setUp({ defaults: { retries: 0 } })
    backend.answer('*', () => Promise.reject(new Error('x'.repeat(1_000))))
    const run = orchestrator.run({ tasks: specs('a b c d e') }, { runId: 'r' })
    await clock.runUntilIdle()
    const cause = `(agent): ${'x'.repeat(300)}...`
    expect((await failureOf(run)).message).toBe(
      `run r failed: task "a" is dead ${cause}; task "b" is dead ${cause}; task "c" is dead ${cause}; and 2 more`,
    )
  })

  test('says why a run was cancelled', async () => {
    const { backend, orchestrator } = setUp()
    backend.hold('a')
    const run = orchestrator.run({ tasks: specs('a') }, { runId: 'r' })
    await backend.started('a')
    await run.cancel('no longer needed')
    expect((await failureOf(run)).message).toBe('run r was cancelled: task "a" was cancelled: no longer needed')
  })

  test('rejects with what the result rejects with', async () => {
    const broken = new Error('my own aggregator')
    const aggregator = (): never => {
      throw broken
    }
    const run = setUp({}, { aggregator }).orchestrator.run({ tasks: specs('a') })
    await expect(run.completed).rejects.toBe(broken)
  })

  test('is no unhandled rejection, whether it is never read or awaited late', async () => {
    const { backend, clock, orchestrator } = setUp({ defaults: { retries: 0 } })
    backend.answer('*', () => Promise.reject(new Error('no')))
    const unhandled: unknown[] = []
    const listener = (reason: unknown): void => void unhandled.push(reason)
    process.on('unhandledRejection', listener)
    const [never, late] = [orchestrator.run({ tasks: specs('a') }), orchestrator.run({ tasks: specs('a') })]
    const { completed } = late
    await clock.runUntilIdle()
    await never.result
    await new Promise(resolve => setImmediate(resolve))
    await expect(completed).rejects.toMatchObject({ code: 'RUN_FAILED' })
    process.off('unhandledRejection', listener)
    expect(unhandled).toEqual([])
  })
})
