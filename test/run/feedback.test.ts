import { type AgentRequest, memoryJournal, Orchestrator, type RunEvent, TaskGraph } from 'counterpoint'
import { fail, MockBackend, succeed, VirtualClock } from 'counterpoint/testing'
import { describe, expect, test } from 'vitest'
import * as z from 'zod'
import type { Feedback } from '../../src/core/state/task.js'
import { checkHistory } from '../support/history.js'
import { type SetUp, setUp } from '../support/set-up.js'

const Answer = z.object({ sql: z.string(), tables: z.number().int() })

/** One task `a`, whose output has a schema. */
function graphWithSchema(options: { retries?: number; timeoutMs?: number } = {}): TaskGraph {
  const graph = new TaskGraph('g')
  graph.task('a', { pool: 'p', output: Answer, ...options })
  return graph
}

async function played(fixture: SetUp, graph = graphWithSchema()) {
  const run = fixture.orchestrator.run(graph, { runId: 'x' })
  const events: RunEvent[] = []
  run.on('event', event => void events.push(event as RunEvent))
  await fixture.clock.runUntilIdle()
  const { tasks } = await run.result
  checkHistory(events)
  return { task: tasks[0]!, events }
}

function feedbackOf({ backend }: SetUp): readonly (Feedback | undefined)[] {
  return backend.calls.map(({ request }) => request.feedback)
}

