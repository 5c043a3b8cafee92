import assert from 'node:assert/strict'
import { Orchestrator, type RunEvent } from 'counterpoint'
import { fail, hang, MockBackend, succeed, VirtualClock } from 'counterpoint/testing'
import { describe, expect, test } from 'vitest'
import { checkHistory } from '../support/history.js'
import { specs } from '../support/scheduler-fixture.js'
import { SeededRandom } from '../support/seeded-random.js'

const SEEDS = Number(process.env.SEEDS ?? 60)

describe('concurrent attempts', () => {
  test(`never exceed a budget together: settled and reserved fit at each start, over ${SEEDS} seeds`, async () => {
    for (let seed = 0; seed < SEEDS; seed++) await playSeed(seed)
  })
})

/** Agents that use at most their estimate; some fail, hang or are cancelled. */
async function playSeed(seed: number): Promise<void> {
  const dice = new SeededRandom(seed)
  const clock = new VirtualClock()
  const backend = new MockBackend({ clock }).answer('*', ({ task }) => {
    const { costUsd } = task.context as { costUsd: number }
    const timing = { afterMs: dice.below(30), ...(dice.chance(0.7) && { usage: { costUsd: costUsd * dice.next() } }) }
    const fate = dice.below(6)
    return fate === 0
      ? hang()
      : fate === 1
        ? fail(dice.pick(['crashed', 'throttled', 'agent']), timing)
        : succeed('ok', timing)
  })
  const pool = { backend, concurrency: 4, graceMs: 5, defaults: { timeoutMs: 40, backoff: { baseMs: 5 } } }
  const orchestrator = new Orchestrator({ clock, random: () => dice.next(), pools: { p: pool, q: { ...pool } } })
  const tasks = specs('a b c<a d e<b f g<c,d h i').map(spec => {
    const estimate = { costUsd: 1 + dice.below(4) }
    return { ...spec, estimate, context: estimate, pool: dice.pick(['p', 'q']), retries: 1 }
  })
  const limit = 4 + dice.below(12)
  const onHard = dice.pick(['stop', 'hold'] as const)
  const run = orchestrator.run(
    { tasks },
    { budget: { costUsd: limit, onHard, pools: { q: { costUsd: limit / 2, onHard } } } },
  )
  const events: RunEvent[] = []
  run.on('event', event => void events.push(event as RunEvent))
  await clock.advance(dice.below(60))
  if (dice.chance(0.3)) void run.cancelTask('b')
  await clock.runUntilIdle()
  while (run.progress().status !== 'settled') {
    for (const { id } of run.progress().held) await run.reject(id)
    await clock.runUntilIdle()
  }
  expect(clock.pending).toBe(0)
  checkHistory(events)
  checkFits(events, limit, `seed ${seed}`)
}

/** Recomputes the usage from the events. */
function checkFits(events: readonly RunEvent[], limit: number, name: string): void {
  const live = new Map<string, { pool: string; reserved: number }>()
  const settled = { all: 0, q: 0 }
  for (const event of events) {
    if (event.type === 'attempt.started') {
      live.set(event.taskId, { pool: event.pool, reserved: event.reserved?.costUsd ?? 0 })
      const sum = (of: string): number =>
        [...live.values()].reduce((all, { pool, reserved }) => all + (of === 'all' || pool === of ? reserved : 0), 0)
      assert.ok(settled.all + sum('all') <= limit + 1e-6, `${name}: the run fits at seq ${event.seq}`)
      assert.ok(settled.q + sum('q') <= limit / 2 + 1e-6, `${name}: pool q fits at seq ${event.seq}`)
    } else if (event.type === 'attempt.failed' || event.type === 'task.succeeded' || event.type === 'task.cancelled') {
      const ended = live.get(event.taskId)
      if (ended === undefined) continue
      live.delete(event.taskId)
      settled.all += event.usage?.costUsd ?? 0
      if (ended.pool === 'q') settled.q += event.usage?.costUsd ?? 0
    }
  }
  assert.equal(live.size, 0)
}
