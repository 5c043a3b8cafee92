import { Orchestrator, type Run, type RunEvent, TaskGraph } from 'counterpoint'
import { MockBackend, VirtualClock } from 'counterpoint/testing'
import { describe, expect, test } from 'vitest'
import { checkHistory } from '../support/history.js'
import { ProbeJournal } from '../support/probe-journal.js'
import { specs } from '../support/scheduler-fixture.js'
import { type SetUp, setUp } from '../support/set-up.js'

/** The journal of a run `x` whose process ended while `a` was running. */
async function interrupted(tasks = 'a b<a c', options: object = {}): Promise<ProbeJournal> {
  const journal = new ProbeJournal()
  const { backend, orchestrator } = setUp({ concurrency: 1 }, { journal })
  backend.hold('a')
  const run = orchestrator.run({ tasks: specs(tasks) }, { runId: 'x', ...options })
  await backend.started('a')
  void run
  return ProbeJournal.after(journal, Number.POSITIVE_INFINITY)
}

async function eventsOf(run: Run): Promise<readonly RunEvent[]> {
  const events: RunEvent[] = []
  for await (const event of run.events()) events.push(event)
  return events
}

describe('resume', () => {
  test('counts running attempts as interrupted, and settles', async () => {
    const journal = await interrupted()
    const { backend, orchestrator } = setUp({}, { journal })
    const run = await orchestrator.resume('x')
    const result = await run.result
    expect(result.outcome).toBe('completed')
    expect(backend.callsOf('a').map(call => [call.attempt, call.context.idempotencyKey])).toEqual([[2, 'x/a/1']])
    checkHistory(await eventsOf(run))
    expect(journal.records('x').flat()).toEqual(await eventsOf(run))
  })

  test('does not run succeeded tasks again', async () => {
    const journal = new ProbeJournal()
    const first = setUp({ concurrency: 1 }, { journal })
    first.backend.hold('b')
    first.orchestrator.run({ tasks: specs('a b<a') }, { runId: 'x' })
    await first.backend.started('b')
    const { backend, orchestrator } = setUp({}, { journal: ProbeJournal.after(journal, 99) })
    expect((await (await orchestrator.resume('x')).result).outputs).toEqual({ a: 'a', b: 'b' })
    expect(backend.calls.map(call => [call.taskId, call.request.outputs])).toEqual([['b', { a: 'a' }]])
  })

  test('of a settled run gives its result again without calling an agent', async () => {
    const journal = new ProbeJournal()
    const first = await setUp({}, { journal }).orchestrator.run({ tasks: specs('a b<a') }, { runId: 'x' }).result
    const { backend, orchestrator } = setUp({}, { journal })
    const run = await orchestrator.resume('x')
    expect(JSON.stringify(await run.result)).toBe(JSON.stringify(first))
    expect([backend.calls.length, run.progress().status, (await eventsOf(run)).length]).toEqual([
      0,
      'settled',
      journal.records('x').flat().length,
    ])
  })

  test('rejects an unknown run with NOT_FOUND', async () => {
    const { orchestrator } = setUp()
    await expect(orchestrator.resume('unknown')).rejects.toMatchObject({
      code: 'NOT_FOUND',
      details: { id: 'unknown' },
    })
  })

  test('returns a run that is live in this process', async () => {
    const { backend, orchestrator } = setUp()
    backend.hold('a')
    const run = orchestrator.run({ tasks: specs('a') }, { runId: 'x' })
    expect(await orchestrator.resume('x')).toBe(run)
  })

  test('twice concurrently gives one run, with one call per attempt', async () => {
    const journal = await interrupted('a')
    const { backend, orchestrator } = setUp({}, { journal })
    const [first, second] = await Promise.all([orchestrator.resume('x'), orchestrator.resume('x')])
    expect(first).toBe(second)
    await first.result
    expect(backend.callsOf('a')).toHaveLength(1)
    checkHistory(journal.records('x').flat())
  })

  test('and run() with the same id: one of them is rejected', async () => {
    const journal = await interrupted('a')
    const { orchestrator } = setUp({}, { journal })
    const resuming = orchestrator.resume('x')
    await expect(async () => orchestrator.run({ tasks: specs('a') }, { runId: 'x' }).result).rejects.toMatchObject({
      code: 'DUPLICATE_ID',
    })
    await (await resuming).result
    checkHistory(journal.records('x').flat())
  })

  test('with an aborted signal cancels the run, with its events in order', async () => {
    const journal = await interrupted()
    const { backend, orchestrator } = setUp({}, { journal })
    const run = await orchestrator.resume('x', { signal: AbortSignal.abort() })
    expect((await run.result).outcome).toBe('cancelled')
    expect(backend.calls).toEqual([])
    checkHistory(await eventsOf(run))
    checkHistory(journal.records('x').flat())
  })

  test('with an aborted signal, when nothing was running, settles once', async () => {
    const journal = ProbeJournal.after(await interrupted(), 1)
    const { orchestrator } = setUp({}, { journal, retain: 1 })
    const run = await orchestrator.resume('x', { signal: AbortSignal.abort() })
    expect((await run.result).outcome).toBe('cancelled')
    await orchestrator.run({ tasks: specs('z') }, { runId: 'y' }).result
    checkHistory(journal.records('x').flat())
    expect(orchestrator.runs.live.map(other => other.id)).toEqual(['y'])
  })

  test('keeps a paused run paused', async () => {
    const journal = new ProbeJournal()
    const first = setUp({}, { journal })
    first.backend.hold('a')
    const run = first.orchestrator.run({ tasks: specs('a b') }, { runId: 'x' })
    await first.backend.started('a')
    await run.pause()
    const { backend, clock, orchestrator } = setUp({}, { journal: ProbeJournal.after(journal, 99) })
    const resumed = await orchestrator.resume('x')
    await clock.runUntilIdle()
    expect([backend.calls.length, resumed.progress().status]).toEqual([0, 'paused'])
    await resumed.unpause()
    expect((await resumed.result).outcome).toBe('completed')
  })

  test('continues the delay before the next attempt, whatever the wall clock says', async () => {
    for (const jumpMs of [0, 10 * 365 * 86_400_000, -3_600_000]) {
      const journal = new ProbeJournal()
      const first = setUp({}, { journal })
      first.backend.answer('a', () => Promise.reject(new Error('no')))
      first.orchestrator.run({ tasks: specs('a') }, { runId: 'x' })
      await first.clock.advance(1)
      const { backend, clock, orchestrator } = setUp({}, { journal: ProbeJournal.after(journal, 99) })
      clock.jump(jumpMs)
      const run = await orchestrator.resume('x')
      await clock.advance(1_000)
      await run.result
      const [call] = backend.calls
      expect(call!.startedAt - jumpMs - clock.now() + jumpMs).toBeLessThanOrEqual(0)
      expect(backend.calls).toHaveLength(1)
    }
  })

  test('accepts further tasks and cancellation', async () => {
    const journal = await interrupted()
    const { backend, orchestrator } = setUp({}, { journal })
    backend.hold('a')
    const run = await orchestrator.resume('x')
    await backend.started('a')
    await run.add({ tasks: specs('d<a e<c') })
    await run.cancelTask('b')
    backend.release('a')
    expect(Object.keys((await run.result).outputs)).toEqual(['a', 'c', 'd', 'e'])
    expect(backend.callsOf('d')).toHaveLength(1)
  })
})

