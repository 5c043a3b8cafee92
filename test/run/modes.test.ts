import { Orchestrator, type RunEvent, type RunOptions, TaskGraph } from 'counterpoint'
import { fail, hang, MockBackend, succeed, VirtualClock } from 'counterpoint/testing'
import { describe, expect, test } from 'vitest'
import { checkHistory } from '../support/history.js'
import { specs } from '../support/scheduler-fixture.js'
import { setUp } from '../support/set-up.js'

const WORK = { afterMs: 100 }
const TASKS = Array.from({ length: 8 }, (_, i) => ({ id: `t${i}`, pool: i % 2 === 0 ? 'p' : 'q' }))
const IN_P = TASKS.filter(({ pool }) => pool === 'p')

/** Stops a run that would schedule itself forever in virtual time: it then never settles, which a test can see. */
class ImpatientClock extends VirtualClock {
  #inARow = 0

  override schedule(callback: () => void, delayMs: number): () => void {
    if (delayMs > 0) this.#inARow = 0
    else if (this.#inARow++ > 2_000) return () => {}
    return super.schedule(callback, delayMs)
  }
}

interface Two {
  readonly clock: VirtualClock
  readonly backend: MockBackend
  readonly orchestrator: Orchestrator
  readonly events: RunEvent[]
}

/** Two pools with a common backend, which counts the concurrent attempts. */
function two(): Two {
  const clock = new ImpatientClock()
  const backend = new MockBackend({ clock }).answer('*', succeed('ok', WORK))
  const pool = { backend, concurrency: 4, defaults: { backoff: { baseMs: 10 } } }
  const orchestrator = new Orchestrator({ clock, random: () => 0.5, pools: { p: pool, q: { ...pool } } })
  const events: RunEvent[] = []
  orchestrator.on('event', event => void events.push(event as RunEvent))
  return { clock, backend, orchestrator, events }
}

function chosen(events: readonly RunEvent[]): readonly string[] {
  return events.flatMap(event => (event.type === 'run.mode-chosen' ? [event.mode] : []))
}

function reasonOf(events: readonly RunEvent[]): string {
  return events.flatMap(event => (event.type === 'run.mode-chosen' ? [event.reason] : []))[0] ?? ''
}

/** Runs tasks of one duration in one pool of four slots. */
async function performed(tasks: string, durationMs: number | undefined, options: RunOptions): Promise<Two> {
  const fixture = two()
  const plan = specs(tasks).map(spec => ({ ...spec, ...(durationMs !== undefined && { durationMs }) }))
  const run = fixture.orchestrator.run({ tasks: plan }, options)
  await fixture.clock.runUntilIdle()
  expect((await run.result).outcome).toBe('completed')
  checkHistory(fixture.events)
  return fixture
}

describe('a serial run', () => {
  test('runs one attempt at a time in one pool, with the reason that it was requested', async () => {
    const { backend, clock, events, orchestrator } = two()
    const run = orchestrator.run({ tasks: IN_P }, { mode: 'serial' })
    await clock.runUntilIdle()
    expect((await run.result).times.wallMs).toBe(400)
    expect([backend.maxRunning, chosen(events), reasonOf(events)]).toEqual([1, ['serial'], 'serial was requested'])
    checkHistory(events)
  })

  test('runs one attempt at a time across two pools', async () => {
    const { backend, clock, events, orchestrator } = two()
    const run = orchestrator.run({ tasks: TASKS }, { mode: 'serial' })
    await clock.runUntilIdle()
    expect([run.progress().status, backend.maxRunning, clock.pending]).toEqual(['settled', 1, 0])
    expect((await run.result).times.wallMs).toBe(800)
    checkHistory(events)
  })

  test('calls one input function at a time across two pools', async () => {
    const { backend, clock, orchestrator } = two()
    let [making, most] = [0, 0]
    const graph = new TaskGraph('g')
    for (const { id, pool } of TASKS)
      graph.task(id, {
        pool,
        input: async () => {
          most = Math.max(most, ++making + backend.running)
          await new Promise<void>(resolve => clock.schedule(resolve, 10))
          making--
          return id
        },
      })
    const run = orchestrator.run(graph, { mode: 'serial' })
    await clock.runUntilIdle()
    expect([run.progress().status, most, backend.maxRunning]).toEqual(['settled', 1, 1])
  })

  test('calls an input function only when no attempt is running in its pool', async () => {
    const { backend, clock, orchestrator } = two()
    let [making, most] = [0, 0]
    const graph = new TaskGraph('g')
    for (const { id, pool } of IN_P)
      graph.task(id, {
        pool,
        input: async () => {
          most = Math.max(most, ++making + backend.running)
          await new Promise<void>(resolve => clock.schedule(resolve, 10))
          making--
          return id
        },
      })
    const run = orchestrator.run(graph, { mode: 'serial' })
    await clock.runUntilIdle()
    expect([(await run.result).outcome, most, backend.maxRunning]).toEqual(['completed', 1, 1])
  })

  test('runs one attempt at a time with retries and timeouts, and continues while a task is delayed', async () => {
    const { backend, clock, events, orchestrator } = two()
    backend.answers('t0', [fail('crashed', WORK), succeed('ok', WORK)]).answers('t2', [hang(), succeed('ok', WORK)])
    const tasks = IN_P.map(task => ({ ...task, timeoutMs: 150 }))
    const run = orchestrator.run({ tasks }, { mode: 'serial' })
    await clock.runUntilIdle()
    expect([(await run.result).outcome, backend.maxRunning, clock.pending]).toEqual(['completed', 1, 0])
    expect(backend.calls.map(({ taskId }) => taskId).slice(0, 3)).toEqual(['t0', 't2', 't0'])
    checkHistory(events)
  })

  test('does not wait for a held task', async () => {
    const { clock, orchestrator } = two()
    const run = orchestrator.run({ tasks: specs('a! b c') }, { mode: 'serial' })
    await clock.runUntilIdle()
    expect(run.progress().counts).toMatchObject({ held: 1, succeeded: 2 })
    await run.approve('a')
    await clock.runUntilIdle()
    expect((await run.result).outcome).toBe('completed')
  })

  test('runs tasks that are added to it, one at a time', async () => {
    const { backend, clock, orchestrator } = two()
    const run = orchestrator.run({ tasks: specs('a b') }, { mode: 'serial' })
    await clock.advance(50)
    await run.add({ tasks: specs('c d<a') })
    await clock.runUntilIdle()
    expect([(await run.result).times.wallMs, backend.maxRunning]).toEqual([400, 1])
  })

  test('does not affect other runs in the same pools', async () => {
    const { backend, clock, orchestrator } = two()
    const serial = orchestrator.run({ tasks: IN_P }, { mode: 'serial' })
    const parallel = orchestrator.run({ tasks: IN_P })
    await clock.runUntilIdle()
    expect([(await serial.result).times.wallMs, (await parallel.result).outcome]).toEqual([400, 'completed'])
    expect(backend.maxRunning).toBeGreaterThan(2)
  })
})

describe('`auto`', () => {
  test('chooses serial for a chain, with the reason, before anything starts', async () => {
    const { events } = await performed('a b<a c<b', 100, { mode: 'auto' })
    expect([chosen(events), events[1]?.type]).toEqual([['serial'], 'run.mode-chosen'])
    expect(reasonOf(events)).toMatch(/no tasks would run at the same time/)
  })

  test('chooses parallel for independent tasks', async () => {
    const { backend, events } = await performed('a b c d', 100, { mode: 'auto' })
    expect([chosen(events), backend.maxRunning]).toEqual([['parallel'], 4])
    expect(reasonOf(events)).toMatch(/4 times as fast/)
  })

  test('chooses serial for independent tasks when the gain is too small or the cost too high', async () => {
    const short = await performed('a b c d', 100, { mode: 'auto', auto: { minSavedMs: 60_000 } })
    expect([chosen(short.events), short.backend.maxRunning]).toEqual([['serial'], 1])
    expect(chosen((await performed('a b c d', 100, { mode: 'auto', auto: { minSpeedup: 5 } })).events)).toEqual([
      'serial',
    ])
    const { orchestrator, clock, events } = two()
    const tasks = specs('a b c d').map(spec => ({ ...spec, estimate: { costUsd: 1 }, durationMs: 100 }))
    const run = orchestrator.run({ tasks }, { mode: 'auto', auto: { maxExtraCostUsd: 0.1 } })
    await clock.runUntilIdle()
    await run.result
    expect([chosen(events), reasonOf(events)]).toEqual([['serial'], expect.stringMatching(/cost/)])
  })

  test('respects a pool with one slot', async () => {
    const { clock, orchestrator } = setUp({ concurrency: 1 })
    const run = orchestrator.run({ tasks: specs('a b c') }, { mode: 'auto' })
    const modes: string[] = []
    run.on('run.mode-chosen', ({ mode }) => modes.push(mode))
    await clock.runUntilIdle()
    expect([modes, (await run.result).outcome]).toEqual([['serial'], 'completed'])
  })

  test('works for an empty plan, and for one whose pools the distributor finds', async () => {
    const { clock, orchestrator } = setUp()
    expect((await orchestrator.run({ tasks: [] }, { mode: 'auto' }).result).outcome).toBe('completed')
    const run = orchestrator.run({ tasks: [{ id: 'a' }, { id: 'b' }] }, { mode: 'auto' })
    await clock.runUntilIdle()
    expect((await run.result).outcome).toBe('completed')
  })
})

describe('`autoFallbackToSerial`', () => {
  test('switches to serial once when most attempts are throttled', async () => {
    const { backend, clock, events, orchestrator } = two()
    backend.answer('*', ({ task }, { attempt }) => (attempt <= 4 ? fail('throttled') : succeed(task.id, WORK)))
    const run = orchestrator.run({ tasks: IN_P }, { autoFallbackToSerial: true })
    await clock.runUntilIdle()
    expect([(await run.result).outcome, chosen(events)]).toEqual(['completed', ['serial']])
    expect(reasonOf(events)).toMatch(/throttled/)
    checkHistory(events)
  })

  test('does not switch for failures of other kinds, or without the option', async () => {
    for (const [kind, options] of [
      ['crashed', { autoFallbackToSerial: true }],
      ['throttled', {}],
    ] as const) {
      const { backend, clock, events, orchestrator } = two()
      backend.answer('*', ({ task }, { attempt }) => (attempt <= 2 ? fail(kind) : task.id))
      const run = orchestrator.run({ tasks: IN_P.concat(specs('a b c d') as never) }, options)
      await clock.runUntilIdle()
      expect([(await run.result).outcome, chosen(events)]).toEqual(['completed', []])
    }
  })
})
