import { readdirSync } from 'node:fs'
import { type AgentBackend, memoryJournal, Orchestrator, TaskGraph } from 'counterpoint'
import { fileJournal } from 'counterpoint/node'
import { fail, ignoreAbort, slowJournal, VirtualClock } from 'counterpoint/testing'
import { describe, expect, test } from 'vitest'
import { checkHistory } from '../support/history.js'
import { specs } from '../support/scheduler-fixture.js'
import { setUp } from '../support/set-up.js'
import { closedAfterTest, eventsOf, JOURNAL_KINDS, TestHost } from './test-host.js'

const code = (expected: string, details: object = {}): object => ({ code: expected, details })

describe.each(JOURNAL_KINDS)('with a journal of kind %s', kind => {
  test('concurrent resumes, and a resume of a live run, return the same run', async () => {
    const first = new TestHost(kind)
    first.backend.hold('a')
    await first.reached(first.orchestrator.run({ tasks: specs('a') }, { runId: 'x' }), 'a', 'running')
    const second = await first.next()
    second.backend.hold('a')
    const [one, two] = await Promise.all([second.orchestrator.resume('x'), second.orchestrator.resume('x')])
    await second.until(() => second.called)
    expect([two, await second.orchestrator.resume('x'), second.orchestrator.runs.get('x')]).toEqual([one, one, one])
    second.backend.release('a')
    await second.done(one.result)
    expect([await second.orchestrator.resume('x'), second.called]).toEqual([one, 'a2'])
    checkHistory(await eventsOf(one))
  })

  test('every operation on an unknown run is rejected with NOT_FOUND', async () => {
    const { orchestrator } = new TestHost(kind)
    const unknown = code('NOT_FOUND', { id: 'unknown' })
    await expect(orchestrator.resume('unknown')).rejects.toMatchObject(unknown)
    await expect(orchestrator.runs.show('unknown')).rejects.toMatchObject(unknown)
    await expect(orchestrator.runs.delete('unknown')).rejects.toMatchObject(unknown)
    expect([await orchestrator.runs.list(), orchestrator.runs.get('unknown')]).toEqual([[], undefined])
  })

  test('a used run id is rejected with DUPLICATE_ID in every process, and its run is unchanged', async () => {
    const first = new TestHost(kind)
    await first.done(first.orchestrator.run({ tasks: specs('a') }, { runId: 'x' }).result)
    const again = (host: TestHost) =>
      host.done(Promise.resolve().then(() => host.orchestrator.run({ tasks: specs('z') }, { runId: 'x' }).result))
    await expect(again(first)).rejects.toMatchObject(code('DUPLICATE_ID', { id: 'x' }))
    const second = await first.next()
    await expect(again(second)).rejects.toMatchObject(code('DUPLICATE_ID', { id: 'x' }))
    expect(second.called).toBe('')
    const run = await second.done(second.orchestrator.resume('x'))
    expect((await run.result).outputs).toEqual({ a: 'a' })
  })

  test('every run can be listed, shown, resumed and deleted', async () => {
    const first = new TestHost(kind)
    first.backend.hold('slow').answer('bad', fail('refused'))
    await first.done(
      first.orchestrator.run({ name: 'one', version: '2', tasks: specs('a b<a') }, { runId: 'done' }).result,
    )
    await first.done(first.orchestrator.run({ tasks: specs('a bad c<bad') }, { runId: 'half' }).result)
    const live = first.orchestrator.run({ tasks: specs('slow x<slow') }, { runId: 'live' })
    await first.reached(live, 'slow', 'running')
    const { runs } = (await first.next()).orchestrator
    const listed = await runs.list()
    expect(
      listed.map(({ runId, status, outcome, resumable, total }) => [runId, status, outcome, resumable, total]),
    ).toEqual([
      ['live', 'running', undefined, true, 2],
      ['half', 'settled', 'partial', false, 3],
      ['done', 'settled', 'completed', false, 2],
    ])
    expect(listed[2]).toMatchObject({ name: 'one', version: '2', counts: { succeeded: 2 } })
    expect(runs.live).toEqual([])
    const { tasks, failureMode, mode, held, usage, awayMs, ...summary } = await runs.show('half')
    expect(summary).toEqual(listed[1])
    expect({ failureMode, mode, held, usage, awayMs }).toEqual({
      failureMode: 'continue',
      mode: 'parallel',
      held: [],
      usage: {},
      awayMs: 0,
    })
    expect(tasks.map(({ id, status, rootCause }) => [id, status, rootCause])).toEqual([
      ['a', 'succeeded', undefined],
      ['bad', 'dead', undefined],
      ['c', 'skipped', 'bad'],
    ])
  })

  test('a run is deleted with its journal, except while it is live', async () => {
    const first = new TestHost(kind)
    first.backend.hold('a')
    await first.reached(first.orchestrator.run({ tasks: specs('a') }, { runId: 'x' }), 'a', 'running')
    await expect(first.orchestrator.runs.delete('x')).rejects.toMatchObject(code('RUN_LIVE', { runId: 'x' }))
    const second = await first.next()
    await second.orchestrator.runs.delete('x')
    expect(await second.orchestrator.runs.list()).toEqual([])
    await expect(second.orchestrator.resume('x')).rejects.toMatchObject(code('NOT_FOUND'))
    const run = second.orchestrator.run({ tasks: specs('b') }, { runId: 'x' })
    expect((await second.done(run.result)).outputs).toEqual({ b: 'b' })
  })

  test('only the tasks that a resumed run has not started count against queueLimit', async () => {
    const pool = { concurrency: 1, queueLimit: 3 }
    const first = new TestHost(kind, { pool })
    first.backend.hold('a')
    const before = first.orchestrator.run({ tasks: specs('a b<a c') }, { runId: 'x' })
    await first.reached(before, 'a', 'running')
    await first.done(before.cancelTask('c'))
    const second = await first.next({ pool })
    second.backend.hold('*')
    await second.orchestrator.resume('x')
    await second.until(() => second.called)
    const rejecting = { whenFull: 'reject' } as const
    expect(() => second.orchestrator.run({ tasks: specs('1 2 3') }, rejecting)).toThrow(
      expect.objectContaining({ code: 'QUEUE_FULL' }),
    )
    second.orchestrator.run({ tasks: specs('1 2') }, rejecting)
    await second.done(second.orchestrator.drain({ timeoutMs: 0 }))
  })

  test('killOrphans of each pool is called before any interrupted attempt is repeated', async () => {
    const calls: string[] = []
    const backend: AgentBackend = {
      run: ({ task }) => void calls.push(`ran ${task.id}`),
      killOrphans: async keys => {
        await null
        calls.push(`killed ${keys.join(' ')}`)
      },
    }
    const first = new TestHost(kind, { pool: { concurrency: 2 } })
    first.backend.hold('b').hold('c')
    const before = first.orchestrator.run({ tasks: specs('a b<a c<a d<a') }, { runId: 'x' })
    await first.until(() => before.progress().running.length === 2 && before.task('a')?.endedAt)
    const second = await first.next({ pool: { backend, concurrency: 1 } })
    const run = await second.orchestrator.resume('x')
    await second.done(run.result)
    expect(calls[0]).toBe('killed x/b/1 x/c/1')
    expect(calls.slice(1).sort()).toEqual(['ran b', 'ran c', 'ran d'])
  })
})

