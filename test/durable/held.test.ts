import assert from 'node:assert/strict'
import {
  AgentError,
  isCounterpointError,
  type Journal,
  type JournalRecord,
  memoryJournal,
  type OpenJournal,
  Orchestrator,
  type Run,
  type RunResult,
  TaskGraph,
  type TaskSpec,
} from 'counterpoint'
import { fileJournal } from 'counterpoint/node'
import { MockBackend, succeed, VirtualClock } from 'counterpoint/testing'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { FakeDisk } from '../node/journal/fake-disk.js'
import { graphs } from '../support/graphs.js'
import { checkHistory } from '../support/history.js'
import { specs } from '../support/scheduler-fixture.js'
import { SeededRandom, seedOf } from '../support/seeded-random.js'
import { JOURNAL_KINDS, TestHost } from './test-host.js'

describe.each(JOURNAL_KINDS)('with a journal of kind %s, after the process was killed', kind => {
  test('a task that waits for approval still waits, and runs once approved', async () => {
    const first = new TestHost(kind)
    const before = first.orchestrator.run({ tasks: specs('a! b c<a') }, { runId: 'x' })
    await first.reached(before, 'b', 'succeeded')
    const next = await first.next()
    const run = await next.done(next.orchestrator.resume('x'))
    await next.reached(run, 'a', 'held')
    expect(run.progress().held).toMatchObject([{ id: 'a', reason: 'approval' }])
    await next.done(run.approve('a', { by: 'Ada' }))
    expect((await next.done(run.result)).outcome).toBe('completed')
    expect(next.called).toBe('a1 c1')
    checkHistory((await next.records('x')).flat())
  })

  test('an approval counts, even if the task had not started', async () => {
    const first = new TestHost(kind)
    const before = first.orchestrator.run({ tasks: specs('a! b') }, { runId: 'x' })
    await first.reached(before, 'b', 'succeeded')
    await first.done(before.pause())
    await first.done(before.approve('a'))
    const next = await first.next()
    const run = await next.done(next.orchestrator.resume('x'))
    await next.done(run.unpause())
    expect((await next.done(run.result)).outcome).toBe('completed')
    expect((await next.records('x')).flat().filter(({ type }) => type === 'task.held')).toHaveLength(1)
  })

  test('a rejection counts, too', async () => {
    const first = new TestHost(kind)
    const before = first.orchestrator.run({ tasks: specs('a! b! c<a') }, { runId: 'x' })
    await first.reached(before, 'a', 'held')
    await first.done(before.reject('a', 'no'))
    const next = await first.next()
    const run = await next.done(next.orchestrator.resume('x'))
    await next.done(run.approve('b'))
    const { tasks } = await next.done(run.result)
    expect(tasks.map(({ status }) => status)).toEqual(['dead', 'succeeded', 'skipped'])
  })

  test('a task held for its budget is still held, used budget counts, and a higher budget releases it', async () => {
    const first = new TestHost(kind)
    first.backend.answer('*', succeed('ok', { usage: { costUsd: 1 } }))
    const tasks = specs('a b<a c<b').map(spec => ({ ...spec, estimate: { costUsd: 1 } }))
    const before = first.orchestrator.run({ tasks }, { runId: 'x', budget: { costUsd: 1, onHard: 'hold' } })
    await first.reached(before, 'b', 'held')
    const next = await first.next()
    const run = await next.done(next.orchestrator.resume('x'))
    await next.done(run.setBudget({ costUsd: 2, onHard: 'hold' }))
    await next.reached(run, 'c', 'held')
    const last = await next.next()
    const again = await last.done(last.orchestrator.resume('x'))
    await last.done(again.approve('c'))
    expect((await last.done(again.result)).outcome).toBe('completed')
    checkHistory((await last.records('x')).flat())
  })

  test('an attempt that was running when the process died counts with its reservation', async () => {
    const first = new TestHost(kind)
    first.backend.hold('a')
    const tasks = specs('a').map(spec => ({ ...spec, estimate: { costUsd: 1 } }))
    const before = first.orchestrator.run({ tasks }, { runId: 'x', budget: { costUsd: 2.5, onHard: 'hold' } })
    await first.until(() => first.backend.calls.length === 1)
    await first.reached(before, 'a', 'running')
    const second = await first.next()
    second.backend.hold('a')
    await second.done(second.orchestrator.resume('x'))
    await second.until(() => second.backend.calls.length === 1)
    const third = await second.next()
    const run = await third.done(third.orchestrator.resume('x'))
    await third.reached(run, 'a', 'held')
    expect(run.task('a')?.usage).toEqual({ costUsd: 2, estimated: true })
    await third.done(run.approve('a'))
    expect((await third.done(run.result)).outcome).toBe('completed')
  })

  test('a serial run continues serially', async () => {
    const first = new TestHost(kind)
    first.backend.hold('*')
    first.orchestrator.run({ tasks: specs('a b c d') }, { runId: 'x', mode: 'serial' })
    await first.until(() => first.backend.calls.length === 1)
    const next = await first.next()
    next.backend.answer('*', succeed('ok', { afterMs: 10 }))
    const run = await next.done(next.orchestrator.resume('x'))
    expect((await next.done(run.result)).outcome).toBe('completed')
    expect(next.backend.maxRunning).toBe(1)
  })

  test('soft outputs are available, and trigger rules count tasks that had ended', async () => {
    const first = new TestHost(kind)
    first.backend.answer('bad', () => Promise.reject(new AgentError('refused', 'no'))).hold('last')
    const plan = {
      tasks: specs('good bad last soft<last,?good,?bad alarm:one_failed<good,bad clean:all_done<bad,last'),
    }
    const before = first.orchestrator.run(plan, { runId: 'x' })
    await first.reached(before, 'alarm', 'succeeded')
    const next = await first.next()
    const run = await next.done(next.orchestrator.resume('x'))
    const { outcome } = await next.done(run.result)
    expect([outcome, next.backend.callsOf('soft')[0]?.request.outputs]).toEqual([
      'partial',
      { last: 'last', good: 'good' },
    ])
    expect(next.called.split(' ').toSorted()).toEqual(['clean1', 'last2', 'soft1'])
  })
})

