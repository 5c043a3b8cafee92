import { getEventListeners } from 'node:events'
import { Orchestrator, type RunEvent, type RunOptions } from 'counterpoint'
import { fail, hang, ignoreAbort, MockBackend, slowJournal, succeed } from 'counterpoint/testing'
import { describe, expect, test } from 'vitest'
import { eventsOf, expectSound, type Played, Stage, turn, unhandledDuring } from './stage.js'

const CHAIN = ['a', { id: 'b', after: ['a'] }, 'c']

/** What an aborted run of {@link CHAIN} has to look like, whenever the abort came. */
function expectCancelled({ result, events }: Played): void {
  expect(result.outcome).toBe('cancelled')
  for (const { status } of result.tasks) expect(status).toBeOneOf(['cancelled', 'skipped', 'succeeded'])
  expect(events.filter(({ type }) => type === 'run.stopping')).toHaveLength(1)
}

describe('an abort', () => {
  const stopped = async (
    act: (
      stage: Stage,
      options: RunOptions & { readonly signal: AbortSignal },
      abort: () => void,
    ) => Promise<void> | void,
    answer: unknown = hang(),
  ): Promise<{ played: Played; stage: Stage }> => {
    const stage = new Stage(undefined, { pool: { graceMs: 1_000 } })
    stage.mock.answer('*', answer as never)
    const controller = new AbortController()
    const { signal } = controller
    let played: Played | undefined
    const unhandled = await unhandledDuring(async () => {
      await act(stage, { signal, runId: 'run-1' }, () => controller.abort())
      played = await stage.finish(stage.orchestrator.runs.get('run-1')!)
    })
    expect(unhandled).toEqual([])
    expect(getEventListeners(signal, 'abort')).toEqual([])
    expectCancelled(played!)
    return { played: played!, stage }
  }

  test('before the run: nothing starts', async () => {
    const { stage, played } = await stopped((stage, options, abort) => {
      abort()
      stage.start(CHAIN, options)
    })
    expect([stage.mock.calls, played.result.tasks.map(({ status }) => status)]).toEqual([
      [],
      ['cancelled', 'cancelled', 'cancelled'],
    ])
  })

  test('in the same turn as the run: nothing starts', async () => {
    const { stage } = await stopped((stage, options, abort) => {
      stage.start(CHAIN, options)
      abort()
    })
    expect(stage.mock.calls).toEqual([])
  })

  test('from a listener of the first event: nothing starts', async () => {
    const { stage } = await stopped((stage, options, abort) => {
      stage.start(CHAIN, options).on('run.started', abort)
    })
    expect(stage.mock.calls).toEqual([])
  })

  test('while attempts run: they are told, and end', async () => {
    const { stage, played } = await stopped(async (stage, options, abort) => {
      stage.start(CHAIN, options)
      await stage.clock.advance(10)
      abort()
    })
    expect(stage.mock.calls.map(({ taskId, aborted }) => [taskId, aborted])).toEqual([
      ['a', true],
      ['c', true],
    ])
    expect(played.events.at(-1)!.at - played.events[0]!.at).toBe(10)
  })

  test('while attempts run that ignore it: they are abandoned', async () => {
    const { played } = await stopped(async (stage, options, abort) => {
      stage.start(CHAIN, options)
      await stage.clock.advance(10)
      abort()
    }, ignoreAbort())
    expect(played.result.tasks.map(({ status, abandoned }) => [status, abandoned])).toEqual([
      ['cancelled', 1],
      ['cancelled', 0],
      ['cancelled', 1],
    ])
  })

  test('during a backoff: the wait is over', async () => {
    const { played, stage } = await stopped(async (stage, options, abort) => {
      stage.start(CHAIN, options)
      await stage.clock.advance(10)
      expect(stage.orchestrator.runs.get('run-1')?.progress().counts.delayed).toBe(2)
      abort()
    }, fail('agent'))
    expect(stage.mock.calls.length).toBe(2)
    expect(played.tasks.a).toMatchObject({ status: 'cancelled', attempts: 1 })
    expect(played.events.at(-1)!.at - played.events[0]!.at).toBe(10)
  })

  test('during the grace of a time-out: the task is cancelled, once', async () => {
    const { played } = await stopped(async (stage, options, abort) => {
      stage.start([{ id: 'a', timeoutMs: 100 }], options)
      await stage.clock.advance(500)
      expect(stage.orchestrator.runs.get('run-1')?.task('a')?.status).toBe('stopping')
      abort()
    }, ignoreAbort())
    expect(played.tasks.a).toMatchObject({ status: 'cancelled', attempts: 1, abandoned: 1 })
    // The grace is not begun anew.
    expect(played.events.at(-1)!.at - played.events[0]!.at).toBe(1_100)
  })

  test('in the very moment of a time-out, of a success, of the end of the grace: one end each', async () => {
    for (const [answer, atMs] of [
      [ignoreAbort(), 100],
      [succeed('x', { afterMs: 99 }), 99],
      [ignoreAbort(), 1_100],
    ] as const) {
      await stopped(async (stage, options, abort) => {
        stage.start(
          [
            { id: 'a', timeoutMs: 100 },
            { id: 'b', after: ['a'] },
          ],
          options,
        )
        await stage.clock.advance(atMs - 1)
        stage.clock.schedule(abort, 1)
        await stage.clock.advance(1)
      }, answer)
    }
  })

  test('while the run waits for room in a full pool: it never enters', async () => {
    const stage = new Stage(undefined, { pool: { concurrency: 1, queueLimit: 1 } })
    stage.mock.hold('*')
    const first = stage.start(['first'])
    await stage.mock.started('first')
    const second = stage.start(['second'])
    const controller = new AbortController()
    const third = stage.start(['third'], { signal: controller.signal })
    await turn()
    controller.abort()
    controller.abort()
    // Not a millisecond: `first` holds its slot.
    await stage.clock.advance(0)
    expect((await third.result).outcome).toBe('cancelled')
    stage.mock.release('first', 'x')
    await stage.mock.started('second')
    stage.mock.release('second', 'x')
    for (const run of [first, second]) expect((await stage.finish(run)).result.outcome).toBe('completed')
    expect(stage.mock.calls.length).toBe(2)
  })

  test('after the run: changes nothing', async () => {
    const stage = new Stage(() => 'done')
    const controller = new AbortController()
    const { run, result } = await stage.play(['a'], { signal: controller.signal })
    expect(getEventListeners(controller.signal, 'abort')).toEqual([])
    controller.abort()
    await run.cancel()
    await run.cancelTask('a')
    expect([result.outcome, run.progress().outcome]).toEqual(['completed', 'completed'])
  })
})

