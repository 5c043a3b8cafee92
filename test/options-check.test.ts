import { isCounterpointError } from 'counterpoint'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import * as z from 'zod'
import {
  checkOptions,
  checkValue,
  fn,
  invalid,
  invalidInput,
  method,
  millis,
  nonNegative,
  optionsOf,
  positiveInteger,
  positiveMs,
  record,
} from '../src/options-check.js'
import { thrown } from './plan/thrown.js'

class Queue {}

const rule = optionsOf({
  name: z.string().min(2).max(4),
  timeoutMs: positiveMs,
  graceMs: millis,
  limit: positiveInteger,
  retries: z.int().max(9),
  ratio: z.number().positive().lt(1),
  floor: nonNegative,
  mode: z.enum(['serial', 'parallel']),
  strict: z.boolean(),
  newId: fn,
  clock: method('now'),
  keys: z.array(z.string()).min(1),
  graph: z.union([
    z.instanceof(Queue, { message: 'expected a Queue, or a list of them' }),
    z.array(z.instanceof(Queue)),
  ]),
  pools: record(z.string().min(1), z.union([z.instanceof(Queue), optionsOf({ concurrency: positiveInteger })])),
  range: optionsOf({ min: positiveInteger, max: positiveInteger }).refine(({ min, max }) => min <= max, {
    path: ['max'],
    message: 'expected at least the value of min',
  }),
}).partial()

const issuesOf = (options: unknown, how: { path?: string; secret?: boolean } = {}): string[] =>
  thrown('INVALID_INPUT', () => checkOptions(rule, options, { of: 'Thing', ...how })).details.issues.map(
    ({ path, message }) => `${path}: ${message}`,
  )

