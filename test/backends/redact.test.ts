import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
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

const SECRET = 'tök"en/1 2\\x+z'
const PEM = '-----BEGIN CERT-----\nMIIB9zCCAa2gAwIB\nAgIUJx8yX+k=\n-----END CERT-----'
const json = (text: string): string => JSON.stringify(text).slice(1, -1)
const base64 = (text: string): string => btoa(String.fromCharCode(...new TextEncoder().encode(text)))

describe('a secret is hidden', () => {
  const redact = redactor([['K', SECRET]])

  test.each([
    ['as it is', SECRET],
    ['in JSON', json(SECRET)],
    ['in JSON in JSON', json(json(SECRET))],
    ['in JSON that is all ASCII', json(SECRET).replace('ö', '\\u00f6')],
    ['in JSON with escaped slashes', json(SECRET).replace('/', '\\/')],
    ['in the literal of a program', json(SECRET).replace('ö', '\\xf6')],
    ['in a literal of bytes', SECRET.replace('ö', '\\xc3\\xb6').replace('+', '\\x2b')],
    ['in a literal with code points', SECRET.replace('ö', '\\u{f6}')],
    ['in HTML', SECRET.replace('"', '&quot;').replace('ö', '&#246;').replace('+', '&#x2B;')],
    ['in hexadecimal', Buffer.from(SECRET).toString('hex')],
    ['with a link of a terminal in it', `${SECRET.slice(0, 4)}\x1b]8;;http://x\x07${SECRET.slice(4)}`],
    ['with changes of the writing direction in it', `${SECRET.slice(0, 4)}\u202e${SECRET.slice(4)}`],
    ['percent-encoded as a component', encodeURIComponent(SECRET)],
    ['percent-encoded in lower case', encodeURIComponent(SECRET).toLowerCase()],
    ['percent-encoded as a whole URL', encodeURI(SECRET)],
    ['percent-encoded twice', encodeURIComponent(encodeURIComponent(SECRET))],
    ['as in a form', String(new URLSearchParams({ q: SECRET })).slice(2)],
    ['in colours', `\x1b[1m${SECRET.slice(0, 4)}\x1b[0;31m${SECRET.slice(4)}\x1b[0m`],
    ['in colours in JSON', json(`${SECRET.slice(0, 4)}\x1b[31m${SECRET.slice(4)}`)],
    ['with control characters in it', `${SECRET.slice(0, 4)}\0\x07${SECRET.slice(4)}`],
    ['in base64', base64(SECRET)],
    ['in base64 behind a user name', base64(`me:${SECRET}`)],
    ['in base64 between other text', base64(`{"a":"${SECRET}"}`)],
    ['in base64 of URLs', base64(`user:${SECRET}`).replaceAll('+', '-').replaceAll('/', '_')],
  ])('%s', (_, spelling) => {
    expect(redact(`a ${spelling} b`)).toBe('a [K] b')
  })

  test.each([
    ['of several lines', PEM, 'a [PEM] b'],
    ['of several lines with other line ends', PEM.replaceAll('\n', '\r\n'), 'a [PEM] b'],
    ['of several lines in JSON', json(PEM), 'a [PEM] b'],
    ['of several lines, one of them', 'MIIB9zCCAa2gAwIB', 'a [PEM] b'],
    ['of several lines, with others between', PEM.replaceAll('\n', '\n> '), 'a [PEM]\n> [PEM]\n> [PEM]\n> [PEM] b'],
  ])('%s', (_, spelling, expected) => {
    expect(redactor([['PEM', PEM]])(`a ${spelling} b`)).toBe(expected)
  })

  test('that holds a text of several lines as JSON, when one of those is written', () => {
    const redact = redactor([['ACCOUNT', JSON.stringify({ key: PEM })]])
    expect(redact('cannot read MIIB9zCCAa2gAwIB')).toBe('cannot read [ACCOUNT]')
  })

  test.each([
    ['overlap', 'x12345678abcd87654321y', 'x[A]y'],
    ['are next to each other', '12345678abcdabcd87654321', '[A][B]'],
    ['contain each other', 'in 12345678abcd-longer', 'in [C]'],
    ['contain each other, broken by what is removed', 'in 12345678abcd-lo\x1b]8;;\x07ng\u202eer', 'in [C]'],
    ['overlap in an escaped text', '12345678%61bcd87654321', '[A]'],
  ])('together with others that %s', (_, text, expected) => {
    const redact = redactor([
      ['A', '12345678abcd'],
      ['B', 'abcd87654321'],
      ['C', '12345678abcd-longer'],
    ])
    expect(redact(text)).toBe(expected)
  })

  test('that overlaps itself', () => {
    expect(redactor([['K', 'abcabcab']])('-abcabcabcabc-')).toBe('-[K]c-')
  })

  test('of which a part is left where the text was cut before', () => {
    const redact = redactor([['K', '0123456789abcdef']])
    expect(redact('9abcdef is wrong', 'start')).toBe('[K] is wrong')
    expect(redact('wrong: 0123456', 'end')).toBe('wrong: [K]')
    expect(redact('9abcdef is wrong')).toBe('9abcdef is wrong')
  })

  test('of which a part is left, in any spelling, where the text was cut before', () => {
    const secret = '0"1/2"3/4"5/6"7/8'
    const redact = redactor([['K', secret]])
    const percent = encodeURIComponent
    const unicode = (text: string): string => json(text).replaceAll('/', '\\u002f')
    for (const spelled of [json, percent, unicode, (text: string) => json(json(text))].map(spell => spell(secret)))
      for (let at = 1; at < spelled.length - 12; at++) {
        expect(redact(`${spelled.slice(at)} is wrong`, 'start')).toBe('[K] is wrong')
        expect(redact(`wrong: ${spelled.slice(0, -at)}`, 'end')).toBe('wrong: [K]')
      }
  })
})

