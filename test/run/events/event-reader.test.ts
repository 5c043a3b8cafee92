import type { RunEvent } from 'counterpoint'
import { succeed } from 'counterpoint/testing'
import { describe, expect, test, vi } from 'vitest'
import { History } from '../../../src/core/state/history.js'
import type { AttemptStreamed } from '../../../src/events/event-map.js'
import { EventLog } from '../../../src/run/events/event-log.js'
import { specs } from '../../support/scheduler-fixture.js'
import { setUp } from '../../support/set-up.js'

const DONE = { done: true, value: undefined }

/** A run whose only task is running: its readers have read all there is, and wait. */
async function waiting(options = {}) {
  const { backend, clock, orchestrator } = setUp()
  backend.hold('a')
  const run = orchestrator.run({ tasks: specs('a') })
  await backend.started('a')
  const reader = run.events({ from: 5, ...options })
  const next = reader.next()
  return { backend, clock, run, reader, next }
}

describe('a reader of events that waits', () => {
  test('is ended at once by `return()`', async () => {
    const { reader, next } = await waiting()
    expect(await reader.return?.()).toEqual(DONE)
    expect(await next).toEqual(DONE)
    expect(await reader.next()).toEqual(DONE)
  })

  test('is ended at once by `throw()`, which rejects with its error', async () => {
    const { reader, next } = await waiting()
    await expect(reader.throw?.(new Error('mine'))).rejects.toThrow('mine')
    expect(await next).toEqual(DONE)
  })

  test('is ended at once, and without an error, by an abort of its signal', async () => {
    const stop = new AbortController()
    const { reader, next } = await waiting({ signal: stop.signal })
    stop.abort(new Error('the client has gone'))
    expect(await next).toEqual(DONE)
    expect(await reader.next()).toEqual(DONE)
  })

  test('answers several pending calls of `next()` in order', async () => {
    const { backend, reader, next, run } = await waiting()
    const more = [next, reader.next(), reader.next()]
    backend.release('a')
    await run.result
    const types = (await Promise.all(more)).map(({ value }) => (value as RunEvent | undefined)?.type)
    expect(types).toEqual(['task.succeeded', 'run.settled', undefined])
  })
})

describe('a reader of events', () => {
  test('is ended by a signal that was aborted before, and by an abort between two events', async () => {
    const { orchestrator } = setUp()
    const run = orchestrator.run({ tasks: specs('a') })
    await run.result
    expect(await run.events({ signal: AbortSignal.abort() }).next()).toEqual(DONE)
    const stop = new AbortController()
    const seen: string[] = []
    for await (const { type } of run.events({ signal: stop.signal })) {
      seen.push(type)
      if (type === 'task.ready') stop.abort()
    }
    expect(seen).toEqual(['run.started', 'task.added', 'task.ready'])
  })

  test('shares one listener at its signal with others, and leaves none, however it ends', async () => {
    const { backend, run } = await waiting()
    const { signal } = new AbortController()
    const added = vi.spyOn(signal, 'addEventListener')
    const removed = vi.spyOn(signal, 'removeEventListener')
    const readers = Array.from({ length: 20 }, () => run.events({ signal }))
    expect(added).toHaveBeenCalledTimes(1)
    await Promise.all(readers.map(reader => reader.return?.()))
    for await (const _ of run.events({ signal })) break
    await run
      .events({ signal })
      .throw?.(new Error())
      .catch(() => {})
    const all = run.events({ signal })
    backend.release('a')
    for await (const _ of all);
    run.release()
    await run
      .events({ signal })
      .next()
      .catch(() => {})
    expect(added).toHaveBeenCalledTimes(4)
    expect(removed.mock.calls.map(([, listener]) => listener)).toEqual(added.mock.calls.map(([, listener]) => listener))
  })

  test('that is not finished leaves no listener at its signal when the run ends, and an abort still ends it', async () => {
    const { backend, orchestrator } = setUp()
    backend.hold('a')
    const run = orchestrator.run({ tasks: specs('a') })
    await backend.started('a')
    const stop = new AbortController()
    const added = vi.spyOn(stop.signal, 'addEventListener')
    const removed = vi.spyOn(stop.signal, 'removeEventListener')
    const readers = [run.events({ signal: stop.signal }), run.events({ signal: stop.signal, streamed: true })]
    await readers[0]?.next()
    expect([added.mock.calls.length, removed.mock.calls.length]).toEqual([1, 0])
    backend.release('a')
    await run.result
    readers.push(run.events({ signal: stop.signal }))
    expect([added.mock.calls.length, removed.mock.calls.length]).toEqual([1, 1])
    expect((await readers[0]?.next())?.value).toMatchObject({ seq: 2 })
    stop.abort()
    for (const reader of readers) expect(await reader.next()).toEqual(DONE)
  })

  test('with `progress` gets reports in order with the events', async () => {
    const { backend, clock, orchestrator } = setUp()
    const report = [{ progress: 0.5, message: 'half' }, { progress: 0.9 }]
    backend.answer('a', succeed('a', { afterMs: 1_000, progress: report }))
    const run = orchestrator.run({ tasks: specs('a b<a') })
    const seen: string[] = []
    const reading = (async () => {
      for await (const event of run.events({ from: 5, progress: true }))
        seen.push(event.type === 'attempt.progressed' ? `${event.taskId} ${event.progress}` : event.type)
    })()
    await clock.runUntilIdle()
    await reading
    expect(seen).toEqual([
      'attempt.started',
      'a 0.5',
      'a 0.9',
      'task.succeeded',
      'task.ready',
      'attempt.started',
      'task.succeeded',
      'run.settled',
    ])
  })

  test('with `progress` that reads late gets the last report of each attempt, in its place', async () => {
    const { backend, clock, orchestrator } = setUp()
    const report = Array.from({ length: 500 }, (_, i) => ({ progress: i / 500 }))
    backend.answer('a', succeed('a', { afterMs: 100_000, progress: report }))
    const run = orchestrator.run({ tasks: specs('a') })
    const reader = run.events({ progress: true })
    await clock.runUntilIdle()
    await run.result
    const seen: unknown[] = []
    for await (const event of reader) seen.push(event.type === 'attempt.progressed' ? event.progress : event.type)
    expect(seen.slice(3)).toEqual(['attempt.started', 499 / 500, 'task.succeeded', 'run.settled'])
  })

  test.each([
    [{ signal: { aborted: false } }, 'signal: expected an AbortSignal'],
    [{ progress: 1 }, 'progress: expected true or false'],
    [{ streamed: 'yes' }, 'streamed: expected true or false'],
    [{ sigal: undefined }, 'did you mean "signal"'],
  ])('is refused with %j', async (options, message) => {
    const run = setUp().orchestrator.run({ tasks: [] })
    expect(() => run.events(options as never)).toThrow(message)
    await run.result
  })

  test('without `progress` gets no report', async () => {
    const { backend, clock, orchestrator } = setUp()
    backend.answer('a', succeed('a', { afterMs: 1_000, progress: [{ progress: 0.5 }] }))
    const run = orchestrator.run({ tasks: specs('a') })
    const reader = run.events({ streamed: true })
    await clock.runUntilIdle()
    for await (const event of reader) expect(event).toHaveProperty('seq')
  })
})

