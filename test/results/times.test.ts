import { Orchestrator, ResultAggregator } from 'counterpoint'
import { MockBackend, succeed, VirtualClock } from 'counterpoint/testing'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { criticalPath } from '../../src/results/critical-path.js'
import { specs } from '../support/scheduler-fixture.js'
import { setUp } from '../support/set-up.js'
import { finished } from './finished.js'

describe('times', () => {
  test('are 210 s instead of 315 s for the restaurant example, which is its critical path', async () => {
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

  test('count every attempt, but not the waits between them', async () => {
    const { backend, clock, orchestrator } = setUp()
    const slow = (): Promise<never> => new Promise((_, reject) => clock.schedule(() => reject(new Error('no')), 100))
    backend.answers('a', [slow, slow, succeed('a', { afterMs: 50 })])
    const run = orchestrator.run({ tasks: specs('a') })
    await clock.runUntilIdle()
    const { times, tasks } = await run.result
    expect(times).toMatchObject({ wallMs: 250 + 500 + 1_000, serialMs: 250, criticalPathMs: 250 })
    expect(tasks[0]).toMatchObject({ attempts: 3, busyMs: 250, startedAt: tasks[0]!.endedAt! - 1_750 })
  })

  test('have a critical path along order-only dependencies', async () => {
    const { backend, clock, orchestrator } = setUp({ concurrency: 4 })
    for (const id of ['a', 'b']) backend.answer(id, succeed(id, { afterMs: 100 }))
    const run = orchestrator.run({ tasks: [{ id: 'a' }, { id: 'b', orderAfter: ['a'] }] })
    await clock.runUntilIdle()
    expect((await run.result).times).toMatchObject({ wallMs: 200, criticalPathMs: 200, criticalPath: ['a', 'b'] })
  })

  test('are 0 for a run without tasks', () => {
    expect(new ResultAggregator().aggregate(finished([])).times).toEqual({
      wallMs: 0,
      serialMs: 0,
      criticalPathMs: 0,
      criticalPath: [],
    })
  })
})

describe('criticalPath', () => {
  test('is the longest chain of any graph', () => {
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

  test('takes a chain of 200,000 tasks without recursion', () => {
    const steps = Array.from({ length: 200_000 }, (_, i) => ({
      id: `t${i}`,
      busyMs: 1,
      after: i === 0 ? [] : [`t${i - 1}`],
    }))
    expect(criticalPath(steps.reverse())).toMatchObject({ ms: 200_000 })
  })

  test('follows order-only dependencies too', () => {
    const steps = [
      { id: 'a', busyMs: 10, after: [] },
      { id: 'b', busyMs: 5, after: [], orderAfter: ['a'] },
    ]
    expect(criticalPath(steps)).toEqual({ ids: ['a', 'b'], ms: 15 })
  })

  test('leaves out a dependency that ended after the task had started', () => {
    const steps = [
      { id: 'fast', busyMs: 10, after: [], startedAt: 0, endedAt: 10 },
      { id: 'slow', busyMs: 30, after: [], startedAt: 0, endedAt: 30 },
      { id: 'first', busyMs: 50, after: ['fast', 'slow'], startedAt: 10, endedAt: 60 },
    ]
    expect(criticalPath(steps)).toEqual({ ids: ['fast', 'first'], ms: 60 })
  })

  test('passes through a task that never ran, and leaves it out', () => {
    const steps = [
      { id: 'a', busyMs: 10, after: [], startedAt: 0, endedAt: 10 },
      { id: 'skipped', busyMs: 0, after: ['a'], endedAt: 10 },
      { id: 'b', busyMs: 5, after: ['skipped'], startedAt: 10, endedAt: 15 },
    ]
    expect(criticalPath(steps)).toEqual({ ids: ['a', 'b'], ms: 15 })
    expect(criticalPath([{ id: 'x', busyMs: 0, after: [], endedAt: 1 }])).toEqual({ ids: [], ms: 0 })
  })
})