describe('an output that does not match its schema', () => {
  test('is fed back to the agent with the issues and the output', async () => {
    const fixture = setUp()
    const repairs = ({ feedback }: AgentRequest): object =>
      feedback ? { sql: 'create', tables: 3 } : { sql: 'create' }
    fixture.backend.answer('a', repairs)
    const { task } = await played(fixture)
    expect(task).toMatchObject({ status: 'succeeded', attempts: 2, output: { sql: 'create', tables: 3 } })
    const [first, second] = feedbackOf(fixture)
    expect(first).toBeUndefined()
    expect(second).toEqual({
      attempt: 1,
      kind: 'invalid-output',
      message: expect.stringContaining('tables'),
      output: '{"sql":"create"}',
    })
  })

  test('is cut between characters, and what it tells the agent is well formed', async () => {
    const fixture = setUp()
    fixture.backend.answers('a', [`x${'😀'.repeat(4_000)}`, 'half \ud83d', { sql: '', tables: 0 }])
    await played(fixture)
    const [, first, second] = feedbackOf(fixture)
    expect(first?.output).toBe(`x${'😀'.repeat(3_999)}…`)
    expect(second?.output).toBe('half \ufffd')
    expect(JSON.stringify(fixture.backend.calls.map(({ request }) => request))).not.toMatch(/\\ud[89a-f]/)
  })

  test('hides keys of known providers', async () => {
    const fixture = setUp()
    const key = `sk-ant-api03-${'a1B2'.repeat(8)}`
    fixture.backend.answers('a', [{ sql: key }, { sql: '', tables: 0 }])
    const { events } = await played(fixture)
    expect(feedbackOf(fixture)[1]?.output).toBe('{"sql":"[key]"}')
    expect(JSON.stringify(events)).not.toContain(key)
  })

  test('starts a new round of the request with each repair, but not with a retry', async () => {
    const fixture = setUp()
    fixture.backend.answers('a', ['bad', fail('crashed'), 'worse', { sql: '', tables: 0 }])
    const { task } = await played(fixture)
    expect(task.status).toBe('succeeded')
    expect(fixture.backend.calls.map(({ context }) => context.idempotencyKey)).toEqual([
      'x/a/1',
      'x/a/2',
      'x/a/2',
      'x/a/3',
    ])
    expect(feedbackOf(fixture).map(feedback => feedback?.output)).toEqual([undefined, 'bad', 'bad', 'worse'])
  })

  test('is fed back twice at most, and consumes no retry', async () => {
    const fixture = setUp()
    let count = 0
    fixture.backend.answer('a', () => ({ attempt: count++ }))
    const { task, events } = await played(fixture)
    expect([task.status, task.failure?.kind, task.attempts]).toEqual(['dead', 'invalid-output', 3])
    expect(events.at(-3)).toMatchObject({ type: 'attempt.failed', verdict: { action: 'dead' } })
    const other = setUp()
    other.backend.answers('a', ['bad', fail('crashed'), 'worse', fail('crashed'), { sql: '', tables: 0 }])
    expect((await played(other)).task.status).toBe('succeeded')
  })

  test('makes the task dead at once when it comes back unchanged', async () => {
    const fixture = setUp()
    fixture.backend.answer('a', { sql: 'create' })
    const { task, events } = await played(fixture)
    expect([task.status, task.attempts]).toEqual(['dead', 2])
    expect(JSON.stringify(events)).toContain('the repaired attempt failed in the same way')
  })

  test('is fed back with retries 0 too: repairs have a limit of their own', async () => {
    const fixture = setUp()
    fixture.backend.answers('a', ['bad', { sql: '', tables: 0 }])
    expect((await played(fixture, graphWithSchema({ retries: 0 }))).task).toMatchObject({
      status: 'succeeded',
      attempts: 2,
    })
  })

  test('is truncated to 4,000 characters, and need not be JSON', async () => {
    const fixture = setUp()
    fixture.backend.answers('a', ['x'.repeat(10_000), () => ({ n: 10n }), { sql: '', tables: 0 }])
    expect((await played(fixture)).task.status).toBe('succeeded')
    const [, long, bigint] = feedbackOf(fixture)
    expect(long?.output?.length).toBeLessThanOrEqual(4_001)
    expect(bigint).toMatchObject({ attempt: 2, kind: 'invalid-output' })
    expect(bigint?.output).toBeUndefined()
  })

  test('is fed back when the agent itself reports it as invalid', async () => {
    const fixture = setUp()
    fixture.backend.answers('a', [fail({ kind: 'invalid-output', message: 'no table' }), { sql: '', tables: 0 }])
    await played(fixture)
    expect(feedbackOf(fixture)[1]).toEqual({ attempt: 1, kind: 'invalid-output', message: 'no table' })
  })

  test('is fed back after a restart', async () => {
    const journal = memoryJournal()
    const first = setUp({}, { journal })
    first.backend.answers('a', ['bad', succeed({ sql: '', tables: 0 }, { afterMs: 60_000 })])
    first.orchestrator.run(graphWithSchema(), { runId: 'x' })
    await first.clock.advance(1_000)
    void first.orchestrator.drain({ timeoutMs: 10 })
    await first.clock.runUntilIdle()
    const next = setUp({}, { journal })
    next.backend.answer('a', { sql: '', tables: 0 })
    const run = await next.orchestrator.resume('x', { graph: graphWithSchema() })
    await next.clock.runUntilIdle()
    expect((await run.result).outcome).toBe('completed')
    const [call] = next.backend.calls
    expect([call?.request.feedback?.output, call?.attempt, call?.context.idempotencyKey]).toEqual(['bad', 3, 'x/a/2'])
  })

  test('other kinds are fed back if the failure handler is configured so', async () => {
    const clock = new VirtualClock()
    const backend = new MockBackend({ clock }).answers('a', [fail({ kind: 'agent', message: 'tests fail' }), 'ok'])
    const failureHandler = () => ({ action: 'repair', delayMs: 500 }) as const
    const orchestrator = new Orchestrator({ clock, failureHandler, pools: { p: { backend } } })
    const run = orchestrator.run({ tasks: [{ id: 'a' }] })
    await clock.runUntilIdle()
    expect((await run.result).times.wallMs).toBe(500)
    expect(backend.calls[1]?.request.feedback).toEqual({ attempt: 1, kind: 'agent', message: 'tests fail' })
  })
})
