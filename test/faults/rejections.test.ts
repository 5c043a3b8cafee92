import { AgentError, type AgentFunction, type Failure, TaskGraph } from 'counterpoint'
import { describe, expect, test } from 'vitest'
import { unhandledDuring } from '../support/unhandled.js'
import { Fixture } from './fixture.js'

const THROWS: ProxyHandler<object> = Object.fromEntries(
  Object.getOwnPropertyNames(Reflect).map(trap => [
    trap,
    () => {
      throw new Error('a trap')
    },
  ]),
)

function cyclic(): Error {
  const error = new Error('round')
  error.cause = new Error('and round', { cause: error })
  return error
}

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  return proxy
}

const inner = Promise.reject(new Error('inner'))
inner.catch(() => {})

/** What an agent may throw, by name, with the expected failure. */
const HOSTILE: Readonly<Record<string, readonly [unknown, Partial<Failure>]>> = {
  undefined: [undefined, { message: 'the agent threw undefined' }],
  null: [null, { message: 'the agent threw null' }],
  'a string': ['out of tokens', { message: 'out of tokens' }],
  'a symbol': [Symbol('odd'), { message: 'the agent threw Symbol(odd)' }],
  'a bigint': [10n, { message: 'the agent threw 10' }],
  'an object without a prototype': [Object.create(null), { message: 'the agent threw an object that is not an Error' }],
  'a proxy whose traps throw': [new Proxy({}, THROWS), { message: 'the agent threw an object that is not an Error' }],
  'a revoked proxy': [revoked(), { message: 'the agent threw an object that is not an Error' }],
  'an error whose message cannot be read': [
    Object.defineProperty(new Error(), 'message', {
      get() {
        throw new Error('a getter')
      },
    }),
    { message: expect.any(String) as never },
  ],
  'an error whose message is not a string': [Object.assign(new Error(), { message: { no: 'string' } }), {}],
  'an error whose causes go round': [cyclic(), { message: 'round', cause: 'and round' }],
  'an AgentError whose cause is itself': [
    Object.assign(new AgentError('crashed', 'gone'), { cause: new Proxy({}, THROWS) }),
    { kind: 'crashed', message: 'gone' },
  ],
  'a promise that rejects': [inner, {}],
  'a function': [() => 'x', {}],
}

const throws =
  (value: unknown): AgentFunction =>
  () => {
    throw value
  }
const rejects =
  (value: unknown): AgentFunction =>
  () =>
    Promise.reject(value)
const thenable =
  (value: unknown): AgentFunction =>
  () => ({
    // biome-ignore lint/suspicious/noThenProperty: the test is about thenables
    then: (_: unknown, bad: (error: unknown) => void) => bad(value),
  })

describe.each(Object.entries(HOSTILE))('an agent that fails with %s', (_, [value, expected]) => {
  test.each([
    ['thrown', throws],
    ['rejected', rejects],
    ['by a thenable', thenable],
  ])('%s, fails its attempt like any other: it is retried, then dead', async (_, how) => {
    const fixture = new Fixture(({ task }, context) => (task.id === 'a' ? how(value)({} as never, context) : 'x'))
    const unhandled = await unhandledDuring(async () => {
      const { tasks, records } = await fixture.run([{ id: 'a', retries: 1 }, 'b', { id: 'c', after: ['a'] }])
      expect(tasks.a).toMatchObject({ status: 'dead', attempts: 2, failure: { kind: 'agent', ...expected } })
      expect(tasks.a?.failure?.message).not.toBe('')
      expect([tasks.b?.status, tasks.c?.rootCause]).toEqual(['succeeded', 'a'])
      // The emitted events equal the journaled ones: nothing of the failure was lost in JSON.
      expect(records.flat().find(event => event.type === 'task.dead')).toMatchObject({ failure: tasks.a?.failure })
    })
    expect(unhandled).toEqual([])
  })

  test('in an input function, is bad input', async () => {
    const fixture = new Fixture(() => 'x')
    const graph = new TaskGraph('graph')
    graph.task('thrown', { input: throws(value) as never })
    graph.task('rejected', { input: rejects(value) as never })
    const run = fixture.orchestrator.run(graph)
    const { tasks } = await fixture.finish(run)
    for (const id of ['thrown', 'rejected'])
      expect(tasks[id]).toMatchObject({ status: 'dead', attempts: 1, failure: { kind: 'bad-input' } })
  })
})

