import { memoryJournal, type Run, type RunEvent, TaskGraph } from 'counterpoint'
import { slowJournal, succeed } from 'counterpoint/testing'
import { describe, expect, test } from 'vitest'
import { checkHistory } from '../support/history.js'
import { type SetUp, setUp } from '../support/set-up.js'

type Approval = (outputs: Readonly<Record<string, unknown>>) => unknown

/** `b` depends on `a`, and has this approval function; `c` is independent. */
function gated(approval: Approval, more: object = {}): TaskGraph {
  const graph = new TaskGraph('gated')
  const a = graph.task('a', { pool: 'p' })
  graph.task('b', { pool: 'p', after: [a], approval: approval as () => boolean, ...more })
  graph.task('c', { pool: 'p' })
  return graph
}

interface Gated extends SetUp {
  readonly run: Run
  readonly events: readonly RunEvent[]
}

async function begun(approval: Approval, options: object = {}, more: object = {}): Promise<Gated> {
  const fixture = setUp({ concurrency: 2 })
  const events: RunEvent[] = []
  fixture.orchestrator.on('event', event => void events.push(event as RunEvent))
  const run = fixture.orchestrator.run(gated(approval, more), { runId: 'x', ...options })
  await fixture.clock.advance(0)
  return { ...fixture, run, events }
}

/** A promise with its resolve function. */
function later(): { promise: Promise<unknown>; resolve(value: unknown): void; reject(error: unknown): void } {
  let settle = {} as { resolve(value: unknown): void; reject(error: unknown): void }
  const promise = new Promise<unknown>((resolve, reject) => {
    settle = { resolve, reject }
  })
  return { promise, ...settle }
}

