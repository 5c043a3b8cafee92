import { memoryJournal, type Run, type TaskSpec } from 'counterpoint'
import { fail, succeed } from 'counterpoint/testing'
import { describe, expect, test } from 'vitest'
import { type SetUp, setUp } from '../../support/set-up.js'

const LIMIT_MS = 5_000
const PARKED_MS = 20_000

/** What is parked. */
const PARKED: readonly (readonly [string, (fixture: SetUp) => { park(ms: number): void } | undefined])[] = [
  ['the pool', ({ orchestrator }) => orchestrator.pools.get('p')],
  ['its key', ({ orchestrator }) => orchestrator.limits.get('k')],
]

/** How the task comes to wait for the parked pool, given what parks it. Each gives the run. */
const WAYS: readonly (readonly [string, (fixture: SetUp, spec: TaskSpec, park: () => void) => Promise<Run> | Run])[] = [
  [
    'is in a plan that starts while it is parked',
    ({ orchestrator }, spec, park) => {
      park()
      return orchestrator.run({ tasks: [spec] })
    },
  ],
  [
    'is the first of its pool, added live while it is parked',
    async ({ orchestrator, clock }, spec, park) => {
      const run = orchestrator.run({ tasks: [{ id: 'x', pool: 'q' }] })
      await clock.advance(1)
      park()
      await run.add({ tasks: [spec] })
      return run
    },
  ],
  [
    'becomes ready while it is parked',
    async ({ orchestrator, clock }, spec, park) => {
      const run = orchestrator.run({
        tasks: [
          { id: 'x', pool: 'q' },
          { ...spec, after: ['x'] },
        ],
      })
      await clock.advance(1)
      park()
      return run
    },
  ],
  [
    'waits for a slot when it is parked',
    async ({ orchestrator, clock }, spec, park) => {
      const run = orchestrator.run({ tasks: [{ id: 'first', pool: 'p', priority: 1 }, spec] })
      await clock.advance(4_000)
      park()
      return run
    },
  ],
  [
    'is held, and approved while it is parked',
    async ({ orchestrator, clock }, spec, park) => {
      const run = orchestrator.run({ tasks: [{ ...spec, approval: true }] })
      await clock.advance(60_000)
      park()
      await run.approve('a')
      return run
    },
  ],
  [
    'is paused with its run before it is parked, and until later',
    async ({ orchestrator, clock }, spec, park) => {
      const run = orchestrator.run({ tasks: [spec] })
      void run.pause()
      await clock.advance(60_000)
      park()
      await clock.advance(PARKED_MS / 2)
      await run.unpause()
      return run
    },
  ],
  [
    'is paused with its run while it is parked, and longer',
    async ({ orchestrator, clock }, spec, park) => {
      park()
      const run = orchestrator.run({ tasks: [spec] })
      await clock.advance(1_000)
      await run.pause()
      await clock.advance(2 * PARKED_MS)
      await run.unpause()
      return run
    },
  ],
]

function stage(): SetUp {
  const { clock, backend } = setUp()
  backend.answer('x', succeed('x', { afterMs: 2_000 })).answer('first', succeed('first', { afterMs: 4_500 }))
  const pools = { p: { backend, limitKey: 'k', concurrency: 1 }, q: { backend } }
  return { ...setUp({}, { clock, pools }), clock, backend }
}

describe.each(PARKED)('while %s is parked', (_parked, target) => {
  describe.each(['queueTimeoutMs', 'totalTimeoutMs'] as const)('%s of a task is stopped that', option => {
    test.each(WAYS)('%s', async (_way, start) => {
      const made = stage()
      const run = await start(made, { id: 'a', pool: 'p', [option]: LIMIT_MS, retries: 0 } as never, () =>
        target(made)?.park(PARKED_MS),
      )
      await made.clock.runUntilIdle()
      expect((await run.result).tasks.find(({ id }) => id === 'a')).toMatchObject({ status: 'succeeded' })
    })

    test('only waits: it expires when it still has no slot after the parking', async () => {
      const made = stage()
      made.backend.answer('long', succeed('long', { afterMs: 60_000 }))
      target(made)?.park(PARKED_MS)
      const run = made.orchestrator.run({
        tasks: [
          { id: 'long', pool: 'p', priority: 1 },
          { id: 'a', pool: 'p', [option]: LIMIT_MS },
        ],
      })
      await made.clock.runUntilIdle()
      const timeout = option.replace('TimeoutMs', '')
      expect((await run.result).tasks[1]).toMatchObject({ status: 'dead', failure: { timeout } })
    })
  })
})

describe('after a restart during the wait that a provider asked for', () => {
  /** `a` was throttled for a minute; the process ends after `endsAfterMs` of it, and the next one has the run a while later. */
  async function resumed(endsAfterMs: number, spec: Partial<TaskSpec>, isDrained: boolean) {
    const journal = memoryJournal()
    const first = setUp({}, { journal })
    first.backend.answers('a', [fail({ kind: 'throttled', retryAfterMs: 60_000 })])
    const tasks = [
      { id: 'a', ...spec },
      { id: 'b', after: ['z'] },
      { id: 'z', approval: true },
    ]
    const run = first.orchestrator.run({ tasks }, { runId: 'x' })
    run.result.catch(() => {})
    await first.clock.advance(endsAfterMs)
    if (isDrained) {
      const drained = first.orchestrator.drain()
      await first.clock.advance(0)
      await drained
    }
    const next = setUp({}, { journal })
    next.clock.jump(endsAfterMs + 1_000)
    next.backend.answer('*', succeed('done', { afterMs: 1_000 }))
    const again = await next.orchestrator.resume('x')
    await next.clock.advance(1)
    return { ...next, run: again }
  }

  test.each([10, 20_000, 45_000])(
    '%d ms after its begin, the time of a task that was throttled is still left',
    async ms => {
      const { clock, run } = await resumed(ms, { totalTimeoutMs: 5_000 }, true)
      expect(run.progress().parked).toMatchObject([{ pool: 'p', reason: 'throttled' }])
      await clock.advance(120_000)
      expect(run.task('a')?.status).toBe('succeeded')
    },
  )

  test('a run of which all tasks are held shows that their pool is parked, as before', async () => {
    const journal = memoryJournal()
    const first = setUp({}, { journal })
    const run = first.orchestrator.run({ tasks: [{ id: 'a', approval: true }] }, { runId: 'x' })
    run.result.catch(() => {})
    await first.clock.advance(10)
    first.orchestrator.pools.get('p')?.park(60_000)
    expect(run.progress().parked).toHaveLength(1)
    const drained = first.orchestrator.drain()
    await first.clock.runUntilIdle()
    await drained
    const next = setUp({}, { journal })
    next.clock.jump(10_000)
    const again = await next.orchestrator.resume('x')
    await next.clock.advance(1)
    expect(again.progress()).toMatchObject({ parked: [{ pool: 'p' }], held: [{ id: 'a' }] })
  })
})
