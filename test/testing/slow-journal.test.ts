import { type JournalRecord, Orchestrator, type Run, type RunEvent, TaskGraph } from 'counterpoint'
import { fail, MockBackend, type SlowJournal, slowJournal, succeed, VirtualClock } from 'counterpoint/testing'
import { describe, expect, test } from 'vitest'

const CHAIN = {
  tasks: [
    { id: 'a', description: 'a' },
    { id: 'b', description: 'b', after: ['a'] },
  ],
}

const typesOf = (records: readonly JournalRecord[]): string[][] =>
  records.map(record => record.map(event => event.type))

/** Starts a run and collects the types of its events. */
function start(journal: SlowJournal, backend: MockBackend): { run: Run; emitted: string[] } {
  const run = new Orchestrator({ journal, pools: { mock: { backend } } }).run(CHAIN, { runId: 'run-1' })
  const emitted: string[] = []
  run.on('event', event => emitted.push(event.type))
  return { run, emitted }
}

const nextTurn = (): Promise<unknown> => new Promise(resolve => setImmediate(resolve))

describe('before its record is durable', () => {
  test('no event is emitted, no state is visible and no backend is called', async () => {
    const journal = slowJournal()
    const backend = new MockBackend().answer('*', ({ task }) => task.id)
    const { run, emitted } = start(journal, backend)
    await nextTurn()
    // The scheduler decides ahead: the plan and the start of its first task are pending.
    expect(typesOf(journal.waiting)).toEqual([
      ['run.started', 'task.added', 'task.added', 'task.ready'],
      ['attempt.started'],
    ])
    expect([emitted, backend.calls, journal.durableRecords('run-1')]).toEqual([[], [], []])
    expect(run.task('a')).toBeUndefined()

    await journal.flush(1)
    expect(emitted).toEqual(['run.started', 'task.added', 'task.added', 'task.ready'])
    expect([run.task('a')?.status, backend.calls.length, run.progress().running]).toEqual(['ready', 0, []])
    await journal.flush(1)
    expect([emitted.at(-1), backend.calls.length]).toEqual(['attempt.started', 1])
  })

  test('progress() is that of a planning run', async () => {
    const journal = slowJournal()
    const { run } = start(journal, new MockBackend().answer('*', 'x'))
    await nextTurn()
    expect(run.progress()).toMatchObject({ status: 'planning', total: 0, startedAt: 0, running: [] })
  })

  test('an output is neither visible nor passed on', async () => {
    const journal = slowJournal()
    const backend = new MockBackend().answer('*', ({ task, outputs }) => ({ [task.id]: outputs }))
    const { run } = start(journal, backend)
    await nextTurn()
    await journal.flush()
    expect(typesOf(journal.waiting)).toEqual([['task.succeeded', 'task.ready'], ['attempt.started']])
    expect([run.task('a')?.status, run.progress().counts.succeeded, backend.callsOf('b')]).toEqual(['running', 0, []])
    await journal.flush(1)
    expect([run.task('a')?.output, run.task('b')?.status, backend.callsOf('b')]).toEqual([{ a: {} }, 'ready', []])
    await journal.flush(1)
    expect(backend.callsOf('b')[0]?.request.outputs).toEqual({ a: { a: {} } })
    await journal.flush()
    expect((await run.result).outputs.b).toEqual({ b: { a: { a: {} } } })
  })

  test('an input function is not called', async () => {
    const journal = slowJournal()
    const seen: unknown[] = []
    const graph = new TaskGraph('inputs')
    const a = graph.task('a')
    graph.task('b', {
      after: [a],
      input: outputs => {
        seen.push([outputs.a, typesOf(journal.durableRecords('run-1')).flat().includes('task.succeeded')])
        return 'made'
      },
    })
    const backend = new MockBackend().answer('a', 'out of a').answer('b', ({ input }) => input)
    const run = new Orchestrator({ journal, pools: { mock: { backend } } }).run(graph, { runId: 'run-1' })
    for (let i = 0; i < 3; i++) {
      expect(seen).toEqual([])
      await nextTurn()
      await journal.flush(1)
    }
    while (journal.waiting.length > 0) await journal.flush()
    expect(seen).toEqual([['out of a', true]])
    expect((await run.result).outputs.b).toBe('made')
  })

  test('neither the result nor cancel() resolves', async () => {
    const journal = slowJournal()
    const backend = new MockBackend().hold('*')
    const { run, emitted } = start(journal, backend)
    const settled: string[] = []
    void run.result.then(({ outcome }) => settled.push(outcome))
    await nextTurn()
    await journal.flush()
    await backend.started('a')
    void run.cancel('enough').then(() => settled.push('cancel() resolved'))
    await nextTurn()
    expect([settled, emitted.includes('run.stopping'), backend.calls[0]?.aborted]).toEqual([[], false, false])
    await journal.flush(1)
    expect([settled, backend.calls[0]?.aborted, run.task('a')?.status]).toEqual([
      ['cancel() resolved'],
      true,
      'stopping',
    ])
    while (journal.waiting.length > 0) await journal.flush()
    expect(settled).toEqual(['cancel() resolved', 'cancelled'])
  })

  test('a start that is cancelled meanwhile calls no backend', async () => {
    const journal = slowJournal()
    const backend = new MockBackend().answer('*', 'never')
    const { run } = start(journal, backend)
    await nextTurn()
    await journal.flush(1)
    const cancelled = run.cancelTask('a')
    await nextTurn()
    while (journal.waiting.length > 0) await journal.flush()
    await cancelled
    expect([backend.calls, run.task('a')?.status, run.task('b')?.status]).toEqual([[], 'cancelled', 'skipped'])
  })
})

