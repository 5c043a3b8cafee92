import { getEventListeners } from 'node:events'
import { Orchestrator, type RunEvent, type RunOptions } from 'counterpoint'
import { fail, hang, ignoreAbort, MockBackend, slowJournal, succeed } from 'counterpoint/testing'
import { describe, expect, test } from 'vitest'
import { unhandledDuring } from '../support/unhandled.js'
import { eventsOf, expectSound, type FinishedRun, Fixture, turn } from './fixture.js'

const CHAIN = ['a', { id: 'b', after: ['a'] }, 'c']

/** The expected events of an aborted run of {@link CHAIN}, whenever it was aborted. */
function expectCancelled({ result, events }: FinishedRun): void {
  expect(result.outcome).toBe('cancelled')
  for (const { status } of result.tasks) expect(status).toBeOneOf(['cancelled', 'skipped', 'succeeded'])
  expect(events.filter(({ type }) => type === 'run.stopping')).toHaveLength(1)
}

describe('an abort', () => {
  const stopped = async (
    act: (
      fixture: Fixture,
      options: RunOptions & { readonly signal: AbortSignal },
      abort: () => void,
    ) => Promise<void> | void,
    answer: unknown = hang(),
  ): Promise<{ played: FinishedRun; fixture: Fixture }> => {
    const fixture = new Fixture(undefined, { pool: { graceMs: 1_000 } })
    fixture.mock.answer('*', answer as never)
    const controller = new AbortController()
    const { signal } = controller
    let played: FinishedRun | undefined
    const unhandled = await unhandledDuring(async () => {
      await act(fixture, { signal, runId: 'run-1' }, () => controller.abort())
      played = await fixture.finish(fixture.orchestrator.runs.get('run-1')!)
    })
    expect(unhandled).toEqual([])
    expect(getEventListeners(signal, 'abort')).toEqual([])
    expectCancelled(played!)
    return { played: played!, fixture }
  }

  test('before the run starts nothing', async () => {
    const { fixture, played } = await stopped((fixture, options, abort) => {
      abort()
      fixture.start(CHAIN, options)
    })
    expect([fixture.mock.calls, played.result.tasks.map(({ status }) => status)]).toEqual([
      [],
      ['cancelled', 'cancelled', 'cancelled'],
    ])
  })

  test('in the same turn as the run starts nothing', async () => {
    const { fixture } = await stopped((fixture, options, abort) => {
      fixture.start(CHAIN, options)
      abort()
    })
    expect(fixture.mock.calls).toEqual([])
  })

  test('from a listener of the first event starts nothing', async () => {
    const { fixture } = await stopped((fixture, options, abort) => {
      fixture.start(CHAIN, options).on('run.started', abort)
    })
    expect(fixture.mock.calls).toEqual([])
  })

  test('while attempts run aborts them', async () => {
    const { fixture, played } = await stopped(async (fixture, options, abort) => {
      fixture.start(CHAIN, options)
      await fixture.clock.advance(10)
      abort()
    })
    expect(fixture.mock.calls.map(({ taskId, aborted }) => [taskId, aborted])).toEqual([
      ['a', true],
      ['c', true],
    ])
    expect(played.events.at(-1)!.at - played.events[0]!.at).toBe(10)
  })

  test('abandons attempts that ignore it', async () => {
    const { played } = await stopped(async (fixture, options, abort) => {
      fixture.start(CHAIN, options)
      await fixture.clock.advance(10)
      abort()
    }, ignoreAbort())
    expect(played.result.tasks.map(({ status, abandoned }) => [status, abandoned])).toEqual([
      ['cancelled', 1],
      ['cancelled', 0],
      ['cancelled', 1],
    ])
  })

  test('during a backoff ends the delay', async () => {
    const { played, fixture } = await stopped(async (fixture, options, abort) => {
      fixture.start(CHAIN, options)
      await fixture.clock.advance(10)
      expect(fixture.orchestrator.runs.get('run-1')?.progress().counts.delayed).toBe(2)
      abort()
    }, fail('agent'))
    expect(fixture.mock.calls.length).toBe(2)
    expect(played.tasks.a).toMatchObject({ status: 'cancelled', attempts: 1 })
    expect(played.events.at(-1)!.at - played.events[0]!.at).toBe(10)
  })

  test('during the grace period of a timeout cancels the task once', async () => {
    const { played } = await stopped(async (fixture, options, abort) => {
      fixture.start([{ id: 'a', timeoutMs: 100 }], options)
      await fixture.clock.advance(500)
      expect(fixture.orchestrator.runs.get('run-1')?.task('a')?.status).toBe('stopping')
      abort()
    }, ignoreAbort())
    expect(played.tasks.a).toMatchObject({ status: 'cancelled', attempts: 1, abandoned: 1 })
    // The grace period does not start again.
    expect(played.events.at(-1)!.at - played.events[0]!.at).toBe(1_100)
  })

  test('at the moment of a timeout, a success or the end of the grace period: one terminal event each', async () => {
    for (const [answer, atMs] of [
      [ignoreAbort(), 100],
      [succeed('x', { afterMs: 99 }), 99],
      [ignoreAbort(), 1_100],
    ] as const) {
      await stopped(async (fixture, options, abort) => {
        fixture.start(
          [
            { id: 'a', timeoutMs: 100 },
            { id: 'b', after: ['a'] },
          ],
          options,
        )
        await fixture.clock.advance(atMs - 1)
        fixture.clock.schedule(abort, 1)
        await fixture.clock.advance(1)
      }, answer)
    }
  })

  test('while the run waits for room in a full pool: it is never admitted', async () => {
    const fixture = new Fixture(undefined, { pool: { concurrency: 1, queueLimit: 1 } })
    fixture.mock.hold('*')
    const first = fixture.start(['first'])
    await fixture.mock.started('first')
    const second = fixture.start(['second'])
    const controller = new AbortController()
    const third = fixture.start(['third'], { signal: controller.signal })
    await turn()
    controller.abort()
    controller.abort()
    // Not a millisecond passes: `first` holds its slot.
    await fixture.clock.advance(0)
    expect((await third.result).outcome).toBe('cancelled')
    fixture.mock.release('first', 'x')
    await fixture.mock.started('second')
    fixture.mock.release('second', 'x')
    for (const run of [first, second]) expect((await fixture.finish(run)).result.outcome).toBe('completed')
    expect(fixture.mock.calls.length).toBe(2)
  })

  test('after the run changes nothing', async () => {
    const fixture = new Fixture(() => 'done')
    const controller = new AbortController()
    const { run, result } = await fixture.run(['a'], { signal: controller.signal })
    expect(getEventListeners(controller.signal, 'abort')).toEqual([])
    controller.abort()
    await expect(run.cancel()).rejects.toMatchObject({ code: 'RUN_ENDED' })
    await expect(run.cancelTask('a')).rejects.toMatchObject({ code: 'TASK_ENDED' })
    expect([result.outcome, run.progress().outcome]).toEqual(['completed', 'completed'])
  })
})

