import { type Budget, memoryJournal, Orchestrator, type Run } from 'counterpoint'
import { MockBackend, slowJournal, succeed, VirtualClock } from 'counterpoint/testing'
import { describe, expect, test } from 'vitest'

/** Ways in which an attempt ends after its start was decided and before its backend is called. */
const ENDS: Readonly<Record<string, (run: Run, orchestrator: Orchestrator) => unknown>> = {
  'its task is cancelled': run => run.cancelTask('a'),
  'its run is cancelled': run => run.cancel('enough'),
  'its orchestrator is drained': (_, orchestrator) => orchestrator.drain(),
  'its total timeout expires': () => undefined,
}

/** Why the backend is not called yet: its start is not durable, or its pool was paused meanwhile. */
const WHILE = { 'its start is being written': false, 'its call is withheld': true } as const

const BUDGET: Budget = { costUsd: 1, tokens: 100, onHard: 'stop' }
const estimate = { costUsd: 0.9, tokens: 90 }

async function stage(end: (typeof ENDS)[string], isWithheld: boolean, scope: 'run' | 'orchestrator') {
  const clock = new VirtualClock()
  const journal = slowJournal({ clock, delayMs: 10 })
  const backend = new MockBackend({ clock }).answer('*', succeed('ok', { usage: estimate }))
  const make = (): Orchestrator => {
    const pool = { backend, concurrency: 1, tokens: { limit: 100, perMs: 86_400_000 } }
    return new Orchestrator({ clock, journal, pools: { p: pool }, ...(scope === 'orchestrator' && { budget: BUDGET }) })
  }
  const orchestrator = make()
  const tasks = [
    { id: 'a', estimate, totalTimeoutMs: isWithheld ? 40 : 18 },
    { id: 'b', estimate },
  ]
  const run = orchestrator.run({ tasks }, { runId: 'x', ...(scope === 'run' && { budget: BUDGET }) })
  run.result.catch(() => {})
  const started: string[] = []
  orchestrator.on('event', event => void (event.type === 'attempt.started' && started.push(event.taskId)))
  await clock.advance(15)
  if (isWithheld) {
    orchestrator.pools.get('p')?.pause()
    await clock.advance(15)
    expect(started).toEqual(['a'])
  }
  const ended = end(run, orchestrator)
  await clock.advance(60)
  await ended
  expect(backend.calls.map(({ taskId }) => taskId)).not.toContain('a')
  if (isWithheld) orchestrator.pools.get('p')?.unpause()
  return { clock, backend, orchestrator, make, run }
}

describe.each(Object.entries(WHILE))('while %s', (_while, isWithheld) => {
  describe.each(['run', 'orchestrator'] as const)('for the budget of the %s and for a token window', scope => {
    test.each(Object.entries(ENDS))('an attempt that is never called uses nothing when %s', async (way, end) => {
      const { clock, backend, orchestrator, make, run } = await stage(end, isWithheld, scope)
      if (way === 'its run is cancelled') {
        expect((await run.result).usage.costUsd ?? 0).toBe(0)
        expect(orchestrator.spent?.costUsd ?? 0).toBe(0)
        expect(orchestrator.pools.get('p')?.stats().tokens?.used).toBe(0)
        return
      }
      const resuming = way === 'its orchestrator is drained' ? make().resume('x') : Promise.resolve(run)
      await clock.advance(100)
      const live = await resuming
      // Of a day's window and of the budget there is room for one of them only: the next one starts at once.
      await clock.advance(100)
      expect(backend.calls).toHaveLength(1)
      await live.cancel().catch(() => {})
      await clock.advance(100)
      expect((await live.result).usage).toMatchObject(estimate)
    })
  })
})

test('an attempt that is called and killed counts with its estimate', async () => {
  const clock = new VirtualClock()
  const backend = new MockBackend({ clock }).hold('a')
  const pools = { p: { backend, graceMs: 1 } }
  const orchestrator = new Orchestrator({ clock, journal: memoryJournal(), pools, budget: BUDGET })
  const run = orchestrator.run({ tasks: [{ id: 'a', estimate }] })
  await clock.advance(5)
  void run.cancelTask('a')
  await clock.runUntilIdle()
  expect((await run.result).usage).toEqual({ ...estimate, estimated: true })
})