describe('streamed chunks', () => {
  const KIB = 1024

  function setUpLog() {
    const history = new History({ runId: 'r', specs: [], states: [], bound: new Map(), assigned: new Map() })
    const log = new EventLog('r', history)
    const publish = (): void => {
      history.push({ type: 'run.paused', seq: history.end + 1, at: 0, runId: 'r' })
      history.commit()
      log.publish(history.end)
    }
    let chunks = 0
    const stream = (bytes: number): void => log.pass(chunkOf(chunks++), bytes)
    return { log, publish, stream }
  }

  const chunkOf = (chunk: number): AttemptStreamed => ({
    type: 'attempt.streamed',
    at: 0,
    runId: 'r',
    taskId: 'a',
    index: 0,
    attempt: 1,
    chunk,
  })

  async function read(reader: AsyncIterable<object>): Promise<unknown[]> {
    const seen: unknown[] = []
    for await (const event of reader) seen.push('chunk' in event ? event.chunk : `event ${(event as RunEvent).seq}`)
    return seen
  }

  test('are read in order with the events, none lost, however late they are read', async () => {
    const { log, publish, stream } = setUpLog()
    const reader = log.read({ streamed: true })
    const expected: unknown[] = []
    for (let i = 0; i < 300; i++) {
      stream(5)
      expected.push(i)
      if (i % 3 === 0) {
        publish()
        expected.push(`event ${i / 3 + 1}`)
      }
    }
    log.end()
    expect(await read(reader)).toEqual(expected)
  })

  test('from before its first event are not read', async () => {
    const { log, publish, stream } = setUpLog()
    const reader = log.read({ from: 3, streamed: true })
    for (let i = 0; i < 4; i++) {
      stream(5)
      publish()
    }
    log.end()
    expect(await read(reader)).toEqual([2, 'event 3', 3, 'event 4'])
  })

  test('that are 1 MiB ahead end the reader with SLOW_READER, and no other reader', async () => {
    const { log, stream } = setUpLog()
    const [slow, other, plain] = [log.read({ streamed: true }), log.read({ streamed: true }), log.read({})]
    for (let i = 0; i < 1024; i++) {
      stream(KIB)
      await other.next()
    }
    stream(KIB)
    const details = { runId: 'r', bytes: 1025 * KIB }
    await expect(slow.next()).rejects.toMatchObject({ code: 'SLOW_READER', details })
    expect(await slow.next()).toEqual(DONE)
    log.end()
    expect([await read(other), await read(plain)]).toEqual([[1024], []])
  })

  test('of 1 MiB reach a reader that is not behind', async () => {
    const { log, stream } = setUpLog()
    const reader = log.read({ streamed: true })
    stream(1_024 * KIB)
    log.end()
    expect(await read(reader)).toEqual([0])
  })

  test('that are empty are bounded too', async () => {
    const { log, stream } = setUpLog()
    const reader = log.read({ streamed: true })
    for (let i = 0; i < 40_000; i++) stream(2)
    await expect(reader.next()).rejects.toMatchObject({ code: 'SLOW_READER' })
  })
})
