import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  AgentError,
  type AgentFunction,
  type Budget,
  type Journal,
  memoryJournal,
  Orchestrator,
  type OrchestratorOptions,
  type RunEvent,
  reply,
  type TaskSpec,
} from 'counterpoint'
import { fileJournal } from 'counterpoint/node'
import { fail, hang, ignoreAbort, MockBackend, slowJournal, succeed, VirtualClock } from 'counterpoint/testing'
import { afterAll, describe, expect, test } from 'vitest'
import { ProbeJournal } from '../support/probe-journal.js'
import { specs } from '../support/scheduler-fixture.js'
import { SeededRandom } from '../support/seeded-random.js'

const ONE = { costUsd: 1 }

/** Tasks with an estimate of one dollar each. */
function estimated(text: string): readonly TaskSpec[] {
  return specs(text).map(spec => ({ ...spec, estimate: ONE }))
}

/** An orchestrator with a budget, and agents that take 10 ms and a dollar. */
function stage(budget: Budget, options: Partial<OrchestratorOptions> = {}) {
  const clock = new VirtualClock()
  const backend = new MockBackend({ clock }).answer('*', succeed('ok', { afterMs: 10, usage: ONE }))
  const pools = { p: { backend, concurrency: 4, graceMs: 5 } }
  const orchestrator = new Orchestrator({ clock, random: () => 0.5, pools, budget, ...options })
  const events: RunEvent[] = []
  const errors: string[] = []
  orchestrator.on('event', event => void events.push(event as RunEvent))
  orchestrator.on('error', ({ where }) => void errors.push(where))
  const begin = (text: string, runId: string) => orchestrator.run({ tasks: estimated(text) }, { runId })
  const reached = (): string[] =>
    events.flatMap(event =>
      event.type === 'budget.reached'
        ? [`${event.runId} ${event.scope} ${event.level} ${event.measure} ${event.used} ${event.action}`]
        : [],
    )
  return { clock, backend, orchestrator, events, errors, begin, reached }
}

