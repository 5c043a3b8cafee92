import { type OrchestratorOptions, type RunEvent, TaskGraph } from 'counterpoint'
import { slowJournal } from 'counterpoint/testing'
import { describe, expect, test, vi } from 'vitest'
import { replay } from '../../src/core/state/evolve.js'
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

describe('when the journal fails', () => {
  /** A run with one running attempt, whose journal then fails. */
  async function broken() {
    const scene = slow()
    scene.backend.hold('*')
    const run = scene.orchestrator.run({ tasks: specs('a b c') })
    for (let i = 0; i < 4; i++) await scene.journal.flush()
    await scene.backend.started('b')
    void run.pause()
    await turn()
    scene.journal.fail(new Error('the disk is full'))
    await turn()
    return { ...scene, run }
  }

  test('the result rejects with the cause, and an error event is emitted', async () => {
    const errors: unknown[] = []
    const { orchestrator, journal } = slow()
    orchestrator.on('error', ({ where, runId }) => void errors.push([where, runId]))
    const run = orchestrator.run(plan, { runId: 'x' })
    await turn()
    journal.fail(new Error('the disk is full'))
    await expect(run.result).rejects.toMatchObject({
      code: 'JOURNAL',
      details: { runId: 'x' },
      cause: { message: 'the disk is full' },
    })
    expect(errors).toContainEqual(['journal', 'x'])
  })

  test('that is reported once, also when its close fails with the same error', async () => {
    const error = new Error('the disk is full')
    const broken = { read: () => [], close: async () => Promise.reject(error) }
    for (const append of [
      async () => Promise.reject(error),
      () => {
        throw error
      },
    ]) {
      const journal = { open: () => ({ ...broken, append }), read: () => [], list: () => [], delete: () => {} }
      const { orchestrator } = setUp({}, { journal })
      const errors: unknown[] = []
      orchestrator.on('error', ({ where, error: reported }) => void errors.push([where, reported]))
      await expect(orchestrator.run(plan).result).rejects.toMatchObject({ code: 'JOURNAL', cause: error })
      await turn()
      expect(errors).toEqual([['journal', error]])
    }
  })

  test('what else throws is reported as what it is, and the run can be resumed', async () => {
    const { clock, orchestrator } = setUp()
    const errors: unknown[] = []
    orchestrator.on('error', ({ where, error }) => void errors.push([where, (error as Error).message]))
    const run = orchestrator.run({ tasks: specs('a!') })
    await clock.runUntilIdle()
    vi.spyOn(clock, 'monotonic').mockImplementationOnce(() => {
      throw new Error('no time')
    })
    const call = run.pause()
    const error = await run.result.catch(reason => reason)
    await expect(call).rejects.toBe(error)
    expect([errors, error.message]).toEqual([[['scheduler', 'no time']], 'no time'])
    vi.restoreAllMocks()
    const resumed = await orchestrator.resume(run.id)
    await resumed.approve('a')
    expect((await resumed.result).outcome).toBe('completed')
  })

  test('a clock that throws always leaves no result pending', async () => {
    const { clock, orchestrator } = setUp()
    orchestrator.on('error', () => {})
    const run = orchestrator.run({ tasks: specs('a!') })
    await clock.runUntilIdle()
    vi.spyOn(clock, 'monotonic').mockImplementation(() => {
      throw new Error('no time')
    })
    await expect(run.pause()).rejects.toThrow('no time')
    await expect(run.result).rejects.toThrow('no time')
    vi.restoreAllMocks()
  })

  test('running attempts are aborted, slots are free, and no timer is left', async () => {
    const { run, backend, orchestrator, clock } = await broken()
    await expect(run.result).rejects.toMatchObject({ code: 'JOURNAL' })
    expect(backend.calls.map(call => [call.taskId, call.context.signal.aborted])).toEqual([
      ['a', true],
      ['b', true],
    ])
    expect(orchestrator.pools.get('p')?.stats()).toMatchObject({ running: 0, queued: 0 })
    expect(clock.pending).toBe(0)
  })

  test('delays before next attempts and pending inputs are cancelled', async () => {
    const { journal, orchestrator, backend, clock } = slow()
    backend.answer('a', () => Promise.reject(new Error('no'))).hold('b')
    const graph = new TaskGraph('g')
    for (const id of ['a', 'b']) graph.task(id, { pool: 'p' })
    graph.task('c', { pool: 'p', input: () => new Promise<never>(() => {}) })
    const run = orchestrator.run(graph)
    for (let i = 0; i < 4; i++) await journal.flush()
    expect(run.task('a')?.status).toBe('delayed')
    void run.pause()
    await turn()
    journal.fail()
    await expect(run.result).rejects.toMatchObject({ code: 'JOURNAL' })
    expect(clock.pending).toBe(0)
  })

  test('readers of its events end', async () => {
    const { run } = await broken()
    const read: RunEvent[] = []
    for await (const event of run.events()) read.push(event)
    expect(describeEvents(read).at(-1)).toBe('attempt.started b 1')
  })

  test('its durable records can be resumed by another process', async () => {
    const { journal, run } = await broken()
    const { orchestrator } = setUp({}, { journal: journal.afterCrash() })
    const resumed = await orchestrator.resume(run.id)
    expect((await resumed.result).outcome).toBe('completed')
    expect((await resumed.result).tasks.map(task => task.attempts)).toEqual([2, 2, 1])
  })

  test('in a synchronous append, nothing half-done is left', async () => {
    const journal = new ProbeJournal()
    journal.refuseFrom = 3
    const { backend, orchestrator, clock } = setUp({}, { journal })
    orchestrator.on('error', () => {})
    const run = orchestrator.run(plan)
    await expect(run.result).rejects.toMatchObject({ code: 'JOURNAL' })
    expect(backend.calls).toHaveLength(1)
    expect(orchestrator.pools.get('p')?.stats()).toMatchObject({ running: 0, queued: 0 })
    expect([clock.pending, journal.opened - journal.closed]).toEqual([0, 0])
  })

  // Otherwise `progress()` and `task()` would show what the journal does not hold.
  test('in a synchronous append, only durable state is shown', async () => {
    const journal = new ProbeJournal()
    journal.refuseFrom = 3
    const { orchestrator } = setUp({}, { journal })
    orchestrator.on('error', () => {})
    const run = orchestrator.run(plan)
    await run.result.catch(() => {})
    expect(run.task('a')?.status).toBe(replay(run.id, journal.records(run.id).flat()).states[0]?.status)
  })

  test('during an input function, the run ends', async () => {
    const graph = new TaskGraph('g')
    graph.task('a', { pool: 'p', input: () => new Promise<string>(() => {}) })
    const { journal, orchestrator } = slow()
    const run = orchestrator.run(graph)
    await turn()
    await journal.flush()
    void run.pause()
    await turn()
    journal.fail()
    await expect(run.result).rejects.toMatchObject({ code: 'JOURNAL' })
    expect(orchestrator.pools.get('p')?.stats()).toMatchObject({ running: 0, queued: 0 })
  })

  test('a journal that cannot be opened has failed', async () => {
    const { orchestrator } = setUp(
      {},
      {
        journal: {
          open: async () => Promise.reject(new Error('no access')),
          read: () => [],
          list: () => [],
          delete: () => {},
        },
      },
    )
    orchestrator.on('error', () => {})
    await expect(orchestrator.run(plan).result).rejects.toMatchObject({
      code: 'JOURNAL',
      cause: { message: 'no access' },
    })
  })

  test('while it is closed, that is reported and changes nothing', async () => {
    const errors: string[] = []
    const journal = new ProbeJournal()
    const open = journal.open.bind(journal)
    vi.spyOn(journal, 'open').mockImplementation(runId => ({
      ...open(runId),
      close: () => {
        throw new Error('no')
      },
    }))
    const { orchestrator } = setUp({}, { journal })
    orchestrator.on('error', ({ where }) => void errors.push(where))
    expect((await orchestrator.run(plan).result).outcome).toBe('completed')
    await turn()
    expect(errors).toEqual(['journal'])
  })

  test('the other runs of the orchestrator continue', async () => {
    const journal = slowJournal()
    const { backend, orchestrator } = setUp({ concurrency: 1 }, { journal })
    orchestrator.on('error', () => {})
    backend.hold('*')
    const first = orchestrator.run({ tasks: specs('a') })
    for (let i = 0; i < 3; i++) await journal.flush()
    journal.fail()
    void first.pause()
    await expect(first.result).rejects.toMatchObject({ code: 'JOURNAL' })
    const second = orchestrator.run({ tasks: specs('b') })
    for (let i = 0; i < 3; i++) await journal.flush()
    await backend.started('b')
    backend.release('b')
    for (let i = 0; i < 3; i++) await journal.flush()
    expect((await second.result).outcome).toBe('completed')
  })
})
