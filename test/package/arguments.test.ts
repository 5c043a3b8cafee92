import * as main from 'counterpoint'
import * as node from 'counterpoint/node'
import * as testing from 'counterpoint/testing'
import { describe, expect, test } from 'vitest'
import names from './exports.json' with { type: 'json' }

/** Every public function and class, called with arguments of the wrong shape: what is no argument for it is `INVALID_INPUT`, never a fault of ours. */

class Foreign {
  readonly own = 1
}

const trap = (): never => {
  throw new Error('a trap of the caller')
}
const hostile = new Proxy({}, { get: trap, has: trap, ownKeys: trap, getPrototypeOf: trap })

const WRONG: readonly (readonly [string, unknown])[] = [
  ['a text', 'text'],
  ['a number', 7],
  ['zero', 0],
  ['NaN', Number.NaN],
  ['Infinity', Number.POSITIVE_INFINITY],
  ['true', true],
  ['a bigint', 5n],
  ['a symbol', Symbol('s')],
  ['null', null],
  ['a list', [1]],
  ['a function', () => 0],
  ['a Map', new Map([['a', 1]])],
  ['a Date', new Date(0)],
  ['an instance of another class', new Foreign()],
  ['a promise', Promise.resolve(1)],
  ['an object with an unknown key', { concurency: 3 }],
  ['a proxy that throws', hostile],
]

type Call = (value: never) => unknown

const plan = { tasks: [{ id: 'a' }] }
const anyOrchestrator = (): main.Orchestrator => new main.Orchestrator({ pools: { p: async () => 1 } }) as never
const orchestrator = anyOrchestrator()
const pool = orchestrator.pools.get('p') as main.WorkerPool
const limit = new main.Limit({ key: 'k' })
const run = anyOrchestrator().run({ tasks: [{ id: 'a', pool: 'p' }] })
const graph = new main.TaskGraph('g')
const mock = new testing.MockBackend()
const clock = new testing.VirtualClock()
const distributor = new main.TaskDistributor({ intents: { p: { words: { poem: 1 } } } })

/** Each takes any value in the place of one argument. What a name of the snapshot has in several places is listed as `name: place`. */
const CALLS: Readonly<Record<string, Call>> = {
  Orchestrator: value => new main.Orchestrator(value),
  'Orchestrator: run': value => orchestrator.run(value),
  'Orchestrator: run, options': value => orchestrator.run(plan as never, value),
  'Orchestrator: resume': value => orchestrator.resume(value),
  'Orchestrator: resume, options': value => orchestrator.resume('x', value),
  'Orchestrator: drain': value => anyOrchestrator().drain(value),
  'Orchestrator: forecast': value => orchestrator.forecast(value),
  'Orchestrator: forecast, options': value => orchestrator.forecast(plan as never, value),
  'Orchestrator: setBudget': value => orchestrator.setBudget(value),
  'Orchestrator: graph': value => orchestrator.graph(value),
  'Orchestrator: graph, options': value => orchestrator.graph('g', value),
  'Orchestrator: on': value => orchestrator.on(value, () => {}),
  'Orchestrator: on, listener': value => orchestrator.on('error', value),
  'Orchestrator: off': value => orchestrator.off(value, () => {}),
  'Orchestrator: runs.show': value => orchestrator.runs.show(value),
  'Orchestrator: runs.delete': value => orchestrator.runs.delete(value),
  'Orchestrator: Run.on': value => run.on(value, () => {}),
  'Orchestrator: Run.events': value => run.events(value),
  'Orchestrator: Run.add': value => run.add(value),
  'Orchestrator: Run.approve, options': value => run.approve('a', value),
  'Orchestrator: Run.setBudget': value => run.setBudget(value),
  readRun: value => main.readRun(value, 'x'),
  'readRun: id': value => main.readRun(main.memoryJournal(), value),
  TaskGraph: value => new main.TaskGraph(value),
  'TaskGraph: options': value => new main.TaskGraph('g', value),
  'TaskGraph: task': value => graph.task(value),
  'TaskGraph: task, options': value => new main.TaskGraph('g').task('a', value),
  parsePlan: value => main.parsePlan(value),
  'parsePlan: options': value => main.parsePlan('{"tasks": []}', value),
  forecast: value => main.forecast(value, { pools: {} }),
  'forecast: options': value => main.forecast(plan as never, value),
  chooseMode: value => main.chooseMode(value),
  'chooseMode: options': value =>
    main.chooseMode({ serialMs: 2, parallelMs: 1, speedup: 2, width: 2, known: 1 }, value),
  reply: value => main.reply(value),
  httpBackend: value => main.httpBackend(value),
  parseAnswer: value => main.parseAnswer(value, { from: 'x', redact: text => text }),
  'parseAnswer: options': value => main.parseAnswer('1', value),
  isCounterpointError: value => main.isCounterpointError(value),
  readRetryAfter: value => main.readRetryAfter(value),
  TaskDistributor: value => new main.TaskDistributor(value),
  'TaskDistributor: distribute': value => distributor.distribute(value),
  WorkerPool: value => new main.WorkerPool(value),
  'WorkerPool: park': value => pool.park(value),
  'WorkerPool: concurrency': value => {
    pool.concurrency = value
  },
  'WorkerPool: requests': value => {
    pool.requests = value
  },
  'WorkerPool: queueLimit': value => {
    pool.queueLimit = value
  },
  Limit: value => new main.Limit(value),
  'Limit: park': value => limit.park(value),
  DagScheduler: value => new main.DagScheduler(value),
  'DagScheduler: ready': value => new main.DagScheduler().ready(value),
  'DagScheduler: criticalPath': value => new main.DagScheduler().criticalPath(value),
  'DagScheduler: slack': value => new main.DagScheduler().slack(value),
  'DagScheduler: order': value => new main.DagScheduler().order(value, value),
  FailureHandler: value => new main.FailureHandler(value),
  'FailureHandler: verdict': value => new main.FailureHandler().verdict(value, value),
  'FailureHandler: verdict, facts': value => new main.FailureHandler().verdict({ kind: 'agent', message: '' }, value),
  ResultAggregator: value => new main.ResultAggregator(value),
  'ResultAggregator: aggregate': value => new main.ResultAggregator().aggregate(value),
  systemClock: value => main.systemClock.schedule(value, 1e9)(),
  RetryLoop: value => new main.RetryLoop(value, () => {}),
  'RetryLoop: report': value => new main.RetryLoop(main.systemClock, value),
  canonicalJson: value => main.canonicalJson(value),
  redactor: value => main.redactor(value),
  'redactor: options': value => main.redactor([], value),
  checkOptions: value => main.checkOptions(value, {}, { of: 'x' }),
  'checkOptions: options': value => main.checkOptions(main.optionsOf({}), {}, value),
  optionsOf: value => main.optionsOf(value),
  MockBackend: value => new testing.MockBackend(value),
  'MockBackend: answer': value => mock.answer(value, 1),
  'MockBackend: answers': value => mock.answers('a', value),
  'MockBackend: hold': value => mock.hold(value),
  'MockBackend: started': value => void mock.started(value),
  'MockBackend: callsOf': value => mock.callsOf(value),
  'MockBackend: run': value => new testing.MockBackend().answer('*', 1).run(value, value),
  succeed: value => testing.succeed(1, value),
  fail: value => testing.fail(value),
  'fail: options': value => testing.fail('agent', value),
  ignoreAbort: value => testing.ignoreAbort(value),
  VirtualClock: value => new testing.VirtualClock(value),
  'VirtualClock: schedule': value => clock.schedule(value, 1),
  'VirtualClock: schedule, delay': value => clock.schedule(() => {}, value),
  'VirtualClock: advance': value => new testing.VirtualClock().advance(value),
  'VirtualClock: jump': value => clock.jump(value),
  'VirtualClock: runUntilIdle': value => new testing.VirtualClock().runUntilIdle(value),
  slowJournal: value => testing.slowJournal(value),
  agentRequest: value => testing.agentRequest(value),
  callBackend: value => testing.callBackend(value),
  'callBackend: parts': value => testing.callBackend(() => 1, value),
  'callBackend: options': value => testing.callBackend(() => 1, {}, value),
  backendConformance: value => testing.backendConformance(value, { succeeds: {} }),
  'backendConformance: options': value => testing.backendConformance(() => () => 1, value),
  journalConformance: value => testing.journalConformance(value),
  'journalConformance: options': value => testing.journalConformance(() => main.memoryJournal(), value),
  clockConformance: value => testing.clockConformance(value),
  'clockConformance: options': value => testing.clockConformance(() => clock, value),
  processBackend: value => node.processBackend(value),
  jsonRequest: value => node.jsonRequest(value),
  fileJournal: value => node.fileJournal(value),
}

