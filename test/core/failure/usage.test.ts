import { describe, expect, test } from 'vitest'
import { addUsage, readUsage, tokensOf } from '../../../src/core/failure/usage.js'

describe('readUsage', () => {
  test('keeps finite amounts of at least 0 and drops everything else', () => {
    expect(readUsage({ inputTokens: -1, outputTokens: Number.NaN, costUsd: 1, estimated: true, more: 1 })).toEqual({
      costUsd: 1,
      estimated: true,
    })
    expect(readUsage({ inputTokens: 0, outputTokens: '7', tokens: Number.POSITIVE_INFINITY })).toEqual({
      inputTokens: 0,
    })
  })

  test.each([undefined, null, 7, 'text', {}, [], { inputTokens: '3' }, { estimated: true }])(
    'returns undefined for %j, which has no amount',
    value => expect(readUsage(value)).toBeUndefined(),
  )

  test('does not throw when a getter does', () => {
    const usage = {
      get inputTokens(): number {
        throw new Error('getter')
      },
      outputTokens: 2,
    }
    expect(readUsage(usage)).toEqual({ outputTokens: 2 })
  })
})

describe('tokensOf', () => {
  test('is the sum of input and output tokens', () => {
    expect(tokensOf({ inputTokens: 1, outputTokens: 2 })).toBe(3)
    expect(tokensOf({ inputTokens: 1 })).toBe(1)
  })

  test('is `tokens` where it is given', () => {
    expect(tokensOf({ tokens: 5 })).toBe(5)
    expect(tokensOf({ inputTokens: 1, tokens: 5 })).toBe(5)
  })

  test('is undefined when no tokens are known', () => {
    expect(tokensOf(undefined)).toBeUndefined()
    expect(tokensOf({ costUsd: 1 })).toBeUndefined()
  })
})

describe('addUsage', () => {
  test('adds the known members and leaves out those that are unknown in both', () => {
    expect(addUsage(undefined, undefined)).toBeUndefined()
    expect(addUsage({ inputTokens: 1 }, undefined)).toEqual({ inputTokens: 1 })
    expect(addUsage({ inputTokens: 1 }, { costUsd: 2 })).toEqual({ inputTokens: 1, costUsd: 2 })
    expect(addUsage({ inputTokens: 0 }, { inputTokens: 0 })).toEqual({ inputTokens: 0 })
  })

  test('counts all tokens of both when one of them has only a total', () => {
    expect(addUsage({ inputTokens: 1, outputTokens: 2 }, { tokens: 5 })).toEqual({
      inputTokens: 1,
      outputTokens: 2,
      tokens: 8,
    })
  })

  test('is estimated when either part is', () => {
    expect(addUsage({ costUsd: 1, estimated: true }, { costUsd: 1 })).toEqual({ costUsd: 2, estimated: true })
  })
})