describe('the budget of an orchestrator', () => {
  test('is shared by all its runs: a request that does not fit stops its run', async () => {
    const { clock, backend, begin, reached } = stage({ costUsd: 5, soft: 1 })
    const runs = [begin('a b c', 'one'), begin('a b c d', 'two')]
    await clock.runUntilIdle()
    const results = await Promise.all(runs.map(run => run.result))
    expect(backend.calls).toHaveLength(5)
    expect(results.map(({ usage }) => usage.costUsd).reduce((sum = 0, cost = 0) => sum + cost)).toBe(5)
    expect(results.some(({ outcome }) => outcome === 'partial')).toBe(true)
    expect(reached().filter(line => /soft/.test(line))).toHaveLength(1)
    expect(reached().filter(line => /orchestrator hard costUsd 5 stop/.test(line)).length).toBeGreaterThan(0)
    const late = begin('x', 'three')
    await clock.runUntilIdle()
    expect((await late.result).outcome).toBe('failed')
  })

  test('with onHard hold holds what does not fit, and a person may let it exceed the budget', async () => {
    const { clock, backend, begin, reached, orchestrator } = stage({ costUsd: 2, soft: 1, onHard: 'hold' })
    const run = begin('a b c', 'one')
    await clock.runUntilIdle()
    expect(run.progress().held).toEqual([expect.objectContaining({ id: 'c', reason: 'budget' })])
    expect(reached()).toContain('one orchestrator hard costUsd 2 hold')
    await run.approve('c')
    await clock.runUntilIdle()
    expect((await run.result).outcome).toBe('completed')
    // It still counts.
    const next = orchestrator.run({ tasks: estimated('x') }, { runId: 'two' })
    await clock.runUntilIdle()
    expect(next.progress().held).toHaveLength(1)
    expect([backend.calls.length, reached().at(-1)]).toEqual([3, 'two orchestrator hard costUsd 3 hold'])
    await next.cancel()
  })

  test('with onSoft degrade uses the cheapest backend from the soft bound on', async () => {
    const clock = new VirtualClock()
    const agent =
      (name: string, costUsd: number): AgentFunction =>
      () =>
        reply({ output: name, usage: { costUsd } })
    const backends = [
      { name: 'best', run: agent('best', 1) },
      { name: 'cheap', run: agent('cheap', 0.1), estimate: { costUsd: 0.1 } },
    ]
    const pools = { p: { backends, concurrency: 1 } }
    const budget: Budget = { costUsd: 4, soft: 0.5, onSoft: 'degrade' }
    const orchestrator = new Orchestrator({ clock, pools, budget })
    const run = orchestrator.run({ tasks: estimated('a b c d') })
    await clock.runUntilIdle()
    const { outputs } = await run.result
    expect(Object.values(outputs)).toEqual(['best', 'best', 'cheap', 'cheap'])
  })

  test('counts attempts that failed, timed out, were abandoned or cancelled, by their estimates where the usage is unknown', async () => {
    const { clock, backend, begin, orchestrator } = stage({ costUsd: 100 })
    backend.answers('failed', [fail('agent', { usage: { costUsd: 2 } }), fail('agent'), succeed('ok', { usage: ONE })])
    backend.answer('timed-out', hang())
    backend.answer('abandoned', ignoreAbort())
    backend.answer('cancelled', hang())
    const slow = { timeoutMs: 50, retries: 0 }
    const tasks = estimated('failed timed-out abandoned cancelled').map(task => ({
      ...task,
      ...(task.id !== 'failed' && task.id !== 'cancelled' && slow),
    }))
    const run = orchestrator.run({ tasks }, { runId: 'one' })
    await clock.advance(20)
    await run.cancelTask('cancelled')
    await clock.runUntilIdle()
    await run.result
    // 2 + 1 + 1 for the one that failed, and 1 for each of the others: 7.
    const rest = begin([...Array(99).keys()].map(i => `t${i}`).join(' '), 'rest')
    await clock.runUntilIdle()
    const { tasks: ended } = await rest.result
    expect(ended.filter(({ status }) => status === 'succeeded')).toHaveLength(93)
  })

  test('is never exceeded by parallel attempts that keep to their estimates, over runs, retries and cancels', async () => {
    let calls = 0
    for (let seed = 1; seed <= 80; seed++) {
      const dice = new SeededRandom(seed)
      const clock = new VirtualClock()
      const agents = new Agents(clock, dice)
      const pool = { backend: agents.backend, concurrency: 1 + dice.below(6), graceMs: 5 }
      const slow = dice.chance(0.5)
      const journal = slow ? slowJournal({ clock, delayMs: 3 }) : memoryJournal()
      const pools = { p: pool, q: { ...pool } }
      const orchestrator = new Orchestrator({ clock, random: () => dice.next(), pools, budget: LIMITS, journal })
      for (let i = 0; i < 3; i++) {
        const run = orchestrator.run({ tasks: agents.tasks(10) }, { runId: `run-${i}` })
        if (dice.chance(0.3)) clock.schedule(() => void run.cancel(), dice.below(100))
        if (dice.chance(0.2)) clock.schedule(() => void run.pause(), dice.below(50))
        clock.schedule(() => void run.unpause(), 60)
      }
      await clock.runUntilIdle()
      expect(agents.overshot, `seed ${seed}`).toEqual([])
      for (const run of orchestrator.runs.live) expect(run.progress().status, `seed ${seed}`).toBe('settled')
      // One that was stopped between the decision to start it and its start counts too.
      for (const measure of ['costUsd', 'tokens'] as const)
        if (slow) expect(orchestrator.spent?.[measure]).toBeGreaterThanOrEqual(agents.used[measure] - 1e-6)
        else expect(orchestrator.spent?.[measure], `seed ${seed}`).toBeCloseTo(agents.used[measure], 6)
      calls += agents.calls
    }
    expect(calls).toBeGreaterThan(800)
  })
})