/** The number of histories that are resumed from each of their prefixes. */
const HISTORIES = Math.ceil(Number(process.env.HISTORIES ?? 1_000) / 50)
const plans = graphs({ maxTasks: 6, rich: 'settled' })

/** Deterministic for a task: answers, fails, or never answers. */
function agents(clock: VirtualClock, seed: number): MockBackend {
  return new MockBackend({ clock }).answer('*', ({ task }) => {
    const dice = new SeededRandom(seedOf(seed, task.id))
    const behaviour = dice.below(8)
    if (behaviour === 0) throw new AgentError(dice.pick(['agent', 'refused', 'crashed']), 'as always')
    if (behaviour === 1) return new Promise(() => {})
    return behaviour < 5 ? succeed({ by: task.id }, { afterMs: dice.below(40) }) : { by: task.id }
  })
}

/** Some tasks have functions: an input, or an approval condition. */
function graphOf(tasks: readonly TaskSpec[], seed: number): TaskGraph {
  const graph = new TaskGraph('g')
  for (const { id, input: _, approval, estimate, ...options } of tasks) {
    const dice = new SeededRandom(seedOf(seed, id, 'functions'))
    const needsApproval = dice.chance(0.5)
    graph.task(id, {
      ...options,
      // A task without cost starts even after the budget was exceeded by approval.
      ...(estimate?.costUsd !== 0 && estimate && { estimate }),
      ...(dice.chance(0.4) && { input: (outputs: object) => Object.keys(outputs).length }),
      ...(dice.chance(0.3)
        ? { approval: () => (needsApproval ? Promise.resolve(true) : false) }
        : approval && { approval }),
    })
  }
  return graph
}

