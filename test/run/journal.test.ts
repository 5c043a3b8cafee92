import { Orchestrator, type OrchestratorOptions, type RunEvent } from 'counterpoint'
import { MockBackend, slowJournal, VirtualClock } from 'counterpoint/testing'
import { describe, expect, test } from 'vitest'
import { replay } from '../../src/core/state/evolve.js'
import { checkHistory } from '../support/history.js'
import { ProbeJournal } from '../support/probe-journal.js'
import { describeEvents, specs } from '../support/scheduler-fixture.js'
import { setUp } from '../support/set-up.js'

const plan = { tasks: specs('a b<a') }

/** With a journal whose records become durable only by `flush`. */
function slow(options: Partial<OrchestratorOptions> = {}) {
  const journal = slowJournal()
  const { orchestrator, ...rest } = setUp({ concurrency: 2 }, { journal, ...options })
  const received: RunEvent[] = []
  orchestrator.on('event', event => void received.push(event as RunEvent))
  orchestrator.on('error', () => {})
  return { journal, orchestrator, received, ...rest }
}

const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

describe('behind the durable watermark', () => {
  test('nothing is emitted, shown or called before its cause is durable', async () => {
    const { journal, orchestrator, backend, received } = slow()
    const run = orchestrator.run(plan)
    await turn()
    expect(received).toEqual([])
    expect(run.progress()).toMatchObject({ status: 'planning', total: 0 })
    expect(journal.waiting.flatMap(describeEvents)).toEqual([
      'run.started',
      'task.added a',
      'task.added b',
      'task.ready a',
      'attempt.started a 1',
    ])
    await journal.flush(1)
    expect(describeEvents(received).at(-1)).toBe('task.ready a')
    expect(backend.calls).toEqual([])
    await journal.flush(1)
    expect(backend.calls.map(call => call.taskId)).toEqual(['a'])
    expect(run.task('a')?.status).toBe('running')
  })

  test('decisions run ahead: several records are pending, and each is published in order', async () => {
    const { journal, orchestrator, backend, received } = slow()
    backend.hold('*')
    const run = orchestrator.run({ tasks: specs('a b c') })
    for (let i = 0; i < 3; i++) await journal.flush()
    void run.pause()
    void run.unpause()
    void run.cancelTask('c')
    await turn()
    expect(journal.waiting.map(record => describeEvents(record)[0])).toEqual([
      'run.paused',
      'run.unpaused',
      'task.cancelled c',
    ])
    await journal.flush(2)
    expect([describeEvents(received).at(-1), run.task('c')?.status]).toEqual(['run.unpaused', 'ready'])
    await journal.flush()
    backend.release('*')
    for (let i = 0; i < 4; i++) await journal.flush()
    await run.result
    checkHistory(received)
    expect(journal.durableRecords(run.id).flat()).toEqual(received)
  })

  test('an attempt that is cancelled before its start is durable never calls its backend', async () => {
    const { journal, orchestrator, backend } = slow()
    const run = orchestrator.run({ tasks: specs('a') })
    await turn()
    await journal.flush(1)
    const cancelled = run.cancel('enough')
    for (let i = 0; i < 5; i++) await journal.flush()
    await cancelled
    expect((await run.result).outcome).toBe('cancelled')
    expect(backend.calls).toEqual([])
    checkHistory(journal.durableRecords(run.id).flat())
  })

  // An attempt that has timed out may end by itself before its stop is durable. By then the next attempt waits for its start.
  test('a stop that becomes durable late does not stop the next attempt', async () => {
    const { journal, orchestrator, backend, clock } = slow({ failureHandler: () => ({ action: 'retry', delayMs: 0 }) })
    backend.hold('a')
    const run = orchestrator.run({ tasks: [{ id: 'a', pool: 'p', timeoutMs: 100 }] })
    for (let i = 0; i < 3; i++) await journal.flush()
    await clock.advance(100)
    backend.release('a', 'too late')
    await clock.advance(1)
    expect(journal.waiting.map(record => describeEvents(record)[0])).toEqual([
      'attempt.stopping a 1 timeout',
      'attempt.failed a 1 timeout',
      'task.ready a',
      'attempt.started a 2',
    ])
    for (let i = 0; i < 3; i++) await journal.flush()
    expect(backend.callsOf('a').map(call => call.attempt)).toEqual([1, 2])
    void run.cancel()
    for (let i = 0; i < 3; i++) await journal.flush()
    checkHistory(journal.durableRecords(run.id).flat())
  })

  test('cancel and pause resolve when they are durable, not before', async () => {
    const { journal, orchestrator, backend } = slow()
    backend.hold('a')
    const run = orchestrator.run(plan)
    for (let i = 0; i < 3; i++) await journal.flush()
    const resolved: string[] = []
    void run.pause().then(() => resolved.push('paused'))
    void run.cancel().then(() => resolved.push('cancelled'))
    await turn()
    expect([resolved, run.progress().status]).toEqual([[], 'running'])
    await journal.flush(1)
    expect([resolved, run.progress().status]).toEqual([['paused'], 'paused'])
    await journal.flush(1)
    expect([resolved, run.progress().status]).toEqual([['paused', 'cancelled'], 'stopping'])
  })

  test('a group commit of many records is published in order, under a clock of its own', async () => {
    const clock = new VirtualClock()
    const journal = slowJournal({ clock, delayMs: 5 })
    const backend = new MockBackend({ clock }).answer('*', request => request.task.id)
    const orchestrator = new Orchestrator({ clock, journal, pools: { p: { backend, concurrency: 8 } } })
    const run = orchestrator.run({ tasks: Array.from({ length: 50 }, (_, i) => ({ id: `t${i}`, pool: 'p' })) })
    const received: RunEvent[] = []
    run.on('event', event => void received.push(event as RunEvent))
    await clock.runUntilIdle()
    expect((await run.result).outcome).toBe('completed')
    checkHistory(received)
    expect(journal.durableRecords(run.id).flat()).toEqual(received)
    expect(orchestrator.pools.get('p')?.stats()).toMatchObject({ running: 0, queued: 0 })
  })
})

describe('the events that are emitted, journaled and folded are the same', () => {
  test('after a run with failures, timeouts and cancels, as JSON too', async () => {
    const journal = new ProbeJournal()
    const { clock, backend, orchestrator } = setUp({ defaults: { timeoutMs: 50 } }, { journal })
    backend.answer('a', () => Promise.reject(new Error('no'))).hold('b')
    const received: RunEvent[] = []
    const run = orchestrator.run({ tasks: specs('a b c d<a e') })
    run.on('event', event => void received.push(event as RunEvent))
    await clock.runUntilIdle()
    await run.result
    const kept = journal.records(run.id).flat()
    expect(kept).toEqual(received)
    checkHistory(kept)
    expect(replay(run.id, kept).phase).toMatchObject({ status: 'settled', outcome: 'partial' })
  })

  test('after an error with members of wrong types, too', async () => {
    const journal = new ProbeJournal()
    const { orchestrator } = setUp({ defaults: { retries: 0 }, backend: hostileError }, { journal })
    const run = orchestrator.run({ tasks: specs('a b') })
    expect((await run.result).outcome).toBe('failed')
    expect(
      journal
        .records(run.id)
        .flat()
        .map(event => event.type),
    ).toContain('task.dead')
  })
})

function hostileError(): never {
  throw Object.assign(new Error('no'), { status: 10n, code: Symbol('x'), retryAfterMs: {}, cause: { message: 7n } })
}
