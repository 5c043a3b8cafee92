import { AgentError, type AgentFunction, Orchestrator, type PoolOptions, type Run, type RunEvent } from 'counterpoint'
import { VirtualClock } from 'counterpoint/testing'
import { describe, expect, test } from 'vitest'
import { SeededRandom } from '../support/seeded-random.js'

const SEEDS = Array.from({ length: 100 }, (_, n) => n + 1)

/** A pool with slow agents, and the log of its starts. */
class Stage {
  readonly clock = new VirtualClock()
  readonly orchestrator: Orchestrator
  readonly events: RunEvent[] = []
  readonly dice: SeededRandom

  constructor(seed: number, pool: Partial<PoolOptions>, takesMs: () => number, failing = 0) {
    this.dice = new SeededRandom(seed)
    const backend: AgentFunction = async () => {
      await new Promise<void>(resolve => this.clock.schedule(resolve, takesMs()))
      if (this.dice.chance(failing)) throw new AgentError('crashed', 'no')
      return 'done'
    }
    const pools = { p: { backend, ...pool } }
    this.orchestrator = new Orchestrator({ clock: this.clock, random: () => this.dice.next(), pools })
    this.orchestrator.on('event', event => {
      if ('seq' in event) this.events.push(event)
    })
  }
}

describe('runs that share a pool', () => {
  interface Share {
    readonly id: string
    readonly weight: number
    readonly tasks: number
    readonly beginsAt: number
  }

  /**
   * The maximum difference between two runs while both had ready tasks, in starts per unit of weight. Over any such span of time
   * stride scheduling keeps it within one start of each.
   */
  function apart(starts: readonly { readonly runId: string; readonly isFirst: boolean }[], a: Share, b: Share): number {
    const done = new Map([
      [a.id, 0],
      [b.id, 0],
    ])
    let [lead, most, least] = [0, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY]
    const bothBegan = starts.findIndex(({ runId }) => runId === (a.beginsAt > b.beginsAt ? a.id : b.id))
    for (const [place, { runId, isFirst }] of starts.entries()) {
      const share = [a, b].find(({ id }) => id === runId)
      if (share === undefined) continue
      if (place >= bothBegan) {
        lead += (share === a ? 1 : -1) / share.weight
        most = Math.max(most, lead)
        least = Math.min(least, lead)
      }
      if (isFirst) done.set(runId, done.get(runId)! + 1)
      // A run whose tasks have all started has no ready task.
      if (done.get(runId) === share.tasks) break
    }
    return most === Number.NEGATIVE_INFINITY ? 0 : most - least
  }

  test('get their share by weight in any span of time, whenever they start and whatever fails', async () => {
    let pairs = 0
    for (const seed of SEEDS) {
      const dice = new SeededRandom(seed)
      const requests = { limit: 3 + dice.below(5), perMs: 200 }
      const pool = {
        concurrency: 1 + dice.below(8),
        ...(dice.chance(0.3) && { requests }),
        defaults: { retries: 50, backoff: { baseMs: 50 } },
      }
      const stage = new Stage(seed, pool, () => 1 + dice.below(100), dice.pick([0, 0.1]))
      const shares = Array.from({ length: 2 + dice.below(4) }, (_, n): Share => {
        const beginsAt = dice.chance(0.5) ? 0 : dice.below(500)
        return { id: `r${n}`, weight: dice.pick([0.5, 1, 1, 2, 3, 5]), tasks: 10 + dice.below(60), beginsAt }
      })
      for (const { id, weight, tasks, beginsAt } of shares)
        stage.clock.schedule(() => {
          const plan = { tasks: Array.from({ length: tasks }, (_, n) => ({ id: `t${n}`, pool: 'p' })) }
          stage.orchestrator.run(plan, { runId: id, weight })
        }, beginsAt)
      await stage.clock.runUntilIdle()
      const starts = stage.events.flatMap(event =>
        event.type === 'attempt.started' ? [{ runId: event.runId, isFirst: event.attempt === 1 }] : [],
      )
      for (const [n, a] of shares.entries())
        for (const b of shares.slice(n + 1)) {
          expect(apart(starts, a, b), `seed ${seed}: ${a.id} and ${b.id}`).toBeLessThanOrEqual(
            1 / a.weight + 1 / b.weight + 1e-9,
          )
          pairs++
        }
    }
    expect(pairs).toBeGreaterThan(300)
  })

  test('gain no credit while they are paused', async () => {
    const stage = new Stage(1, { concurrency: 1 }, () => 10)
    const plan = { tasks: Array.from({ length: 100 }, (_, n) => ({ id: `t${n}`, pool: 'p' })) }
    const a = stage.orchestrator.run(plan, { runId: 'a' })
    stage.orchestrator.run(plan, { runId: 'b' })
    await stage.clock.advance(100)
    await a.pause()
    await stage.clock.advance(400)
    await a.unpause()
    await stage.clock.advance(300)
    const starts = stage.events.flatMap(e => (e.type === 'attempt.started' ? [e.runId] : [])).join('')
    expect(starts).toMatch(/^(ab)+b{30,}a{0,2}(ba){10,}b?$/)
  })
})

