import {
  type CounterpointError,
  DagScheduler,
  FailureHandler,
  isCounterpointError,
  Limit,
  Orchestrator,
  type OrchestratorOptions,
  ResultAggregator,
  type RunOptions,
  TaskDistributor,
  TaskGraph,
  WorkerPool,
} from 'counterpoint'
import { VirtualClock } from 'counterpoint/testing'
import { describe, expect, test } from 'vitest'
import { specs } from '../support/scheduler-fixture.js'
import { setUp } from '../support/set-up.js'

const backend = (): number => 1

function refusal(act: () => unknown): CounterpointError<'INVALID_INPUT'> {
  try {
    act()
  } catch (error) {
    if (isCounterpointError(error, 'INVALID_INPUT')) return error
    throw error
  }
  throw new Error('it was taken')
}

/** The issues of invalid orchestrator options: paths and messages. */
function wrong(options: unknown): readonly (readonly [string, string])[] {
  const { issues } = refusal(() => new Orchestrator(options as OrchestratorOptions)).details
  return issues.map(({ path, message }) => [path, message])
}

describe('an orchestrator rejects invalid options with path and expectation:', () => {
  const pool = (options: object): object => ({ pools: { p: { backend, ...options } } })
  test.each<readonly [string, unknown, string, RegExp]>([
    ['null', null, 'options', /object/],
    ['a list', [], 'options', /object/],
    ['pools as a list', { pools: [] }, 'pools', /expected/],
    ['an empty list of backends', { pools: { p: { backends: [] } } }, 'pools.p.backends', /at least 1/],
    ['an intent without a backend', { pools: { p: { intent: {} } } }, 'pools.p.intent', /a backend beside it/],
    ['a breaker without a backend', { pools: { p: { breaker: {} } } }, 'pools.p.breaker', /a backend beside it/],
    ['health checks without a backend', { pools: { p: { health: {} } } }, 'pools.p.health', /a backend beside it/],
    ['an invalid backend', pool({ backend: 'codex' }), 'pools.p.backend', /method run/],
    ['a concurrency of 0', pool({ concurrency: 0 }), 'pools.p.concurrency', /positive integer, got 0/],
    ['half a slot', pool({ concurrency: 1.5 }), 'pools.p.concurrency', /positive integer, got 1.5/],
    ['NaN slots', pool({ concurrency: Number.NaN }), 'pools.p.concurrency', /expected/],
    ['infinite slots', pool({ concurrency: Number.POSITIVE_INFINITY }), 'pools.p.concurrency', /expected/],
    ['slots as text', pool({ concurrency: '4' }), 'pools.p.concurrency', /positive integer, got "4"/],
    ['a queueLimit of 0', pool({ queueLimit: 0 }), 'pools.p.queueLimit', /positive integer, got 0/],
    ['a negative grace', pool({ graceMs: -1 }), 'pools.p.graceMs', /at least 0/],
    ['no aging', pool({ agingMs: 0 }), 'pools.p.agingMs', /more than 0/],
    ['a default timeout of 0', pool({ defaults: { timeoutMs: 0 } }), 'pools.p.defaults.timeoutMs', /more than 0/],
    ['negative default retries', pool({ defaults: { retries: -1 } }), 'pools.p.defaults.retries', /at least 0/],
    ['a default priority of 0', pool({ defaults: { priority: 0 } }), 'pools.p.defaults.priority', /at least 1/],
    [
      'a shrinking backoff',
      pool({ defaults: { backoff: { factor: 0.5 } } }),
      'pools.p.defaults.backoff.factor',
      /at least 1/,
    ],
    ['an unknown default', pool({ defaults: { timeout: 5 } }), 'pools.p.defaults.timeout', /did you mean "timeoutMs"/],
    ['an unknown pool option', pool({ maxConcurrent: 4 }), 'pools.p.maxConcurrent', /expected one of backend, /],
    ['an unknown option', { pools: { p: { backend } }, pool: 1 }, 'pool', /did you mean "pools"/],
    ['a negative retain', { pools: { p: { backend } }, retain: -1 }, 'retain', /at least 0/],
    ['an invalid clock', { pools: { p: { backend } }, clock: {} }, 'clock', /schedule/],
    ['an invalid journal', { pools: { p: { backend } }, journal: {} }, 'journal', /open/],
    ['an invalid distributor', { pools: { p: { backend } }, distributor: 1 }, 'distributor', /distribute/],
    ['an invalid failureHandler', { pools: { p: { backend } }, failureHandler: {} }, 'failureHandler', /verdict/],
    ['an invalid scheduler', { pools: { p: { backend } }, scheduler: [] }, 'scheduler', /order/],
    ['an invalid aggregator', { pools: { p: { backend } }, aggregator: 'x' }, 'aggregator', /aggregate/],
    ['a random that is not a function', { pools: { p: { backend } }, random: 4 }, 'random', /function/],
  ])('%s', (_title, options, path, message) => {
    const found = wrong(options).find(issue => issue[0] === path)
    expect(found, JSON.stringify(wrong(options))).toBeDefined()
    expect(found![1]).toMatch(message)
  })

  test('reports all issues at once, and the message names each', () => {
    const options = { pools: { a: { backend: 1 }, b: { backend, concurrency: 0 } }, retain: -1 }
    expect(
      wrong(options)
        .map(([path]) => path)
        .sort(),
    ).toEqual(['pools.a.backend', 'pools.b.concurrency', 'retain'])
    expect(refusal(() => new Orchestrator(options as never)).message).toMatch(
      /pools\.a\.backend.*pools\.b\.concurrency.*retain/,
    )
  })
})

