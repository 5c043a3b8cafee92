import type { CounterpointEvent, RunEvent } from 'counterpoint'
import { succeed } from 'counterpoint/testing'
import { describe, expect, expectTypeOf, test } from 'vitest'
import { checkHistory } from '../support/history.js'
import { describeEvents, specs } from '../support/scheduler-fixture.js'
import { setUp } from '../support/set-up.js'

async function read(events: AsyncIterable<RunEvent>): Promise<readonly RunEvent[]> {
  const all: RunEvent[] = []
  for await (const event of events) all.push(event)
  return all
}

describe('events', () => {
  test('are emitted by name and on `event`, on the run and then on the orchestrator', async () => {
    const { orchestrator } = setUp()
    const seen: string[] = []
    orchestrator.on('event', event => void seen.push(`all event ${event.type}`))
    orchestrator.on('task.succeeded', ({ taskId }) => void seen.push(`all named ${taskId}`))
    const run = orchestrator.run({ tasks: specs('a') })
    run.on('event', event => void seen.push(`run event ${event.type}`))
    run.on('task.succeeded', ({ taskId, output }) => void seen.push(`run named ${taskId} ${output}`))
    await run.result
    const about = seen.filter(line => /succeeded|named/.test(line))
    expect(about).toEqual(['run named a a', 'run event task.succeeded', 'all named a', 'all event task.succeeded'])
  })

  test('of all runs are emitted on the orchestrator, with their runId', async () => {
    const { orchestrator } = setUp()
    const seen = new Map<string, RunEvent[]>()
    orchestrator.on(
      'event',
      event => void seen.set(event.runId ?? '', [...(seen.get(event.runId ?? '') ?? []), event as RunEvent]),
    )
    const runs = ['x', 'y', 'z'].map(runId => orchestrator.run({ tasks: specs('a b<a c') }, { runId }))
    await Promise.all(runs.map(run => run.result))
    expect([...seen.keys()]).toEqual(['x', 'y', 'z'])
    for (const events of seen.values()) checkHistory(events)
  })

  test('are not emitted to a removed listener, nor twice to a listener added twice', async () => {
    const { orchestrator } = setUp()
    const seen: string[] = []
    const listener = ({ taskId }: { taskId: string }): void => void seen.push(taskId)
    const run = orchestrator.run({ tasks: specs('a b<a c<b') })
    run.on('task.succeeded', listener)
    run.on('task.succeeded', listener)
    const off = run.on('task.ready', ({ taskId }) => {
      if (taskId === 'b') run.off('task.succeeded', listener)
    })
    await run.result
    off()
    off()
    run.off('task.dead', listener)
    expect(seen).toEqual(['a'])
  })

  test('are typed by name', () => {
    const { orchestrator } = setUp()
    orchestrator.on('task.dead', event => expectTypeOf(event.failure.kind).toBeString())
    orchestrator.on('event', event => expectTypeOf(event).toEqualTypeOf<CounterpointEvent>())
    // @ts-expect-error unknown event
    expect(() => orchestrator.on('task.lost', () => {})).toThrow('there is no event "task.lost"')
  })

  test('of progress are emitted but not journaled', async () => {
    const { backend, clock, orchestrator } = setUp()
    backend.answer('a', succeed('a', { afterMs: 1_000, progress: [{ progress: 0.5, message: 'half' }] }))
    const seen: CounterpointEvent[] = []
    const run = orchestrator.run({ tasks: specs('a') })
    run.on('attempt.progressed', event => void seen.push(event))
    await clock.runUntilIdle()
    expect(seen[0]).toMatchObject({ taskId: 'a', attempt: 1, progress: 0.5, message: 'half' })
    expect((await read(run.events())).map(event => event.type)).not.toContain('attempt.progressed')
  })
})

describe('a cursor', () => {
  test('yields every event from the first on, whenever it is created', async () => {
    const { backend, clock, orchestrator } = setUp()
    backend.answer('*', succeed(1, { afterMs: 10 }))
    const run = orchestrator.run({ tasks: specs('a b<a c<b') })
    const early = read(run.events())
    await clock.advance(15)
    const inTheMiddle = read(run.events())
    await clock.runUntilIdle()
    await run.result
    const late = await read(run.events())
    checkHistory(late)
    expect(await early).toEqual(late)
    expect(await inTheMiddle).toEqual(late)
  })

  test('begins at `from`', async () => {
    const { orchestrator } = setUp()
    const run = orchestrator.run({ tasks: specs('a b<a') })
    await run.result
    const all = await read(run.events())
    for (let from = -1; from <= all.length + 2; from++)
      expect(await read(run.events({ from }))).toEqual(all.filter(event => event.seq >= from))
  })

  test('can begin at a future event', async () => {
    const { backend, orchestrator } = setUp()
    backend.hold('a')
    const run = orchestrator.run({ tasks: specs('a') })
    await backend.started('a')
    const reading = read(run.events({ from: 6 }))
    backend.release('a')
    expect(describeEvents(await reading)).toEqual(['run.settled completed'])
  })

  test('misses nothing when read slowly, and does not block the run', async () => {
    const { orchestrator } = setUp({ backend: () => 1 })
    const run = orchestrator.run({ tasks: Array.from({ length: 500 }, (_, i) => ({ id: `t${i}`, pool: 'p' })) })
    const slow: RunEvent[] = []
    const cursor = run.events()
    for (let i = 0; i < 3; i++) slow.push((await cursor.next()).value as RunEvent)
    await run.result
    for await (const event of cursor) slow.push(event)
    checkHistory(slow)
  })

  test('ends when the loop is left', async () => {
    const { orchestrator } = setUp()
    const run = orchestrator.run({ tasks: specs('a') })
    for await (const event of run.events()) if (event.type === 'task.added') break
    expect((await run.result).outcome).toBe('completed')
  })

  test('rejects for a released run', async () => {
    const { orchestrator } = setUp()
    const run = orchestrator.run({ tasks: specs('a b<a') })
    const cursor = run.events()
    await cursor.next()
    await run.result
    run.release()
    const released = { code: 'RUN_ENDED', details: { runId: run.id } }
    await expect(read(cursor)).rejects.toMatchObject(released)
    await expect(read(run.events())).rejects.toMatchObject(released)
  })

  test('ends after the last event even if the run is released then', async () => {
    const { orchestrator } = setUp()
    const run = orchestrator.run({ tasks: specs('a') })
    await run.result
    for await (const event of run.events()) if (event.type === 'run.settled') run.release()
  })

  test('ends for a run that never began', async () => {
    const { orchestrator } = setUp(
      {},
      { distributor: async () => ({ kind: 'unsure', pools: [], confidence: 0 }) as never },
    )
    const run = orchestrator.run({ tasks: [{ id: 'a' }] })
    const reading = read(run.events())
    await run.result.catch(() => {})
    expect(await reading).toEqual([])
  })
})