describe('a waiting task', () => {
  const AGING_MS = 1_000

  /** One run to which tasks are added continuously, mostly urgent ones: as many as the pool can run, or more. */
  class Flood {
    readonly stage: Stage
    readonly run: Run
    readonly readyAt = new Map<string, number>()
    readonly priority = new Map<string, number>()
    /** In the order in which they started. */
    readonly starts: { readonly id: string; readonly at: number }[] = []
    #count = 0

    constructor(seed: number, concurrency: number) {
      this.stage = new Stage(seed, { concurrency, agingMs: AGING_MS }, () => 100)
      this.stage.orchestrator.on('event', event => {
        if (event.type === 'task.ready' && event.taskId !== 'open') this.readyAt.set(event.taskId, event.at)
        if (event.type === 'attempt.started') this.starts.push({ id: event.taskId, at: event.at })
      })
      // A held task keeps the run open while there is nothing to do.
      const open = { id: 'open', pool: 'p', approval: true }
      this.run = this.stage.orchestrator.run({ tasks: [open, ...this.tasks(concurrency)] })
    }

    tasks(count: number) {
      const { dice } = this.stage
      return Array.from({ length: count }, () => {
        const priority = dice.chance(0.95) ? 1 : 2 + dice.below(9)
        const id = `t${this.#count++}`
        this.priority.set(id, priority)
        return { id, pool: 'p', priority }
      })
    }

    /** Adds this many tasks every 100 ms, for this long. */
    async pour(forMs: number, perTurn: () => number): Promise<void> {
      for (let at = 0; at < forMs; at += 100) {
        const count = perTurn()
        if (count > 0) await this.run.add({ tasks: this.tasks(count) })
        await this.stage.clock.advance(100)
      }
    }

    waitOf({ id, at }: { readonly id: string; readonly at: number }): number {
      return at - this.readyAt.get(id)!
    }
  }

  test('is never overtaken by a task that is n steps more urgent but became ready n steps of aging later', async () => {
    for (const seed of SEEDS.slice(0, 10)) {
      const concurrency = 1 + (seed % 4)
      const flood = new Flood(seed, concurrency)
      // For a while, more tasks are added than the pool can run.
      await flood.pour(8_000, () => flood.stage.dice.below(3 * concurrency))
      await flood.stage.clock.runUntilIdle()
      expect(flood.starts.length).toBe(flood.priority.size)
      for (const [place, { id, at }] of flood.starts.entries())
        for (const later of flood.starts.slice(place + 1)) {
          const since = flood.readyAt.get(later.id)!
          if (since >= at) continue
          const steps = flood.priority.get(later.id)! - flood.priority.get(id)! + 1
          expect(flood.readyAt.get(id)! - since, `seed ${seed}: ${id} before ${later.id}`).toBeLessThan(
            steps * AGING_MS,
          )
        }
    }
  })

  test('starts within its priority times the aging, under a constant load of urgent tasks', async () => {
    for (const seed of SEEDS.slice(0, 20)) {
      const concurrency = 1 + (seed % 4)
      const flood = new Flood(seed, concurrency)
      await flood.run.add({ tasks: flood.tasks(concurrency) })
      await flood.pour(20_000, () => concurrency)
      const late = flood.starts.filter(({ at }) => at > flood.stage.clock.now() - 10_000)
      expect(late.length, 'no slot was free').toBe(100 * concurrency)
      await flood.stage.clock.runUntilIdle()
      expect(flood.starts.length).toBe(flood.priority.size)
      // Tasks that were ready or running before come first.
      const queueMs = 300
      for (const start of flood.starts)
        expect(flood.waitOf(start), `seed ${seed}: ${start.id}`).toBeLessThanOrEqual(
          flood.priority.get(start.id)! * AGING_MS + queueMs,
        )
      const longest = Math.max(...flood.starts.map(start => flood.waitOf(start)))
      expect(longest).toBeGreaterThan(AGING_MS)
    }
  })
})
