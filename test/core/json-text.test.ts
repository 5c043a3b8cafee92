import { NotJsonError } from 'counterpoint'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseJson } from '../../src/core/json-text.js'

function refusal(text: string): NotJsonError {
  try {
    parseJson(text)
  } catch (error) {
    if (error instanceof NotJsonError) return error
    throw error
  }
  throw new Error('the text was accepted')
}

describe('a number that would be rounded', () => {
  test.each([
    '9007199254740993',
    '-9007199254740993',
    '9007199254740993.0',
    '12345678901234567890',
    '18446744073709551615',
    '100000000000000000000000000000001',
    '100000000000000000000000',
    '1e999',
    '-1E+400',
    '1e9999999999999999999999',
    '9'.repeat(400),
  ])('is refused: %s', number => {
    expect(refusal(number).message).toContain(`$: expected a number from -(2^53 - 1) to 2^53 - 1`)
    expect(refusal(` [ ${number}]`).path).toBe('$[0]')
  })

  test.each([
    '9007199254740991',
    '-9007199254740991',
    '9007199254740992',
    '9007199254740994',
    '1e20',
    '1E+23',
    '34937438724356590',
    '34937438724356592',
    '6.02214076e23',
    '19.623734014760205e+22',
    '100000000000000000000',
    '1.7976931348623157e308',
    '9007199254740993.5',
    '0.1234567890123456789012345',
    '3.14159265358979323846264338',
    '1e-999',
    '-0',
    '0e999',
    '0.0000000000000000000000001e25',
  ])('is not this: %s', number => {
    expect(parseJson(`[${number}]`)).toEqual([Number(number)])
  })

  test.each<readonly [string, string]>([
    ['{"a": {"b c": [1, {"d": [], "e": 9007199254740993}]}}', '$.a["b c"][1].e'],
    ['{"1e999": "9007199254740993", "a\\"[,": [[{}, [], "}"], 1e999]}', '$["a\\"[,"][1]'],
    ['{"\\u0061": 1e999}', '$.a'],
    ['{"a": {"x": "y" , "b" : 1e999}}', '$.a.b'],
  ])('is refused with its path: %s', (text, path) => {
    expect(refusal(text).path).toBe(path)
  })

  test('is refused with what came, where, and what to do', () => {
    expect(refusal('{\n  "id": 9007199254740993\n}').message).toBe(
      '$.id: expected a number from -(2^53 - 1) to 2^53 - 1, or one that is not rounded, got 9007199254740993 ' +
        "(line 2, column 9); write it as a string, or read it with bigIntegers: 'text'",
    )
  })

  test('is kept as text, as it is written, on demand', () => {
    const text = '{"a":9007199254740993,"b":[-1e999, 1, 9007199254740993.0],"c":"9007199254740993"}'
    expect(parseJson(text, 'text')).toEqual({
      a: '9007199254740993',
      b: ['-1e999', 1, '9007199254740993.0'],
      c: '9007199254740993',
    })
  })
})

test('every other text is read as JSON.parse reads it', () => {
  fc.assert(
    fc.property(fc.json({ stringUnit: 'binary' }), text => {
      expect(parseJson(text)).toEqual(JSON.parse(text))
      expect(parseJson(text, 'text')).toEqual(JSON.parse(text))
    }),
  )
  expect(() => parseJson('[1,]')).toThrow(SyntaxError)
})

test('any integer comes out as it was, or is refused', () => {
  fc.assert(
    fc.property(fc.bigInt(), fc.nat(3), (integer, zeros) => {
      const text = `${integer}${zeros > 0 ? `.${'0'.repeat(zeros)}` : ''}`
      try {
        const read = parseJson(text) as number
        expect([`${BigInt(read)}`, `${read}`]).toContain(`${integer}`)
      } catch (error) {
        if (!(error instanceof NotJsonError)) throw error
      }
      const kept = parseJson(text, 'text')
      expect(BigInt(typeof kept === 'string' ? kept.replace(/\..*/, '') : (kept as number))).toBe(integer)
    }),
  )
})

test('takes time linear in the text', () => {
  const texts = ['"\\\\"', '"1e5"', '1e5', '12345678901234560', '"a b"', '{}', '1.0000000000000000000000'].map(
    part => `[${Array(200_000).fill(part)}]`,
  )
  for (const text of [...texts, '9'.repeat(1_000_000), `1${'0'.repeat(1_000_000)}1`, `0.${'0'.repeat(1_000_000)}`]) {
    const started = performance.now()
    try {
      parseJson(text, 'text')
    } finally {
      expect(performance.now() - started).toBeLessThan(5_000)
    }
  }
})
