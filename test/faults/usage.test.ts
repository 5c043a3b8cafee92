import type { RunResult, TaskResult } from 'counterpoint'
import { type Answer, fail, ignoreAbort, succeed } from 'counterpoint/testing'
import { describe, expect, test } from 'vitest'
import { Fixture } from './fixture.js'

interface Case {
  readonly answers: readonly Answer[]
  readonly task?: object
}

async function play({ answers, task = {} }: Case): Promise<{ readonly a: TaskResult; readonly result: RunResult }> {
  const fixture = new Fixture(undefined, { pool: { graceMs: 10 } })
  fixture.mock.answers('a', answers)
  const { result, tasks } = await fixture.run([{ id: 'a', ...task }])
  return { result, a: tasks.a! }
}

describe('usage', () => {
  const used = (costUsd: number): { readonly usage: { readonly costUsd: number; readonly inputTokens: number } } => ({
    usage: { costUsd, inputTokens: 100 * costUsd },
  })

  test('is summed over all attempts, failed ones included', async () => {
    const answers = [fail('agent', used(1)), fail('throttled', used(2)), succeed('x', used(4))]
    const { a, result } = await play({ answers })
    expect([a.usage, result.usage]).toEqual([
      { costUsd: 7, inputTokens: 700 },
      { costUsd: 7, inputTokens: 700 },
    ])
  })

  test('of a dead task is counted', async () => {
    const { result } = await play({ answers: [fail('agent', used(1))], task: { retries: 2 } })
    expect(result.usage.costUsd).toBe(3)
  })

  test('of an attempt that timed out is what it reported', async () => {
    const answers = [succeed('late', { afterMs: 100, progress: [used(1), used(2)] }), succeed('x', used(8))]
    const { result } = await play({ answers, task: { timeoutMs: 80 } })
    expect(result.usage.costUsd).toBe(10)
  })

  test('of an abandoned attempt is what it reported', async () => {
    const { a } = await play({
      answers: [ignoreAbort(5_000, succeed('late', { progress: [used(3)] }))],
      task: { timeoutMs: 80, retries: 0 },
    })
    expect(a).toMatchObject({ abandoned: 1, usage: { costUsd: 3 } })
  })

  test('of an attempt that was cancelled is counted', async () => {
    const fixture = new Fixture()
    fixture.mock.answer('a', succeed('late', { afterMs: 1_000, progress: [used(5)] }))
    const run = fixture.start(['a'])
    await fixture.clock.advance(500)
    await run.cancel()
    expect((await fixture.finish(run)).result.usage.costUsd).toBe(5)
  })

  test('that comes with an error after the abort is counted', async () => {
    const { a } = await play({
      answers: [ignoreAbort(55, fail('agent', used(6)))],
      task: { timeoutMs: 50, retries: 0 },
    })
    expect(a).toMatchObject({ abandoned: 0, usage: { costUsd: 6 } })
  })

  test('that comes with a reply after the abort is counted', async () => {
    const { a } = await play({
      answers: [ignoreAbort(55, succeed('late', used(6)))],
      task: { timeoutMs: 50, retries: 0 },
    })
    expect(a).toMatchObject({ abandoned: 0, usage: { costUsd: 6 } })
  })

  test('of tasks without a report is unknown', async () => {
    const { a, result } = await play({ answers: ['x'] })
    expect([a.usage, result.usage]).toEqual([undefined, {}])
  })
})