describe('checkOptions', () => {
  test('accepts options that satisfy the rule', () => {
    const options = { name: 'abc', floor: Number.POSITIVE_INFINITY, clock: { now: () => 0 }, graph: [new Queue()] }
    expect(() => checkOptions(rule, options, { of: 'Thing' })).not.toThrow()
    expect(() => checkOptions(rule, { pools: { 'a b': { concurrency: 1 } } }, { of: 'Thing' })).not.toThrow()
  })

  test.each<[options: unknown, issue: string]>([
    [{ name: 5 }, 'name: expected a string, got 5'],
    [{ name: 'a' }, 'name: expected at least 2 characters, got "a"'],
    [{ name: 'abcde' }, 'name: expected at most 4 characters, got "abcde"'],
    [{ timeoutMs: 0 }, 'timeoutMs: expected more than 0, got 0'],
    [{ timeoutMs: Number.NaN }, 'timeoutMs: expected a finite number, got NaN'],
    [{ timeoutMs: Number.POSITIVE_INFINITY }, 'timeoutMs: expected a finite number, got Infinity'],
    [{ timeoutMs: Symbol('x') }, 'timeoutMs: expected a finite number, got a symbol'],
    [{ graceMs: -1 }, 'graceMs: expected at least 0, got -1'],
    [{ limit: 1.5 }, 'limit: expected a positive integer, got 1.5'],
    [{ retries: 1.5 }, 'retries: expected a whole number, got 1.5'],
    [{ retries: 10 }, 'retries: expected at most 9, got 10'],
    [{ ratio: 1 }, 'ratio: expected less than 1, got 1'],
    [{ floor: -1 }, 'floor: expected at least 0, got -1'],
    [{ floor: 'x' }, 'floor: expected a finite number or Infinity, got "x"'],
    [{ mode: 'auto' }, 'mode: expected "serial", "parallel", got "auto"'],
    [{ strict: 'yes' }, 'strict: expected true or false, got "yes"'],
    [{ newId: {} }, 'newId: expected a function, got an object'],
    [{ newId: null }, 'newId: expected a function, got null'],
    [{ clock: { soon: 1 } }, 'clock: expected a function, or an object with a method now, got an object'],
    [{ keys: [] }, 'keys: expected at least 1 entry, got a list'],
    [{ keys: [1] }, 'keys[0]: expected a string, got 1'],
    [{ graph: 5 }, 'graph: expected a Queue, or a list of them, got 5'],
    [{ graph: [5] }, 'graph[0]: expected a Queue, got 5'],
    [{ pools: { p: 5 } }, 'pools.p: expected a Queue or an object, got 5'],
    [{ pools: { p: { concurrency: 0 } } }, 'pools.p.concurrency: expected a positive integer, got 0'],
    [{ pools: { 'my pool': {} } }, 'pools["my pool"].concurrency: expected a positive integer, got nothing'],
    [{ pools: { '': { concurrency: 1 } } }, 'pools[""]: expected at least 1 character, got ""'],
    [{ pools: [] }, 'pools: expected an object, got a list'],
    [{ pools: JSON.parse('{"__proto__": 1}') }, 'pools.__proto__: expected a Queue or an object, got 1'],
    [{ range: { min: 2, max: 1 } }, 'range.max: expected at least the value of min'],
    [{ timeotMs: 1 }, 'timeotMs: unknown key (did you mean "timeoutMs"?)'],
    [
      { pools: { p: { concurency: 1, concurrency: 1 } } },
      'pools.p.concurency: unknown key (did you mean "concurrency"?)',
    ],
    [{ other: 1 }, `other: unknown key; expected one of ${Object.keys(rule.shape).join(', ')}`],
    [undefined, 'options: expected an object, got nothing'],
    [null, 'options: expected an object, got null'],
    [[], 'options: expected an object, got a list'],
  ])('rejects %o', (options, issue) => {
    expect(issuesOf(options)).toEqual([issue])
  })

  test.each([
    [new Map([['p', {}]]), 'a Map'],
    [new Set(), 'a Set'],
    [new Date(0), 'a Date'],
    [Promise.resolve({}), 'a Promise'],
    [new URLSearchParams(), 'an URLSearchParams'],
  ])('refuses a container, which would count as empty: %o', (container, got) => {
    expect(issuesOf(container)).toEqual([`options: expected an object, got ${got}`])
    expect(issuesOf({ pools: container })).toEqual([`pools: expected an object, got ${got}`])
  })

  test('accepts any object as a record, and ignores its symbols', () => {
    class Pools {
      readonly p = { concurrency: 1 }
      readonly [Symbol.toStringTag] = 'Pools'
    }
    for (const pools of [new Pools(), Object.create({ inherited: 1 })])
      expect(() => checkOptions(rule, { pools }, { of: 'Thing' })).not.toThrow()
    const env = optionsOf({ env: record(z.string(), z.string()) })
    expect(() => checkOptions(env, { env: process.env }, { of: 'Thing' })).not.toThrow()
  })

  test('ignores inherited members', () => {
    const options = Object.assign(Object.create({ polyfill: 1 }), { name: 'abc' })
    expect(() => checkOptions(rule, options, { of: 'Thing' })).not.toThrow()
    expect(issuesOf(Object.assign(options, { nam: 'abc' }))).toEqual(['nam: unknown key (did you mean "name"?)'])
  })

  test('reports up to 20 issues, and shows the first ten in its message', () => {
    const act = (): void => checkOptions(rule, { name: 5, limit: 0, nam: 'a' }, { of: 'Thing' })
    expect(thrown('INVALID_INPUT', act).message).toBe(
      'invalid options of Thing: name: expected a string, got 5; limit: expected a positive integer, got 0; nam: unknown key (did you mean "name"?)',
    )
    const long = (): void => checkOptions(rule, { keys: new Array(12).fill(1) }, { of: 'Thing' })
    expect(thrown('INVALID_INPUT', long).message).toMatch(
      /keys\[9\]: expected a string, got 1 \(and 2 more, see details\.issues\)$/,
    )
    expect(issuesOf({ keys: new Array(30).fill(1) })).toHaveLength(20)
  })

  test('starts each path where the options were given', () => {
    expect(issuesOf({ limit: 0 }, { path: 'pools.writer' })).toEqual([
      'pools.writer.limit: expected a positive integer, got 0',
    ])
    expect(issuesOf(5, { path: 'pools.writer' })).toEqual(['pools.writer: expected an object, got 5'])
  })

  test('shows no string where strings may be secrets', () => {
    const options = { name: 'sk-secret', timeoutMs: 'sk-secret', floor: 'sk-secret', keys: 'sk-secret' }
    const issues = issuesOf(options, { secret: true })
    expect(issues).toHaveLength(4)
    expect(issues.join()).not.toContain('sk-secret')
  })

  test('shortens long values and long keys', () => {
    expect(issuesOf({ name: 'x'.repeat(1_000) })[0]!.length).toBeLessThan(120)
    expect(issuesOf({ pools: { ['x'.repeat(1_000)]: 1 } })[0]!.length).toBeLessThan(150)
  })

  test('throws nothing but INVALID_INPUT, whatever the value', () => {
    const { proxy, revoke } = Proxy.revocable([], {})
    revoke()
    const getter = Object.defineProperty({}, 'limit', {
      enumerable: true,
      get: () => {
        throw new Error('mine')
      },
    })
    for (const odd of [proxy, getter, Symbol('s'), () => 1, Object.create(null), { limit: proxy }, { clock: proxy }])
      try {
        checkOptions(rule, odd, { of: 'Thing' })
      } catch (error) {
        expect(isCounterpointError(error, 'INVALID_INPUT')).toBe(true)
      }
    expect(issuesOf(getter)).toEqual(['options: expected a plain value, got one that throws when it is read'])
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom(...Object.keys(rule.shape)), fc.anything()), options => {
        try {
          checkOptions(rule, options, { of: 'Thing' })
        } catch (error) {
          expect(isCounterpointError(error, 'INVALID_INPUT')).toBe(true)
        }
      }),
    )
  })
})

describe('checkValue', () => {
  test('returns a value that satisfies the rule', () => {
    expect(checkValue(positiveInteger, 3, 'limit')).toBe(3)
  })

  test('rejects another one, at its path', () => {
    const error = thrown('INVALID_INPUT', () => checkValue(positiveInteger, 0, 'pool.concurrency'))
    expect(error.message).toBe('pool.concurrency: expected a positive integer, got 0')
    expect(error.details.issues).toEqual([{ path: 'pool.concurrency', message: 'expected a positive integer, got 0' }])
  })
})

test('invalid and invalidInput make the error for a check that no rule can state', () => {
  expect(invalid('pools.p', 'a pool', undefined).message).toBe('pools.p: expected a pool, got nothing')
  const issues = [
    { path: 'a', message: 'one' },
    { path: 'b', message: 'two' },
  ]
  expect(invalidInput(issues)).toMatchObject({ code: 'INVALID_INPUT', message: 'a: one; b: two', details: { issues } })
})
