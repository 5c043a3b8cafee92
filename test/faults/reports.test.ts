import type { Report } from 'counterpoint'
import { describe, expect, test } from 'vitest'
import type { AttemptProgressed } from '../../src/emitter.js'
import { Fixture, turn } from './fixture.js'

describe('a million reports of one attempt', () => {
  const MILLION = 1_000_000

  test('at once are published as one, and none is journaled', async () => {
    const fixture = new Fixture((_, { report }) => {
      for (let i = 1; i <= MILLION; i++) report({ progress: i / MILLION, message: `step ${i}` })
      return 'done'
    })
    const run = fixture.start(['a'])
    const received: AttemptProgressed[] = []
    run.on('attempt.progressed', event => void received.push(event))
    const { records, events } = await fixture.finish(run)
    expect(received).toMatchObject([{ taskId: 'a', attempt: 1, progress: 1 / MILLION, message: 'step 1' }])
    expect(JSON.stringify(records)).not.toContain('step')
    expect(events.map(({ type }) => type)).not.toContain('attempt.progressed')
  })

  test('within ten seconds are published ten times a second, the last one always', async () => {
    const fixture = new Fixture(async (_, { report }) => {
      for (let ms = 1; ms <= 10_000; ms++) {
        for (let i = 0; i < 100; i++) report({ progress: ms / 10_000 })
        await new Promise<void>(resolve => fixture.clock.schedule(resolve, 1))
      }
      await new Promise<void>(resolve => fixture.clock.schedule(resolve, 500))
      return 'done'
    })
    const run = fixture.start(['a'])
    const received: number[] = []
    run.on('attempt.progressed', ({ progress }) => void received.push(progress as number))
    await fixture.finish(run)
    expect(received.length).toBeLessThanOrEqual(102)
    expect(received.length).toBeGreaterThan(95)
    expect(received.at(-1)).toBe(1)
    expect(received).toEqual(received.toSorted((a, b) => a - b))
  })

  test('are shown by progress() at once, also between two published ones', async () => {
    const fixture = new Fixture(undefined)
    let send: (report: Report) => void = () => {}
    fixture.mock.answer('a', (_, { report }) => {
      send = report
      return new Promise(() => {})
    })
    const run = fixture.start(['a'])
    await fixture.mock.started('a')
    send({ progress: 0.1, message: 'first' })
    send({ progress: 0.2 })
    expect(run.progress().running).toMatchObject([{ id: 'a', attempt: 1, progress: 0.2, message: 'first' }])
    await run.cancel()
    await fixture.finish(run)
  })
})

describe('a report', () => {
  test('after the attempt has ended is not published', async () => {
    let late: (report: Report) => void = () => {}
    const fixture = new Fixture((_, { report }) => {
      late = report
      return 'done'
    })
    const run = fixture.start(['a'])
    const received: unknown[] = []
    run.on('attempt.progressed', event => void received.push(event))
    await fixture.finish(run)
    late({ progress: 1, usage: { costUsd: 1_000 } })
    await turn()
    expect([received, run.task('a')?.usage, fixture.clock.pending]).toEqual([[], undefined, 0])
  })

  test('of usage is counted when the attempt fails, the last one of each attempt', async () => {
    const fixture = new Fixture((_, { attempt, report }) => {
      report({ usage: { inputTokens: 10, costUsd: 0.5 } })
      report({ usage: { inputTokens: 100 * attempt, costUsd: attempt } })
      if (attempt < 3) throw new Error('not yet')
      return 'done'
    })
    const { result, tasks } = await fixture.run(['a'])
    expect([result.usage, tasks.a?.usage]).toEqual([
      { inputTokens: 600, costUsd: 6 },
      { inputTokens: 600, costUsd: 6 },
    ])
  })

  test('that is invalid fails only the agent that made it', async () => {
    const unreadable = new Proxy(
      {},
      {
        get() {
          throw new Error('no')
        },
        ownKeys() {
          throw new Error('no')
        },
      },
    )
    const odd = [null, undefined, 7, 'text', unreadable, { usage: unreadable }, { progress: Number.NaN, message: 7 }]
    const fixture = new Fixture(({ task }, { report }) => {
      report(odd[Number(task.id)] as Report)
      return 'done'
    })
    const { result, tasks } = await fixture.run([...odd.map((_, i) => ({ id: `${i}`, retries: 0 }))])
    for (const { status, failure } of result.tasks)
      expect([status, failure?.kind ?? 'none']).toBeOneOf([
        ['succeeded', 'none'],
        ['dead', 'agent'],
      ])
    expect(tasks['6']?.status).toBe('succeeded')
  })
})
