import { isCounterpointError } from 'counterpoint'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readJsonText } from '../../../src/plan/text/read-json-text.js'
import { firstIssue } from '../thrown.js'

const LIMITS = { maxBytes: 1_000_000, maxDepth: 64 }
const read = (source: string | Uint8Array): unknown => readJsonText(source, LIMITS)

describe('readJsonText', () => {
  it.each([
    ['{"a": 1, "a": 2}', 'plan: duplicate key "a" in one object; keep one of the two (line 1, column 13)'],
    [
      '{"x": [{"a": 1, "\\u0061": 2}]}',
      'x[0]: duplicate key "a" in one object; keep one of the two (line 1, column 25)',
    ],
    [
      '{"__proto__": 1, "__proto__": 2}',
      'plan: duplicate key "__proto__" in one object; keep one of the two (line 1, column 29)',
    ],
    ['{\n  "a": NaN\n}', 'a: expected a JSON value, got "NaN\\n}" (line 2, column 8)'],
    ['{"a": -Infinity}', 'a: expected a JSON value, got "-Infinity}" (line 1, column 7)'],
    ['{"a": 01}', 'a: expected a JSON value, got "01}" (line 1, column 7)'],
    ['{"a": [1, 2,]}', 'a: expected another entry after ",", got "]": remove this trailing comma (line 1, column 12)'],
    ['{"a": 1,}', 'plan: expected another entry after ",", got "}": remove this trailing comma (line 1, column 8)'],
    ['{"a": 1 "b": 2}', 'plan: expected "," or "}", got "\\"b\\": 2}" (line 1, column 9)'],
    ['[1 2]', 'plan: expected "," or "]", got "2]" (line 1, column 4)'],
    ['{"a" 1}', 'a: expected ":" after a key, got "1}" (line 1, column 6)'],
    ["{'a': 1}", `plan: expected a key in double quotes, got "'a': 1}" (line 1, column 2)`],
    ['// note\n{}', 'plan: expected a JSON value, got "// note\\n{}" (line 1, column 1)'],
    ['{"a": "b', 'a: expected a string with a double quote at its end, got "\\"b" (line 1, column 7)'],
    ['{"a": 1', 'plan: expected "," or "}", got the end of the text (line 1, column 8)'],
    ['', 'plan: expected a JSON value, got the end of the text (line 1, column 1)'],
    ['{} {}', 'plan: expected the end of the text, got "{}" (line 1, column 4)'],
    ['{"\\q": 1}', 'plan: expected a key with valid escapes, got "\\"\\\\q\\": 1}" (line 1, column 2)'],
  ])('rejects %j with %j', (text, message) => {
    expect(firstIssue(() => read(text))).toBe(message)
  })

  it('rejects numbers that would be rounded, or keeps them as text', () => {
    const text = '{"a": [\n {"b": 9007199254740993}, 1e999, 1e20]}'
    expect(firstIssue(() => read(text))).toBe(
      'a[0].b: expected a number from -(2^53 - 1) to 2^53 - 1, or one that is not rounded, got 9007199254740993 ' +
        "(line 2, column 8); write it as a string, or read it with bigIntegers: 'text'",
    )
    expect(readJsonText(text, { ...LIMITS, bigIntegers: 'text' })).toEqual({
      a: [{ b: '9007199254740993' }, '1e999', 1e20],
    })
  })

  it('rejects invalid strings', () => {
    for (const text of ['"a\nb"', '"\\x41"', '"\\u12"'])
      expect(firstIssue(() => read(text))).toMatch(/^plan: expected JSON: /)
  })

  it('allows nesting up to maxDepth, and ignores brackets in strings', () => {
    const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth)
    expect(read(nested(64))).toBeDefined()
    expect(read(`"${'['.repeat(100)}\\"${'{'.repeat(100)}"`)).toHaveLength(201)
    expect(firstIssue(() => read(nested(65)))).toMatch(/: nested deeper than 64 levels \(line 1, column 65\)$/)
    expect(firstIssue(() => read(`{"a":${'['.repeat(200_000)}`))).toMatch(/nested deeper than 64 levels/)
  })

  it('counts bytes of UTF-8, not characters', () => {
    expect(readJsonText('"ää"', { maxBytes: 6, maxDepth: 1 })).toBe('ää')
    expect(firstIssue(() => readJsonText('"ää"', { maxBytes: 5, maxDepth: 1 }))).toMatch(
      /expected at most 5 bytes, got 6/,
    )
    expect(firstIssue(() => readJsonText(new Uint8Array(6), { maxBytes: 5, maxDepth: 1 }))).toMatch(
      /at most 5 bytes, got 6/,
    )
  })

  it('reports the offset of the first byte that is not UTF-8', () => {
    const bytes = (...parts: (string | number)[]): Uint8Array =>
      Uint8Array.from(parts.flatMap(part => (typeof part === 'string' ? [...new TextEncoder().encode(part)] : [part])))
    expect(read(bytes('"ä\uFFFD"'))).toBe('ä\uFFFD')
    expect(firstIssue(() => read(bytes('"ab', 0xff, '"')))).toMatch(/invalid byte at offset 3/)
    expect(firstIssue(() => read(bytes(0xef, 0xbb, 0xbf, '"ä\uFFFD', 0xc3, '"')))).toMatch(/invalid byte at offset 9/)
    expect(firstIssue(() => read(bytes('"a"', 0xe2, 0x82)))).toMatch(/invalid byte at offset 3/)
  })

  it('reads every JSON text as JSON.parse does', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 6 }), fc.constantFrom(0, 2), (text, indent) => {
        const pretty = JSON.stringify(JSON.parse(text), null, indent)
        expect(read(pretty)).toEqual(JSON.parse(text))
      }),
    )
  })

  it('rejects every text that JSON.parse rejects, and else returns the same value or finds a duplicate key', () => {
    const alphabet = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"',
      '\\',
      '"a"',
      '1',
      '-',
      '.5',
      'e9',
      'true',
      'nul',
      ' ',
      '\n',
      '\t',
      '\u0001',
    )
    const damaged = fc.tuple(fc.json({ maxDepth: 3 }), fc.nat(), fc.nat(3), alphabet).map(([text, at, cut, piece]) => {
      const index = at % (text.length + 1)
      return text.slice(0, index) + piece + text.slice(index + cut)
    })
    fc.assert(
      fc.property(
        fc.oneof(
          damaged,
          fc.array(alphabet, { maxLength: 12 }).map(parts => parts.join('')),
        ),
        text => {
          const ours = attempt(() => read(text))
          const theirs = attempt(() => JSON.parse(text))
          if ('error' in ours) {
            expect(isCounterpointError(ours.error, 'INVALID_INPUT')).toBe(true)
            if (!('error' in theirs)) expect(String(ours.error)).toMatch(/duplicate key|not rounded/)
          } else expect(ours).toEqual(theirs)
        },
      ),
      { numRuns: 2000 },
    )
  })
})

function attempt(act: () => unknown): { value: unknown } | { error: unknown } {
  try {
    return { value: act() }
  } catch (error) {
    return { error }
  }
}

it.each([
  ['{"tasks":[{"id":"a"},]}', 'tasks', ']', 'line 1, column 21'],
  ['{"tasks":[{"id":"a",}]}', 'tasks[0]', '}', 'line 1, column 20'],
  ['{"tasks":[{"id":"a"}],}', 'plan', '}', 'line 1, column 22'],
  ['{\n "tasks": [\n  { "id": "a" },\n ]\n}', 'tasks', ']', 'line 3, column 16'],
  ['{"tasks":[{"id":"a,]","after":["b",\n ]}]}', 'tasks[0].after', ']', 'line 1, column 35'],
])('a trailing comma is named, with its place: %j', (text, path, close, where) => {
  const message = `expected another entry after ",", got "${close}": remove this trailing comma (${where})`
  expect(() => readJsonText(text, { maxBytes: 1_000, maxDepth: 9 })).toThrow(
    expect.objectContaining({ code: 'INVALID_INPUT', details: { issues: [{ path, message }] } }),
  )
})
