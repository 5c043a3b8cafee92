import { canonicalJson, NotJsonError } from 'counterpoint'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

class Point {
  readonly x = 1
}

const cyclic: { self?: unknown; list: unknown[] } = { list: [] }
cyclic.self = cyclic
const ring: unknown[] = []
ring.push([ring])

function rejection(value: unknown, limits?: Parameters<typeof canonicalJson>[1]): NotJsonError {
  try {
    canonicalJson(value, limits)
  } catch (error) {
    if (error instanceof NotJsonError) return error
    throw error
  }
  throw new Error('the value was accepted')
}

describe('canonical JSON', () => {
  test.each<readonly [string, unknown, unknown]>([
    ['undefined becomes null', undefined, null],
    ['null stays null', null, null],
    ['negative zero becomes zero', { a: -0 }, { a: 0 }],
    ['members that are undefined are omitted', { a: 1, b: undefined }, { a: 1 }],
    ['members keep their order', { b: 1, a: { d: 1, c: 2 } }, { b: 1, a: { d: 1, c: 2 } }],
    [
      'a getter is read',
      {
        get a() {
          return 1
        },
      },
      { a: 1 },
    ],
    ['an object without a prototype is accepted', Object.assign(Object.create(null), { a: 1 }), { a: 1 }],
    ['keys of Object.prototype are accepted as keys', { constructor: 1, toString: 2 }, { constructor: 1, toString: 2 }],
    ['members that are not enumerable are omitted', Object.defineProperty({}, 'a', { value: 1 }), {}],
    ['a lone surrogate is unchanged', '\ud800', '\ud800'],
    ['a value that occurs twice is copied twice', [Object.assign([], [1]), [1]], [[1], [1]]],
  ])('%s', (_title, value, expected) => {
    const copy = canonicalJson(value)
    expect(copy).toEqual(expected)
    expect(JSON.stringify(copy)).toBe(JSON.stringify(expected))
  })

  test.each<readonly [string, unknown, string]>([
    ['NaN', { a: [1, Number.NaN] }, '$.a[1]'],
    ['infinity', Number.POSITIVE_INFINITY, '$'],
    ['a BigInt', { 'a b': 1n }, '$["a b"]'],
    ['a function', { f: () => 1 }, '$.f'],
    ['a toJSON method', { toJSON: () => 1 }, '$.toJSON'],
    ['a symbol', [Symbol('x')], '$[0]'],
    ['a symbol as a key', { [Symbol('x')]: 1 }, '$'],
    ['a Date', { at: new Date(Number.NaN) }, '$.at'],
    ['a Map', new Map(), '$'],
    ['an instance of a class', { p: new Point() }, '$.p'],
    ['an Error', new Error('x'), '$'],
    ['a typed array', new Uint8Array(1), '$'],
    ['a boxed string', Object('x'), '$'],
    ['undefined in an array', [1, undefined], '$[1]'],
    ['a hole in an array', Object.assign([1], { 2: 2 }), '$[1]'],
    ['a reference to itself', cyclic, '$.self'],
    ['a longer cycle', ring, '$[0][0]'],
    ['the key __proto__', JSON.parse('{"a":{"__proto__":1}}'), '$.a'],
    [
      'a getter that throws',
      {
        a: {
          get b() {
            throw new Error('no')
          },
        },
      },
      '$.a',
    ],
    [
      'a proxy that throws',
      new Proxy(
        {},
        {
          ownKeys: () => {
            throw new Error('no')
          },
        },
      ),
      '$',
    ],
    [
      'a proxy whose prototype throws',
      [
        new Proxy(
          {},
          {
            getPrototypeOf: () => {
              throw new Error('no')
            },
          },
        ),
      ],
      '$[0]',
    ],
  ])('rejects %s, with its path', (_title, value, path) => {
    expect(rejection(value).path).toBe(path)
    expect(rejection(value).tooLarge).toBe(false)
  })

  test('names the class of a rejected instance, and suggests plain data', () => {
    expect(rejection(new Point()).message).toMatch(/Point.*plain data/)
  })

  test('reads each getter once', () => {
    let reads = 0
    canonicalJson({
      get a() {
        return ++reads
      },
    })
    expect(reads).toBe(1)
  })

  test('returns a frozen copy that does not change with the original', () => {
    const given = { list: [{ a: 1 }] }
    const copy = canonicalJson(given) as typeof given
    given.list[0]!.a = 2
    expect(copy).toEqual({ list: [{ a: 1 }] })
    for (const part of [copy, copy.list, copy.list[0]]) expect(Object.isFrozen(part)).toBe(true)
  })

  test('accepts nesting up to the limit, and rejects deeper nesting without a stack overflow', () => {
    const nested = (depth: number): unknown => {
      let value: unknown = 1
      for (let i = 0; i < depth; i++) value = [value]
      return value
    }
    expect(() => canonicalJson(nested(256))).not.toThrow()
    expect(rejection(nested(257)).tooLarge).toBe(true)
    expect(rejection(nested(200_000)).tooLarge).toBe(true)
    expect(rejection(nested(3), { maxDepth: 2 }).tooLarge).toBe(true)
  })

  test('limits the number of characters in strings and keys', () => {
    expect(canonicalJson({ ab: 'cd' }, { maxChars: 4 })).toEqual({ ab: 'cd' })
    expect(rejection({ ab: 'cd' }, { maxChars: 3 })).toMatchObject({ tooLarge: true, path: '$.ab' })
    expect(rejection({ abcd: 1 }, { maxChars: 3 }).tooLarge).toBe(true)
  })

  test('rejects any value or returns a copy that survives a round trip', () => {
    fc.assert(
      fc.property(
        fc.anything({
          withBigInt: true,
          withDate: true,
          withMap: true,
          withNullPrototype: true,
          withSparseArray: true,
        }),
        value => {
          let copy: unknown
          try {
            copy = canonicalJson(value)
          } catch (error) {
            expect(error).toBeInstanceOf(NotJsonError)
            return
          }
          const again = canonicalJson(JSON.parse(JSON.stringify(copy)))
          expect(again).toStrictEqual(copy)
          expect(JSON.stringify(again)).toBe(JSON.stringify(copy))
        },
      ),
      { numRuns: 1_000 },
    )
  })

  test('accepts every value that JSON.parse returns, unchanged except for -0', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 6 }), text => {
        const value = JSON.parse(text)
        if (/__proto__/.test(text)) return
        expect(JSON.stringify(canonicalJson(value))).toBe(JSON.stringify(value))
      }),
    )
  })
})