describe('a default of a pool has the bounds of the member of a task:', () => {
  const tooLarge = Number.MAX_SAFE_INTEGER + 1
  test.each<readonly [string, readonly unknown[], readonly unknown[]]>([
    ['priority', [1, 1000], [0, 1001, 1.5]],
    ['retries', [0, 1000], [-1, 1001]],
    ['timeoutMs', [0.5, Number.MAX_SAFE_INTEGER], [0, tooLarge]],
    ['idleTimeoutMs', [0.5, Number.MAX_SAFE_INTEGER], [0, tooLarge]],
    ['queueTimeoutMs', [0.5, Number.MAX_SAFE_INTEGER], [0, tooLarge]],
    ['totalTimeoutMs', [0.5, Number.MAX_SAFE_INTEGER], [0, tooLarge]],
    ['durationMs', [0], [-1, tooLarge]],
    ['replay', ['safe', 'never'], ['always']],
    ['approval', [true], ['yes']],
    ['backoff', [{}, { baseMs: 0, factor: 1, maxMs: 0 }], [{ factor: 1001 }, { baseMs: -1 }, { base_ms: 1 }]],
    ['estimate', [{ costUsd: 0, tokens: 1 }], [{ costUsd: -1 }, { wallMs: 1 }, { cost_usd: 1 }]],
    ['budget', [{ soft: 0.5, onHard: 'hold' }], [{ soft: 2 }, { onSoft: 'stop' }, { wall_ms: 1 }]],
  ])('%s', (member, valid, invalid) => {
    const asDefault = (value: unknown) => new Orchestrator({ pools: { p: { backend, defaults: { [member]: value } } } })
    const asMember = (value: unknown) => new TaskGraph('g').task('a', { [member]: value } as object)
    for (const value of valid) {
      expect(() => asDefault(value)).not.toThrow()
      expect(() => asMember(value)).not.toThrow()
    }
    for (const value of invalid) {
      expect(() => asDefault(value)).toThrow(expect.objectContaining({ code: 'INVALID_INPUT' }))
      expect(() => asMember(value)).toThrow(expect.objectContaining({ code: 'INVALID_INPUT' }))
    }
  })
})

