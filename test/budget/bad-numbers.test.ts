import {
  AgentError,
  type AgentFunction,
  type Clock,
  memoryJournal,
  Orchestrator,
  type OrchestratorOptions,
  type ReportedUsage,
  reply,
} from 'counterpoint'
import { VirtualClock } from 'counterpoint/testing'
import { describe, expect, test } from 'vitest'

const BAD = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -5, '3', {}, 1e308] as const

function stage(backend: unknown, options: Partial<OrchestratorOptions> = {}) {
  const clock = new VirtualClock()
  const errors: string[] = []
  const pools = { p: { backend: backend as AgentFunction, concurrency: 1 } }
  const orchestrator = new Orchestrator({ clock, random: () => 0.5, pools, ...options })
  orchestrator.on('error', ({ where, error }) => void errors.push(`${where}: ${String(error)}`))
  return { clock, orchestrator, errors }
}

const tasks = (count: number, estimate = { costUsd: 1, tokens: 10 }) =>
  Array.from({ length: count }, (_, n) => ({ id: `t${n}`, pool: 'p', estimate }))

describe('an estimate of a backend that is no amount', () => {
  test.each(BAD)('%s is refused when the pool is made', value => {
    for (const measure of ['costUsd', 'tokens']) {
      const backend = { run: () => 1, estimate: { [measure]: value } }
      for (const pool of [{ backend }, { backends: [{ run: () => 2 }, backend] }])
        expect(() => new Orchestrator({ pools: { p: pool as never } })).toThrow(
          expect.objectContaining({
            code: 'INVALID_INPUT',
            message: expect.stringMatching(new RegExp(`pools\\.p\\.backends?.*\\.estimate\\.${measure}: expected`)),
          }),
        )
    }
  })

  test('an unknown member is refused with the name that was meant', () => {
    const pools = { p: { backend: { run: () => 1, estimate: { cost: 1 } } as never } }
    expect(() => new Orchestrator({ pools })).toThrow(/pools\.p\.backend\.estimate\.cost: unknown key/)
  })

  test.each(BAD)('%s that it states later is reported once, and does not turn a budget off', async value => {
    for (const scope of ['run', 'orchestrator'] as const) {
      const stated = { costUsd: 1, tokens: 10 }
      const backend = { run: () => reply({ output: 1, usage: { costUsd: 1, tokens: 10 } }), estimate: stated }
      const budget = { costUsd: 2.5, tokens: 1_000 }
      const { clock, orchestrator, errors } = stage(backend, scope === 'orchestrator' ? { budget } : {})
      stated.costUsd = value as number
      const run = orchestrator.run({ tasks: tasks(5) }, scope === 'run' ? { budget } : {})
      await clock.runUntilIdle()
      const { usage } = await run.result
      expect(usage.costUsd ?? 0).toBeLessThanOrEqual(3)
      expect(errors.filter(line => line.startsWith('estimate of backend p in pool p'))).toHaveLength(1)
      expect(errors[0]).toContain('estimate.costUsd: expected a number from 0 to 2^53 - 1')
    }
  })
})

describe('usage that is no amount', () => {
  const given: readonly (readonly [string, (usage: ReportedUsage) => AgentFunction])[] = [
    ['in a reply', usage => () => reply({ output: 1, usage })],
    [
      'in a report',
      usage =>
        (_request, { report }) => {
          report({ usage })
          return 1
        },
    ],
    ['in an AgentError', usage => () => Promise.reject(new AgentError('refused', 'no', { usage }))],
  ]

  test.each(given)('%s is reported once and never damages a budget record', async (_title, agentOf) => {
    for (const value of BAD) {
      const journal = memoryJournal()
      const usage = { costUsd: value as number, tokens: value as number }
      const { clock, orchestrator, errors } = stage(agentOf(usage), { journal, budget: { costUsd: 1e15 } })
      const run = orchestrator.run({ tasks: tasks(2) }, { runId: 'a' })
      await clock.runUntilIdle()
      await run.result
      expect(errors.filter(line => line.startsWith('usage of backend p'))).toHaveLength(1)
      for (const amount of Object.values(orchestrator.spent ?? {})) expect(Number.isFinite(amount)).toBe(true)
      const spent = orchestrator.spent
      const next = stage(agentOf({ costUsd: 1 }), { journal, budget: { costUsd: Number.MAX_SAFE_INTEGER } })
      const later = next.orchestrator.run({ tasks: [{ id: 'x', pool: 'p' }] })
      await next.clock.runUntilIdle()
      await later.result
      expect(next.errors.filter(line => /invalid|unreadable/.test(line))).toEqual([])
      expect(next.orchestrator.spent?.costUsd).toBeGreaterThanOrEqual(spent?.costUsd ?? 0)
    }
  })

  test('1e308 twice is a finite sum, counts against every budget, and is read again', async () => {
    const journal = memoryJournal()
    const { clock, orchestrator } = stage(() => reply({ output: 1, usage: { costUsd: 1e308 } }), {
      journal,
      budget: { costUsd: Number.MAX_SAFE_INTEGER, onHard: 'hold' },
    })
    const run = orchestrator.run({ tasks: tasks(2) }, { runId: 'a' })
    await clock.runUntilIdle()
    expect(orchestrator.spent?.costUsd).toBe(Number.MAX_SAFE_INTEGER)
    await run.approve('t1')
    await clock.runUntilIdle()
    const { usage } = await run.result
    expect(usage.costUsd).toBe(Number.MAX_SAFE_INTEGER)
    const next = stage(() => 1, { journal, budget: { costUsd: 1, onHard: 'hold' } })
    const held = next.orchestrator.run({ tasks: tasks(1) })
    await next.clock.runUntilIdle()
    expect([held.progress().held.length, next.errors]).toEqual([1, []])
  })
})

