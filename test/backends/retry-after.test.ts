import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { resetAfterOf, retryAfterOf, retryInfoOf } from '../../src/backends/retry-after.js'
import { readHeaders } from '../../src/backends/safe-read.js'

const NOW = Date.parse('2026-11-22T10:00:00Z')
const map = (headers: Record<string, string>): ReadonlyMap<string, string> => new Map(Object.entries(headers))

describe('the wait that a response requests', () => {
  test.each([
    ['0', 0],
    ['3600', 3_600_000],
    ['1.5', 1_500],
    ['0.0001', 1],
    ['1000000000000', 1e15],
    ['9'.repeat(40), Number.MAX_SAFE_INTEGER],
    ['-1', undefined],
    ['abc', undefined],
    ['abc 5', undefined],
    ['', undefined],
    ['NaN', undefined],
    ['Infinity', undefined],
    ['1e3', undefined],
    ['0x10', undefined],
    ['5, 7', undefined],
    ['9'.repeat(1_000), undefined],
  ])('in seconds, %s, is %s ms', (text, expected) => {
    expect(retryAfterOf(map({ 'retry-after': text }), NOW)).toBe(expected)
  })

  test.each([
    ['Sun, 22 Nov 2026 10:00:30 GMT', 30_000],
    ['Sunday, 22-Nov-26 10:00:30 GMT', 30_000],
    ['Sun Nov 22 10:00:30 2026', 30_000],
    ['sun, 22 nov 2026 10:00:30 gmt', 30_000],
    ['2026-11-22T10:00:30.250Z', 30_250],
    ['2026-11-22T12:00:30+02:00', 30_000],
    ['Sun, 22 Nov 2026 10:00:00 GMT', 0],
    ['Sun, 22 Nov 2026 09:59:59 GMT', undefined],
    ['Sun, 06 Nov 1994 08:49:37 GMT', undefined],
    ['Sun, 42 Nov 2026 10:00:30 GMT', undefined],
    ['Someday, 22 Nov 2026 10:00:30 GMT', undefined],
    ['2026-11-22', undefined],
  ])('as a date, %s, is %s ms from now', (text, expected) => {
    expect(retryAfterOf(map({ 'retry-after': text }), NOW)).toBe(expected)
  })

  test('as a date is compared with the date of the response, not with our clock', () => {
    const headers = { 'retry-after': 'Sun, 22 Nov 2026 10:00:30 GMT', date: 'Sun, 22 Nov 2026 10:00:10 GMT' }
    for (const now of [undefined, 0, NOW, NOW + 1e9]) expect(retryAfterOf(map(headers), now)).toBe(20_000)
    expect(retryAfterOf(map({ ...headers, date: 'nonsense' }), NOW)).toBe(30_000)
  })

  test('as a date is undefined without any current time', () => {
    expect(retryAfterOf(map({ 'retry-after': 'Sun, 22 Nov 2026 10:00:30 GMT' }))).toBeUndefined()
  })

  test('in milliseconds takes precedence over seconds, unless it is invalid', () => {
    expect(retryAfterOf(map({ 'retry-after-ms': '250', 'retry-after': '1' }))).toBe(250)
    expect(retryAfterOf(map({ 'retry-after-ms': '0', 'retry-after': '1' }))).toBe(0)
    expect(retryAfterOf(map({ 'retry-after-ms': '-250', 'retry-after': '1' }))).toBe(1_000)
    expect(retryAfterOf(map({ 'retry-after-ms': 'soon', 'retry-after': '1' }))).toBe(1_000)
  })

  test('is undefined without headers', () => {
    expect(retryAfterOf(map({}), NOW)).toBeUndefined()
  })
})

