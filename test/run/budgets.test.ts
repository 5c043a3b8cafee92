import {
  type AgentFunction,
  type Estimate,
  Orchestrator,
  type RunBudget,
  type RunEvent,
  reply,
  type TaskSpec,
} from 'counterpoint'
import { fail, hang, ignoreAbort, MockBackend, succeed, VirtualClock } from 'counterpoint/testing'
import { describe, expect, test } from 'vitest'
import { checkHistory } from '../support/history.js'
import { specs } from '../support/scheduler-fixture.js'
import { setUp } from '../support/set-up.js'

const ONE = { costUsd: 1 }

/** Tasks with an estimate of one dollar each. */
function estimated(text: string): readonly TaskSpec[] {
  return specs(text).map(spec => ({ ...spec, estimate: ONE }))
}

/** A backend that takes 10 ms and uses one dollar. */
function fixture(budget?: RunBudget, pool: object = {}) {
  const set = setUp({ concurrency: 4, ...pool })
  set.backend.answer('*', succeed('ok', { afterMs: 10, usage: ONE }))
  const events: RunEvent[] = []
  set.orchestrator.on('event', event => void events.push(event as RunEvent))
  const begin = (text: string) => set.orchestrator.run({ tasks: estimated(text) }, budget && { budget })
  return { ...set, events, begin }
}

function reached(events: readonly RunEvent[]): readonly string[] {
  return events.flatMap(event =>
    event.type === 'budget.reached' ? [`${event.scope} ${event.level} ${event.measure} ${event.action}`] : [],
  )
}

describe('the budget of a run', () => {
  test('in dollars: starts only tasks that fit, also concurrently', async () => {
    const { backend, clock, events, begin } = fixture({ costUsd: 3 })
    const run = begin('a b c d e f<a')
    await clock.runUntilIdle()
    const { outcome, usage, tasks } = await run.result
    expect([outcome, usage, backend.calls.length]).toEqual(['partial', { costUsd: 3 }, 3])
    expect(tasks.map(({ status }) => status)).toEqual([...Array(3).fill('succeeded'), ...Array(3).fill('cancelled')])
    expect(tasks[4]?.reason).toMatch(/budget/)
    expect(reached(events)).toEqual(['run soft costUsd tell', 'run hard costUsd stop'])
    checkHistory(events)
  })

  test('in tokens: counts input and output tokens', async () => {
    const { backend, clock, orchestrator } = setUp({ concurrency: 1 })
    backend.answer('*', succeed('ok', { usage: { inputTokens: 60, outputTokens: 40 } }))
    const tasks = specs('a b c d').map(spec => ({ ...spec, estimate: { tokens: 10 } }))
    const run = orchestrator.run({ tasks }, { budget: { tokens: 205 } })
    await clock.runUntilIdle()
    expect([(await run.result).outcome, backend.calls.length]).toEqual(['partial', 2])
  })

  test('in tokens: counts a reported total', async () => {
    const { backend, clock, orchestrator } = setUp({ concurrency: 1 })
    backend.answer('*', () => reply({ output: 'ok', usage: { tokens: 100 } }))
    const tasks = specs('a b c').map(spec => ({ ...spec, estimate: { tokens: 10 } }))
    const run = orchestrator.run({ tasks }, { budget: { tokens: 150 } })
    await clock.runUntilIdle()
    expect((await run.result).usage).toEqual({ tokens: 200 })
  })

  test('counts the reported usage of attempts without an estimate', async () => {
    const { backend, clock, orchestrator } = setUp({ concurrency: 1 })
    backend.answer('*', succeed('ok', { usage: ONE }))
    const run = orchestrator.run({ tasks: specs('a b c d') }, { budget: { costUsd: 2 } })
    await clock.runUntilIdle()
    expect((await run.result).usage).toEqual({ costUsd: 2 })
  })

  test('counts failed, timed-out, abandoned and cancelled attempts, with their estimates where they report nothing', async () => {
    const { backend, clock, orchestrator, events } = fixture({ costUsd: 100 }, { graceMs: 5 })
    backend
      .answer('fails', fail('agent', { usage: { costUsd: 0.5 } }))
      .answer('hangs', hang())
      .answer('stays', ignoreAbort())
      .answer('crashes', fail('crashed'))
      .hold('gone')
    const tasks = estimated('fails hangs stays crashes gone').map(spec => ({ ...spec, retries: 0, timeoutMs: 50 }))
    const run = orchestrator.run({ tasks }, { budget: { costUsd: 100 } })
    await clock.advance(10)
    await run.cancelTask('gone')
    await clock.runUntilIdle()
    const { tasks: ended, usage } = await run.result
    const assumed = { costUsd: 1, estimated: true }
    expect(ended.map(task => task.usage)).toEqual([{ costUsd: 0.5 }, assumed, assumed, assumed, assumed])
    expect(usage).toEqual({ costUsd: 4.5, estimated: true })
    checkHistory(events)
  })

  test('with onHard hold, holds a task that does not fit until it is approved or the budget is raised', async () => {
    const { backend, clock, events, begin } = fixture({ costUsd: 2, onHard: 'hold' })
    const run = begin('a b c d e')
    await clock.runUntilIdle()
    expect(run.progress().held.map(({ id, reason }) => `${id} ${reason}`)).toEqual(['c budget', 'd budget', 'e budget'])
    expect(run.progress().running).toEqual([])
    await run.approve('d')
    await clock.runUntilIdle()
    expect(run.progress().counts).toMatchObject({ succeeded: 3, held: 2 })
    await run.setBudget({ costUsd: 4, onHard: 'hold' })
    await clock.runUntilIdle()
    expect(run.progress().counts).toMatchObject({ succeeded: 4, held: 1 })
    await run.reject('e')
    expect([(await run.result).outcome, backend.calls.length]).toEqual(['partial', 4])
    expect(reached(events).filter(line => /hard/.test(line))).toEqual(Array(2).fill('run hard costUsd hold'))
    checkHistory(events)
  })

  test('can be set, lowered and raised while the run is live', async () => {
    const { backend, clock, events, orchestrator } = fixture()
    const tasks = estimated('a b<a c<b d<c e<d')
    const run = orchestrator.run({ tasks })
    await clock.advance(15)
    await run.setBudget({ costUsd: 2, onHard: 'hold' })
    await clock.runUntilIdle()
    expect([run.progress().held, backend.calls.length]).toMatchObject([[{ id: 'c', reason: 'budget' }], 2])
    await run.setBudget({})
    await clock.runUntilIdle()
    expect((await run.result).outcome).toBe('completed')
    checkHistory(events)
    await expect(run.setBudget({ costUsd: -1 })).rejects.toMatchObject({ code: 'INVALID_INPUT' })
  })

  test('of zero starts no task, not even one that costs nothing', async () => {
    const { backend, clock, orchestrator } = setUp()
    const run = orchestrator.run({ tasks: specs('a b') }, { budget: { costUsd: 0 } })
    await clock.runUntilIdle()
    expect([(await run.result).outcome, backend.calls.length]).toEqual(['failed', 0])
  })
})