describe('a run with invalid options is rejected, and nothing is started:', () => {
  test.each<readonly [string, unknown, string]>([
    ['an unknown failureMode', { failureMode: 'stop' }, 'failureMode'],
    ['an unknown whenFull', { whenFull: 'drop' }, 'whenFull'],
    ['a weight of 0', { weight: 0 }, 'weight'],
    ['a negative weight', { weight: -1 }, 'weight'],
    ['an infinite weight', { weight: Number.POSITIVE_INFINITY }, 'weight'],
    ['an empty runId', { runId: '' }, 'runId'],
    ['a runId that is too long', { runId: 'x'.repeat(129) }, 'runId'],
    ['a runId that is not a string', { runId: 7 }, 'runId'],
    ['an only that is not a list', { only: 'a' }, 'only'],
    ['an invalid signal', { signal: {} }, 'signal'],
    ['a signal that cannot be listened to', { signal: { aborted: false } }, 'signal'],
    ['an unknown option', { priority: 1 }, 'priority'],
  ])('%s', (_title, options, path) => {
    const { orchestrator } = setUp()
    const error = refusal(() => orchestrator.run({ tasks: specs('a') }, options as RunOptions))
    expect(error.details.issues.map(issue => issue.path)).toContain(path)
    expect(orchestrator.runs.live).toEqual([])
  })

  test('an unknown task in only: NOT_FOUND', () => {
    const { orchestrator } = setUp()
    expect(() => orchestrator.run({ tasks: specs('a b') }, { only: ['z'] })).toThrow(
      expect.objectContaining({ code: 'NOT_FOUND' }),
    )
  })
})

describe('defaults', () => {
  test('of a pool apply to tasks that do not set their own', async () => {
    const { backend, clock, orchestrator } = setUp({ defaults: { retries: 1, backoff: { baseMs: 0 } } })
    backend.answer('*', () => Promise.reject(new Error('no')))
    const run = orchestrator.run({
      tasks: [
        { id: 'a', pool: 'p' },
        { id: 'b', pool: 'p', retries: 0 },
        { id: 'c', pool: 'p', retries: 3 },
      ],
    })
    await clock.runUntilIdle()
    expect((await run.result).tasks.map(task => task.attempts)).toEqual([2, 1, 4])
  })

  test('are four slots, two retries, a timeout of one hour, and a random id', async () => {
    const { clock, orchestrator } = setUp({ backend: () => new Promise(() => {}) })
    const run = orchestrator.run({ tasks: specs('a b c d e') })
    await clock.advance(3_599_999)
    expect(run.progress().counts).toMatchObject({ running: 4, ready: 1 })
    await clock.runUntilIdle()
    expect((await run.result).tasks.map(task => task.attempts)).toEqual([3, 3, 3, 3, 3])
    expect(run.id).toMatch(/^run-[\da-f-]{36}$/)
  })
})

describe('only', () => {
  test('runs the selected tasks and their dependencies, in plan order', async () => {
    const { backend, orchestrator } = setUp()
    const { tasks } = await orchestrator.run({ tasks: specs('a b<a c d<c e<d,b') }, { only: ['d', 'b'] }).result
    expect(tasks.map(task => task.id)).toEqual(['a', 'b', 'c', 'd'])
    expect(backend.callsOf('e')).toEqual([])
  })
})

describe('unknown options are refused with the nearest known name:', () => {
  const clock = new VirtualClock()
  test.each<readonly [string, () => unknown, string]>([
    [
      'WorkerPool',
      () => new WorkerPool({ name: 'p', backend: { run: backend }, clock, concurency: 1 } as never),
      'concurrency',
    ],
    ['Limit', () => new Limit({ key: 'k', clock, concurency: 1 } as never), 'concurrency'],
    ['FailureHandler', () => new FailureHandler({ retriess: 1 } as never), 'retries'],
    ['DagScheduler', () => new DagScheduler({ ordre: () => 1 } as never), 'order'],
    ['ResultAggregator', () => new ResultAggregator({ delivred: () => 1 } as never), 'delivered'],
    ['TaskDistributor', () => new TaskDistributor({ intents: { a: {} }, treshold: 1 } as never), 'threshold'],
    ['drain', () => setUp().orchestrator.drain({ timeoutMS: 1 } as never), 'timeoutMs'],
    [
      'events',
      () =>
        setUp()
          .orchestrator.run({ tasks: specs('a') })
          .events({ form: 1 } as never),
      'from',
    ],
  ])('%s', (_title, act, known) => {
    expect(refusal(act).message).toContain(`(did you mean "${known}"?)`)
  })
})
