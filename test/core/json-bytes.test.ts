import fc from 'fast-check'
import { expect, test } from 'vitest'
import { canonicalJson, type Json } from '../../src/core/json.js'
import { jsonBytes } from '../../src/core/json-bytes.js'

const size = (value: unknown): number => new TextEncoder().encode(JSON.stringify(value)).length

const text = fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map(code => String.fromCharCode(code)) })
const { json } = fc.letrec<{ json: Json }>(tie => ({
  json: fc.oneof(
    { maxDepth: 3 },
    text,
    fc.string({ unit: 'binary' }),
    fc.constantFrom(null, true, false, 0, -1.5e-7, 1e21),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map(value => value || 0),
    fc.array(tie('json')),
    fc.dictionary(text, tie('json')),
  ),
}))

test('the size of any value is that of its JSON in UTF-8', () => {
  fc.assert(
    fc.property(json, value => {
      expect(jsonBytes(canonicalJson(value))).toBe(size(canonicalJson(value)))
    }),
  )
})

test('a value is canonical with maxBytes exactly when its JSON in UTF-8 has no more bytes', () => {
  fc.assert(
    fc.property(json, fc.integer({ min: -3, max: 3 }), (value, more) => {
      const maxBytes = size(canonicalJson(value)) + more
      const copied = (): Json => canonicalJson(value, { maxBytes })
      if (more >= 0) expect(copied()).toEqual(canonicalJson(value))
      // Without a bound of its own, a value of some constant is not counted.
      else if (typeof value !== 'boolean' && value !== null) expect(copied).toThrow(`more than ${maxBytes} bytes`)
    }),
  )
})

test.each<[string, unknown, number]>([
  ['control characters', '\u0000\u001f\u000b', 20],
  ['control characters with a short escape', '\b\t\n\f\r', 12],
  ['quotes and backslashes', '"\\', 6],
  ['characters of two and three bytes', 'é\u2028€', 10],
  ['surrogate pairs', '😀😀', 10],
  ['lone surrogates', '\ud800\udc00\ud800', 12],
  ['lone surrogates in the wrong order', '\udc00\ud800', 14],
  ['numbers', [-1.2345678901234567e-100, 1e21, 0], 34],
  ['a key', { '\u0000': 1 }, 12],
  ['empty containers', [[], {}], 7],
  ['null and booleans', [null, true, { a: false }], 23],
  ['a long plain text', 'x'.repeat(100), 102],
  ['a long text with one escape', `${'x'.repeat(100)}\n`, 104],
])('the bytes of %s are those that a journal writes', (_, value, bytes) => {
  expect(size(value)).toBe(bytes)
  expect(jsonBytes(value as Json)).toBe(bytes)
  const written = size(canonicalJson(value))
  expect(() => canonicalJson(value, { maxBytes: written })).not.toThrow()
  expect(() => canonicalJson(value, { maxBytes: written - 1 })).toThrow(`more than ${written - 1} bytes`)
})

test('with a bound, a size up to it is exact, and every other one above it', () => {
  fc.assert(
    fc.property(json, fc.nat(60), (value, max) => {
      const exact = size(value)
      if (exact <= max) expect(jsonBytes(value, max)).toBe(exact)
      else expect(jsonBytes(value, max)).toBeGreaterThan(max)
    }),
  )
})