describe('emitted events', () => {
  test('are always durable, and equal the journal', async () => {
    const clock = new VirtualClock()
    const journal = slowJournal({ clock, delayMs: 10 })
    const backend = new MockBackend({ clock })
      .answers('a', [fail('crashed'), succeed('x', { afterMs: 100 })])
      .answer('b', 'y')
    const run = new Orchestrator({ clock, journal, pools: { mock: { backend } }, random: () => 0.1 }).run(CHAIN, {
      runId: 'run-1',
    })
    let ahead = 0
    run.on('event', event => {
      if (!('seq' in event)) return
      const durable = journal.durableRecords('run-1').flat()
      if (!durable.some(({ seq }) => seq === event.seq)) ahead++
    })
    await clock.runUntilIdle()
    await run.result
    expect(ahead).toBe(0)
    const events: RunEvent[] = []
    for await (const event of run.events()) events.push(event)
    expect(events).toEqual(journal.durableRecords('run-1').flat())
    expect(clock.pending).toBe(0)
  })
})

describe('slowJournal', () => {
  const record = (seq: number, runId = 'run-1'): JournalRecord => [{ type: 'run.paused', seq, at: 0, runId }]

  test('rejects unknown and invalid options', () => {
    const clock = new VirtualClock()
    expect(() => slowJournal({ clock, delay: 1 } as never)).toThrow(/delay: unknown key/)
    expect(() => slowJournal({ clock, delayMs: -1 })).toThrow(/delayMs: expected at least 0, got -1/)
  })

  test('writes the records that arrive during a write together, next', async () => {
    const clock = new VirtualClock()
    const journal = slowJournal({ clock, delayMs: 10 })
    const open = await journal.open('run-1')
    const times: number[] = []
    const append = (seq: number): unknown =>
      Promise.resolve(open.append(record(seq))).then(() => times.push(clock.monotonic()))
    append(1)
    await clock.advance(3)
    append(2)
    append(3)
    await clock.runUntilIdle()
    expect(times).toEqual([10, 20, 20])
    append(4)
    await clock.runUntilIdle()
    expect([times.at(-1), clock.pending]).toEqual([30, 0])
  })

  test('rejects pending and further records after fail(), until the run is opened again', async () => {
    const clock = new VirtualClock()
    const journal = slowJournal({ clock, delayMs: 10 })
    const open = await journal.open('run-1')
    const first = open.append(record(1))
    await clock.advance(10)
    const second = open.append(record(2))
    journal.fail(new Error('no space'))
    await expect(second).rejects.toThrow('no space')
    await expect(open.append(record(2))).rejects.toThrow('no space')
    await first
    await expect(open.close()).rejects.toThrow('no space')
    expect([journal.waiting.length, clock.pending]).toEqual([0, 0])
    const again = await journal.open('run-1')
    const third = again.append(record(2))
    await clock.advance(10)
    await third
    expect(journal.durableRecords('run-1')).toEqual([record(1), record(2)])
  })

  test('afterCrash() returns the durable records, or the first ones of each run', async () => {
    const journal = slowJournal()
    for (const runId of ['run-1', 'run-2']) {
      const open = await journal.open(runId)
      for (const seq of [1, 2, 3]) void open.append(record(seq, runId))
    }
    await journal.flush(5)
    const read = async (records?: number): Promise<number[][]> => {
      const found = journal.afterCrash(records)
      const runs = [...(await found.list())].map(async id => [
        ...((await found.open(id)).read() as Iterable<JournalRecord>),
      ])
      return (await Promise.all(runs)).map(run => run.map(([event]) => event!.seq))
    }
    expect(await read()).toEqual([
      [1, 2, 3],
      [1, 2],
    ])
    expect(await read(1)).toEqual([[1], [1]])
    expect(await read(0)).toEqual([[], []])
  })

  test('stores text: later changes to a record have no effect', async () => {
    const journal = slowJournal()
    const open = await journal.open('run-1')
    const event = { type: 'run.paused' as const, seq: 1, at: 0, runId: 'run-1' }
    void open.append([event])
    event.seq = 99
    await journal.flush()
    expect(journal.durableRecords('run-1')).toEqual([record(1)])
  })

  test('a run whose journal fails rejects with JOURNAL, and another orchestrator resumes from the durable records', async () => {
    const journal = slowJournal()
    const backend = new MockBackend().answer('*', ({ task }) => task.id)
    const errors: unknown[] = []
    const { run } = start(journal, backend)
    run.on('error', ({ where }) => errors.push(where))
    await nextTurn()
    await journal.flush()
    journal.fail()
    await expect(run.result).rejects.toMatchObject({ code: 'JOURNAL', details: { runId: 'run-1' } })
    expect([new Set(errors), backend.calls.length]).toEqual([new Set(['journal']), 1])
    const next = new Orchestrator({ journal, pools: { mock: { backend } } })
    const resuming = next.resume('run-1')
    const resumed = await resuming
    await nextTurn()
    while (journal.waiting.length > 0) await journal.flush()
    expect({ ...(await resumed.result).outputs }).toEqual({ a: 'a', b: 'b' })
    expect(backend.calls.map(call => call.taskId)).toEqual(['a', 'a', 'b'])
  })
})