describe('the queue slots of a run in a pool with a queueLimit', () => {
  const rejecting = { whenFull: 'reject' } as const

  test('are released when its id was used', async () => {
    const { orchestrator } = setUp({ queueLimit: 2 }, { journal: memoryJournal() })
    const run = orchestrator.run({ tasks: specs('a') }, { runId: 'x' })
    await run.result
    run.release()
    for (let i = 0; i < 2; i++)
      expect(() => orchestrator.run({ tasks: specs('a') }, { runId: 'x' })).toThrow(
        expect.objectContaining({ code: 'DUPLICATE_ID' }),
      )
    orchestrator.run({ tasks: specs('a b') }, { runId: 'y', ...rejecting })
  })

  test('are released when its journal fails', async () => {
    const clock = new VirtualClock()
    const journal = slowJournal({ clock, delayMs: 1 })
    const { orchestrator } = setUp({ queueLimit: 2 }, { journal, clock })
    orchestrator.on('error', () => {})
    const run = orchestrator.run({ tasks: specs('a b<a') }, { runId: 'x', ...rejecting })
    journal.fail()
    await expect(run.result).rejects.toMatchObject({ code: 'JOURNAL' })
    orchestrator.run({ tasks: specs('a b') }, { runId: 'y', ...rejecting })
  })
})

