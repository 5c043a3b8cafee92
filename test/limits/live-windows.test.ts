import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Journal, memoryJournal, Orchestrator } from 'counterpoint'
import { fileJournal } from 'counterpoint/node'
import { MockBackend, slowJournal, VirtualClock } from 'counterpoint/testing'
import { afterAll, describe, expect, test } from 'vitest'

const folder = mkdtempSync(join(tmpdir(), 'live-windows-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
let folders = 0

const JOURNALS: Readonly<Record<string, (clock: VirtualClock) => Journal | undefined>> = {
  'no journal': () => undefined,
  'a journal in memory': () => memoryJournal(),
  'a slow journal': clock => slowJournal({ clock, delayMs: 1 }),
}

const cases = Object.keys(JOURNALS).flatMap(journal =>
  (['requests', 'tokens'] as const).flatMap(kind =>
    (['pool', 'key'] as const).flatMap(of =>
      (['before the first run', 'between two runs', 'while tasks wait', 'while parked'] as const).map(
        when => [kind, of, when, journal] as const,
      ),
    ),
  ),
)

describe('the first window of a live pool works, and can be changed and removed:', () => {
  test.each(cases)('%s of a %s, set %s, with %s', async (kind, of, when, journalName) => {
    const clock = new VirtualClock()
    const backend = new MockBackend({ clock }).answer('*', ({ task }) => task.id)
    const journal = JOURNALS[journalName]!(clock)
    const orchestrator = new Orchestrator({
      clock,
      random: () => 0,
      ...(journal && { journal }),
      pools: { p: { backend, concurrency: 10, ...(of === 'key' && { limitKey: 'k' }) } },
      ...(of === 'key' && { limits: { k: { concurrency: 10 } } }),
    })
    const settle = async (ms: number): Promise<void> => {
      for (let i = 0; i < 10; i++) await clock.advance(ms / 10)
    }
    const pool = orchestrator.pools.get('p')!
    const limited = of === 'key' ? orchestrator.limits.get('k')! : pool
    const tasks = (name: string) =>
      Array.from({ length: 6 }, (_, i) => ({ id: `${name}${i}`, estimate: { tokens: 1 } }))
    const called = (name: string): number => backend.calls.filter(({ taskId }) => taskId.startsWith(name)).length
    if (when === 'between two runs') {
      const first = orchestrator.run({ tasks: tasks('first') })
      await settle(100)
      await first.result
    }
    if (when === 'while parked') pool.park(500)
    if (when === 'while tasks wait') pool.pause()
    const isBefore = when === 'before the first run' || when === 'between two runs'
    if (isBefore) limited[kind] = { limit: 2, perMs: 1_000 }
    const run = orchestrator.run({ tasks: tasks('x') })
    await settle(10)
    if (!isBefore) limited[kind] = { limit: 2, perMs: 1_000 }
    pool.unpause()
    pool.unpark()
    await settle(100)
    expect(called('x')).toBe(2)
    await settle(1_001)
    expect(called('x')).toBe(4)
    limited[kind] = { limit: 3, perMs: 1_000 }
    await settle(100)
    expect(called('x')).toBe(5)
    limited[kind] = undefined
    await settle(100)
    expect([called('x'), (await run.result).outcome]).toEqual([6, 'completed'])
    // Set again, it counts what has started in it, and the next process does, too.
    limited[kind] = { limit: 4, perMs: 1_000 }
    const next = orchestrator.run({ tasks: tasks('y') })
    await settle(10)
    expect(called('y')).toBe(1)
    await settle(3_000)
    expect((await next.result).outcome).toBe('completed')
    await orchestrator.drain()
    expect(clock.pending).toBe(0)
  })
})

test.each([
  ['requests', 'pool'],
  ['requests', 'key'],
  ['tokens', 'pool'],
  ['tokens', 'key'],
] as const)('the first window of %s of a live %s is kept, with a journal in files', async (kind, of) => {
  const clock = new VirtualClock()
  const backend = new MockBackend({ clock }).answer('*', 'done')
  const orchestrator = new Orchestrator({
    clock,
    journal: fileJournal({ folder: join(folder, `${folders++}`) }),
    pools: { p: { backend, concurrency: 10, ...(of === 'key' && { limitKey: 'k' }) } },
    ...(of === 'key' && { limits: { k: { concurrency: 10 } } }),
  })
  const tasks = Array.from({ length: 6 }, (_, i) => ({ id: `t${i}`, estimate: { tokens: 1 } }))
  const run = orchestrator.run({ tasks })
  ;(of === 'key' ? orchestrator.limits.get('k')! : orchestrator.pools.get('p')!)[kind] = { limit: 2, perMs: 1_000 }
  let isSettled = false
  void run.result.then(() => {
    isSettled = true
  })
  // Files are written in real time, between the steps of the clock.
  for (let i = 0; i < 2_000 && !isSettled; i++) {
    await clock.advance(100)
    await new Promise(resolve => setTimeout(resolve, 5))
  }
  expect([isSettled, (await run.result).outcome]).toEqual([true, 'completed'])
  const starts = backend.calls.map(({ startedAt }) => startedAt)
  for (let i = 2; i < starts.length; i++) expect(starts[i]! - starts[i - 2]!).toBeGreaterThanOrEqual(1_000)
  await orchestrator.drain()
})