describe('reservations of running attempts make others wait, and never count as used', () => {
  const tasks = (text: string, estimate: TaskSpec['estimate'] = { costUsd: 0.6 }) =>
    specs(text).map(spec => ({ ...spec, estimate }))

  /** Agents that use much less than they were expected to use. */
  const frugal = (budget: Budget, options: Partial<OrchestratorOptions> = {}) => {
    const { backend, ...rest } = stage(budget, options)
    backend.answer('*', succeed('ok', { afterMs: 10, usage: { costUsd: 0.05, tokens: 100 } }))
    return { backend, ...rest }
  }

  test.each<[string, Budget, TaskSpec['estimate']]>([
    ['in dollars', { costUsd: 1 }, { costUsd: 0.6 }],
    ['in tokens', { tokens: 1000 }, { tokens: 600 }],
    ['with onHard hold', { costUsd: 1, onHard: 'hold' }, { costUsd: 0.6 }],
  ])('%s: all tasks of a plan are done, one after the other', async (_title, budget, estimate) => {
    const { clock, backend, orchestrator, reached } = frugal(budget)
    const run = orchestrator.run({ tasks: tasks('a b c', estimate) })
    await clock.advance(5)
    expect(run.progress().held.map(({ id, reason }) => `${id} ${reason}`)).toEqual(['b reserved', 'c reserved'])
    await clock.runUntilIdle()
    const { outcome } = await run.result
    expect([outcome, backend.calls.length, reached().filter(line => /hard/.test(line))]).toEqual(['completed', 3, []])
    expect(orchestrator.spent?.costUsd).toBeCloseTo(0.15)
  })

  test('tasks that are added live, and those that become ready together', async () => {
    const { clock, orchestrator } = frugal({ costUsd: 1 })
    const run = orchestrator.run({ tasks: tasks('a b(a) c(a) d(a)') })
    await clock.advance(5)
    await run.add({ tasks: tasks('x y') })
    await clock.runUntilIdle()
    expect((await run.result).outcome).toBe('completed')
  })

  test('several runs: they have turns, and none is stopped', async () => {
    const { clock, orchestrator, events } = frugal({ costUsd: 1 })
    const runs = ['one', 'two', 'three'].map(runId => orchestrator.run({ tasks: tasks('a b c') }, { runId }))
    await clock.runUntilIdle()
    expect(await Promise.all(runs.map(async run => (await run.result).outcome))).toEqual(Array(3).fill('completed'))
    const starts = events.flatMap(event => (event.type === 'attempt.started' ? [event.runId] : []))
    expect(starts.slice(0, 6)).toEqual(['one', 'two', 'three', 'one', 'two', 'three'])
  })

  test('a run that is paused while it waits lets others go on, and continues itself', async () => {
    const { clock, orchestrator } = frugal({ costUsd: 1 })
    const one = orchestrator.run({ tasks: tasks('a b') }, { runId: 'one' })
    const two = orchestrator.run({ tasks: tasks('c d') }, { runId: 'two' })
    await clock.advance(5)
    await one.pause()
    await clock.runUntilIdle()
    expect([two.progress().status, one.progress().status]).toEqual(['settled', 'paused'])
    await one.unpause()
    await clock.runUntilIdle()
    expect((await one.result).outcome).toBe('completed')
  })

  test('a run that is cancelled while its attempt holds the budget frees it for others', async () => {
    const { clock, backend, orchestrator } = frugal({ costUsd: 1 })
    backend.answer('a', hang())
    const one = orchestrator.run({ tasks: tasks('a') }, { runId: 'one' })
    const two = orchestrator.run({ tasks: tasks('c') }, { runId: 'two' })
    await clock.advance(5)
    await one.cancel()
    await clock.runUntilIdle()
    // The cancelled attempt counts with its estimate: 0.6 of 1, so the other does not fit any more.
    expect((await two.result).outcome).toBe('failed')
    const three = orchestrator.run({ tasks: tasks('e', { costUsd: 0.4 }) })
    await clock.runUntilIdle()
    expect((await three.result).outcome).toBe('completed')
  })

  test('a slot is not kept by a task that waits: others of the pool use it', async () => {
    const { clock, orchestrator, backend } = frugal({ costUsd: 1 }, {})
    backend.answer('a', hang())
    const run = orchestrator.run({ tasks: [...tasks('a big1 big2 big3'), ...tasks('free', { costUsd: 0 })] })
    await clock.advance(50)
    expect(run.task('free')?.status).toBe('succeeded')
    await run.cancel()
    await clock.runUntilIdle()
  })

  test('a journal that fails leaves what its run had reserved counted, until it is resumed in place', async () => {
    const { shared: _, ...inner } = memoryJournal()
    let isBroken = false
    const journal: Journal = {
      ...inner,
      open: async (runId, host) => {
        const opened = await inner.open(runId, host)
        const append = (record: Parameters<typeof opened.append>[0]) => {
          if (isBroken) throw new Error('disk full')
          return opened.append(record)
        }
        return { ...opened, read: () => opened.read(), close: () => opened.close(), append, synchronous: false }
      },
    }
    const { clock, orchestrator } = frugal({ costUsd: 1 }, { journal })
    const run = orchestrator.run({ tasks: tasks('a') }, { runId: 'one' })
    run.result.catch(() => {})
    await clock.advance(5)
    isBroken = true
    await clock.advance(20)
    await expect(run.result).rejects.toMatchObject({ code: 'JOURNAL' })
    expect(orchestrator.spent?.wallMs).toBeLessThan(100)
    isBroken = false
    const again = await orchestrator.resume('one')
    await clock.runUntilIdle()
    await again.result
    const { costUsd = 0, wallMs = 0 } = orchestrator.spent ?? {}
    expect(wallMs).toBeLessThan(100)
    expect(costUsd).toBeLessThanOrEqual(1)
  })
})