/**
 * Approves all held tasks except those that never end. One approval may release other tasks (they waited for its reservation): approving
 * those is then rejected.
 */
async function answer(run: Run): Promise<void> {
  for (const { id, reason, failure } of run.progress().held)
    try {
      if (failure && failure.kind !== 'interrupted') await run.reject(id, 'again')
      else await run.approve(id)
    } catch (error) {
      if (reason !== 'reserved' || !isCounterpointError(error, 'NOT_HELD')) throw error
    }
}

/** Starts a run, or resumes it if the journal contains it, and awaits its end. */
async function performed(tasks: readonly TaskSpec[], seed: number, journal: Journal): Promise<RunResult> {
  const clock = new VirtualClock()
  const defaults = { timeoutMs: 100, backoff: { baseMs: 10, maxMs: 50 }, estimate: { costUsd: 1 } }
  const pool = { backend: agents(clock, seed), concurrency: 2, graceMs: 10, defaults }
  const orchestrator = new Orchestrator({ clock, journal, random: () => 0.5, pools: { p: pool } })
  const isNew = ![...(await journal.list())].includes('r')
  const graph = graphOf(tasks, seed)
  const budget = { costUsd: 3, onHard: 'hold' } as const
  const run = isNew ? orchestrator.run(graph, { runId: 'r', budget }) : await orchestrator.resume('r', { graph })
  let isOver = false
  void run.result.finally(() => (isOver = true))
  for (let rounds = 0; !isOver; rounds++) {
    assert.ok(rounds < 1_000, `the run comes to an end: ${JSON.stringify(run.progress())}`)
    await clock.runUntilIdle()
    await answer(run)
  }
  assert.equal(clock.pending, 0)
  return run.result
}

function endsOf({ outcome, tasks }: RunResult): unknown {
  return [outcome, tasks.map(({ id, status, output, failure }) => [id, status, output, failure?.kind])]
}

async function recordsOf(journal: Journal): Promise<readonly JournalRecord[]> {
  const records: JournalRecord[] = []
  for await (const record of journal.read('r')) records.push(record)
  return records
}

const onDisk = (disk: FakeDisk): Journal => fileJournal({ folder: '/runs', fileSystem: disk, durability: 'os' })

describe(`${HISTORIES} histories with trigger rules, soft edges, approvals, budgets that hold and tasks that are not safe to replay`, () => {
  test('have the same result from every prefix of their journal', async () => {
    await fc.assert(
      fc.asyncProperty(plans, fc.nat(), async (tasks, seed) => {
        const journal = memoryJournal()
        const expected = endsOf(await performed(tasks, seed, journal))
        const records = await recordsOf(journal)
        for (let held = 1; held <= records.length; held++) {
          const again = memoryJournal()
          const open = again.open('r') as OpenJournal
          for (const record of records.slice(0, held))
            void open.append(JSON.parse(JSON.stringify(record)) as JournalRecord)
          assert.deepEqual(endsOf(await performed(tasks, seed, again)), expected, `from ${held} of ${records.length}`)
          checkHistory((await recordsOf(again)).flat())
        }
      }),
      { numRuns: HISTORIES },
    )
  })

  test('have the same result from files cut at every record', async () => {
    await fc.assert(
      fc.asyncProperty(plans, fc.nat(), async (tasks, seed) => {
        const disk = new FakeDisk()
        const expected = endsOf(await performed(tasks, seed, onDisk(disk)))
        const content = disk.content('/runs/r/journal-000001.log')
        let end = content.indexOf(10) + 1
        while (end < content.length) {
          end = content.indexOf(10, end) + 1
          const again = new FakeDisk()
          again.put('/runs/r/journal-000001.log', content.subarray(0, end))
          assert.deepEqual(endsOf(await performed(tasks, seed, onDisk(again))), expected, `cut at ${end}`)
        }
      }),
      { numRuns: Math.ceil(HISTORIES / 10) },
    )
  })
})
