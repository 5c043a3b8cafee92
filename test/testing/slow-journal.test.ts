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

/** A run that is watched: `heard` has the types of its events so far. */
function watch(journal: SlowJournal, backend: MockBackend): { run: Run; heard: string[] } {
  const run = new Orchestrator({ journal, pools: { mock: { backend } } }).run(CHAIN, { runId: 'run-1' })
  const heard: string[] = []
  run.on('event', event => heard.push(event.type))
  return { run, heard }
}

const turn = (): Promise<unknown> => new Promise(resolve => setImmediate(resolve))

describe('until its cause is durable', () => {
  test('nothing is heard, shown or called', async () => {
    const journal = slowJournal()
    const backend = new MockBackend().answer('*', ({ task }) => task.id)
    const { run, heard } = watch(journal, backend)
    await turn()
    // Decided ahead: the plan is on its way, and so is the start of its first task.
    expect(typesOf(journal.waiting)).toEqual([
      ['run.started', 'task.added', 'task.added', 'task.ready'],
      ['attempt.started'],
    ])
    expect([heard, backend.calls, journal.durableRecords('run-1')]).toEqual([[], [], []])
    expect(run.task('a')).toBeUndefined()

    await journal.flush(1)
    expect(heard).toEqual(['run.started', 'task.added', 'task.added', 'task.ready'])
    expect([run.task('a')?.status, backend.calls.length, run.progress().running]).toEqual(['ready', 0, []])
    await journal.flush(1)
    expect([heard.at(-1), backend.calls.length]).toEqual(['attempt.started', 1])
  })

  test('progress() is that of a run that has not begun', async () => {
    const journal = slowJournal()
    const { run } = watch(journal, new MockBackend().answer('*', 'x'))
    await turn()
    expect(run.progress()).toMatchObject({ status: 'planning', total: 0, startedAt: 0, running: [] })
  })

  test('an output is neither shown nor handed on', async () => {
    const journal = slowJournal()
    const backend = new MockBackend().answer('*', ({ task, outputs }) => ({ [task.id]: outputs }))
    const { run } = watch(journal, backend)
    await turn()
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
      await turn()
      await journal.flush(1)
    }
    while (journal.waiting.length > 0) await journal.flush()
    expect(seen).toEqual([['out of a', true]])
    expect((await run.result).outputs.b).toBe('made')
  })

  test('the result is not there, nor does cancel() resolve', async () => {
    const journal = slowJournal()
    const backend = new MockBackend().hold('*')
    const { run, heard } = watch(journal, backend)
    const settled: string[] = []
    void run.result.then(({ outcome }) => settled.push(outcome))
    await turn()
    await journal.flush()
    await backend.started('a')
    void run.cancel('enough').then(() => settled.push('cancel() resolved'))
    await turn()
    expect([settled, heard.includes('run.stopping'), backend.calls[0]?.aborted]).toEqual([[], false, false])
    await journal.flush(1)
    expect([settled, backend.calls[0]?.aborted, run.task('a')?.status]).toEqual([
      ['cancel() resolved'],
      true,
      'stopping',
    ])
    while (journal.waiting.length > 0) await journal.flush()
    expect(settled).toEqual(['cancel() resolved', 'cancelled'])
  })

  test('an attempt that was cancelled meanwhile is not called at all', async () => {
    const journal = slowJournal()
    const backend = new MockBackend().answer('*', 'never')
    const { run } = watch(journal, backend)
    await turn()
    await journal.flush(1)
    const cancelled = run.cancelTask('a')
    await turn()
    while (journal.waiting.length > 0) await journal.flush()
    await cancelled
    expect([backend.calls, run.task('a')?.status, run.task('b')?.status]).toEqual([[], 'cancelled', 'skipped'])
  })
})

describe('what is heard', () => {
  test('is always what is durable, and the run takes no longer than its writes', async () => {
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
      if (event.type === 'attempt.progressed') return
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

  test('commits in groups: what comes during a write is written together, next', async () => {
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

  test('refuses what waits when it fails, and all that comes, until it is opened again', async () => {
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

  test('shows what a crash leaves, whole or cut', async () => {
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

  test('keeps text: what a record was made of may change afterwards', async () => {
    const journal = slowJournal()
    const open = await journal.open('run-1')
    const event = { type: 'run.paused' as const, seq: 1, at: 0, runId: 'run-1' }
    void open.append([event])
    event.seq = 99
    await journal.flush()
    expect(journal.durableRecords('run-1')).toEqual([record(1)])
  })

  test('a run whose journal fails rejects with JOURNAL; another orchestrator goes on from what is durable', async () => {
    const journal = slowJournal()
    const backend = new MockBackend().answer('*', ({ task }) => task.id)
    const errors: unknown[] = []
    const { run } = watch(journal, backend)
    run.on('error', ({ where }) => errors.push(where))
    await turn()
    await journal.flush()
    journal.fail()
    await expect(run.result).rejects.toMatchObject({ code: 'JOURNAL', details: { runId: 'run-1' } })
    expect([new Set(errors), backend.calls.length]).toEqual([new Set(['journal']), 1])
    const next = new Orchestrator({ journal, pools: { mock: { backend } } })
    const resuming = next.resume('run-1')
    const resumed = await resuming
    await turn()
    while (journal.waiting.length > 0) await journal.flush()
    expect({ ...(await resumed.result).outputs }).toEqual({ a: 'a', b: 'b' })
    expect(backend.calls.map(call => call.taskId)).toEqual(['a', 'a', 'b'])
  })
})
