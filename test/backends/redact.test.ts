import fc from 'fast-check'
import { expect, test } from 'vitest'
import { redactor } from '../../src/backends/redact.js'

const clean = redactor([])

test.each([
  ['terminal colours', 'a \x1b[31;1mred\x1b[0m b', 'a red b'],
  ['8-bit control sequences', 'a \x9b31mred', 'a red'],
  ['a window title', 'a\x1b]0;title\x07 b\x1b]8;;http://x\x1b\\link', 'a blink'],
  ['an unfinished sequence', 'a\x1b]0;title', 'a]0;title'],
  ['control characters', 'a\0\x07\x7f\x85b', 'ab'],
  ['changes of the writing direction', 'a\u202eb\u2066c\u200f\u061c', 'abc'],
  ['white space at the ends', '\n a \t', 'a'],
])('removes %s', (_, text, expected) => {
  expect(clean(text)).toBe(expected)
})

test('keeps tabs and newlines, and turns carriage returns into newlines', () => {
  expect(clean('a\tb\nc\r\nd\re')).toBe('a\tb\nc\nd\ne')
})

test('cuts a long text at its end, or at its start', () => {
  expect(clean('x'.repeat(2_000))).toHaveLength(2_000)
  expect(clean('x'.repeat(2_001))).toBe(`${'x'.repeat(2_000)}…`)
  expect(redactor([], { maxLength: 3 })('abcdef')).toBe('abc…')
  expect(redactor([], { maxLength: 3, keep: 'end' })('abcdef')).toBe('…def')
})

test.each([
  ['whole values', 'KEY is 12345678.', 'KEY is [KEY].'],
  ['no single words of a value', 'got abcdefgh', 'got abcdefgh'],
  ['a value with a shorter one in it as a whole', '12345678-and-more', '[LONG]'],
  ['a percent-encoded value', 'q=query%2Fsecret', 'q=[q]'],
  ['a value with control characters inserted', '1234\x1b[0m5678 and 1234\x005678', '[KEY] and [KEY]'],
  ['a value that has control characters', 'line-one\r\nline-two', '[PEM]'],
  ['one line of a value', 'at line-two', 'at [PEM]'],
  ['no values of less than 8 characters', 'short', 'short'],
])('hides %s', (_, text, expected) => {
  const redact = redactor([
    ['KEY', '12345678'],
    ['LONG', '12345678-and-more'],
    ['authorization', 'Bearer abcdefgh'],
    ['q', 'query/secret'],
    ['PEM', 'line-one\r\nline-two'],
    ['short', 'short'],
  ])
  expect(redact(text)).toBe(expected)
})

test('inserts names as they are', () => {
  expect(redactor([['$&$1', '12345678']])('a 12345678')).toBe('a [$&$1]')
})

test('accepts values that cannot be percent-encoded', () => {
  expect(redactor([['A', '\ud800-half-of-a-pair']])('x \ud800-half-of-a-pair')).toBe('x [A]')
})

test('hides a secret wherever the text is cut', () => {
  const secret = '0123456789abcdef'
  const text = fc
    .tuple(fc.nat(40), fc.nat(40))
    .map(([before, after]) => '-'.repeat(before) + secret + '-'.repeat(after))
  fc.assert(
    fc.property(text, fc.constantFrom('start' as const, 'end' as const), (given, keep) => {
      expect(redactor([['K', secret]], { maxLength: 20, keep })(given)).not.toMatch(/[0-9a-f]/)
    }),
  )
})

test('takes time linear in the text', () => {
  const texts = ['\x1b[', '\x1b]', '\x9d', '\x1b[0', '\r', ' ', '\x1b ', '12345678'].map(part => part.repeat(200_000))
  const redact = redactor([['K', '12345678']])
  const started = performance.now()
  for (const text of texts) redact(text)
  expect(performance.now() - started).toBeLessThan(5_000)
})
