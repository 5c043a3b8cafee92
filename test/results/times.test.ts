import { type FinishedRun, Orchestrator, ResultAggregator, type TaskResult } from 'counterpoint'
import { MockBackend, succeed, VirtualClock } from 'counterpoint/testing'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { criticalPath } from '../../src/results/critical-path.js'
import { specs } from '../support/scene.js'
import { setUp } from '../support/set-up.js'

/** A finished run of which only the tasks matter. */
function finished(tasks: readonly Partial<TaskResult>[]): FinishedRun {
  const whole = (task: Partial<TaskResult>): TaskResult => ({
    id: 'a',
    description: '',
    pool: 'p',
    status: 'succeeded',
    attempts: 1,
    abandoned: 0,
    busyMs: 0,
    weight: 1,
    after: [],
    ...task,
  })
  return { runId: 'r', outcome: 'completed', startedAt: 0, settledAt: 0, awayMs: 0, tasks: tasks.map(whole) }
}

describe('the restaurant', () => {
  test('takes 210 s instead of 315: a third less, and no more slots would make it shorter', async () => {
    const clock = new VirtualClock()
    const backend = new MockBackend({ clock })
    const takes = { frontend: 60_000, backend: 90_000, schema: 45_000, audit: 120_000 }
    for (const [id, afterMs] of Object.entries(takes)) backend.answer(id, succeed(id, { afterMs }))
    const orchestrator = new Orchestrator({ clock, pools: { p: { backend } } })
    const run = orchestrator.run({ tasks: specs('frontend backend schema audit<backend') })
    await clock.runUntilIdle()
    const { times } = await run.result
    expect(times).toEqual({
      wallMs: 210_000,
      serialMs: 315_000,
      criticalPathMs: 210_000,
      criticalPath: ['backend', 'audit'],
    })
    expect(Math.round((1 - times.wallMs / times.serialMs) * 100)).toBe(33)
  })
})

describe('times', () => {
  test('count every attempt, not the waits between them', async () => {
    const { backend, clock, orchestrator } = setUp()
    const slow = (): Promise<never> => new Promise((_, reject) => clock.schedule(() => reject(new Error('no')), 100))
    backend.answers('a', [slow, slow, succeed('a', { afterMs: 50 })])
    const run = orchestrator.run({ tasks: specs('a') })
    await clock.runUntilIdle()
    const { times, tasks } = await run.result
    expect(times).toMatchObject({ wallMs: 250 + 500 + 1_000, serialMs: 250, criticalPathMs: 250 })
    expect(tasks[0]).toMatchObject({ attempts: 3, busyMs: 250, startedAt: tasks[0]!.endedAt! - 1_750 })
  })

  test('of a run without tasks are nothing', () => {
    expect(new ResultAggregator().aggregate(finished([])).times).toEqual({
      wallMs: 0,
      serialMs: 0,
      criticalPathMs: 0,
      criticalPath: [],
    })
  })

  test('the critical path is the longest of all, in any graph', () => {
    const steps = fc.array(fc.record({ busyMs: fc.nat(50), needs: fc.array(fc.nat(9), { maxLength: 3 }) }), {
      maxLength: 10,
    })
    fc.assert(
      fc.property(steps, fc.boolean(), (drawn, backward) => {
        const list = drawn.map(({ busyMs, needs }, i) => ({
          id: `t${i}`,
          busyMs,
          after: needs.filter(need => need < i).map(need => `t${need}`),
        }))
        const longest = (id: string): number => {
          const step = list.find(other => other.id === id)!
          return step.busyMs + Math.max(0, ...step.after.map(longest))
        }
        const expected = Math.max(0, ...list.map(step => longest(step.id)))
        const { ids, ms } = criticalPath(backward ? [...list].reverse() : list)
        expect(ms).toBe(expected)
        expect(ids.reduce((sum, id) => sum + list.find(step => step.id === id)!.busyMs, 0)).toBe(expected)
        for (const [i, id] of ids.slice(1).entries()) expect(list.find(step => step.id === id)!.after).toContain(ids[i])
      }),
    )
  })

  test('the critical path of a chain of 200,000 needs no recursion', () => {
    const steps = Array.from({ length: 200_000 }, (_, i) => ({
      id: `t${i}`,
      busyMs: 1,
      after: i === 0 ? [] : [`t${i - 1}`],
    }))
    expect(criticalPath(steps.reverse())).toMatchObject({ ms: 200_000 })
  })
})