describe('an approval function', () => {
  test('is called once the task is ready, with the outputs of its dependencies', async () => {
    const calls: unknown[] = []
    const { clock, run, events } = await begun(outputs => {
      calls.push({ ...outputs })
      return true
    })
    expect([calls, run.progress().held]).toMatchObject([[{ a: 'a' }], [{ id: 'b', reason: 'approval' }]])
    await run.approve('b', { by: 'Ada' })
    await clock.runUntilIdle()
    expect([(await run.result).outcome, calls.length]).toEqual(['completed', 1])
    checkHistory(events)
  })

  test.each([
    ['at once', () => false],
    ['later', async () => false],
  ])('lets it start when it says no, %s', async (_, approval) => {
    const { clock, run, events } = await begun(approval)
    await clock.runUntilIdle()
    expect((await run.result).outcome).toBe('completed')
    expect(events.some(({ type }) => type === 'task.held')).toBe(false)
  })

  test.each([
    ['throws', () => JSON.parse('{')],
    ['rejects', () => Promise.reject(new Error('no'))],
    ['rejects with undefined', () => Promise.reject(undefined)],
    ['returns another value', () => 'yes'],
    ['returns undefined', () => undefined],
    ['resolves with another value', async () => 1],
    ['returns null', () => null],
  ])('that %s is a failure of bad-input, and nothing is run', async (_, approval) => {
    const { backend, clock, run, events } = await begun(approval)
    await clock.runUntilIdle()
    const { outcome, tasks } = await run.result
    expect([outcome, tasks[1]]).toMatchObject(['partial', { status: 'dead', failure: { kind: 'bad-input' } }])
    expect([backend.callsOf('b'), clock.pending]).toEqual([[], 0])
    checkHistory(events)
  })

  test('holds no slot while it is pending, and other tasks continue', async () => {
    const { promise, resolve } = later()
    const { backend, clock, orchestrator, run } = await begun(() => promise)
    await clock.runUntilIdle()
    expect([backend.calls.map(({ taskId }) => taskId), run.task('b')?.status]).toEqual([['a', 'c'], 'ready'])
    expect(orchestrator.pools.get('p')?.stats()).toMatchObject({ running: 0, queued: 0 })
    resolve(true)
    await clock.advance(0)
    await run.approve('b')
    await clock.runUntilIdle()
    expect((await run.result).outcome).toBe('completed')
  })

  test.each(['task', 'run'] as const)(
    'that never returns does not keep a %s from being cancelled; a late answer changes nothing',
    async what => {
      for (const answer of [true, false, 'nonsense', undefined]) {
        const { promise, resolve, reject } = later()
        const { backend, clock, events, run } = await begun(() => promise)
        await (what === 'task' ? run.cancelTask('b') : run.cancel())
        if (answer === undefined) reject(new Error('late'))
        else resolve(answer)
        await clock.runUntilIdle()
        expect((await run.result).outcome).toBe(what === 'task' ? 'partial' : 'cancelled')
        expect([backend.callsOf('b').length, clock.pending]).toEqual([0, 0])
        checkHistory(events)
      }
    },
  )

  test('can return while the run is paused', async () => {
    for (const answer of [true, false]) {
      const { promise, resolve } = later()
      const { clock, run } = await begun(() => promise)
      await run.pause()
      resolve(answer)
      await clock.runUntilIdle()
      await run.unpause()
      if (answer) await run.approve('b')
      await clock.runUntilIdle()
      expect((await run.result).outcome).toBe('completed')
    }
  })

  test('can fail while the run is paused', async () => {
    const { promise, reject } = later()
    const { clock, run } = await begun(() => promise)
    await run.pause()
    reject(new Error('no'))
    await clock.runUntilIdle()
    await run.unpause()
    await clock.runUntilIdle()
    expect([run.progress().status, run.task('b')?.status]).toEqual(['settled', 'dead'])
  })

  test('can fail while another attempt of a serial run is running', async () => {
    const { promise, reject } = later()
    const fixture = setUp()
    fixture.backend.answer('c', succeed('c', { afterMs: 100 }))
    const run = fixture.orchestrator.run(
      gated(() => promise),
      { mode: 'serial' },
    )
    await fixture.clock.advance(50)
    expect([run.task('b')?.status, run.task('c')?.status]).toEqual(['ready', 'running'])
    reject(new Error('no'))
    await fixture.clock.runUntilIdle()
    expect([run.progress().status, run.task('b')?.status]).toEqual(['settled', 'dead'])
  })

  test('can call pause, unpause and add', async () => {
    const { clock, orchestrator } = setUp()
    const run: Run = orchestrator.run(
      gated(() => {
        void run.pause()
        void run.unpause()
        void run.add({ tasks: [{ id: 'd', pool: 'p' }] })
        return true
      }),
    )
    await clock.advance(0)
    await run.approve('b')
    await clock.runUntilIdle()
    expect(Object.keys((await run.result).outputs)).toEqual(['a', 'b', 'c', 'd'])
  })

  test('is not called before it is durable that the task is ready', async () => {
    const journal = slowJournal()
    const { backend, orchestrator } = setUp({}, { journal })
    let calls = 0
    const run = orchestrator.run(
      gated(() => ++calls > 0),
      { runId: 'x' },
    )
    backend.hold('a')
    while (backend.callsOf('a').length === 0) await journal.flush()
    backend.release('a')
    await new Promise(setImmediate)
    expect([journal.waiting.at(-1)?.map(({ type }) => type), calls]).toEqual([['task.succeeded', 'task.ready'], 0])
    for (let i = 0; i < 4; i++) await journal.flush()
    expect([calls, run.progress().held.map(({ id }) => id)]).toEqual([1, ['b']])
    void run.cancel()
    for (let i = 0; i < 4; i++) await journal.flush()
    await run.result
  })

  test('is called again after a restart before its answer, but not after an approval', async () => {
    const journal = memoryJournal()
    const first = setUp({}, { journal })
    first.orchestrator.run(
      gated(() => new Promise(() => {})),
      { runId: 'x' },
    )
    await first.clock.runUntilIdle()
    void first.orchestrator.drain()
    await first.clock.runUntilIdle()

    let calls = 0
    const graph = gated(() => ++calls > 0)
    const second = setUp({}, { journal })
    const held = await second.orchestrator.resume('x', { graph })
    await second.clock.runUntilIdle()
    expect([calls, held.progress().held.length]).toEqual([1, 1])
    void second.orchestrator.drain()
    await second.clock.runUntilIdle()

    const third = setUp({}, { journal })
    const run = await third.orchestrator.resume('x', { graph })
    await third.clock.runUntilIdle()
    await run.approve('b')
    await third.clock.runUntilIdle()
    expect([(await run.result).outcome, calls, third.backend.calls.length]).toEqual(['completed', 1, 1])
  })

  test('does not count towards the queue timeout', async () => {
    const { promise, resolve } = later()
    const { clock, run } = await begun(() => promise, {}, { queueTimeoutMs: 50 })
    await clock.advance(100)
    resolve(false)
    await clock.runUntilIdle()
    expect((await run.result).outcome).toBe('completed')
  })
})
