import { memoryJournal, type Run } from 'counterpoint'
import { describe, expect, test } from 'vitest'
import { ProbeJournal } from '../support/probe-journal.js'
import { describeEvents, specs } from '../support/scheduler-fixture.js'
import { type SetUp, setUp } from '../support/set-up.js'

/** A run on which calls are made before it has begun: new, or right after `resume()`. Its task `a` is held. */
const BEGINNINGS: readonly (readonly [string, () => Promise<SetUp & { readonly run: Run }>])[] = [
  [
    'a new run',
    async () => {
      const scene = setUp()
      return { ...scene, run: scene.orchestrator.run({ tasks: specs('a!') }) }
    },
  ],
  [
    'a resumed run',
    async () => {
      const journal = memoryJournal()
      const first = setUp({}, { journal })
      first.orchestrator.run({ tasks: specs('a!') }, { runId: 'r' })
      await first.clock.runUntilIdle()
      await first.orchestrator.drain()
      const scene = setUp({}, { journal })
      return { ...scene, run: await scene.orchestrator.resume('r') }
    },
  ],
  [
    'a live run',
    async () => {
      const scene = setUp()
      const run = scene.orchestrator.run({ tasks: specs('a!') })
      await scene.clock.runUntilIdle()
      return { ...scene, run }
    },
  ],
]

describe.each(BEGINNINGS)('calls on %s take effect in the order in which they are made:', (_name, begin) => {
  test('add, then cancelTask: the task is cancelled and never starts', async () => {
    const { clock, run } = await begin()
    await Promise.all([run.pause(), run.add({ tasks: specs('b') }), run.cancelTask('b'), run.unpause()])
    await clock.runUntilIdle()
    expect(run.task('b')).toMatchObject({ status: 'cancelled', attempts: 0 })
  })

  test('add, then add of a task that depends on it, then approve', async () => {
    const { backend, clock, run } = await begin()
    backend.hold('b')
    await Promise.all([run.add({ tasks: specs('b') }), run.add({ tasks: specs('c!<a') }), run.approve('a')])
    await clock.advance(1)
    expect(['a', 'b', 'c'].map(id => run.task(id)?.status)).toEqual(['succeeded', 'running', 'held'])
  })

  test('add of a held task, then approve and reject it: the second is refused', async () => {
    const { run } = await begin()
    const [added, approved, rejected] = await Promise.allSettled([
      run.add({ tasks: specs('b!') }),
      run.approve('b'),
      run.reject('b'),
    ])
    expect([added.status, approved.status]).toEqual(['fulfilled', 'fulfilled'])
    expect(rejected).toMatchObject({ reason: { code: 'NOT_HELD' } })
  })

  test('cancelTask, then add of the task: it is not found, and runs', async () => {
    const { clock, run } = await begin()
    const calls = await Promise.allSettled([run.cancelTask('b'), run.add({ tasks: specs('b') })])
    expect(calls).toMatchObject([{ reason: { code: 'NOT_FOUND' } }, { status: 'fulfilled' }])
    await clock.runUntilIdle()
    expect(run.task('b')?.status).toBe('succeeded')
  })

  test('pause, then add: nothing starts until unpause', async () => {
    const { backend, clock, run } = await begin()
    await Promise.all([run.pause(), run.add({ tasks: specs('b') }), run.approve('a')])
    await clock.runUntilIdle()
    expect([backend.calls.length, run.progress().status]).toEqual([0, 'paused'])
    await run.unpause()
    await clock.runUntilIdle()
    expect((await run.result).outcome).toBe('completed')
  })

  test('pause, unpause, pause: it is paused', async () => {
    const { run } = await begin()
    await Promise.all([run.pause(), run.unpause(), run.pause()])
    expect(run.progress().status).toBe('paused')
  })

  test('setBudget, then add: the task does not fit', async () => {
    const { backend, clock, run } = await begin()
    const tasks = [{ id: 'b', estimate: { costUsd: 2 } }]
    await Promise.all([run.setBudget({ costUsd: 1, onHard: 'hold' }), run.add({ tasks })])
    await clock.runUntilIdle()
    expect([run.task('b'), backend.calls.length]).toMatchObject([{ status: 'held', reason: 'budget' }, 0])
  })

  test('cancel, then add, approve and pause: the run has ended', async () => {
    const { run } = await begin()
    const calls = await Promise.allSettled([
      run.cancel('enough'),
      run.add({ tasks: specs('b') }),
      run.approve('a'),
      run.pause(),
    ])
    expect(calls).toMatchObject([
      { status: 'fulfilled' },
      { reason: { code: 'RUN_ENDED', message: expect.stringContaining('it is cancelled') } },
      { reason: { code: 'NOT_HELD', details: { status: 'cancelled' } } },
      { reason: { code: 'RUN_ENDED' } },
    ])
    expect((await run.result).tasks).toMatchObject([{ id: 'a', status: 'cancelled', reason: 'enough' }])
  })

  test('add, approve, pause, then cancel: each has done what it says', async () => {
    const { backend, run } = await begin()
    backend.hold('*')
    await Promise.all([run.add({ tasks: specs('b!') }), run.approve('b'), run.pause(), run.cancel('enough')])
    const { outcome, tasks } = await run.result
    expect([outcome, tasks.map(({ status }) => status)]).toEqual(['cancelled', ['cancelled', 'cancelled']])
  })

  test('add, then a second add of the same id is refused', async () => {
    const { run } = await begin()
    const calls = await Promise.allSettled([run.add({ tasks: specs('b') }), run.add({ tasks: specs('b') })])
    expect(calls).toMatchObject([{ status: 'fulfilled' }, { reason: { code: 'DUPLICATE_ID', details: { id: 'b' } } }])
  })

  test('a plan that is invalid is refused at once', async () => {
    const { run } = await begin()
    for (const wrong of [{ tasks: specs('a') }, { tasks: specs('b<zz') }, { tasks: 1 }])
      await expect(run.add(wrong as never)).rejects.toMatchObject({
        code: expect.stringMatching(/DUPLICATE_ID|UNKNOWN_DEPENDENCY|INVALID_INPUT/),
      })
  })
})

