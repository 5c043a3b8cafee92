import { type RunEvent, TaskGraph } from 'counterpoint'
import { ignoreAbort, MockBackend, slowJournal, succeed, VirtualClock } from 'counterpoint/testing'
import { describe, expect, test } from 'vitest'
import { checkHistory } from '../support/history.js'
import { describeEvents, specs } from '../support/scheduler-fixture.js'
import { setUp } from '../support/set-up.js'
import { eventsOf, JOURNAL_KINDS, TestHost } from './test-host.js'

const RUN = { runId: 'x' } as const
const SUSPENDED = { code: 'RUN_SUSPENDED', details: RUN } as const

describe.each(JOURNAL_KINDS)('with a journal of kind %s, a drain', kind => {
  test('starts nothing new, lets running attempts finish, and suspends the run', async () => {
    const first = new TestHost(kind, { pool: { concurrency: 2 } })
    first.backend.answer('a', succeed('a', { afterMs: 80 })).answer('b', succeed('b', { afterMs: 50 }))
    const before = first.orchestrator.run({ tasks: specs('a b c<a d<b e') }, RUN)
    await first.until(() => before.progress().running.length === 2)
    await first.done(first.orchestrator.drain({ timeoutMs: 1_000 }))
    await expect(before.result).rejects.toMatchObject(SUSPENDED)
    expect([first.called, first.clock.pending, first.orchestrator.runs.live]).toEqual(['a1 b1', 0, []])
    const events = await eventsOf(before)
    checkHistory(events, { settled: false })
    expect(events.at(-1)!.type).toBe('run.suspended')
    expect((await first.orchestrator.runs.show('x')).status).toBe('suspended')
    const second = await first.next()
    const run = await second.orchestrator.resume('x')
    expect((await second.done(run.result)).outputs).toEqual({ a: 'a', b: 'b', c: 'c', d: 'd', e: 'e' })
    expect(second.called.split(' ').sort()).toEqual(['c1', 'd1', 'e1'])
    checkHistory(await eventsOf(run))
  })

  test('stops attempts that outlast its timeoutMs; they are repeated after a resume and do not count as retries', async () => {
    let host = new TestHost(kind)
    host.orchestrator.run({ tasks: [{ id: 'a', description: 'a', retries: 0 }] }, RUN)
    for (let attempt = 1; attempt <= 6; attempt++) {
      host.backend.hold('a')
      await host.until(() => host.called)
      const run = host.orchestrator.runs.get('x')!
      const drained = host.orchestrator.drain({ timeoutMs: 100 })
      await host.until(() => run.progress().status === 'draining')
      await host.clock.advance(90)
      expect(host.backend.calls[0]!.aborted).toBe(false)
      await host.done(drained)
      expect([host.called, host.backend.calls[0]!.aborted]).toEqual([`a${attempt}`, true])
      await expect(run.result).rejects.toMatchObject(SUSPENDED)
      host = await host.next()
      void host.orchestrator.resume('x')
    }
    await host.until(() => host.orchestrator.runs.get('x'))
    const run = host.orchestrator.runs.get('x')!
    expect((await host.done(run.result)).tasks[0]).toMatchObject({ status: 'succeeded', attempts: 7 })
    checkHistory(await eventsOf(run))
  })
})

