import { type AgentReply, type JournalRecord, memoryJournal, Orchestrator, TaskGraph, type Verdict } from 'counterpoint'
import { MockBackend, slowJournal, VirtualClock } from 'counterpoint/testing'
import { describe, expect, test } from 'vitest'
import { eventsOf, expectSound, Fixture, turn } from './fixture.js'

const AGAIN = (): Verdict => ({ action: 'retry', delayMs: 0 })

async function settle(): Promise<void> {
  for (let i = 0; i < 6; i++) await turn()
}

describe('decisions that run ahead of the journal', () => {
  /** A task that times out while its journal is slow; its agent answers, or fails, before that is durable. */
  async function timedOut(
    answer: unknown,
  ): Promise<{ calls: MockBackend['calls']; types: readonly string[]; status: string | undefined }> {
    const clock = new VirtualClock()
    const journal = slowJournal()
    const backend = new MockBackend({ clock }).hold('a')
    const pools = { pool: { backend, defaults: { timeoutMs: 1_000 } } }
    const run = new Orchestrator({ clock, journal, failureHandler: AGAIN, pools }).run({
      tasks: [{ id: 'a', description: 'a' }],
    })
    await settle()
    while (journal.waiting.length > 0) await journal.flush()
    await clock.advance(1_000)
    expect(journal.waiting.flat().map(({ type }) => type)).toEqual(['attempt.stopping'])
    backend.release('a', answer as AgentReply)
    await clock.advance(1)
    await settle()
    // The next attempt has been decided, and the first has not been aborted yet.
    expect(journal.waiting.flat().map(({ type }) => type)).toEqual([
      ...['attempt.stopping', 'attempt.failed', 'task.delayed', 'task.ready', 'attempt.started'],
    ])
    while (journal.waiting.length > 0) await journal.flush(1)
    await settle()
    if (backend.calls.length === 2) {
      backend.release('a', 'second')
      await settle()
      while (journal.waiting.length > 0) await journal.flush()
      await run.result
      expectSound(await eventsOf(run), run)
    }
    return {
      calls: backend.calls,
      types: journal
        .durableRecords(run.id)
        .flat()
        .map(({ type }) => type),
      status: run.task('a')?.status,
    }
  }

  const late = { answers: 'too late', fails: () => Promise.reject(new Error('too late')) }

  test.each(Object.entries(late))(
    'the agent %s in between: the stop does not apply to the next attempt',
    async (_, answer) => {
      const { calls, status } = await timedOut(answer)
      expect([calls.length, status]).toEqual([2, 'succeeded'])
    },
  )
})

describe('a run that is resumed', () => {
  async function interrupted(pool: object = {}): Promise<Fixture> {
    const fixture = new Fixture(undefined, { pool })
    fixture.mock.hold('*')
    fixture.start(['a', { id: 'b', after: ['a'] }], { runId: 'run-1' })
    await fixture.mock.started('a')
    return fixture
  }

  test('with an aborted signal is cancelled, and emits its events in order', async () => {
    const before = await interrupted()
    const next = new Fixture(() => 'never', { journal: before.journal.afterCrash() })
    const run = await next.orchestrator.resume('run-1', { signal: AbortSignal.abort() })
    const { result } = await next.finish(run)
    expect([result.outcome, result.tasks.map(({ status }) => status)]).toEqual([
      'cancelled',
      ['cancelled', 'cancelled'],
    ])
  })

  test('into a pool with a queueLimit, and cancelled, leaves the count of the pool unchanged', async () => {
    const before = await interrupted()
    const next = new Fixture(undefined, {
      journal: before.journal.afterCrash(),
      pool: { queueLimit: 1, concurrency: 1 },
    })
    next.mock.hold('*')
    const run = await next.orchestrator.resume('run-1', { signal: AbortSignal.abort() })
    await next.finish(run)
    next.start(['x'])
    await next.mock.started('x')
    next.start(['y'])
    await turn()
    expect(() => next.start(['z'], { whenFull: 'reject' })).toThrow(/admits at most 1/)
  })
})

describe('a run that cannot start', () => {
  const refused = (distributor: () => never | Promise<never>): Fixture =>
    new Fixture(() => 'x', { retain: 0, distributor: distributor as never })

  test('leaves no journal open, and none in the list', async () => {
    const journal = slowJournal()
    let open = 0
    const counting = {
      ...memoryJournal(),
      open: async (runId: string) => {
        open++
        const opened = await journal.open(runId)
        return { ...opened, append: (record: JournalRecord) => opened.append(record), close: () => void open-- }
      },
    }
    const orchestrator = new Orchestrator({ journal: counting, pools: { pool: { backend: () => 1, queueLimit: 1 } } })
    const two = { tasks: ['a', 'b'].map(id => ({ id, description: id })) }
    expect(() => orchestrator.run(two)).toThrow(/admits at most 1/)
    expect(() => orchestrator.run({ tasks: [{ id: 'a', description: 'a', pool: 'nowhere' as string }] })).toThrow(
      /no pool/,
    )
    await settle()
    expect([open, orchestrator.runs.live.length]).toEqual([0, 0])
  })

  test('because its distributor rejects: its result rejects, and it is not retained', async () => {
    const fixture = refused(() => Promise.reject(new Error('no route')))
    const run = fixture.start(['a'])
    await expect(run.result).rejects.toThrow('no route')
    await settle()
    expect([fixture.orchestrator.runs.live.length, fixture.clock.pending]).toEqual([0, 0])
  })
})

describe('an input function that never settles', () => {
  test('can be cancelled', async () => {
    const fixture = new Fixture(() => 'x', { pool: { concurrency: 1 } })
    const graph = new TaskGraph('graph')
    graph.task('a', { input: () => new Promise<never>(() => {}) })
    graph.task('b')
    const run = fixture.orchestrator.run(graph)
    await fixture.clock.advance(1_000)
    await run.cancelTask('a')
    const { tasks } = await fixture.finish(run)
    expect([tasks.a?.status, tasks.b?.status]).toEqual(['cancelled', 'succeeded'])
  })

  test('times out', async () => {
    const fixture = new Fixture(() => 'x', { pool: { concurrency: 1 } })
    const graph = new TaskGraph('graph')
    graph.task('a', { input: () => new Promise<never>(() => {}), timeoutMs: 100, retries: 0 })
    const run = fixture.orchestrator.run(graph)
    await fixture.clock.runUntilIdle()
    expect(run.progress().status).toBe('settled')
  })
})
