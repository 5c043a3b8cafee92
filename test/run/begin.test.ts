import { type Journal, Orchestrator, type RunEvent, TaskGraph } from 'counterpoint'
import { describe, expect, test } from 'vitest'
import { ProbeJournal } from '../support/probe-journal.js'
import { describeEvents, specs } from '../support/scheduler-fixture.js'
import { setUp } from '../support/set-up.js'
import { unhandledDuring } from '../support/unhandled.js'

const plan = { tasks: specs('a b<a') }

describe('a new run', () => {
  test('starts in the next microtask: a listener added synchronously gets every event', async () => {
    const { orchestrator } = setUp()
    const received: RunEvent[] = []
    const run = orchestrator.run(plan)
    run.on('event', event => void received.push(event as RunEvent))
    expect(received).toEqual([])
    expect(run.progress()).toMatchObject({ status: 'planning', total: 0 })
    await run.result
    expect(describeEvents(received).slice(0, 4)).toEqual([
      'run.started',
      'task.added a',
      'task.added b',
      'task.ready a',
    ])
    expect(received.at(-1)).toMatchObject({ type: 'run.settled', outcome: 'completed' })
  })

  test('is cancelled before anything starts', async () => {
    const { backend, orchestrator } = setUp()
    const run = orchestrator.run(plan)
    await run.cancel('changed my mind')
    const { outcome, tasks } = await run.result
    expect(outcome).toBe('cancelled')
    expect(tasks.map(task => task.reason)).toEqual(['changed my mind', 'changed my mind'])
    expect(backend.calls).toEqual([])
  })

  test('is cancelled before anything starts by an aborted signal', async () => {
    const { backend, orchestrator } = setUp()
    const { outcome } = await orchestrator.run(plan, { signal: AbortSignal.abort() }).result
    expect(outcome).toBe('cancelled')
    expect(backend.calls).toEqual([])
  })

  test('is cancelled before anything starts by a signal that is aborted at once', async () => {
    const { backend, orchestrator } = setUp()
    const controller = new AbortController()
    const run = orchestrator.run(plan, { signal: controller.signal })
    controller.abort()
    expect((await run.result).outcome).toBe('cancelled')
    expect(backend.calls).toEqual([])
  })

  test('can be paused before anything starts', async () => {
    const { backend, clock, orchestrator } = setUp()
    const run = orchestrator.run(plan)
    await run.pause()
    await clock.runUntilIdle()
    expect(backend.calls).toEqual([])
    expect(run.progress().status).toBe('paused')
    await run.unpause()
    expect((await run.result).outcome).toBe('completed')
  })

  test('can have one of its tasks cancelled', async () => {
    const { backend, orchestrator } = setUp()
    const run = orchestrator.run(plan)
    await run.cancelTask('b')
    const { tasks } = await run.result
    expect(tasks.map(task => task.status)).toEqual(['succeeded', 'cancelled'])
    expect(backend.calls).toHaveLength(1)
  })

  test('accepts further tasks, which come after its own', async () => {
    const { backend, orchestrator } = setUp()
    backend.hold('a')
    const run = orchestrator.run(plan)
    await run.add({ tasks: specs('c<b') })
    await backend.started('a')
    backend.release('a')
    expect(Object.keys((await run.result).outputs)).toEqual(['a', 'b', 'c'])
  })

  test('settles as completed when it is empty', async () => {
    const { orchestrator } = setUp()
    expect(await orchestrator.run({ tasks: [] }).result).toMatchObject({
      outcome: 'completed',
      delivered: 1,
      tasks: [],
    })
  })
})