describe('a drain', () => {
  test('called twice is one drain, with the timeoutMs of the first call', async () => {
    const { backend, clock, orchestrator } = setUp()
    backend.hold('*')
    const run = orchestrator.run({ tasks: specs('a') }, RUN)
    await backend.started('a')
    const both = [orchestrator.drain({ timeoutMs: 50 }), orchestrator.drain({ timeoutMs: 1e9 })]
    await clock.advance(50)
    await Promise.all(both)
    await expect(run.result).rejects.toMatchObject(SUSPENDED)
    const events = await eventsOf(run)
    expect(events.filter(event => event.type === 'run.draining')).toHaveLength(1)
  })

  test('closes the orchestrator: run() and resume() are rejected', async () => {
    const { orchestrator } = setUp()
    await orchestrator.run({ tasks: specs('a') }, RUN).result
    const closed = expect.objectContaining({ code: 'CLOSED', message: expect.stringContaining('drained') })
    const draining = orchestrator.drain()
    for (let i = 0; i < 2; i++) {
      expect(() => orchestrator.run({ tasks: specs('a') })).toThrow(closed)
      await expect(orchestrator.resume('x')).rejects.toEqual(closed)
      await draining
    }
    expect((await orchestrator.runs.show('x')).outcome).toBe('completed')
  })

  test('of an idle orchestrator resolves at once', async () => {
    const { clock, orchestrator } = setUp()
    await orchestrator.drain()
    expect([clock.pending, clock.monotonic()]).toEqual([0, 0])
  })

  test('lets a run that settles meanwhile keep its result', async () => {
    const { backend, clock, orchestrator } = setUp()
    backend.answer('a', succeed('a', { afterMs: 10 }))
    const run = orchestrator.run({ tasks: specs('a') })
    await backend.started('a')
    const drained = orchestrator.drain({ timeoutMs: 50 })
    await clock.runUntilIdle()
    await drained
    expect([(await run.result).outcome, clock.monotonic()]).toEqual(['completed', 10])
  })

  test('cancels a run that has not started, even before its pools are known', async () => {
    const distributor = (): Promise<never> => new Promise(() => {})
    const { backend, orchestrator } = setUp({}, { distributor })
    const runs = [
      orchestrator.run({ tasks: specs('a b<a') }),
      orchestrator.run({ tasks: [{ id: 'a', description: 'a' }] }),
    ]
    await orchestrator.drain()
    const results = await Promise.all(runs.map(run => run.result))
    expect(results.map(({ outcome }) => outcome)).toEqual(['cancelled', 'cancelled'])
    expect(backend.calls).toEqual([])
  })

  test('waits graceMs for an attempt that ignores its abort, and no longer', async () => {
    const { backend, clock, orchestrator } = setUp({ graceMs: 300 })
    backend.answer('a', ignoreAbort())
    const run = orchestrator.run({ tasks: specs('a') }, RUN)
    await backend.started('a')
    const drained = orchestrator.drain({ timeoutMs: 100 })
    await clock.runUntilIdle()
    await drained
    expect([clock.monotonic(), clock.pending]).toEqual([400, 0])
    expect(describeEvents(await eventsOf(run)).slice(-5)).toEqual([
      'attempt.stopping a 1 interrupt',
      'attempt.abandoned a 1',
      'attempt.failed a 1 interrupted',
      'task.delayed a 0',
      'run.suspended',
    ])
  })

  test('waits for an attempt that is already stopping, and does not stop it twice', async () => {
    const { backend, clock, orchestrator } = setUp({ graceMs: 300, defaults: { timeoutMs: 50 } })
    backend.answer('a', ignoreAbort())
    const run = orchestrator.run({ tasks: specs('a') }, RUN)
    await clock.advance(100)
    expect(run.task('a')?.status).toBe('stopping')
    const drained = orchestrator.drain({ timeoutMs: 100 })
    await clock.runUntilIdle()
    await drained
    expect(clock.monotonic()).toBe(350)
    expect(run.task('a')).toMatchObject({ status: 'delayed', failure: { kind: 'timeout' } })
    checkHistory(await eventsOf(run), { settled: false })
  })

  test('waits without limit for an attempt whose backend has awaitsTermination', async () => {
    const clock = new VirtualClock()
    const backend = new MockBackend({ clock, awaitsTermination: true }).answer('a', ignoreAbort(5_000))
    const { orchestrator } = setUp({ backend, graceMs: 10 }, { clock })
    const run = orchestrator.run({ tasks: specs('a') }, RUN)
    await backend.started('a')
    const drained = orchestrator.drain({ timeoutMs: 100 }).then(() => clock.monotonic())
    await clock.runUntilIdle()
    expect([await drained, run.task('a')!.abandoned]).toEqual([5_000, 0])
  })

  test('drops a pending input function and a pending retry', async () => {
    const { backend, clock, orchestrator } = setUp()
    backend.answer('b', () => Promise.reject(new Error('no')))
    const graph = new TaskGraph('g')
    graph.task('a', { pool: 'p', input: () => new Promise<never>(() => {}) })
    graph.task('b', { pool: 'p' })
    orchestrator.run(graph, RUN)
    await clock.advance(0)
    await orchestrator.drain({ timeoutMs: 1e9 })
    expect([clock.pending, orchestrator.pools.get('p')!.stats()]).toMatchObject([0, { running: 0, queued: 0 }])
  })

  test('resolves once its events are durable, however slow the journal is, and emits none before', async () => {
    const clock = new VirtualClock()
    const journal = slowJournal({ clock, delayMs: 500 })
    const { backend, orchestrator } = setUp({}, { clock, journal })
    backend.answer('a', succeed('a', { afterMs: 700 }))
    const emitted: RunEvent[] = []
    const tooEarly: RunEvent[] = []
    orchestrator.on('event', event => {
      emitted.push(event as RunEvent)
      if (journal.durableRecords('x').flat().length < emitted.length) tooEarly.push(event as RunEvent)
    })
    const run = orchestrator.run({ tasks: specs('a b<a') }, RUN)
    await clock.advance(1_100)
    expect(backend.calls).toHaveLength(1)
    const drained = orchestrator.drain({ timeoutMs: 100 }).then(() => clock.monotonic())
    await clock.runUntilIdle()
    expect(await drained).toBeGreaterThanOrEqual(1_600)
    await expect(run.result).rejects.toMatchObject(SUSPENDED)
    expect([tooEarly, journal.durableRecords('x').flat()]).toEqual([[], emitted])
    checkHistory(emitted, { settled: false })
  })

  test('waits for a run that is being resumed, and suspends it', async () => {
    const { backend, ...first } = new TestHost('memory')
    backend.hold('a')
    first.orchestrator.run({ tasks: specs('a') }, RUN)
    await backend.started('a')
    const second = setUp({}, { journal: first.journal })
    const resuming = second.orchestrator.resume('x')
    await second.orchestrator.drain({ timeoutMs: 100 })
    await expect((await resuming).result).rejects.toMatchObject(SUSPENDED)
    expect(second.backend.calls).toEqual([])
  })

  test('runs at the end of a block with `await using`', async () => {
    const { backend, clock, orchestrator: made } = setUp()
    backend.answer('a', succeed('a', { afterMs: 20 }))
    const leave = async () => {
      await using orchestrator = made
      const run = orchestrator.run({ tasks: specs('a b<a') }, RUN)
      await backend.started('a')
      return run
    }
    const left = leave()
    await clock.runUntilIdle()
    const run = await left
    await expect(run.result).rejects.toMatchObject(SUSPENDED)
    expect([run.task('a')?.status, run.task('b')?.status]).toEqual(['succeeded', 'ready'])
    expect(() => made.run({ tasks: specs('a') })).toThrow(expect.objectContaining({ code: 'CLOSED' }))
  })

  test('stops running attempts after its timeoutMs in a run that ends because of its failure mode', async () => {
    const { backend, clock, orchestrator } = setUp()
    backend.answer('a', () => Promise.reject(new Error('no'))).hold('b')
    const a = { id: 'a', description: 'a', retries: 0 }
    const run = orchestrator.run({ tasks: [a, { id: 'b', description: 'b' }] }, { failureMode: 'no-new' })
    await clock.advance(0)
    expect(run.progress().status).toBe('stopping')
    let isOver = false
    void orchestrator.drain({ timeoutMs: 100 }).then(() => {
      isOver = true
    })
    await clock.advance(60_000)
    expect(isOver).toBe(true)
  })

  test('ends although the disk is full: records that are not durable are lost, and that is reported', async () => {
    const { clock, orchestrator } = setUp({}, { journal: slowJournal() })
    orchestrator.on('error', () => {})
    orchestrator.run({ tasks: specs('a') })
    const drained = orchestrator.drain({ timeoutMs: 100 }).catch(error => error.code)
    await clock.advance(60_000)
    expect(await drained).toBe('JOURNAL')
  })
})