/** Public values that take nothing which could have the wrong shape. */
const WITHOUT: Readonly<Record<string, string>> = {
  AgentError: 'hides no error: what is wrong with it is reported, see test/faults/replies.test.ts',
  CounterpointError: 'made by the library',
  NotJsonError: 'made by the library',
  FAILURE_KINDS: 'a list',
  memoryJournal: 'takes nothing',
  rules: 'a table of rules',
  hang: 'takes nothing',
  defaultEnv: 'a list',
  nodeMachine: 'takes nothing',
  agentIntents: 'a table',
}

async function outcomeOf(call: Call, value: unknown): Promise<unknown> {
  try {
    await call(value as never)
    return 'accepted'
  } catch (error) {
    return error
  }
}

/** What a caller did: `INVALID_INPUT`, another error of ours about a right shape (an unknown run), or the caller's own. */
function isFault(outcome: unknown): boolean {
  if (outcome === 'accepted' || main.isCounterpointError(outcome)) return false
  if (outcome instanceof main.NotJsonError || outcome instanceof main.AgentError) return false
  return !(outcome instanceof Error && outcome.message === 'a trap of the caller')
}

describe('a public entry called with the wrong shape does not fail by a fault of ours:', () => {
  test.each(Object.entries(CALLS))('%s', async (_name, call) => {
    for (const [shape, value] of WRONG) {
      const outcome = await outcomeOf(call, value)
      expect(isFault(outcome) ? [shape, outcome] : 'right').toBe('right')
    }
  })
})

describe('options of a wrong type are refused with what came:', () => {
  const entries = Object.entries(CALLS).filter(([name]) => / options$|^[A-Z]\w+$/.test(name))

  test.each(entries)('%s', async (_name, call) => {
    for (const [shape, value] of WRONG) {
      if (shape === 'a promise' || shape === 'an instance of another class') continue
      const outcome = await outcomeOf(call, value)
      if (outcome === 'accepted') expect(typeof value).toMatch(/string|function/)
      else expect([shape, (outcome as main.CounterpointError).code]).toEqual([shape, 'INVALID_INPUT'])
    }
  })
})

test('every public value is called here, or there is a reason', () => {
  const called = new Set(Object.keys(CALLS).map(name => name.split(':')[0]))
  const all = Object.values(names as unknown as Record<string, readonly string[]>).flat()
  const values = all.filter(name => [main, testing, node].some(module => name in module))
  expect(values.filter(name => !called.has(name) && !Object.hasOwn(WITHOUT, name))).toEqual([])
})