test('a run is not resumed by an orchestrator that lacks one of its pools', async () => {
  const first = new TestHost('memory')
  first.backend.hold('a')
  const before = first.orchestrator.run({ tasks: specs('a b<a') }, { runId: 'x' })
  await first.reached(before, 'a', 'running')
  const { journal } = await first.next()
  const lacking = new Orchestrator({ journal, pools: { other: { backend: () => null } } })
  await expect(lacking.resume('x')).rejects.toMatchObject({ code: 'NO_POOL' })
})

describe('a folder of runs', () => {
  test('is locked by one orchestrator at a time: another one is rejected with JOURNAL, and the error names the owner', async () => {
    const first = new TestHost('file')
    first.backend.hold('a')
    await first.reached(first.orchestrator.run({ tasks: specs('a') }, { runId: 'x' }), 'a', 'running')
    const second = new TestHost('file', { journal: closedAfterTest(fileJournal({ folder: first.folder })) })
    const locked = { ...code('JOURNAL', { runId: 'x' }), message: expect.stringContaining(`pid ${process.pid}`) }
    await expect(second.orchestrator.resume('x')).rejects.toMatchObject(locked)
    await expect(second.orchestrator.runs.delete('x')).rejects.toMatchObject(locked)
    await expect(second.orchestrator.run({ tasks: specs('b') }, { runId: 'x' }).result).rejects.toMatchObject(locked)
    expect((await second.orchestrator.runs.show('x')).status).toBe('running')
    await first.done(first.orchestrator.drain({ timeoutMs: 0 }))
    const run = await second.orchestrator.resume('x')
    expect((await second.done(run.result)).outcome).toBe('completed')
  })

  test('contains nothing of a deleted run', async () => {
    const first = new TestHost('file')
    first.backend.answer('a', 'x'.repeat(50_000))
    await first.done(first.orchestrator.run({ tasks: specs('a') }, { runId: 'x' }).result)
    const second = await first.next()
    expect(readdirSync(second.folder)).toEqual(['x'])
    await second.orchestrator.runs.delete('x')
    expect(readdirSync(second.folder)).toEqual([])
  })

  test('lets a run be deleted as soon as its result resolves', async () => {
    const { orchestrator } = new TestHost('file')
    await orchestrator.run({ tasks: specs('a') }, { runId: 'x' }).result
    await orchestrator.runs.delete('x')
  })

  test('lists the other runs when one is damaged', async () => {
    const first = new TestHost('memory')
    await first.orchestrator.run({ tasks: specs('a') }, { runId: 'x' }).result
    const open = await first.journal.open('bad')
    await open.append([{ type: 'run.paused', seq: 5, at: 1, runId: 'bad' }])
    expect((await first.orchestrator.runs.list()).map(({ runId }) => runId)).toContain('x')
  })
})

test('orphans of an attempt that was stopping when its process died are killed, too', async () => {
  const reaped: string[] = []
  const backend: AgentBackend = { run: () => null, killOrphans: keys => void reaped.push(...keys) }
  const first = new TestHost('memory', { pool: { graceMs: 60_000, defaults: { timeoutMs: 50 } } })
  first.backend.answer('a', ignoreAbort())
  const run = first.orchestrator.run({ tasks: specs('a') }, { runId: 'x' })
  await first.clock.advance(50)
  await first.reached(run, 'a', 'stopping')
  await (await first.next({ pool: { backend } })).orchestrator.resume('x')
  expect(reaped).toEqual(['x/a/1'])
})

test('a backend gets no keys of function tasks in its pool, which it never ran, to kill', async () => {
  const reaped: string[] = []
  const backend: AgentBackend = { run: () => null, killOrphans: keys => void reaped.push(...keys) }
  const graph = new TaskGraph('g')
  graph.task('a', { pool: 'p' })
  graph.task('f', { pool: 'p', run: () => new Promise<null>(() => {}) })
  const first = new TestHost('memory')
  first.backend.hold('a')
  const run = first.orchestrator.run(graph, { runId: 'x' })
  await first.reached(run, 'a', 'running')
  await first.reached(run, 'f', 'running')
  await (await first.next({ pool: { backend } })).orchestrator.resume('x', { graph })
  expect(reaped).toEqual(['x/a/1'])
})
