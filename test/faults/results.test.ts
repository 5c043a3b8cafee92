import type { AgentFunction, Failure } from 'counterpoint'
import { describe, expect, test } from 'vitest'
import { Fixture, resultAsJson, resumed } from './fixture.js'

class Money {
  readonly cents = 5
}

let reads = 0
const NOT_JSON = { kind: 'invalid-output', code: 'OUTPUT_NOT_JSON' } as const
const TOO_LARGE = { kind: 'invalid-output', code: 'OUTPUT_TOO_LARGE' } as const

/** What an agent may answer, by name, with the expected output or failure. */
const RESULTS: Readonly<Record<string, readonly [() => unknown, { readonly output: unknown } | Partial<Failure>]>> = {
  nothing: [() => undefined, { output: null }],
  'a member that is undefined': [() => ({ a: undefined, b: 1 }), { output: { b: 1 } }],
  'minus zero': [() => [-0], { output: [0] }],
  'a lone surrogate': [() => '\ud800', { output: '\ud800' }],
  'odd characters': [() => '\u0000\u2028\u202e\uffff', { output: '\u0000\u2028\u202e\uffff' }],
  'an object without a prototype': [() => Object.assign(Object.create(null), { a: 1 }), { output: { a: 1 } }],
  'keys that look like members of Object': [
    () => ({ constructor: 1, toString: 2 }),
    { output: { constructor: 1, toString: 2 } },
  ],
  'a getter with a side effect': [
    () => ({
      get n() {
        return ++reads
      },
    }),
    { output: { n: 1 } },
  ],
  'one object twice': [() => ((one: object) => [one, one])({ a: 1 }), { output: [{ a: 1 }, { a: 1 }] }],
  'a cycle': [() => ((a: Record<string, unknown>) => Object.assign(a, { a }))({}), NOT_JSON],
  'a bigint': [() => ({ n: 10n }), NOT_JSON],
  'a function': [() => ({ f: () => 1 }), NOT_JSON],
  'a symbol': [() => Symbol('s'), NOT_JSON],
  'a symbol as a key': [() => ({ [Symbol('s')]: 1 }), NOT_JSON],
  'NaN deep inside': [
    () => ({ a: [{ b: Number.NaN }] }),
    { ...NOT_JSON, message: expect.stringContaining('$.a[0].b') as never },
  ],
  Infinity: [() => Number.NEGATIVE_INFINITY, NOT_JSON],
  'undefined in an array': [() => [1, undefined], NOT_JSON],
  'a hole in an array': [() => new Array(3), NOT_JSON],
  'a date that is none': [() => new Date(Number.NaN), NOT_JSON],
  'a Map': [() => new Map([[1, 2]]), NOT_JSON],
  'an instance of a class': [() => new Money(), { ...NOT_JSON, message: expect.stringContaining('Money') as never }],
  bytes: [() => new Uint8Array(3), NOT_JSON],
  'toJSON that throws': [
    () => ({
      toJSON() {
        throw new Error('no')
      },
    }),
    NOT_JSON,
  ],
  'a getter that throws': [
    () => ({
      get a() {
        throw new Error('no')
      },
    }),
    NOT_JSON,
  ],
  'a key __proto__': [() => JSON.parse('{"__proto__": {"polluted": true}}'), NOT_JSON],
  'depth beyond the limit': [() => JSON.parse('['.repeat(300) + ']'.repeat(300)), TOO_LARGE],
  'more characters than the limit': [() => 'x'.repeat(100_000_001), TOO_LARGE],
}

describe.each(Object.entries(RESULTS))('an agent that answers with %s', (_, [answer, expected]) => {
  const agent: AgentFunction = ({ task, outputs }) => (task.id === 'a' ? answer() : { seen: outputs })
  const TASKS = [
    { id: 'a', retries: 1 },
    { id: 'b', after: ['a'] },
  ]

  test('has the same output live and after a restart', async () => {
    reads = 0
    const fixture = new Fixture(agent)
    const live = await fixture.run(TASKS)
    if ('output' in expected) {
      expect(live.tasks.a).toMatchObject({ status: 'succeeded', output: expected.output, attempts: 1 })
      expect(live.tasks.b?.output).toEqual({ seen: { a: expected.output } })
    } else {
      expect(live.tasks.a).toMatchObject({ status: 'dead', failure: expected, attempts: 2 })
      expect(live.tasks.b).toMatchObject({ status: 'skipped', rootCause: 'a' })
    }
    const again = await resumed(fixture, live.run.id)
    expect(resultAsJson(again)).toEqual(resultAsJson(live))
    expect(again.events).toEqual(live.events)
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined()
  })

  test('passes the same output to a task that starts after the restart', async () => {
    if (!('output' in expected)) return
    reads = 0
    const fixture = new Fixture(agent)
    const live = await fixture.run(TASKS)
    const upToFirst = live.records.findIndex(record => record.some(event => event.type === 'task.succeeded')) + 1
    const next = new Fixture(agent, { journal: fixture.journal.afterCrash(upToFirst) })
    const again = await next.finish(await next.orchestrator.resume(live.run.id))
    expect(again.tasks.b?.output).toEqual(live.tasks.b?.output)
  })
})

describe('a large result', () => {
  test('of 10 MB is persisted, passed on and read back unchanged', async () => {
    const megabytes = Array.from({ length: 10 }, (_, i) => String(i).repeat(1_000_000))
    const fixture = new Fixture(({ task, outputs }) => (task.id === 'a' ? megabytes : (outputs.a as string[]).length))
    const live = await fixture.run(['a', { id: 'b', after: ['a'] }])
    expect([live.tasks.a?.output, live.tasks.b?.output]).toEqual([megabytes, 10])
    expect((await resumed(fixture, live.run.id)).tasks.a?.output).toEqual(megabytes)
  })

  test('that is too large fails, is not persisted, and the run continues', async () => {
    const half = 'x'.repeat(60_000_000)
    const fixture = new Fixture(({ task }) => (task.id === 'a' ? [half, half] : 'small'))
    const { tasks, records } = await fixture.run([{ id: 'a', retries: 0 }, 'b'])
    expect(tasks.a).toMatchObject({
      status: 'dead',
      failure: { ...TOO_LARGE, message: expect.stringContaining('$[1]') },
    })
    expect([tasks.b?.output, JSON.stringify(records).length < 10_000]).toEqual(['small', true])
  })
})