describe('an agent that answers with a thenable', () => {
  const outcome = async (answer: AgentFunction, more: object = {}): Promise<unknown> => {
    const fixture = new Fixture(answer)
    let seen: unknown
    const unhandled = await unhandledDuring(async () => {
      const { tasks } = await fixture.run([{ id: 'a', retries: 0, ...more }])
      const { status, output, failure } = tasks.a!
      seen = status === 'succeeded' ? output : failure?.message
    })
    expect(unhandled).toEqual([])
    return seen
  }
  type Settle = (value: unknown) => void
  const like = (then: (ok: Settle, bad: Settle) => void) => (): unknown => ({
    then,
  })

  test('whose `then` cannot be read fails', async () => {
    const unreadable = Object.defineProperty({}, 'then', {
      get() {
        throw new Error('no then')
      },
    })
    expect(await outcome(() => unreadable)).toBe('no then')
    expect(await outcome(() => new Proxy({}, THROWS))).toEqual(expect.any(String))
  })

  test('that settles several times: the first settlement counts', async () => {
    expect(await outcome(like((ok, bad) => [ok('first'), ok('second'), bad(new Error('third'))]))).toBe('first')
    expect(await outcome(like((ok, bad) => [bad(new Error('first')), ok('second')]))).toBe('first')
  })

  test('that settles and then throws succeeds; one that only throws fails', async () => {
    const settlesAndThrows = (first: boolean) => (ok: Settle) => {
      if (first) ok('settled')
      throw new Error('thrown')
    }
    expect(await outcome(like(settlesAndThrows(true)))).toBe('settled')
    expect(await outcome(like(settlesAndThrows(false)))).toBe('thrown')
  })

  test('of thenables of thenables is followed to the end', async () => {
    const deep = (depth: number): AgentFunction =>
      like(ok => ok(depth === 0 ? 'bottom' : deep(depth - 1)({} as never, {} as never)))
    expect(await outcome(deep(1_000))).toBe('bottom')
  })

  test('that is a promise with its own `then`: the first settlement counts', async () => {
    const bent = Object.assign(Promise.resolve('kept'), {
      // biome-ignore lint/suspicious/noThenProperty: the test is about promises with their own `then`
      then: (ok: Settle, bad: Settle) => [ok('first'), ok('second'), bad(new Error('third'))],
    })
    expect(await outcome(() => bent)).toBe('first')
    const withoutConstructor = Object.defineProperty(Promise.resolve('x'), 'constructor', {
      get() {
        throw new Error('no constructor')
      },
    })
    expect(await outcome(() => withoutConstructor)).toBe('no constructor')
  })

  test('that settles before `run` has returned is decided in order', async () => {
    expect(await outcome(like(ok => ok('at once')))).toBe('at once')
  })

  test('that never settles times out', async () => {
    expect(
      await outcome(
        like(() => {}),
        { timeoutMs: 100 },
      ),
    ).toBe('the attempt took longer than 100 ms')
  })
})

describe('an agent that throws while it is called', () => {
  test('a thousand times leaves the scheduler alive and every slot free', async () => {
    const fixture = new Fixture(throws(new Error('every time')), { pool: { concurrency: 3 } })
    const ids = Array.from({ length: 1_000 }, (_, i) => ({ id: `t${i}`, retries: 0 }))
    const { result } = await fixture.run(ids)
    expect(result.outcome).toBe('failed')
    expect(fixture.orchestrator.pools.get('pool')?.stats()).toMatchObject({ running: 0, queued: 0 })
    expect((await fixture.run(['again'])).result.outcome).toBe('failed')
  })
})
