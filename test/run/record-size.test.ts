import { AgentError, type AgentFunction, Orchestrator, type OrchestratorOptions, reply, TaskGraph } from 'counterpoint'
import { VirtualClock } from 'counterpoint/testing'
import { describe, expect, test } from 'vitest'
import * as z from 'zod'
import { ProbeJournal } from '../support/probe-journal.js'

/** 120 MB of JSON each, in 20 MB of memory. */
const CONTROLS = '\u0000'.repeat(20_000_000)
/** Each is replaced by U+FFFD, which takes three bytes. */
const SURROGATES = '\udfff'.repeat(35_000_000)
const NUMBERS = new Array(4_500_000).fill(-1.2345678901234567e-100)
const KEY = { [CONTROLS]: 1 }
const PLAIN = 'x'.repeat(95_000_000)

/** With a journal that stores each record as one text, as one that writes to a database does. */
function stage(backend: AgentFunction, options: Partial<OrchestratorOptions> = {}) {
  const clock = new VirtualClock()
  const journal = new ProbeJournal()
  const pools = { p: { backend, defaults: { retries: 0 } } }
  const orchestrator = new Orchestrator({ clock, random: () => 0.5, journal, pools, ...options })
  return { clock, orchestrator, journal }
}

const TOO_LARGE = { kind: 'invalid-output', code: 'OUTPUT_TOO_LARGE', message: expect.stringContaining('too large') }

describe('an answer whose JSON is too large for a record', () => {
  const answers: Readonly<Record<string, AgentFunction>> = {
    'of control characters': () => CONTROLS,
    'of lone surrogates': () => SURROGATES,
    'of numbers': () => NUMBERS,
    'with a key of control characters': () => KEY,
    'in a reply': () => reply({ output: { deep: [CONTROLS] } }),
    'later, of a promise': async () => [CONTROLS],
  }

  test.each(Object.entries(answers))('%s fails its attempt, and the run continues', async (_, answer) => {
    const { orchestrator, clock, journal } = stage((request, context) =>
      request.task.id === 'large' ? answer(request, context) : 'ok',
    )
    const tasks = [{ id: 'large' }, { id: 'b' }, { id: 'c', after: ['b'] }]
    const run = orchestrator.run({ tasks }, { runId: 'x' })
    await clock.runUntilIdle()
    const result = await run.result
    expect(result.outcome).toBe('partial')
    expect(result.tasks[0]).toMatchObject({ status: 'dead', failure: TOO_LARGE })
    expect(result.outputs).toEqual({ b: 'ok', c: 'ok' })
    expect(journal.records('x').length).toBeGreaterThan(3)
  })

  test('that a schema or a function task makes fails its attempt, too', async () => {
    const graph = new TaskGraph('g')
    graph.task('schema', { pool: 'p', output: z.string().transform(() => CONTROLS) })
    graph.task('function', { run: () => CONTROLS, retries: 0 })
    const { orchestrator, clock } = stage(() => 'ok')
    const run = orchestrator.run(graph)
    await clock.runUntilIdle()
    const { tasks } = await run.result
    expect(tasks.map(({ failure }) => failure)).toEqual([
      expect.objectContaining(TOO_LARGE),
      expect.objectContaining(TOO_LARGE),
    ])
  })

  test('is one byte over the limit; at the limit it is accepted', async () => {
    const { orchestrator, clock } = stage(({ task }) => 'x'.repeat(99_999_998 + (task.id === 'over' ? 1 : 0)))
    const run = orchestrator.run({ tasks: [{ id: 'at' }, { id: 'over' }] })
    await clock.runUntilIdle()
    expect((await run.result).tasks.map(({ status }) => status)).toEqual(['succeeded', 'dead'])
  })
})

test('an input that an input function makes too large fails its attempt, and the run continues', async () => {
  const graph = new TaskGraph('g')
  graph.task('a', { pool: 'p', input: () => CONTROLS })
  graph.task('b', { pool: 'p' })
  const { orchestrator, clock } = stage(() => 'ok')
  const run = orchestrator.run(graph)
  await clock.runUntilIdle()
  const { tasks } = await run.result
  expect(tasks.map(({ status }) => status)).toEqual(['dead', 'succeeded'])
  expect(tasks[0]?.failure).toMatchObject({ kind: 'bad-input', message: expect.stringContaining('too large') })
})

