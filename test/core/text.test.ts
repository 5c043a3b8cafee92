import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { cutText, wellFormed } from '../../src/core/text.js'

describe('a text that is cut', () => {
  test.each([
    ['a short one is unchanged', 'abc', 3, 'start', 'abc'],
    ['its beginning is kept', 'abcd', 3, 'start', 'abc…'],
    ['its end is kept', 'abcd', 3, 'end', '…bcd'],
    ['pairs count as one character', '😀😀😀', 3, 'start', '😀😀😀'],
    ['a pair is not split at the end', 'ab😀😀', 3, 'start', 'ab😀…'],
    ['a pair is not split at the start', '😀😀ab', 3, 'end', '…😀ab'],
    ['half of a pair counts as one character', '\ud83dabc', 2, 'start', '\ud83da…'],
    ['nothing is kept of it', 'abc', 0, 'start', '…'],
  ] as const)('%s', (_, text, max, keep, expected) => {
    expect(cutText(text, max, keep)).toBe(expected)
  })

  test('is well formed if it was, has at most the number of code points, and is the start or the end of it', () => {
    const text = fc.string({ unit: fc.constantFrom('a', '😀', 'é', '\u{10ffff}') })
    fc.assert(
      fc.property(text, fc.nat(12), fc.constantFrom('start' as const, 'end' as const), (given, max, keep) => {
        const cut = cutText(given, max, keep, '')
        expect(cut.isWellFormed()).toBe(true)
        expect([...cut]).toHaveLength(Math.min(max, [...given].length))
        expect(keep === 'start' ? given.startsWith(cut) : given.endsWith(cut)).toBe(true)
      }),
    )
  })
})

test('halves of surrogate pairs become U+FFFD', () => {
  expect(wellFormed('a\ud83d😀\ude00')).toBe('a\ufffd😀\ufffd')
})