const LIMITS = { costUsd: 12, tokens: 300 }

/** Agents that use at most their estimate, and all of it when they are stopped or fail without reporting usage. */
class Agents {
  calls = 0
  /** The usage of ended attempts. */
  readonly used = { costUsd: 0, tokens: 0 }
  readonly overshot: string[] = []
  readonly #running = { costUsd: 0, tokens: 0 }
  readonly #clock: VirtualClock
  readonly #dice: SeededRandom

  constructor(clock: VirtualClock, dice: SeededRandom) {
    this.#clock = clock
    this.#dice = dice
  }

  tasks(count: number): readonly TaskSpec[] {
    return Array.from({ length: count }, (_, n) => {
      const estimate = { costUsd: this.#dice.below(4), tokens: this.#dice.below(60) }
      const pool = this.#dice.pick(['p', 'q'])
      return { id: `t${n}`, description: '', pool, estimate, context: estimate, timeoutMs: 40, retries: 2 }
    })
  }

  readonly backend: AgentFunction = async ({ task }, { signal }) => {
    const estimate = task.context as Amounts
    this.calls++
    this.#book(this.#running, estimate, 1)
    for (const measure of ['costUsd', 'tokens'] as const)
      if (this.used[measure] + this.#running[measure] > LIMITS[measure] + 1e-6)
        this.overshot.push(`${measure}: ${this.used[measure]} and ${this.#running[measure]}`)
    const share = this.#dice.pick([0, 0.5, 1])
    const used = { costUsd: estimate.costUsd * share, tokens: estimate.tokens * share }
    const end = await this.#work(signal)
    this.#book(this.#running, estimate, -1)
    this.#book(this.used, end === 'silent' ? estimate : used, 1)
    if (end === 'succeeds') return reply({ output: 'ok', usage: used })
    throw new AgentError('crashed', 'no', end === 'fails' ? { usage: used } : {})
  }

  /** Works for a random time, or until it is stopped. */
  #work(signal: AbortSignal): Promise<'succeeds' | 'fails' | 'silent'> {
    const end = this.#dice.pick(['succeeds', 'fails', 'silent', 'hangs'] as const)
    const ms = this.#dice.below(35)
    return new Promise(resolve => {
      signal.addEventListener('abort', () => resolve('silent'))
      if (end !== 'hangs') this.#clock.schedule(() => resolve(end), ms)
    })
  }

  #book(account: Amounts, amounts: Amounts, times: number): void {
    account.costUsd += times * amounts.costUsd
    account.tokens += times * amounts.tokens
  }
}

type Amounts = { costUsd: number; tokens: number }