describe('a run of a graph', () => {
  const graph = new TaskGraph('g')
  const a = graph.task('a', { pool: 'p' })
  graph.task('b', { pool: 'p', after: [a], input: outputs => ({ got: outputs.a }) })

  test('is resumed with its functions when the graph is passed again', async () => {
    const journal = new ProbeJournal()
    const first = setUp({}, { journal })
    first.backend.hold('a')
    first.orchestrator.run(graph, { runId: 'x' })
    await first.backend.started('a')
    const { backend, orchestrator } = setUp({}, { journal: ProbeJournal.after(journal, 99) })
    const run = await orchestrator.resume('x', { graph })
    await run.result
    expect(backend.callsOf('b')[0]?.request.input).toEqual({ got: 'a' })
  })
})

describe('the queueLimit of a pool', () => {
  function limited(journal: ProbeJournal): SetUp {
    const clock = new VirtualClock()
    const backend = new MockBackend({ clock }).answer('*', 'ok')
    return {
      clock,
      backend,
      orchestrator: new Orchestrator({ clock, journal, pools: { p: { backend, concurrency: 1, queueLimit: 3 } } }),
    }
  }

  test('counts the unstarted tasks of a resumed run, and no others', async () => {
    const journal = new ProbeJournal()
    const first = limited(journal)
    first.backend.hold('a')
    const before = first.orchestrator.run({ tasks: specs('a b<a c') }, { runId: 'x' })
    await first.backend.started('a')
    await before.cancelTask('c')
    const { backend, orchestrator } = limited(ProbeJournal.after(journal, 99))
    backend.hold('*')
    await orchestrator.resume('x')
    await backend.started('a')
    // `b` waits: the pool has room for two more, whatever ended before the restart.
    const reject = { whenFull: 'reject' } as const
    expect(() => orchestrator.run({ tasks: specs('1 2 3') }, reject)).toThrow(
      expect.objectContaining({ code: 'QUEUE_FULL' }),
    )
    orchestrator.run({ tasks: specs('1 2') }, reject)
  })
})

describe('an impossible journal', () => {
  test('is rejected with JOURNAL and the problem', async () => {
    const journal = await interrupted()
    const lines = journal.runs.get('x')!
    journal.runs.set('x', [lines[1]!, lines[0]!])
    const { orchestrator } = setUp({}, { journal })
    await expect(orchestrator.resume('x')).rejects.toMatchObject({ code: 'JOURNAL', details: { runId: 'x' } })
    expect(journal.opened - journal.closed).toBe(0)
  })

  test('leaves no handle open when the run is unknown', async () => {
    const journal = new ProbeJournal()
    const { orchestrator } = setUp({}, { journal })
    await orchestrator.resume('unknown').catch(() => {})
    expect(journal.opened - journal.closed).toBe(0)
  })
})