describe('the budgets of pools and tasks', () => {
  test('of a pool: a task that does not fit is dead with kind quota, and other pools continue', async () => {
    const clock = new VirtualClock()
    const backend = new MockBackend({ clock }).answer('*', succeed('ok', { afterMs: 10, usage: ONE }))
    const orchestrator = new Orchestrator({ clock, pools: { p: { backend }, q: { backend } } })
    const tasks = [...estimated('a b c'), ...estimated('d e f').map(spec => ({ ...spec, pool: 'q' }))]
    const run = orchestrator.run({ tasks }, { budget: { costUsd: 10, pools: { p: { costUsd: 2 } } } })
    await clock.runUntilIdle()
    const { tasks: ended } = await run.result
    expect(ended.filter(({ status }) => status !== 'succeeded')).toMatchObject([
      { id: 'c', status: 'dead', failure: { kind: 'quota', code: 'BUDGET' }, attempts: 0 },
    ])
  })

  test('of a pool, in time: limits the summed time of its attempts', async () => {
    const { clock, orchestrator, backend } = fixture(undefined, { concurrency: 2 })
    const run = orchestrator.run({ tasks: specs('a b c<a d<b e<c,d') }, { budget: { pools: { p: { wallMs: 35 } } } })
    await clock.runUntilIdle()
    expect([(await run.result).outcome, backend.calls.length]).toEqual(['partial', 4])
  })

  test('of a task: limits all its attempts together', async () => {
    const { backend, clock, orchestrator } = fixture(undefined, { defaults: { backoff: { baseMs: 0 } } })
    backend.answer('a', fail('crashed', { usage: ONE }))
    const run = orchestrator.run({
      tasks: [{ id: 'a', retries: 9, estimate: ONE, budget: { costUsd: 3 } }, { id: 'b' }],
    })
    await clock.runUntilIdle()
    expect([(await run.result).tasks[0], backend.callsOf('a').length]).toMatchObject([
      { failure: { code: 'BUDGET' } },
      3,
    ])
  })

  test('of a task added to a live run without budgets: holds the task', async () => {
    const { backend, clock, orchestrator, events } = fixture()
    backend.hold('a')
    const run = orchestrator.run({ tasks: estimated('a') })
    await clock.advance(0)
    await run.add({ tasks: [{ id: 'b', estimate: ONE, budget: { costUsd: 0.5, onHard: 'hold' } }] })
    await clock.advance(0)
    expect(run.progress().held).toMatchObject([{ id: 'b', reason: 'budget' }])
    await run.approve('b')
    backend.release('a')
    await clock.runUntilIdle()
    expect((await run.result).outcome).toBe('completed')
    checkHistory(events)
  })
})

