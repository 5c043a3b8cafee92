import { inspect } from 'node:util'
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

  test('an uncaught RUN_FAILED is printed short: the root cause with the stack of the host, and not the whole result', async () => {
    const { backend, clock, orchestrator } = setUp({ defaults: { retries: 0 } })
    const thrown = new TypeError('plan.map is no function')
    backend.answer('bad', () => Promise.reject(thrown))
    const run = orchestrator.run({ tasks: specs(`bad ${Array.from({ length: 200 }, (_, i) => `t${i}`).join(' ')}`) })
    await clock.runUntilIdle()
    const error = await failureOf(run)
    expect(error.cause).toMatchObject({ message: thrown.message, kind: 'agent', taskId: 'bad' })
    expect(error.cause).toBeInstanceOf(Error)
    expect([(error.cause as Error).name, (error.cause as Error).stack]).toEqual(['TypeError', thrown.stack])
    const printed = inspect(error)
    expect(printed.split('\n').length).toBeLessThan(40)
    expect(printed).toMatch(/\[cause\]: .*TypeError\]?: plan\.map is no function\n/)
    expect(printed).toMatch(/at .*completed\.test\.ts/)
    expect(Object.keys(error.details)).toEqual(['runId'])
    expect(error.details.result.tasks).toHaveLength(201)
  })

  test('has no cause where no task failed, or one without a stack where nothing was thrown', async () => {
    const { backend, clock, orchestrator } = setUp({ defaults: { retries: 0, timeoutMs: 10 } })
    backend.hold('*')
    const late = orchestrator.run({ tasks: specs('a') })
    await clock.runUntilIdle()
    const { cause } = (await failureOf(late)) as { readonly cause: Error }
    expect(cause).toMatchObject({ kind: 'timeout' })
    expect(cause.stack).toBe(`Error: ${cause.message}`)
    const cancelled = orchestrator.run({ tasks: specs('b') })
    await backend.started('b')
    await cancelled.cancel()
    expect((await failureOf(cancelled)).cause).toBeUndefined()
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

  test('causes no unhandled rejection, whether it is never read or awaited late', async () => {
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