test.each(BAD)('a budget of %s is refused, when it is made and when it is set', async value => {
  const budget = { costUsd: value as number }
  const refused = { code: 'INVALID_INPUT' }
  if (value === 1e308) expect(() => stage(() => 1, { budget })).toThrow(expect.objectContaining(refused))
  const { orchestrator, clock } = stage(() => 1, { budget: { costUsd: 1 } })
  expect(() => orchestrator.setBudget(budget)).toThrow(expect.objectContaining(refused))
  expect(() => orchestrator.setBudget({ wallMs: value as number })).toThrow(expect.objectContaining(refused))
  const run = orchestrator.run({ tasks: tasks(1) })
  await expect(run.setBudget(budget)).rejects.toMatchObject(refused)
  await expect(run.setBudget({ pools: { p: { tokens: value as number } } })).rejects.toMatchObject(refused)
  await clock.runUntilIdle()
  expect((await run.result).outcome).toBe('completed')
})

test.each([Number.NaN, -1, Number.POSITIVE_INFINITY, 1e308, '5'])(
  'an agent that asks for a wait of %s is retried as if it had said nothing, or within bounds, and that is reported once',
  async retryAfterMs => {
    let calls = 0
    const { clock, orchestrator, errors } = stage(() => {
      if (++calls <= 2) throw new AgentError('throttled', 'slow down', { retryAfterMs: retryAfterMs as number })
      return 'ok'
    })
    const run = orchestrator.run({ tasks: tasks(1) })
    await clock.runUntilIdle({ limitMs: 3 * 86_400_000 })
    expect((await run.result).outcome).toBe('completed')
    expect(errors.filter(line => line.includes('retryAfterMs'))).toHaveLength(1)
  },
)

test.each([Number.NaN, Number.POSITIVE_INFINITY, -1e6])(
  'a clock that says %s breaks no event, and no account of time',
  async broken => {
    const clock = new VirtualClock()
    let isBroken = false
    const odd: Clock = {
      now: () => (isBroken ? broken : clock.now()),
      monotonic: () => (isBroken ? broken : clock.monotonic()),
      schedule: (callback, ms) => clock.schedule(callback, ms),
    }
    const backend = () => new Promise<number>(resolve => clock.schedule(() => resolve(1), 10))
    const orchestrator = new Orchestrator({ clock: odd, pools: { p: { backend } }, budget: { wallMs: 1_000 } })
    const times: number[] = []
    orchestrator.on('event', event => void ('at' in event && times.push(event.at)))
    const run = orchestrator.run({ tasks: tasks(1) })
    await clock.advance(5)
    isBroken = true
    await clock.advance(100)
    expect((await run.result).outcome).toBe('completed')
    expect(times.every(Number.isFinite) && times.every((at, i) => i === 0 || at >= times[i - 1]!)).toBe(true)
    expect(Number.isFinite(orchestrator.spent?.wallMs)).toBe(true)
  },
)

test.each([Number.NaN, Number.POSITIVE_INFINITY, -1, 7])(
  'a random source that gives %s delays nothing for ever and kills nothing',
  async value => {
    let calls = 0
    const { clock, orchestrator } = stage(
      () => {
        if (++calls <= 2) throw new AgentError('crashed', 'no')
        return 'ok'
      },
      { random: () => value },
    )
    const run = orchestrator.run({ tasks: tasks(1) })
    await clock.runUntilIdle({ limitMs: 600_000 })
    expect((await run.result).outcome).toBe('completed')
  },
)
