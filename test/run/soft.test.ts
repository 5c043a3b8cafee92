import { type AttemptContext, Orchestrator, parsePlan, type Run, TaskGraph } from 'counterpoint'
import { fail, MockBackend, type SlowJournal, slowJournal, VirtualClock } from 'counterpoint/testing'
import { describe, expect, test } from 'vitest'
import * as z from 'zod'
import { specs } from '../support/scheduler-fixture.js'
import { setUp } from '../support/set-up.js'

interface Slow {
  readonly backend: MockBackend
  readonly journal: SlowJournal
  readonly orchestrator: Orchestrator
}

/** A journal that writes only on request. */
function slow(): Slow {
  const clock = new VirtualClock()
  const journal = slowJournal()
  const backend = new MockBackend({ clock }).answer('*', ({ task }) => task.id)
  return { backend, journal, orchestrator: new Orchestrator({ clock, journal, pools: { p: { backend } } }) }
}

/** Writes until nothing is pending. */
async function written({ journal }: Slow): Promise<void> {
  for (let quiet = 0; quiet < 3; quiet++) {
    if (journal.waiting.length > 0) quiet = 0
    await journal.flush()
  }
}

async function contextOf(backend: MockBackend, id: string): Promise<AttemptContext> {
  return (await backend.started(id)).context
}

describe('a soft dependency', () => {
  test('that has ended before the start is in the request', async () => {
    const { backend, clock, orchestrator } = setUp()
    const run = orchestrator.run({ tasks: specs('schema wait api<wait,?schema') })
    await clock.runUntilIdle()
    expect((await run.result).outcome).toBe('completed')
    const [{ request, context } = {} as never] = backend.callsOf('api')
    expect(request.outputs).toEqual({ wait: 'wait', schema: 'schema' })
    expect(context.softOutput('schema')).toBe('schema')
  })

  test('that ends during the attempt is available from the context, undefined before', async () => {
    const { backend, orchestrator } = setUp()
    backend.hold('*')
    const run = orchestrator.run({ tasks: specs('schema api<?schema') })
    const { softOutput: soft } = await contextOf(backend, 'api')
    expect([soft('schema'), backend.callsOf('api')[0]?.request.outputs]).toEqual([undefined, {}])
    backend.release('schema', { tables: 3 })
    await new Promise(setImmediate)
    expect(soft('schema')).toEqual({ tables: 3 })
    backend.release('api')
    expect((await run.result).outcome).toBe('completed')
  })

  test('that fails or is cancelled does not affect the task', async () => {
    const { backend, clock, orchestrator } = setUp({ defaults: { retries: 0 } })
    backend.answer('bad', fail('crashed')).hold('gone')
    const run = orchestrator.run({ tasks: specs('bad gone wait api<wait,?bad,?gone') })
    await backend.started('gone')
    await run.cancelTask('gone')
    await clock.runUntilIdle()
    const { tasks } = await run.result
    expect(tasks.map(({ status }) => status)).toEqual(['dead', 'cancelled', 'succeeded', 'succeeded'])
    const [{ request, context } = {} as never] = backend.callsOf('api')
    expect([request.outputs, context.softOutput('bad'), context.softOutput('gone')]).toEqual([
      { wait: 'wait' },
      undefined,
      undefined,
    ])
  })

  test('context.softOutput throws NOT_FOUND for any other id, and names the soft dependencies', async () => {
    const { backend, orchestrator } = setUp()
    backend.hold('api')
    const run = orchestrator.run({ tasks: specs('hard before schema api<hard,-before,?schema') })
    const { softOutput: soft } = await contextOf(backend, 'api')
    for (const id of ['hard', 'before', 'api', 'unknown', '', '__proto__', 'toString'])
      expect(() => soft(id)).toThrow(expect.objectContaining({ code: 'NOT_FOUND', details: { id } }))
    expect(() => soft('hard')).toThrow(/schema/)
    backend.release('api')
    await run.result
  })

  test('can be in a circle', async () => {
    const { backend, clock, orchestrator } = setUp()
    const tasks = [
      { id: 'a', pool: 'p', softAfter: ['b'] },
      { id: 'b', pool: 'p', softAfter: ['a'] },
    ]
    let run: Run
    try {
      run = orchestrator.run(parsePlan({ tasks }))
    } catch (error) {
      expect(error).toMatchObject({ code: 'CYCLE' })
      return
    }
    await clock.runUntilIdle()
    expect([(await run.result).outcome, backend.calls.length]).toEqual(['completed', 2])
  })

  test('is passed to an input function, typed as optional', async () => {
    const { backend, clock, orchestrator } = setUp()
    backend.answer('schema', { sql: 'create' }).hold('late')
    const graph = new TaskGraph('g')
    const schema = graph.task('schema', { pool: 'p', output: z.object({ sql: z.string() }) })
    const late = graph.task('late', { pool: 'p', output: z.object({ n: z.number() }) })
    const wait = graph.task('wait', { pool: 'p', after: [schema] })
    graph.task('api', {
      pool: 'p',
      after: [wait],
      softAfter: [schema, late],
      input: outputs => {
        const sql: string | undefined = outputs.schema?.sql
        const n: number | undefined = outputs.late?.n
        return { sql: sql ?? 'none', late: n ?? 'none' }
      },
    })
    const run = orchestrator.run(graph)
    await clock.advance(0)
    expect(backend.callsOf('api')[0]?.request.input).toEqual({ sql: 'create', late: 'none' })
    backend.release('late', { n: 1 })
    expect((await run.result).outcome).toBe('completed')
  })
})