describe('degrading', () => {
  function failoverPool(estimate: Estimate) {
    const clock = new VirtualClock()
    const best = new MockBackend({ clock, name: 'best' }).answer('*', succeed('best', { usage: ONE }))
    const cheap = new MockBackend({ clock, name: 'cheap' }).answer('*', succeed('cheap', { usage: { costUsd: 0.1 } }))
    const run: AgentFunction = (request, context) => cheap.run(request, context)
    const backends = [best, { name: 'cheap', run, estimate }]
    const orchestrator = new Orchestrator({ clock, pools: { p: { backends, concurrency: 1 } } })
    return { clock, best, cheap, orchestrator }
  }

  test('uses the cheapest backend from the soft limit on', async () => {
    const { clock, best, cheap, orchestrator } = failoverPool({ costUsd: 0.1 })
    const run = orchestrator.run(
      { tasks: estimated('a b c d e f') },
      { budget: { costUsd: 5, soft: 0.4, onSoft: 'degrade' } },
    )
    await clock.runUntilIdle()
    expect([(await run.result).outcome, best.calls.length, cheap.calls.length]).toEqual(['completed', 2, 4])
  })

  test('at the hard limit, uses the cheapest backend, and stops when that does not fit either', async () => {
    const { clock, best, cheap, orchestrator } = failoverPool({ costUsd: 0.1 })
    const run = orchestrator.run({ tasks: estimated('a b c d e f') }, { budget: { costUsd: 2.25, onHard: 'degrade' } })
    await clock.runUntilIdle()
    const { outcome, usage } = await run.result
    expect([outcome, best.calls.length, cheap.calls.length]).toEqual(['partial', 2, 2])
    expect(usage.costUsd).toBeCloseTo(2.2)
  })

  test('ends at the hard limit when the cheapest backend has no estimate', async () => {
    const { backend, clock, begin } = fixture({ costUsd: 2, onHard: 'degrade' }, { concurrency: 1 })
    const run = begin('a b c d e f g h')
    await clock.runUntilIdle()
    expect([(await run.result).outcome, backend.calls.length < 4]).toEqual(['partial', true])
  })

  test('ends when the estimate of the backend itself does not fit', async () => {
    const clock = new ImpatientClock()
    const backend = { run: () => 'ok', estimate: { costUsd: 2 } }
    const orchestrator = new Orchestrator({ clock, pools: { p: { backend } } })
    const run = orchestrator.run({ tasks: estimated('a') }, { budget: { costUsd: 1, onHard: 'degrade' } })
    await clock.runUntilIdle()
    expect(run.progress().status).toBe('settled')
  })
})

/** Stops a run that would schedule itself forever in virtual time. */
class ImpatientClock extends VirtualClock {
  #inARow = 0

  override schedule(callback: () => void, delayMs: number): () => void {
    return this.#inARow++ > 2_000 ? () => {} : super.schedule(callback, delayMs)
  }
}

test('rejects a budget of an unknown pool, and starts nothing', async () => {
  const { backend, orchestrator } = setUp()
  const tasks = [{ id: 'a' }]
  const wrong = { pools: { Pool: { costUsd: 1 } } }
  expect(() => orchestrator.run({ tasks }, { budget: wrong })).toThrow(/budget\.pools\.Pool: there is no pool "Pool"/)
  await null
  expect([orchestrator.runs.live, backend.calls]).toEqual([[], []])
  const run = orchestrator.run({ tasks }, { budget: {} })
  await expect(run.setBudget(wrong)).rejects.toMatchObject({
    code: 'INVALID_INPUT',
    details: { issues: [{ path: 'pools.Pool' }] },
  })
  void run.cancel()
})