describe('two aborts', () => {
  test.each([
    ['cancel and cancel', (fixture: Fixture) => [cancel(fixture), cancel(fixture)]],
    ['the signal and cancel', (fixture: Fixture, abort: () => void) => [abort(), cancel(fixture)]],
    ['cancel and the signal', (fixture: Fixture, abort: () => void) => [cancel(fixture), abort()]],
    ['a task and then all', (fixture: Fixture) => [cancelTask(fixture), cancel(fixture)]],
    ['all and then a task', (fixture: Fixture) => [cancel(fixture), cancelTask(fixture)]],
    ['a task and the same task', (fixture: Fixture) => [cancelTask(fixture), cancelTask(fixture), cancel(fixture)]],
  ])('%s: one end for each task, and for the run', async (_, act) => {
    for (const answer of [hang(), ignoreAbort(), fail('agent'), succeed('x', { afterMs: 10 })]) {
      const fixture = new Fixture(undefined, { pool: { graceMs: 50 } })
      fixture.mock.answer('*', answer)
      const controller = new AbortController()
      const run = fixture.start(CHAIN, { runId: 'run-1', signal: controller.signal })
      await fixture.clock.advance(10)
      await Promise.allSettled(act(fixture, () => controller.abort()))
      const { result } = await fixture.finish(run)
      expect(result.outcome).toBe('cancelled')
    }
  })
  const cancel = (fixture: Fixture): Promise<void> => fixture.orchestrator.runs.get('run-1')!.cancel()
  const cancelTask = (fixture: Fixture): Promise<void> => fixture.orchestrator.runs.get('run-1')!.cancelTask('a')
})

describe('an abort during a flush of the journal', () => {
  /** A run with a manually flushed journal, aborted after `flushes` records. */
  async function abortAfter(
    flushes: number,
    aborts: number,
  ): Promise<{ events: readonly RunEvent[]; calls: MockBackend['calls'] }> {
    const journal = slowJournal()
    const backend = new MockBackend().answers('*', [fail('agent'), 'done'])
    const failureHandler = (): { action: 'retry'; delayMs: number } => ({ action: 'retry', delayMs: 0 })
    const run = new Orchestrator({ journal, failureHandler, pools: { pool: { backend, concurrency: 1 } } }).run({
      tasks: [
        { id: 'a', description: 'a' },
        { id: 'b', description: 'b', after: ['a'] },
      ],
    })
    const settle = async (): Promise<void> => {
      for (let i = 0; i < 4; i++) await turn()
    }
    await settle()
    for (let i = 0; i < flushes; i++) {
      await journal.flush(1)
      await settle()
    }
    const cancelled = Promise.allSettled(Array.from({ length: aborts }, () => run.cancel()))
    while (journal.waiting.length > 0) {
      await settle()
      await journal.flush(1)
    }
    await cancelled
    await run.result
    const events = await eventsOf(run)
    expectSound(events, run)
    expect(events).toEqual(journal.durableRecords(run.id).flat())
    return { events, calls: backend.calls }
  }

  test('after any number of records, once or twice, gives every task one terminal event, and no call follows', async () => {
    for (const aborts of [1, 2])
      for (let flushes = 0; flushes <= 12; flushes++) {
        const { events, calls } = await abortAfter(flushes, aborts)
        const started = events.filter(({ type }) => type === 'attempt.started').length
        expect(calls.length).toBeLessThanOrEqual(started)
        const stopping = events.findIndex(({ type }) => type === 'run.stopping')
        if (stopping === -1) expect(events.at(-1)).toMatchObject({ outcome: 'completed' })
        else expect(events.slice(stopping).map(({ type }) => type)).not.toContain('attempt.started')
      }
  })
})