describe('with a journal that is slow, the output of a soft dependency', () => {
  test('reaches the running attempt when it is durable, and not before', async () => {
    const fixture = slow()
    fixture.backend.hold('*')
    const run = fixture.orchestrator.run({ tasks: specs('schema api<?schema') })
    await written(fixture)
    const { softOutput: soft } = await contextOf(fixture.backend, 'api')
    fixture.backend.release('schema')
    await new Promise(setImmediate)
    expect(fixture.journal.waiting.flat().map(({ type }) => type)).toEqual(['task.succeeded'])
    expect(soft('schema')).toBeUndefined()
    await fixture.journal.flush()
    expect(soft('schema')).toBe('schema')
    fixture.backend.release('api')
    await written(fixture)
    await run.result
  })

  test('is not in a request before it is durable', async () => {
    const fixture = slow()
    fixture.backend.hold('schema')
    const run = fixture.orchestrator.run({ tasks: specs('schema gate api<gate,?schema') })
    // The attempts of `schema` and `gate` are running; `gate` answers at once.
    await fixture.journal.flush()
    await fixture.journal.flush()
    await fixture.backend.started('schema')
    while (fixture.backend.callsOf('gate').length === 0) await fixture.journal.flush(1)
    while (!fixture.journal.waiting.flat().some(event => event.type === 'attempt.started' && event.taskId === 'api'))
      await fixture.journal.flush(1)
    fixture.backend.release('schema')
    await new Promise(setImmediate)
    // All but the last record, in which `schema` succeeds.
    expect(fixture.journal.waiting.at(-1)?.map(({ type }) => type)).toEqual(['task.succeeded'])
    await fixture.journal.flush(fixture.journal.waiting.length - 1)
    const seen = fixture.backend.callsOf('api')[0]?.request.outputs
    await written(fixture)
    await run.result
    expect(seen).toEqual({ gate: 'gate' })
  })

  test('is not passed to an input function before it is durable', async () => {
    const fixture = slow()
    fixture.backend.hold('schema').hold('gate')
    const seen: unknown[] = []
    const graph = new TaskGraph('g')
    const schema = graph.task('schema', { pool: 'p' })
    const gate = graph.task('gate', { pool: 'p' })
    graph.task('api', {
      pool: 'p',
      after: [gate],
      softAfter: [schema],
      input: outputs => void seen.push({ ...outputs }) as never,
    })
    const run = fixture.orchestrator.run(graph)
    await written(fixture)
    fixture.backend.release('gate')
    await new Promise(setImmediate)
    fixture.backend.release('schema')
    await new Promise(setImmediate)
    expect(fixture.journal.waiting).toHaveLength(2)
    await fixture.journal.flush(1)
    await written(fixture)
    await run.result
    expect(seen).toEqual([{ gate: 'gate' }])
  })
})

describe('an order-only dependency', () => {
  test('delays the task until it ends, however it ends, and gives no output', async () => {
    const { backend, clock, orchestrator } = setUp({ defaults: { retries: 0 } })
    backend.answer('bad', fail('crashed', { afterMs: 10 })).hold('slow')
    const run = orchestrator.run({ tasks: specs('bad slow next<-bad,-slow') })
    await clock.advance(100)
    expect(run.task('next')?.status).toBe('blocked')
    await run.cancelTask('slow')
    await clock.runUntilIdle()
    expect((await run.result).tasks.map(({ status }) => status)).toEqual(['dead', 'cancelled', 'succeeded'])
    expect(backend.callsOf('next')[0]?.request.outputs).toEqual({})
  })

  test('counts as ended when it is skipped', async () => {
    const { backend, clock, orchestrator } = setUp({ defaults: { retries: 0 } })
    backend.answer('a', fail('crashed'))
    const run = orchestrator.run({ tasks: specs('a b<a c<-b') })
    await clock.runUntilIdle()
    expect((await run.result).tasks.map(({ status }) => status)).toEqual(['dead', 'skipped', 'succeeded'])
  })

  test('beside a hard one on the same task counts once with each', async () => {
    const { clock, orchestrator } = setUp()
    const run = orchestrator.run({ tasks: specs('a b<a,-a,?a c:all_done<b,-b') })
    await clock.runUntilIdle()
    expect((await run.result).outcome).toBe('completed')
  })
})
