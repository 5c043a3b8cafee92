import { Orchestrator, type RunEvent } from 'counterpoint'
import { VirtualClock } from 'counterpoint/testing'
import { describe, expect, test } from 'vitest'
import { checkHistory } from '../support/history.js'
import { chain, deepestFrame, star } from '../support/large-graphs.js'
import { ProbeJournal } from '../support/probe-journal.js'
import { describeEvents, specs } from '../support/scheduler-fixture.js'
import { setUp } from '../support/set-up.js'

describe('trap 1: p-queue starts a job inside `add`', () => {
  test('an answer within the start, and signals sent by listeners, are decided one at a time', async () => {
    const { clock, orchestrator } = setUp({ backend: ({ task }) => task.id, concurrency: 2 })
    const run = orchestrator.run({ tasks: specs('a b<a c<a d<b,c e f') })
    const received: RunEvent[] = []
    let depth = 0
    run.on('event', event => {
      expect(++depth).toBe(1)
      received.push(event as RunEvent)
      if (event.type === 'attempt.started' && event.taskId === 'a') {
        void run.pause()
        void run.unpause()
        void run.cancelTask('e')
        void run.add({ tasks: specs('g<a') }).catch(() => {})
        orchestrator.pools.get('p')!.concurrency = 3
      }
      depth--
    })
    await clock.runUntilIdle()
    checkHistory(received)
    expect((await run.result).tasks.slice(0, 6).map(task => task.status)).not.toContain('running')
  })

  test('a run that is started by an agent of another run settles', async () => {
    const { backend, orchestrator } = setUp({ concurrency: 1 })
    backend.answer('a', () => orchestrator.run({ tasks: specs('b c<b') }).id)
    const { outputs } = await orchestrator.run({ tasks: specs('a') }).result
    const inner = await orchestrator.runs.get(outputs.a as string)!.result
    expect(inner.outcome).toBe('completed')
  })
})

describe('trap 2: effects driven by state call the backend twice', () => {
  test('one attempt is one call, although its record names the task twice', async () => {
    const { backend, clock, orchestrator } = setUp(
      { concurrency: 2 },
      { failureHandler: () => ({ action: 'retry', delayMs: 0 }) },
    )
    backend.answers('*', [() => Promise.reject(new Error('no')), () => Promise.reject(new Error('no')), 'ok'])
    const run = orchestrator.run({ tasks: specs('a b<a c<a,b') })
    await clock.runUntilIdle()
    await run.result
    const calls = backend.calls.map(call => `${call.context.idempotencyKey} ${call.attempt}`)
    expect([calls.length, new Set(calls).size]).toEqual([9, 9])
  })
})

describe('trap 3: a journal cut between the events of one signal', () => {
  test('every prefix of records leads to the same result', async () => {
    const journal = new ProbeJournal()
    const { backend, clock, orchestrator } = setUp({}, { journal })
    backend.answers('b', [() => Promise.reject(new Error('no')), 'b'])
    const run = orchestrator.run({ tasks: specs('a b<a c<a d<b,c') }, { runId: 'x' })
    await clock.runUntilIdle()
    const { outputs } = await run.result
    const count = journal.records('x').length
    expect(count).toBeGreaterThan(10)
    for (let held = 1; held <= count; held++) {
      const again = setUp({}, { journal: ProbeJournal.after(journal, held) })
      again.backend.answers('b', [() => Promise.reject(new Error('no')), 'b'])
      const resumed = await again.orchestrator.resume('x')
      await again.clock.runUntilIdle()
      expect(await resumed.result).toMatchObject({ outcome: 'completed', outputs })
    }
  })

  test('the first record of a run holds its whole plan', async () => {
    const journal = new ProbeJournal()
    const { orchestrator } = setUp({}, { journal })
    await orchestrator.run({ tasks: specs('a b<a c') }, { runId: 'x' }).result
    expect(describeEvents(journal.records('x')[0]!)).toEqual([
      'run.started',
      'task.added a',
      'task.added b',
      'task.added c',
      'task.ready a',
      'task.ready c',
    ])
  })
})

describe('trap 4: a task that is added after its dependency died', () => {
  test('is skipped, and the run settles', async () => {
    const { backend, clock, orchestrator } = setUp({ defaults: { retries: 0 } })
    backend.answer('a', () => Promise.reject(new Error('no'))).hold('z')
    const run = orchestrator.run({ tasks: specs('a z') })
    await backend.started('z')
    await run.add({ tasks: specs('c<b b<a') })
    backend.release('z')
    await clock.runUntilIdle()
    expect((await run.result).tasks.map(task => task.rootCause)).toEqual([undefined, undefined, 'a', 'a'])
  })
})

describe('trap 5: recursion over the graph', () => {
  test('a chain of 100,000 is skipped', async () => {
    const { orchestrator } = setUp({ defaults: { retries: 0 }, backend: () => Promise.reject(new Error('no')) })
    const { outcome, rootCauses } = await orchestrator.run(chain(100_000)).result
    expect([outcome, rootCauses.length, rootCauses[0]?.skipped.length]).toEqual(['failed', 1, 99_999])
  })

  test('a chain of 20,000 is cancelled, as a run and by its first task', async () => {
    for (const cancel of ['cancel', 'cancelTask'] as const) {
      const { backend, orchestrator } = setUp()
      backend.hold('*')
      const run = orchestrator.run(chain(20_000))
      await backend.started('t0')
      await run[cancel]('t0')
      const { tasks } = await run.result
      expect(tasks.every(task => task.status === 'cancelled' || task.rootCause === 't0')).toBe(true)
    }
  })

  test('a chain of 20,000 instant tasks runs, and is resumed', async () => {
    const journal = new ProbeJournal()
    const first = setUp({ backend: ({ task }) => task.id }, { journal })
    expect((await first.orchestrator.run(chain(20_000), { runId: 'x' }).result).outcome).toBe('completed')
    const second = setUp({ backend: ({ task }) => task.id }, { journal: ProbeJournal.after(journal, 5) })
    expect((await (await second.orchestrator.resume('x')).result).outcome).toBe('completed')
  })

  // Recursion would be: a claim ends an instant task, which makes another ready, which fills another slot, which claims from another run.
  test('runs whose instant tasks wait for one pool do not settle recursively', async () => {
    expect(await deepestFrame(60)).toBeLessThan((await deepestFrame(10)) + 100)
  })
})