test('escapes that hide nothing stay as they are', () => {
  const text = 'C:\\new\\table 100%25 \\u0041 %zz %c3( \\'
  expect(redactor([['K', '12345678']])(text)).toBe(text)
})

describe('a key of a known shape is hidden', () => {
  test.each([
    ['of OpenAI', `sk-proj-${'a1B2'.repeat(8)}`, '[key]'],
    ['of Anthropic', `sk-ant-api03-${'a1B2_-'.repeat(8)}AA`, '[key]'],
    ['of GitHub', `ghp_${'a1B2'.repeat(9)}`, '[key]'],
    ['of GitHub, with scopes', `github_pat_${'a1B2_'.repeat(9)}`, '[key]'],
    ['of GitLab', `glpat-${'a1B2'.repeat(5)}`, '[key]'],
    ['of Google', `AIza${'a1B2-'.repeat(7)}`, '[key]'],
    ['of AWS', 'AKIAIOSFODNN7EXAMPLE', '[key]'],
    ['of Slack', `xoxb-${'1234567890-'.repeat(2)}abcdef`, '[key]'],
    ['of Stripe', `sk_live_${'a1B2'.repeat(6)}`, '[key]'],
    ['of Hugging Face', `hf_${'aB'.repeat(17)}`, '[key]'],
    ['as a JSON web token', 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc-DEF_123', '[key]'],
    ['as a bearer token', 'Bearer abcdefghijklmnop==', 'Bearer [key]'],
    ['as user and password', 'Authorization: Basic dXNlcjpwYXNz', 'Authorization: Basic [key]'],
    ['in a URL', 'https://me:pass@example.com/a', 'https://[key]@example.com/a'],
    [
      'in PEM',
      '-----BEGIN RSA PRIVATE KEY-----\nMIIB\n-----END RSA PRIVATE KEY----- b -----BEGIN PRIVATE KEY-----\nMII',
      '[key] b [key]',
    ],
  ])('%s', (_, text, expected) => {
    expect(clean(`${text}`)).toBe(expected)
  })

  test.each([
    'the task-learning-to-sort-1 and risk-12345678901234567890',
    'sk-learn-is-a-word-with-dashes',
    'bearer of bad news',
    'basic understanding of authorization',
    'see https://example.com:8080/a@b',
    'a commit 3f786850e387550fdab836ed7e6dc881de23001b',
  ])('but not %j', text => {
    expect(clean(text)).toBe(text)
  })
})

test('halves of surrogate pairs become U+FFFD, and none is made by the cut', () => {
  expect(clean('a\ud800b')).toBe('a\ufffdb')
  expect(redactor([], { maxLength: 3 })('ab😀😀')).toBe('ab😀…')
  expect(redactor([], { maxLength: 3, keep: 'end' })('😀😀ab')).toBe('…😀ab')
})

test.each([
  ...['\x1b[', '\x1b]', '\x9d', '\x1b[0', '\r', ' ', '\x1b ', '12345678', '1234567', '%31', '%', '\\', '\\u0031'],
  ...['sk-', 'sk-a', 'eyJ-', 'eyJ', 'AIza', 'Bearer ', '://', '://a', '-----BEGIN ', '-----BEGIN PRIVATE KEY-----'],
  ...['authorization: ', 'MTIzNDU2Nzg', 'a/b+', '\ud83d'],
])('takes time linear in a text of %j', part => {
  const text = part.repeat(200_000)
  const redact = redactor([['K', '12345678']])
  const started = performance.now()
  redact(text)
  expect(performance.now() - started).toBeLessThan(5_000)
})

test.each(['start', 'end'] as const)('of a text of a hundred million characters, only the %s is searched', keep => {
  const redact = redactor([['KEY', 'secret-of-the-host']], { maxLength: 30, keep })
  const text = `secret-of-the-host a ${'x'.repeat(1e8)} b secret-of-the-host`
  expect(redact(text)).toBe(keep === 'start' ? '[KEY] a xxxxxxxxxxxxxxxxxxxxxx…' : '…xxxxxxxxxxxxxxxxxxxxxx b [KEY]')
})

test('a secret at the place where a long text is cut off is hidden, if it is shown', () => {
  const redact = redactor([['KEY', 'secret-of-the-host']])
  expect(redact(`a${'\x1b[0m'.repeat(249_997)}secret-of-the-host`)).not.toContain('secret')
})
