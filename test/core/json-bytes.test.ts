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

test('with a bound, a size up to it is exact, and every other one above it', () => {
  fc.assert(
    fc.property(json, fc.nat(60), (value, max) => {
      const exact = size(value)
      if (exact <= max) expect(jsonBytes(value, max)).toBe(exact)
      else expect(jsonBytes(value, max)).toBeGreaterThan(max)
    }),
  )
})