test('an error with huge texts is a failure like any other', async () => {
  const { orchestrator, clock } = stage(() => {
    const text = CONTROLS.slice(0, 1_000_000)
    const error = new AgentError('agent', text, { code: text, cause: new Error(text) })
    error.stack = text
    throw error
  })
  const run = orchestrator.run({ tasks: [{ id: 'a' }] })
  await clock.runUntilIdle()
  const [task] = (await run.result).tasks
  expect(task?.status).toBe('dead')
  expect(JSON.stringify(task).length).toBeLessThan(100_000)
})

describe('tasks that do not fit into one record', () => {
  const graph = (): TaskGraph => {
    const made = new TaskGraph('g')
    for (let i = 0; i < 5; i++) made.task(`t${i}`, { pool: 'p', input: PLAIN })
    return made
  }
  const tooLarge = { code: 'INVALID_INPUT', message: expect.stringContaining('fit into one record') }

  test('are refused by run, and nothing is started or written', async () => {
    const { orchestrator, journal } = stage(() => 'ok')
    expect(() => orchestrator.run(graph())).toThrow(expect.objectContaining(tooLarge))
    expect([journal.opened, journal.written, orchestrator.runs.live.length]).toEqual([0, 0, 0])
  })

  test('are refused by add, and the run continues', async () => {
    const { orchestrator, clock } = stage(() => 'ok')
    const run = orchestrator.run({ tasks: [{ id: 'a' }] })
    await expect(run.add(graph())).rejects.toMatchObject(tooLarge)
    await clock.runUntilIdle()
    expect((await run.result).outcome).toBe('completed')
  })

  test('because of their descriptions are refused as well, also when they are only a part of the graph', () => {
    const { orchestrator } = stage(() => 'ok')
    const made = new TaskGraph('g')
    for (let i = 0; i < 6; i++) made.task(`t${i}`, { pool: 'p', description: PLAIN, after: i === 5 ? ['t0'] : [] })
    expect(() => orchestrator.run(made, { only: ['t1', 't2', 't3', 't4', 't5'] })).toThrow(
      expect.objectContaining(tooLarge),
    )
  })

  test('of which each fits are accepted up to the limit', async () => {
    const made = new TaskGraph('g')
    for (let i = 0; i < 4; i++) made.task(`t${i}`, { pool: 'p', input: PLAIN })
    const { orchestrator, clock } = stage(() => 'ok')
    const run = orchestrator.run(made)
    await clock.runUntilIdle()
    expect((await run.result).outcome).toBe('completed')
  })
})

test('a member of a graph that is too large is refused where it is given', () => {
  expect(() => new TaskGraph('g').task('a', { input: CONTROLS })).toThrow(
    expect.objectContaining({ code: 'INVALID_INPUT', message: expect.stringContaining('too large') }),
  )
})

test('huge texts of the host are cut, and the run does as it was told', async () => {
  const failureHandler = () => ({ action: 'dead', reason: CONTROLS }) as const
  const { orchestrator, clock, journal } = stage(({ task }) => (task.id === 'fails' ? Promise.reject('no') : 'ok'), {
    failureHandler,
  })
  const tasks = [{ id: 'fails' }, ...['a', 'b', 'c'].map(id => ({ id, approval: true })), { id: 'd', after: ['c'] }]
  const run = orchestrator.run({ tasks }, { runId: 'x' })
  await clock.runUntilIdle()
  await run.approve('a', { by: CONTROLS })
  await run.reject('b', CONTROLS)
  await run.cancel(CONTROLS)
  await clock.runUntilIdle()
  expect((await run.result).tasks.map(({ status }) => status)).toEqual([
    'dead',
    'succeeded',
    'dead',
    'cancelled',
    'cancelled',
  ])
  expect(JSON.stringify(journal.records('x')).length).toBeLessThan(300_000)
})

test('a reason that all tasks of a large run have is cut so that their record fits', async () => {
  const { orchestrator, clock, journal } = stage(() => 'ok')
  const tasks = Array.from({ length: 50_000 }, (_, i) => ({ id: `t${i}`, approval: true }))
  const run = orchestrator.run({ tasks }, { runId: 'x' })
  await clock.runUntilIdle()
  await run.cancel('r'.repeat(4_000))
  expect((await run.result).outcome).toBe('cancelled')
  const last = journal.records('x').at(-1)
  expect(JSON.stringify(last).length).toBeLessThan(100_000_000)
  expect(last?.[0]).toMatchObject({ type: 'run.stopping', reason: 'r'.repeat(4_000) })
  expect(last?.[1]).toMatchObject({ type: 'task.cancelled', reason: `${'r'.repeat(800)}…` })
})