describe('over a restart, the budget of an orchestrator', () => {
  /** An orchestrator whose process crashes: nothing is closed. */
  const runThenCrash = async (journal: Journal, budget: Budget, text: string, runId: string): Promise<void> => {
    const { backend, clock, begin } = stage(budget, { journal })
    backend.answer('hangs', hang())
    begin(text, runId)
    await clock.advance(50)
  }

  test('counts earlier usage, and the reservations of a run that is never resumed', async () => {
    const journal = memoryJournal()
    await runThenCrash(journal, { costUsd: 9 }, 'a b hangs', 'one')
    const { clock, begin, backend, reached } = stage({ costUsd: 5, soft: 1 }, { journal })
    const run = begin('c d e', 'two')
    await clock.runUntilIdle()
    expect([(await run.result).outcome, backend.calls.length]).toEqual(['partial', 2])
    expect(reached().at(-1)).toBe('two orchestrator hard costUsd 5 stop')
  })

  test('counts an interrupted attempt once, when its run is resumed', async () => {
    const journal = memoryJournal()
    await runThenCrash(journal, { costUsd: 9 }, 'a hangs', 'one')
    const { clock, orchestrator, backend, reached, begin } = stage({ costUsd: 5, soft: 1 }, { journal })
    const one = await orchestrator.resume('one')
    await clock.runUntilIdle()
    expect([(await one.result).outcome, backend.calls.length]).toEqual(['completed', 1])
    const two = begin('x y z', 'two')
    await clock.runUntilIdle()
    expect([(await two.result).outcome, backend.calls.length]).toEqual(['partial', 3])
    expect(reached().at(-1)).toBe('two orchestrator hard costUsd 5 stop')
  })

  test('with onHard hold keeps tasks held, and a larger budget frees them', async () => {
    const journal = memoryJournal()
    await runThenCrash(journal, { costUsd: 1, onHard: 'hold' }, 'a b', 'one')
    const poor = stage({ costUsd: 1, onHard: 'hold' }, { journal })
    const held = await poor.orchestrator.resume('one')
    await poor.clock.runUntilIdle()
    expect(held.progress().held).toEqual([expect.objectContaining({ id: 'b', reason: 'budget' })])
    const another = poor.begin('x', 'two')
    await poor.clock.runUntilIdle()
    expect([another.progress().held.length, poor.backend.calls.length]).toEqual([1, 0])

    const rich = stage({ costUsd: 2, onHard: 'hold' }, { journal })
    const run = await rich.orchestrator.resume('one')
    await run.approve('b')
    await rich.clock.runUntilIdle()
    expect((await run.result).outcome).toBe('completed')
    const last = rich.begin('x', 'three')
    await rich.clock.runUntilIdle()
    expect([last.progress().held.length, rich.backend.calls.length]).toEqual([1, 1])
  })

  test('past its soft bound uses the cheapest backend from the first attempt on', async () => {
    const journal = memoryJournal()
    await runThenCrash(journal, { costUsd: 4 }, 'a b', 'one')
    const clock = new VirtualClock()
    const cheap = { name: 'cheap', run: () => 'cheap', estimate: { costUsd: 0 } }
    const pools = { p: { backends: [{ name: 'best', run: () => 'best' }, cheap] } }
    const budget: Budget = { costUsd: 4, soft: 0.5, onSoft: 'degrade' }
    const orchestrator = new Orchestrator({ clock, pools, budget, journal })
    const run = orchestrator.run({ tasks: estimated('c d') })
    await clock.runUntilIdle()
    expect(Object.values((await run.result).outputs)).toEqual(['cheap', 'cheap'])
  })

  test('starts from zero without a journal, and with one that has no shared streams', async () => {
    const { shared: _, ...journal } = memoryJournal()
    for (const options of [{}, { journal }]) {
      const { clock, begin } = stage({ costUsd: 2 }, options)
      const run = begin('a b', 'one')
      await clock.runUntilIdle()
      expect((await run.result).outcome).toBe('completed')
    }
  })
})