describe('a rejected run', () => {
  test('has not opened a journal', () => {
    const journal = new ProbeJournal()
    const orchestrator = new Orchestrator({ journal, pools: { p: { backend: () => 1, queueLimit: 1 } } })
    expect(() => orchestrator.run({ tasks: [{ id: 'a', pool: 'q' as string }] })).toThrow(/no pool/)
    expect(() => orchestrator.run({ tasks: specs('a b') })).toThrow(/admits at most 1/)
    expect(() => orchestrator.run({ tasks: specs('a<b b<a') })).toThrow(/depend on each other/)
    expect([journal.opened - journal.closed, [...journal.list()]]).toEqual([0, []])
  })

  test('leaves its id free', async () => {
    const { orchestrator } = setUp()
    expect(() => orchestrator.run({ tasks: [{ id: 'a', pool: 'q' }] }, { runId: 'x' })).toThrow(/no pool/)
    expect((await orchestrator.run(plan, { runId: 'x' }).result).runId).toBe('x')
  })

  test('rejects its result when an asynchronous distributor finds no pool', async () => {
    const orchestrator = new Orchestrator({
      pools: { p: { backend: () => 1 } },
      distributor: async () => ({ kind: 'none', pools: ['p'], confidence: 0.1 }),
    })
    const run = orchestrator.run({ tasks: [{ id: 'a' }] })
    await expect(run.result).rejects.toMatchObject({ code: 'NO_POOL', details: { taskId: 'a' } })
    await expect(run.add({ tasks: specs('b') })).rejects.toMatchObject({ code: 'NO_POOL' })
  })

  test('causes no unhandled rejection when a second task is rejected synchronously', async () => {
    const reasons = await unhandledDuring(() => {
      const orchestrator = new Orchestrator({
        pools: { p: { backend: () => 1 } },
        distributor: async () => {
          throw new Error('the classifier is down')
        },
      })
      expect(() => orchestrator.run({ tasks: [{ id: 'a' }, { id: 'b', pool: 'nowhere' as string }] })).toThrow(
        /no pool/,
      )
    })
    expect(reasons).toEqual([])
  })

  test('causes no unhandled rejection when its signal is aborted', async () => {
    const reasons = await unhandledDuring(async () => {
      const orchestrator = new Orchestrator({
        pools: { p: { backend: () => 1 } },
        distributor: () => Promise.reject(new Error('the classifier is down')),
      })
      const run = orchestrator.run({ tasks: [{ id: 'a' }] }, { signal: AbortSignal.abort() })
      await run.result.catch(() => {})
    })
    expect(reasons).toEqual([])
  })
})

describe('a run id', () => {
  test('cannot be used twice while its run is live or retained', async () => {
    const { orchestrator } = setUp()
    const run = orchestrator.run(plan, { runId: 'x' })
    expect(() => orchestrator.run(plan, { runId: 'x' })).toThrow(expect.objectContaining({ code: 'DUPLICATE_ID' }))
    await run.result
    expect(() => orchestrator.run(plan, { runId: 'x' })).toThrow(expect.objectContaining({ code: 'DUPLICATE_ID' }))
    run.release()
    expect((await orchestrator.run(plan, { runId: 'x' }).result).outcome).toBe('completed')
  })

  test('that the journal has already is rejected', async () => {
    const journal = new ProbeJournal()
    const pools = { p: { backend: () => 1 } }
    await new Orchestrator({ journal, pools }).run(plan, { runId: 'x' }).result
    const second = async (): Promise<unknown> => new Orchestrator({ journal, pools }).run(plan, { runId: 'x' }).result
    await expect(second()).rejects.toMatchObject({ code: 'DUPLICATE_ID' })
    expect(
      journal
        .records('x')
        .flat()
        .filter(event => event.type === 'run.started'),
    ).toHaveLength(1)
  })

  test('that is used has one message, which says what to do, and is reported by the rejection alone', async () => {
    const journal = new ProbeJournal()
    const later: Journal = {
      open: async runId => journal.open(runId),
      read: runId => journal.read(runId),
      list: () => journal.list(),
      delete: runId => journal.delete(runId),
    }
    const message = 'there is a run "x" already: resume it, delete it, or choose another runId'
    const { orchestrator } = setUp({}, { journal })
    await orchestrator.run(plan, { runId: 'x' }).result
    const second = setUp({}, { journal: later })
    const reported: unknown[] = []
    for (const each of [orchestrator, second.orchestrator]) each.on('error', error => void reported.push(error))
    expect(() => orchestrator.run(plan, { runId: 'x' })).toThrow(message)
    await expect(second.orchestrator.run(plan, { runId: 'x' }).result).rejects.toThrow(message)
    await second.orchestrator.drain()
    expect(reported).toEqual([])
    expect(journal.opened).toBe(journal.closed)
  })

  test('and a task id make a unique key', async () => {
    const { backend, orchestrator } = setUp()
    await orchestrator.run({ tasks: [{ id: 'b/c', pool: 'p' }] }, { runId: 'a' }).result
    await orchestrator.run({ tasks: [{ id: 'c', pool: 'p' }] }, { runId: 'a/b' }).result
    const [first, second] = backend.calls.map(call => call.context.idempotencyKey)
    expect(first).not.toBe(second)
  })
})

describe('a graph', () => {
  test('can be run several times, and later additions change no run', async () => {
    const { orchestrator } = setUp()
    const graph = new TaskGraph('story')
    const a = graph.task('a', { pool: 'p' })
    const first = orchestrator.run(graph)
    graph.task('b', { pool: 'p', after: [a], input: ({ a }) => ({ got: a }) })
    const second = orchestrator.run(graph)
    expect((await first.result).tasks.map(task => task.id)).toEqual(['a'])
    expect((await second.result).tasks.map(task => task.id)).toEqual(['a', 'b'])
  })
})
