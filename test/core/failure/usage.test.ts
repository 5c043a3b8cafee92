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

describe('the usage of a provider', () => {
  test.each([
    [
      'OpenAI, chat completions',
      { prompt_tokens: 9, completion_tokens: 12, total_tokens: 21, prompt_tokens_details: { cached_tokens: 3 } },
      { inputTokens: 9, outputTokens: 12, tokens: 21 },
    ],
    [
      'OpenAI, responses',
      { input_tokens: 36, input_tokens_details: { cached_tokens: 4 }, output_tokens: 87, total_tokens: 123 },
      { inputTokens: 36, outputTokens: 87, tokens: 123 },
    ],
    [
      'Anthropic',
      { input_tokens: 10, cache_creation_input_tokens: 200, cache_read_input_tokens: 3000, output_tokens: 5 },
      { inputTokens: 3210, outputTokens: 5 },
    ],
    [
      'Anthropic without a cache',
      { input_tokens: 10, cache_creation_input_tokens: null, cache_read_input_tokens: null, output_tokens: 5 },
      { inputTokens: 10, outputTokens: 5 },
    ],
    [
      'Gemini',
      { promptTokenCount: 4, candidatesTokenCount: 40, thoughtsTokenCount: 400, totalTokenCount: 444 },
      { inputTokens: 4, outputTokens: 440, tokens: 444 },
    ],
    [
      'Gemini with tools',
      { promptTokenCount: 4, toolUsePromptTokenCount: 6, candidatesTokenCount: 40, totalTokenCount: 50 },
      { inputTokens: 10, outputTokens: 40, tokens: 50 },
    ],
    [
      'the AI SDK',
      { inputTokens: 1, outputTokens: 2, totalTokens: 3, reasoningTokens: undefined, cachedInputTokens: undefined },
      { inputTokens: 1, outputTokens: 2, tokens: 3 },
    ],
    [
      'a provider of the AI SDK',
      { inputTokens: { total: 8, noCache: 3, cacheRead: 5 }, outputTokens: { total: undefined, text: undefined } },
      { inputTokens: 8 },
    ],
    [
      'the AI SDK, version 4, of a provider that gives none',
      { promptTokens: Number.NaN, completionTokens: Number.NaN, totalTokens: Number.NaN },
      undefined,
    ],
    [
      'the AI SDK, version 4',
      { promptTokens: 1, completionTokens: 2, totalTokens: 3 },
      { inputTokens: 1, outputTokens: 2, tokens: 3 },
    ],
  ])('is read as it is: %s', (_, usage, expected) => {
    const unreadable: string[] = []
    expect(readUsage(usage, unreadable)).toEqual(expected)
    expect(unreadable).toEqual([])
  })

  test('does not count when our own name has an amount', () => {
    expect(readUsage({ inputTokens: 1, prompt_tokens: 5 })).toEqual({ inputTokens: 1 })
  })

  test('names the amounts that cannot be read', () => {
    const unreadable: string[] = []
    const usage = { promptTokens: '7', completionTokens: 2, costUsd: '1', tokens: null, inputTokens: {} }
    expect(readUsage(usage, unreadable)).toEqual({ outputTokens: 2 })
    expect(unreadable).toEqual(['inputTokens', 'promptTokens', 'costUsd'])
  })

  test('stays finite when its amounts are added up', () => {
    const huge = readUsage({ input_tokens: 1e308, cache_read_input_tokens: 1e308 })
    expect(huge).toEqual({ inputTokens: Number.MAX_SAFE_INTEGER })
    expect(addUsage(huge, huge)).toEqual(huge)
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
