import type { Report } from 'counterpoint'
import { describe, expect, test } from 'vitest'
import type { AttemptProgressed } from '../../src/events/event-map.js'
import { Fixture, turn } from './fixture.js'

describe('a million reports of one attempt', () => {
  const MILLION = 1_000_000

  test('at once are published as two, the first and the last, and none is journaled', async () => {
    const fixture = new Fixture((_, { report }) => {
      for (let i = 1; i <= MILLION; i++) report({ progress: i / MILLION, message: `step ${i}` })
      return 'done'
    })
    const run = fixture.start(['a'])
    const received: AttemptProgressed[] = []
    run.on('attempt.progressed', event => void received.push(event))
    const { records, events } = await fixture.finish(run)
    expect(received).toMatchObject([
      { taskId: 'a', attempt: 1, progress: 1 / MILLION, message: 'step 1' },
      { taskId: 'a', attempt: 1, progress: 1, message: `step ${MILLION}` },
    ])
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

  test.each<readonly [string, () => unknown, string]>([
    ['succeeds', () => 'done', 'task.succeeded'],
    ['fails', () => Promise.reject(new Error('no')), 'attempt.failed'],
    ['is stopped', () => new Promise(() => {}), 'attempt.stopping'],
  ])('is published before the event that ends an attempt which %s, the last one too', async (_, answer, type) => {
    const fixture = new Fixture(
      (_request, { report }) => {
        report({ progress: 0.5 })
        report({ progress: 1, data: { rows: 42 } })
        return answer()
      },
      { pool: { graceMs: 10 } },
    )
    const run = fixture.start([{ id: 'a', retries: 0, timeoutMs: 50 }])
    const log: unknown[] = []
    run.on('event', event => {
      if (event.type === 'attempt.progressed') log.push([event.progress, event.data])
      else if (event.type === type) log.push(type)
    })
    await fixture.finish(run)
    expect(log).toEqual([[0.5, undefined], [1, { rows: 42 }], type])
  })

  test('on whose publishing a listener cancels the task ends the attempt once', async () => {
    const fixture = new Fixture((_, { report }) => {
      report({ progress: 0.5 })
      report({ progress: 1 })
      return 'done'
    })
    const run = fixture.start(['a'])
    run.on('attempt.progressed', ({ progress }) => progress === 1 && run.cancelTask('a'))
    const { tasks, events } = await fixture.finish(run)
    expect(tasks.a).toMatchObject({ status: 'cancelled', abandoned: 0 })
    expect(events.filter(({ type }) => type === 'task.cancelled' || type === 'task.succeeded')).toHaveLength(1)
  })

  test.each<readonly [string, unknown, string, object | undefined]>([
    ['nothing', undefined, 'report: expected an object, got nothing', undefined],
    ['null', null, 'report: expected an object, got null', undefined],
    ['a text', 'half', 'report: expected an object, got "half"', undefined],
    [
      'a share that is NaN',
      { progress: Number.NaN, message: 'x' },
      'progress: expected a number from 0 to 1, got NaN',
      { message: 'x' },
    ],
    ['a share of percent', { progress: 7 }, 'progress: expected a number from 0 to 1, got 7', undefined],
    [
      'a message that is a bigint',
      { message: 5n, progress: 0.5 },
      'message: expected a string, got 5',
      { progress: 0.5 },
    ],
    [
      'a misspelt member',
      { mesage: 'x', data: 1 },
      'mesage: unknown member of a report (did you mean "message"?)',
      { data: 1 },
    ],
    [
      'an unknown member',
      { foo: 1 },
      'foo: unknown member of a report; expected progress, message, data, usage',
      undefined,
    ],
  ])('with a mistake is shown without it, and reported once per backend: %s', async (_, report, message, shown) => {
    const fixture = new Fixture((_request, context) => {
      context.report(report as Report)
      return 'done'
    })
    const errors: string[] = []
    const received: object[] = []
    fixture.orchestrator.on('error', ({ where, error }) => void errors.push(`${where}: ${(error as Error).message}`))
    fixture.orchestrator.on('attempt.progressed', event => void received.push(event))
    const { result } = await fixture.run(['a', 'b'])
    expect(result.outcome).toBe('completed')
    expect(errors).toEqual([`report of backend pool in pool pool: ${message}`])
    expect(received).toEqual(
      shown
        ? ['a', 'b'].map(taskId => ({
            ...shown,
            type: 'attempt.progressed',
            taskId,
            index: expect.any(Number),
            attempt: 1,
            at: expect.any(Number),
            runId: expect.any(String),
          }))
        : [],
    )
  })

  test('without a mistake is not reported: null is unknown, and a share may be rounded', async () => {
    const fixture = new Fixture((_, { report }) => {
      report({})
      report({ progress: 1 + 2 ** -52, message: null, data: null } as never)
      return 'done'
    })
    const errors: unknown[] = []
    const received: object[] = []
    fixture.orchestrator.on('error', error => void errors.push(error))
    fixture.orchestrator.on('attempt.progressed', event => void received.push(event))
    await fixture.run(['a'])
    expect([errors, received]).toMatchObject([[], [{ progress: 1, data: null }]])
  })

  test('that is invalid fails not even the agent that made it', async () => {
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
    const { result } = await fixture.run([...odd.map((_, i) => ({ id: `${i}`, retries: 0 }))])
    expect(result.outcome).toBe('completed')
  })
})