describe('with a journal in files, the budget of an orchestrator', () => {
  const folder = mkdtempSync(join(tmpdir(), 'counterpoint-budget-'))
  afterAll(() => rmSync(folder, { recursive: true }))

  const budget: Budget = { costUsd: 3, soft: 1 }
  const orchestrators = (name: string) => (backend: MockBackend) =>
    new Orchestrator({
      pools: { p: { backend, graceMs: 1 } },
      budget,
      journal: fileJournal({ folder: join(folder, name) }),
    })
  const paid = (): MockBackend => new MockBackend().answer('*', succeed('ok', { usage: ONE }))

  test('is handed over to the next process when the previous one has closed it', async () => {
    const make = orchestrators('handover')
    const first = make(paid())
    expect((await first.run({ tasks: estimated('a b') }).result).outcome).toBe('completed')
    await first.drain()
    const backend = paid()
    const second = make(backend)
    expect((await second.run({ tasks: estimated('c d') }).result).outcome).toBe('partial')
    expect(backend.calls).toHaveLength(1)
    await second.drain()
  })

  test('makes a second process wait while the first has it, and that is reported', async () => {
    const make = orchestrators('at-once')
    const first = make(paid())
    expect((await first.run({ tasks: estimated('a b') }).result).outcome).toBe('completed')
    const backend = paid()
    const second = make(backend)
    const reported: string[] = []
    const firstReport = new Promise<void>(resolve => {
      second.on('error', ({ where, error }) => {
        reported.push(`${where}: ${error}`)
        resolve()
      })
    })
    const run = second.run({ tasks: estimated('c d e f') })
    await firstReport
    expect(backend.calls).toHaveLength(0)
    expect(reported[0]).toMatch(
      /budget log cannot be read: nothing starts until it can .*locked by this process \(pid \d+\)/,
    )
    await first.drain()
    expect((await run.result).outcome).toBe('partial')
    expect(backend.calls).toHaveLength(1)
    await second.drain()
  })

  test('does not delay an orchestrator without a budget in the same folder', async () => {
    const make = orchestrators('beside')
    const first = make(paid())
    await first.run({ tasks: estimated('a') }).result
    const backend = paid()
    const journal = fileJournal({ folder: join(folder, 'beside') })
    const second = new Orchestrator({ pools: { p: { backend } }, journal })
    second.on('error', () => {})
    expect((await second.run({ tasks: estimated('b') }).result).outcome).toBe('completed')
    await Promise.all([first.drain(), second.drain()])
    expect([...(await journal.list())]).toHaveLength(2)
  })

  test('counts an attempt that was interrupted by a drain and resumed once', async () => {
    const make = orchestrators('drained')
    const called = paid().hold('b')
    const first = make(called)
    first.run({ tasks: estimated('a b') }, { runId: 'one' })
    await called.started('b')
    await first.drain({ timeoutMs: 1 })
    const backend = paid()
    const second = make(backend)
    expect((await (await second.resume('one')).result).outcome).toBe('completed')
    expect((await second.run({ tasks: estimated('x') }).result).outcome).toBe('failed')
    expect(backend.calls).toHaveLength(1)
    await second.drain()
  })
})

describe('the time that is counted, when a run is resumed in place after its journal failed', () => {
  /** The journal fails after 600 ms, while `a` runs; the run is resumed 5 s later and `b` takes 200 ms. */
  async function failed(journal: ProbeJournal) {
    const clock = new VirtualClock({ startAt: Date.UTC(2026, 0, 1) })
    const backend = new MockBackend({ clock }).answer('a', hang()).answer('b', succeed('ok', { afterMs: 600 }))
    const pools = { p: { backend, concurrency: 2 } }
    const orchestrator = new Orchestrator({ clock, random: () => 0.5, pools, budget: { costUsd: 9 }, journal })
    orchestrator.on('error', () => {})
    const run = orchestrator.run({ tasks: estimated('a b') }, { runId: 'x' })
    await clock.advance(600)
    journal.refuseFrom = 0
    void run.pause().catch(() => {})
    await expect(run.result).rejects.toMatchObject({ code: 'JOURNAL' })
    await clock.advance(5_000)
    journal.refuseFrom = Number.POSITIVE_INFINITY
    backend.answer('a', succeed('ok', { afterMs: 200 }))
    const resumed = await orchestrator.resume('x')
    await clock.runUntilIdle()
    expect((await resumed.result).outcome).toBe('completed')
    return orchestrator.spent?.wallMs
  }

  test('is that of the attempts, with a journal that has no shared streams', async () => {
    // `a` counts until the last durable event, which is the end of `b`.
    expect(await failed(new ProbeJournal())).toBe(600 + 600 + 200)
  })

  test('is the same with one that has', async () => {
    const { shared } = memoryJournal()
    expect(await failed(Object.assign(new ProbeJournal(), { shared }))).toBe(600 + 600 + 200)
  })
})
