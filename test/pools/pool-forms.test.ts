import { Limit, Orchestrator, type OrchestratorOptions, systemClock, WorkerPool } from 'counterpoint'
import { MockBackend, VirtualClock } from 'counterpoint/testing'
import { describe, expect, test } from 'vitest'
import { specs } from '../support/scheduler-fixture.js'
import { setUp } from '../support/set-up.js'

class Writer {
  run({ task }: { readonly task: { readonly id: string } }): string {
    return task.id
  }
}

async function outputsOf(pools: OrchestratorOptions['pools']): Promise<unknown> {
  const orchestrator = new Orchestrator({ pools })
  expect(orchestrator.pools.get('writer')?.concurrency).toBe(4)
  return { ...(await orchestrator.run({ tasks: [{ id: 'a', pool: 'writer' }] }).result).outputs }
}

describe('a pool can be', () => {
  test('a function alone, with the default options', async () => {
    expect(await outputsOf({ writer: ({ task }) => `${task.id}!` })).toEqual({ a: 'a!' })
  })

  test('a WorkerPool with a function as its backend and without a clock, in several orchestrators', async () => {
    const pool = new WorkerPool({ name: 'shared', backend: ({ task }) => task.id })
    expect(await outputsOf({ writer: pool })).toEqual({ a: 'a' })
    expect(await outputsOf({ writer: pool })).toEqual({ a: 'a' })
    expect(await outputsOf({ writer: new WorkerPool({ name: 'w', backends: [() => 1], clock: systemClock }) })).toEqual(
      {
        a: 1,
      },
    )
  })

  test('a WorkerPool with every option of a pool: defaults, intent and graceMs', async () => {
    const clock = new VirtualClock()
    const backend = new MockBackend({ clock }).answer('*', () => Promise.reject(new Error('no')))
    const poems = new WorkerPool({
      name: 'poems',
      backend,
      clock,
      defaults: { retries: 0, timeoutMs: 50 },
      intent: { words: ['poem'] },
      graceMs: 7,
    })
    const code = { backend: () => 'code', intent: { words: ['code'] } }
    const orchestrator = new Orchestrator({ clock, pools: { poems, code } })
    const run = orchestrator.run({ tasks: [{ id: 'a', description: 'write a poem' }] })
    await clock.runUntilIdle()
    expect((await run.result).tasks[0]).toMatchObject({ pool: 'poems', attempts: 1, status: 'dead' })
    backend.answer('*', () => new Promise(() => {}))
    const hung = orchestrator.run({ tasks: [{ id: 'b', pool: 'poems' }] })
    await clock.runUntilIdle()
    const [task] = (await hung.result).tasks
    expect(task).toMatchObject({ attempts: 1, abandoned: 1, busyMs: 57 })
  })
})

describe('a pool is refused:', () => {
  const run = (): number => 1
  test.each<readonly [string, unknown, string, RegExp]>([
    [
      'a backend with a typo beside it, which would be lost',
      { run, concurency: 2 },
      'pools.p.run',
      /in the option backend/,
    ],
    [
      'a backend without a prototype',
      Object.assign(Object.create(null), { run }),
      'pools.p.run',
      /in the option backend/,
    ],
    ['an instance of a backend', new Writer(), 'pools.p.run', /in the option backend/],
    ['something else', 5, 'pools.p', /expected the options of a pool, or the function of its backend alone, got 5/],
    ['options with a typo', { backend: run, concurency: 2 }, 'pools.p.concurency', /did you mean "concurrency"/],
    ['a backend whose run is not a function', { run: 1 }, 'pools.p.run', /expected one of|unknown/],
  ])('%s', (_what, pool, path, message) => {
    const create = (): unknown => new Orchestrator({ pools: { p: pool as never } })
    expect(create).toThrow(expect.objectContaining({ details: { issues: [expect.objectContaining({ path })] } }))
    expect(create).toThrow(message)
  })

  test('a WorkerPool with another clock than its orchestrator: one of them would wait in real time', () => {
    const pool = new WorkerPool({ name: 'p', backend: run })
    const virtual = new WorkerPool({ name: 'p', backend: run, clock: new VirtualClock() })
    expect(() => setUp({}, { pools: { p: pool } })).toThrow(/pools\.p: its clock is the default one, .*pass the same/)
    expect(() => setUp({}, { pools: { p: virtual } })).toThrow(/pools\.p: its clock is another one than that of the/)
    expect(() => new Orchestrator({ pools: { p: virtual } })).toThrow(
      /that of the orchestrator, which is the default one: pass/,
    )
    expect(() => new Orchestrator({ clock: systemClock, pools: { p: pool } })).not.toThrow()
  })

  test('a WorkerPool with another clock than its limit', () => {
    const limit = new Limit({ key: 'k' })
    expect(() => new WorkerPool({ name: 'p', limit, clock: new VirtualClock() })).toThrow(
      /WorkerPool\.limit: expected a Limit with the clock of the pool/,
    )
    expect(() => new WorkerPool({ name: 'p', limit })).not.toThrow()
  })

  test('wrong defaults of a WorkerPool, where it is made', () => {
    expect(() => new WorkerPool({ name: 'p', backend: run, defaults: { retires: 1 } as never })).toThrow(
      /invalid options of WorkerPool: defaults\.retires: .*did you mean "retries"/,
    )
  })
})

test('a pool given as a mock backend runs plans', async () => {
  const clock = new VirtualClock()
  const orchestrator = new Orchestrator({ clock, pools: { p: { backend: new MockBackend({ clock }).answer('*', 1) } } })
  const run = orchestrator.run({ tasks: specs('a b<a') })
  await clock.runUntilIdle()
  expect((await run.result).outcome).toBe('completed')
})