describe('tasks that wait for room in a full pool', () => {
  /** Pool `p` has one slot, which `x` holds, and room for one task, which `y` takes. */
  async function full(): Promise<SetUp & { readonly run: Run }> {
    const scene = setUp({ concurrency: 1, queueLimit: 1 })
    scene.backend.hold('x')
    const run = scene.orchestrator.run({ tasks: specs('x') })
    await scene.backend.started('x')
    await run.add({ tasks: specs('y') })
    return { ...scene, run }
  }

  test('are found by a later call that names them, and by later tasks that depend on them; a pause does not wait', async () => {
    const { backend, clock, run } = await full()
    const added = run.add({ tasks: specs('b') })
    const calls = [run.add({ tasks: specs('c<b') }), run.cancelTask('b')]
    await run.pause()
    expect([run.task('b'), run.progress().status]).toEqual([undefined, 'paused'])
    await run.unpause()
    backend.hold('y')
    backend.release('x')
    await clock.advance(1)
    await Promise.all([added, ...calls])
    backend.release('y')
    expect(['b', 'c'].map(id => run.task(id)?.status)).toEqual(['cancelled', 'skipped'])
    expect((await run.result).outcome).toBe('partial')
  })

  test('are not added when the run ends before; nor are those that depend on them', async () => {
    const { clock, orchestrator, run } = await full()
    const calls = [run.add({ tasks: specs('b') }), run.add({ tasks: specs('c<b') }), run.cancelTask('b')]
    const ended = Promise.allSettled(calls)
    void orchestrator.drain()
    await clock.runUntilIdle()
    const ends = (await ended).map(call => (call.status === 'rejected' ? call.reason.code : 'done'))
    expect(ends).toEqual(['RUN_SUSPENDED', expect.stringMatching(/RUN_SUSPENDED|UNKNOWN_DEPENDENCY/), 'RUN_SUSPENDED'])
    expect(run.task('b')).toBe(undefined)
  })
})

test('a drain takes effect before the calls that are made after it', async () => {
  const { clock, orchestrator } = setUp()
  const run = orchestrator.run({ tasks: specs('a!') })
  await clock.runUntilIdle()
  const drained = orchestrator.drain()
  await expect(run.approve('a')).rejects.toMatchObject({ code: 'RUN_SUSPENDED' })
  await drained
  expect(run.task('a')?.status).toBe('held')
})

test('the events of early calls come in their order, in records of their own', async () => {
  const journal = new ProbeJournal()
  const { clock, orchestrator } = setUp({}, { journal })
  const run = orchestrator.run({ tasks: specs('a') }, { runId: 'r' })
  void run.pause()
  void run.add({ tasks: specs('b') })
  void run.cancelTask('a')
  await clock.runUntilIdle()
  expect(journal.records('r').map(record => describeEvents(record).join(', '))).toEqual([
    'run.started, task.added a, task.ready a',
    'run.paused',
    'task.added b, task.ready b',
    'task.cancelled a',
  ])
})
