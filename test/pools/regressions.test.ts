import { Orchestrator } from 'counterpoint'
import { VirtualClock } from 'counterpoint/testing'
import { expect, test } from 'vitest'

test('no timer stays when the last run of a pool ends at the moment at which its cooldown is over', async () => {
  const clock = new VirtualClock()
  const sleep = (ms: number): Promise<null> => new Promise(resolve => clock.schedule(() => resolve(null), ms))
  const orchestrator = new Orchestrator({
    clock,
    random: () => 0,
    pools: { a: { backend: () => sleep(50), limitKey: 'k' }, b: { backend: () => 1, limitKey: 'k' } },
    limits: { k: { requests: { limit: 2, perMs: 86_400_000 } } },
  })
  const first = orchestrator.run({ tasks: [{ id: 'a1', pool: 'a' }] })
  await clock.advance(0)
  const second = orchestrator.run({
    tasks: [
      { id: 'b1', pool: 'b' },
      { id: 'b2', pool: 'b' },
    ],
  })
  await clock.advance(0)
  orchestrator.pools.get('a')!.park(50)
  await clock.advance(50)
  await first.result
  await second.cancel('enough')
  await second.result
  await clock.advance(0)
  expect(clock.pending).toBe(0)
})

test.each([undefined, { costUsd: 100 }])(
  'an attempt whose backend reports no usage counts with the estimate of its task, with the budget %j',
  async budget => {
    const clock = new VirtualClock()
    const starts: number[] = []
    const backend = {
      estimate: { tokens: 500 },
      run: () => starts.push(clock.monotonic()),
    }
    const pools = { p: { backend, tokens: { limit: 1_000, perMs: 60_000 } } }
    const tasks = Array.from({ length: 6 }, (_, i) => ({ id: `t${i}`, estimate: { tokens: 100 } }))
    const run = new Orchestrator({ clock, pools }).run({ tasks }, budget ? { budget } : {})
    await clock.runUntilIdle()
    await run.result
    expect(starts.map(at => Math.floor(at))).toEqual([0, 0, 0, 0, 0, 0])
  },
)

test('tasks that wait for approval are not queued in their pool, and all start once approved', async () => {
  const clock = new VirtualClock()
  const orchestrator = new Orchestrator({ clock, pools: { p: { backend: () => 1 } } })
  const runs = Array.from({ length: 50 }, () =>
    orchestrator.run({ tasks: [{ id: 'a' }, { id: 'b', after: ['a'], approval: true }] }),
  )
  await clock.advance(0)
  expect(runs.map(run => run.progress().counts.held)).toEqual(runs.map(() => 1))
  expect(orchestrator.pools.get('p')!.stats()).toMatchObject({ queued: 0, running: 0 })
  await Promise.all(runs.map(run => run.approve('b')))
  await clock.runUntilIdle()
  expect((await Promise.all(runs.map(run => run.result))).map(({ outcome }) => outcome)).toEqual(
    runs.map(() => 'completed'),
  )
})
