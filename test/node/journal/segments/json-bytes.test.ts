import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { JsonBytes } from '../../../../src/node/journal/segments/json-bytes.js'

function written(value: object): string {
  const json = new JsonBytes()
  json.value(value)
  return json.buffer.toString('utf8', 0, json.length)
}

class Point {
  readonly x = 1
  readonly hidden = undefined
  get shown(): number {
    return 2
  }
}

const value = fc.anything({ withDate: true, withNullPrototype: true, maxDepth: 6, withUnicodeString: true })
/** Any objects, but those of which `JSON.stringify` makes nothing. */
const objects = fc.dictionary(fc.string({ unit: 'binary' }), value)

describe('JSON as bytes', () => {
  test('is what `JSON.stringify` gives', () => {
    fc.assert(
      fc.property(objects, object => {
        expect(written(object)).toBe(JSON.stringify(object))
      }),
      { numRuns: 2_000 },
    )
  })

  test.each<readonly [string, object]>([
    ['nothing', {}],
    ['nothing but what is left out', { a: undefined, b: Symbol('b') }],
    ['a first member that is left out', { a: undefined, b: 1 }],
    ['a function', { a: 1, b: () => 1, c: [() => 1] }],
    ['an object that says itself what it is', { a: { b: 1, toJSON: (name: string) => `of ${name}` } }],
    ['one that says that it is nothing', { a: { toJSON: () => undefined }, b: 1 }],
    ['such a one in the depth', { a: { b: { c: { d: { e: { toJSON: (name: string) => `of ${name}` } } } } } }],
    ['a list that says itself what it is', { a: Object.assign([1], { toJSON: (name: string) => `of ${name}` }) }],
    ['lists', { a: [], b: [[]], c: ['"', 1, null, true, { d: [-1, 0.5] }], e: [undefined, () => 1, Symbol('f')] }],
    // biome-ignore lint/suspicious/noSparseArray: a hole is what is tested.
    ['a list with holes', { a: [, 1, ,] }],
    ['a list of a class', { a: Uint8Array.of(1, 2), b: new (class Items extends Array<number> {})(1, 2) }],
    ['an item that says itself what it is', { a: [{ toJSON: (place: string) => `at ${place}` }] }],
    ['an object of a class', { a: new Point(), b: new Date(0), c: new Map([[1, 2]]), d: new Uint8Array(2) }],
    ['an object without prototype', Object.assign(Object.create(null), { a: Object.create(null) })],
    ['what it inherits', Object.create({ a: 1 })],
    ['members like numbers', { b: 1, 2: 2, 1: 1 }],
    ['a member with a name of its own kind', JSON.parse('{"__proto__":{"a":1}}') as object],
    ['numbers', { a: -0, b: 1e21, c: 0.1, d: Number.NaN, e: -5, f: Number.MAX_SAFE_INTEGER, g: Number.MIN_VALUE }],
    ['bounds of whole numbers', Object.fromEntries(bounds().map((bound, place) => [`n${place}`, bound]))],
    ['characters that are escaped', { a: '"', b: '\\', c: '\n', d: '\u0000', e: '\u007f', f: '\u2028', g: 'é😀' }],
    ['halves of a character', { a: '\ud83d', b: '\ude00', '\ud83d': 1 }],
    ['long strings', { a: 'x'.repeat(64), b: 'x'.repeat(65), c: 'é'.repeat(100_000) }],
    ['depth', { a: { b: { c: { d: { e: { f: { g: [{}] } } } } } } }],
    ['many names', Object.fromEntries(Array.from({ length: 1_000 }, (_, place) => [`name "${place}"`, place]))],
  ])('writes %s', (_, object) => {
    expect(written(object)).toBe(JSON.stringify(object))
  })

  test('leaves out what somebody has given to all objects', () => {
    Object.defineProperty(Object.prototype, 'everywhere', { value: 1, enumerable: true, configurable: true })
    const json = written({ a: { b: 1 } })
    Reflect.deleteProperty(Object.prototype, 'everywhere')
    expect(json).toBe('{"a":{"b":1}}')
  })

  test.each([Object.prototype, Array.prototype])(
    'asks what somebody has given to all objects or lists to say',
    prototype => {
      Object.defineProperty(prototype, 'toJSON', { value: () => 'something else', configurable: true })
      const value = { a: { b: [1] } }
      const [json, expected] = [written(value), JSON.stringify(value)]
      Reflect.deleteProperty(prototype, 'toJSON')
      expect(json).toBe(expected)
      expect(json).not.toBe('{"a":{"b":[1]}}')
    },
  )

  test('refuses what `JSON.stringify` refuses', () => {
    const cyclic: { self?: unknown } = {}
    cyclic.self = cyclic
    expect(() => written(cyclic)).toThrow(TypeError)
    expect(() => written({ a: 1n })).toThrow(TypeError)
  })
})

/** Where the number of digits changes, and where 32 bits end. */
function bounds(): number[] {
  const places = Array.from({ length: 16 }, (_, place) => 10 ** place)
  return [...places, 2 ** 31, 2 ** 32, 2 ** 53 - 1].flatMap(bound => [bound - 1, bound, bound + 1])
}