describe('trap 6: copying the state of every task', () => {
  /** CPU time, because wall time depends on the load of the machine. */
  async function usPerTask(length: number, times: number): Promise<number> {
    const graph = star(length)
    const before = process.cpuUsage()
    for (let i = 0; i < times; i++) await setUp({ backend: () => 1, concurrency: 64 }).orchestrator.run(graph).result
    const { user, system } = process.cpuUsage(before)
    return (user + system) / length / times
  }

  test('the time per task does not grow with the number of tasks', async () => {
    const ratios: number[] = []
    for (let i = 0; i < 3; i++) ratios.push((await usPerTask(100_000, 1)) / (await usPerTask(10_000, 4)))
    expect(ratios.sort((a, b) => a - b)[1]).toBeLessThan(3)
  })
})

describe('trap 7: eventemitter3 rethrows the error of a listener', () => {
  test('a listener that throws or rejects changes nothing, on any channel', async () => {
    const { clock, orchestrator } = setUp()
    const errors: string[] = []
    orchestrator.on('error', ({ where }) => void errors.push(where))
    orchestrator.on('event', () => {
      throw new Error('mine')
    })
    const run = orchestrator.run({ tasks: specs('a b<a') })
    run.on('task.succeeded', async () => {
      throw new Error('mine, later')
    })
    await clock.runUntilIdle()
    expect((await run.result).outcome).toBe('completed')
    expect(errors.filter(where => where === 'listener of event')).toHaveLength(10)
    expect(errors.filter(where => where === 'listener of task.succeeded')).toHaveLength(2)
  })
})

describe('trap 8: slots that ignore a lowered concurrency and pause', () => {
  test('a concurrency lowered from 8 to 2 applies as soon as attempts end', async () => {
    const { backend, orchestrator } = setUp({ concurrency: 8 })
    const pool = orchestrator.pools.get('p')!
    backend.hold('*')
    const run = orchestrator.run(star(20))
    await backend.started('t7')
    pool.concurrency = 2
    expect(pool.stats()).toMatchObject({ running: 8, concurrency: 2 })
    for (let i = 0; i < 7; i++) backend.release(`t${i}`)
    await new Promise(resolve => setImmediate(resolve))
    expect([pool.stats().running, backend.calls.length]).toEqual([2, 9])
    backend.hold('none')
    while (backend.running > 0) {
      expect(backend.running).toBeLessThanOrEqual(2)
      backend.release('*')
      await new Promise(resolve => setImmediate(resolve))
    }
    expect((await run.result).outcome).toBe('completed')
  })

  test('a paused pool starts nothing, however many tasks are ready', async () => {
    const { backend, clock, orchestrator } = setUp({ concurrency: 4 })
    const pool = orchestrator.pools.get('p')!
    backend.hold('t1')
    backend.answer('t2', () => {
      pool.pause()
      return 't2'
    })
    const run = orchestrator.run(star(700))
    await clock.advance(0)
    const { length } = backend.calls
    expect(length).toBeLessThan(10)
    backend.release('t1')
    await clock.advance(0)
    expect([backend.calls.length, pool.stats().running]).toEqual([length, 0])
    pool.unpause()
    expect((await run.result).outcome).toBe('completed')
  })
})

describe('trap 9: a million instant tasks', () => {
  test('do not starve a timer of 10 ms: it fires long before 200,000 have run', async () => {
    const orchestrator = new Orchestrator({ pools: { p: { backend: () => 1, concurrency: 64 } } })
    const run = orchestrator.run(star(200_000))
    const ended = { timer: 0, run: 0 }
    const timer = new Promise<void>(resolve =>
      setTimeout(() => {
        ended.timer = run.progress().ended
        resolve()
      }, 10),
    )
    expect((await run.result).outcome).toBe('completed')
    await timer
    expect(ended.timer).toBeGreaterThan(0)
    expect(ended.timer).toBeLessThan(200_000)
  })

  test('do not starve a timer in a chain, or with a virtual clock', async () => {
    const clock = new VirtualClock()
    const orchestrator = new Orchestrator({ clock, pools: { p: { backend: () => 1 } } })
    const run = orchestrator.run(chain(5_000))
    let turns = 0
    const count = (): void => {
      turns++
      if (run.progress().status !== 'settled') setImmediate(count)
    }
    setImmediate(count)
    await run.result
    expect(turns).toBeGreaterThan(10)
  })

  test('do not delay slots whose tasks take turns of the event loop', async () => {
    const waiting: (() => void)[] = []
    const backend = (): Promise<void> => new Promise(resolve => void waiting.push(resolve))
    const orchestrator = new Orchestrator({ clock: new VirtualClock(), pools: { p: { backend, concurrency: 48 } } })
    const run = orchestrator.run(star(480))
    const waves: number[] = []
    while (run.progress().status !== 'settled') {
      await new Promise(resolve => setImmediate(resolve))
      const wave = waiting.splice(0)
      if (wave.length > 0) waves.push(wave.length)
      for (const end of wave) end()
    }
    expect(waves).toEqual(Array.from({ length: 10 }, () => 48))
  })
})