describe('the reset of limits', () => {
  test.each([
    ['x-ratelimit-reset-requests', '17ms', 17],
    ['x-ratelimit-reset-tokens', '6m0s', 360_000],
    ['x-ratelimit-reset-tokens', '1h2m3.5s', 3_723_500],
    ['x-ratelimit-reset', '1d', 86_400_000],
    ['ratelimit-reset', '30', 30_000],
    ['x-ratelimit-reset-after', '0.25', 250],
    ['x-rate-limit-reset', `${NOW / 1_000 + 5}`, 5_000],
    ['x-ratelimit-reset', `${NOW + 5_000}`, 5_000],
    ['anthropic-ratelimit-requests-reset', '2026-11-22T10:00:05Z', 5_000],
    ['anthropic-ratelimit-unified-5h-reset', `${NOW / 1_000 + 5}`, 5_000],
    ['x-ratelimit-reset', `${NOW / 1_000 - 5}`, undefined],
    ['x-ratelimit-reset', '-5', undefined],
    ['x-ratelimit-reset', '5 s', undefined],
    ['x-ratelimit-reset', '5x', undefined],
    ['x-ratelimit-reset', '', undefined],
    ['x-ratelimit-limit', '30', undefined],
    ['x-ratelimit-resettable', '30', undefined],
    ['x-reset', '30', undefined],
  ])('%s: %s is %s ms from now', (name, text, expected) => {
    expect(resetAfterOf(map({ [name]: text }), NOW)).toBe(expected)
  })

  test('is the last one of the used-up limits', () => {
    const headers = {
      'x-ratelimit-remaining-requests': '0',
      'x-ratelimit-reset-requests': '2s',
      'x-ratelimit-remaining-tokens': '0',
      'x-ratelimit-reset-tokens': '5s',
      'x-ratelimit-remaining-images': '7',
      'x-ratelimit-reset-images': '60s',
    }
    expect(resetAfterOf(map(headers))).toBe(5_000)
  })

  test('is the first one if no limit is used up', () => {
    const headers = { 'anthropic-ratelimit-requests-reset': '10s', 'anthropic-ratelimit-tokens-reset': '5s' }
    expect(resetAfterOf(map(headers))).toBe(5_000)
  })
})

describe('the wait in an error body of Google', () => {
  const info = (retryDelay: unknown): unknown => ({
    details: [{ '@type': 'type.googleapis.com/google.rpc.QuotaFailure' }, { retryDelay }],
  })

  test.each([
    ['53s', 53_000],
    ['45.837906927s', 45_838],
    ['-1s', undefined],
    [53, undefined],
  ])('%s is %s ms', (delay, expected) => {
    expect(retryInfoOf(info(delay))).toBe(expected)
  })

  test.each([[null], [{}], [{ details: null }], [{ details: 'x' }], [{ details: [] }], [{ details: [null, 1] }]])(
    'is not found in %j',
    body => {
      expect(retryInfoOf(body)).toBeUndefined()
    },
  )
})

test('no header results in a wait that is negative, NaN, or too large', () => {
  const piece = fc.constantFrom('-', '9', '0', '.', 'e', 's', 'm', 'ms', 'Sun, ', ' Nov ', ':', '2026', '1e308', ' GMT')
  const text = fc.oneof(
    fc.string(),
    fc.array(piece, { maxLength: 12 }).map(parts => parts.join('')),
  )
  fc.assert(
    fc.property(text, fc.constantFrom('retry-after', 'retry-after-ms', 'x-ratelimit-reset'), (value, name) => {
      for (const wait of [retryAfterOf(map({ [name]: value }), NOW), resetAfterOf(map({ [name]: value }), NOW)])
        if (wait !== undefined) {
          expect(Number.isSafeInteger(wait)).toBe(true)
          expect(wait).toBeGreaterThanOrEqual(0)
        }
    }),
    { numRuns: 2_000 },
  )
})

describe('headers', () => {
  const endless = {
    *[Symbol.iterator]() {
      for (;;) yield ['Retry-After', '7']
    },
  }
  test.each([
    ['a Headers', new Headers({ 'Retry-After': '7' })],
    ['a Map', new Map([['RETRY-AFTER', '7']])],
    ['a record', { 'reTry-after': '7' }],
    ['a record without a prototype', Object.assign(Object.create(null), { 'Retry-After': '7' })],
    ['a record with a number', { 'retry-after': 7 }],
    ['a record with a list', { 'retry-after': ['7', '8'] }],
    ['pairs', [['Retry-After', ' 7 ']]],
    ['pairs that never end', endless],
    [
      'a record in which another cannot be read',
      {
        get other() {
          throw new Error('no')
        },
        'retry-after': '7',
      },
    ],
  ])('are read from %s, in any case', (_, source) => {
    expect(readHeaders(source).get('retry-after')).toBe('7')
  })

  test.each([[undefined], [null], ['retry-after: 7'], [7], [[]], [[1, null, 'xx']], [{ 'retry-after': {} }]])(
    'are not found in %j',
    source => {
      expect(readHeaders(source).get('retry-after')).toBeUndefined()
    },
  )
})