describe('two aborts', () => {
  test.each([
    ['cancel and cancel', (stage: Stage) => [cancel(stage), cancel(stage)]],
    ['the signal and cancel', (stage: Stage, abort: () => void) => [abort(), cancel(stage)]],
    ['cancel and the signal', (stage: Stage, abort: () => void) => [cancel(stage), abort()]],
    ['a task and then all', (stage: Stage) => [cancelTask(stage), cancel(stage)]],
    ['all and then a task', (stage: Stage) => [cancel(stage), cancelTask(stage)]],
    ['a task and the same task', (stage: Stage) => [cancelTask(stage), cancelTask(stage), cancel(stage)]],
  ])('%s: one end for each task, and for the run', async (_, act) => {
    for (const answer of [hang(), ignoreAbort(), fail('agent'), succeed('x', { afterMs: 10 })]) {
      const stage = new Stage(undefined, { pool: { graceMs: 50 } })
      stage.mock.answer('*', answer)
      const controller = new AbortController()
      const run = stage.start(CHAIN, { runId: 'run-1', signal: controller.signal })
      await stage.clock.advance(10)
      await Promise.all(act(stage, () => controller.abort()))
      const { result } = await stage.finish(run)
      expect(result.outcome).toBe('cancelled')
    }
  })
  const cancel = (stage: Stage): Promise<void> => stage.orchestrator.runs.get('run-1')!.cancel()
  const cancelTask = (stage: Stage): Promise<void> => stage.orchestrator.runs.get('run-1')!.cancelTask('a')
})

describe('an abort during a flush of the journal', () => {
  /** A run over a journal that is flushed by hand, with its abort after `flushes` records. */
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
    const cancelled = Promise.all(Array.from({ length: aborts }, () => run.cancel()))
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

  test('after any number of records, once or twice, gives every task one end, and calls nothing afterwards', async () => {
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
