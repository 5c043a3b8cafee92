import {
  type Failure,
  type FailureFacts,
  FailureHandler,
  type FailureHandlerOptions,
  type FailureKind,
} from 'counterpoint'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

interface Before extends Partial<Omit<FailureFacts, 'task'>> {
  readonly retries?: number
  readonly backoff?: { baseMs?: number; factor?: number; maxMs?: number }
}

function verdict(failure: Partial<Failure>, before: Before = {}, options: FailureHandlerOptions = {}): object {
  const { retries, backoff, ...facts } = before
  const task = { id: 'a', description: 'a', ...(retries !== undefined && { retries }), ...(backoff && { backoff }) }
  const none = { runId: 'r', attempt: 1, failures: 0, throttled: 0, interrupted: 0, random: () => 1 - 2 ** -24 }
  return new FailureHandler(options).verdict({ kind: 'agent', message: 'no', ...failure }, { ...none, task, ...facts })
}

const retry = (delayMs: number): object => ({ action: 'retry', delayMs })
const dead = expect.objectContaining({ action: 'dead' })

describe('retries', () => {
  test('are two when nothing is said: three attempts that failed by themselves', () => {
    expect([0, 1, 2].map(failures => verdict({}, { failures }))).toEqual([retry(1_000), retry(2_000), dead])
  })

  test.each<FailureKind>(['timeout', 'invalid-output', 'incomplete-output', 'crashed', 'agent'])(
    'are consumed by %s',
    kind => {
      expect(verdict({ kind }, { failures: 1 })).toEqual(retry(2_000))
      expect(verdict({ kind }, { failures: 2 })).toEqual(dead)
    },
  )

  test.each<FailureKind>(['throttled', 'overloaded', 'quota'])(
    'are not consumed by %s, which has a bound of its own',
    kind => {
      expect(verdict({ kind }, { failures: 99, retries: 0 })).toEqual(retry(1_000))
      expect(verdict({ kind }, { throttled: 19 })).toEqual(retry(60_000))
      expect(verdict({ kind }, { throttled: 20 })).toEqual(dead)
      expect(verdict({ kind }, { throttled: 2 }, { maxThrottled: 2 })).toEqual(dead)
    },
  )

  test('are not consumed by interruptions, which have a bound of their own and do not wait', () => {
    expect(verdict({ kind: 'interrupted' }, { failures: 99, retries: 0, interrupted: 2 })).toEqual(retry(0))
    expect(verdict({ kind: 'interrupted' }, { interrupted: 3 })).toEqual(dead)
    expect(verdict({ kind: 'interrupted' }, {}, { maxInterrupted: 0 })).toEqual(dead)
  })

  test.each<FailureKind>(['refused', 'bad-input'])('are not given for %s', kind => {
    expect(verdict({ kind }, { retries: 9 })).toEqual({ action: 'dead', reason: `${kind} is not retried` })
  })

  test('are not given for the kinds that the host names, and only those', () => {
    const options: FailureHandlerOptions = { neverRetry: ['agent', 'throttled', 'interrupted'] }
    for (const kind of options.neverRetry!) expect(verdict({ kind }, {}, options)).toEqual(dead)
    expect(verdict({ kind: 'refused' }, {}, options)).toEqual(retry(1_000))
  })

  test('of the task go before those of the handler', () => {
    expect(verdict({}, { failures: 4, retries: 5 }, { retries: 0 })).toEqual(retry(16_000))
    expect(verdict({}, { retries: 0 }, { retries: 5 })).toEqual(dead)
    expect(verdict({}, {}, { retries: 0 })).toEqual({ action: 'dead', reason: 'no retries allowed' })
  })

  test('that are spent are named in the reason', () => {
    expect(verdict({}, { failures: 2 })).toEqual({ action: 'dead', reason: 'all 2 retries are used up' })
    expect(verdict({ kind: 'quota' }, { throttled: 20 })).toMatchObject({
      reason: expect.stringContaining('turned away'),
    })
    expect(verdict({ kind: 'interrupted' }, { interrupted: 3 })).toMatchObject({
      reason: expect.stringContaining('interruptions'),
    })
  })
})

describe('the wait before the next attempt', () => {
  test('is anything from nothing to the bound: full jitter', () => {
    expect(verdict({}, { random: () => 0 })).toEqual(retry(0))
    expect(verdict({}, { random: () => 0.25, failures: 1 })).toEqual(retry(500))
  })

  test('has a bound that grows to the cap', () => {
    const waits = [0, 1, 2, 3, 4, 5, 6, 50].map(failures => verdict({}, { failures, retries: 99 }))
    expect(waits).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000].map(retry))
  })

  test('is as the task says, else as the handler says, member by member', () => {
    const options = { backoff: { baseMs: 10, maxMs: 25 } }
    expect(verdict({}, { failures: 1 }, options)).toEqual(retry(20))
    expect(verdict({}, { failures: 2, retries: 9 }, options)).toEqual(retry(25))
    expect(verdict({}, { failures: 1, backoff: { factor: 1 } }, options)).toEqual(retry(10))
    expect(verdict({}, { failures: 9, retries: 10, backoff: { maxMs: 70 } }, options)).toEqual(retry(70))
  })

  test.each([
    ['is at least what the provider asks', 5_000, retry(5_000)],
    ['is no shorter for a provider that asks for less', 1, retry(1_000)],
    ['is no longer than the cap, whatever the provider asks', 1e12, retry(60_000)],
    ['does not trust a provider that asks for less than nothing', -1, retry(1_000)],
    ['does not trust a provider that asks for NaN', Number.NaN, retry(1_000)],
    ['is the cap for a provider that asks for ever', Number.POSITIVE_INFINITY, retry(60_000)],
    ['may be nothing', 0, retry(1_000)],
  ])('%s', (_title, retryAfterMs, expected) => {
    expect(verdict({ kind: 'throttled', retryAfterMs })).toEqual(expected)
  })

  test('honours retryAfterMs of every kind that is retried', () => {
    expect(verdict({ kind: 'agent', retryAfterMs: 7_000 })).toEqual(retry(7_000))
  })

  test('is never negative, NaN or above the cap, whatever comes', () => {
    const backoff = fc.record({
      baseMs: fc.double({ min: 0, max: 1e9, noNaN: true }),
      factor: fc.double({ min: 1, max: 1000, noNaN: true }),
      maxMs: fc.nat(),
    })
    fc.assert(
      fc.property(
        backoff,
        fc.nat(99),
        fc.option(fc.double(), { nil: 0 }),
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        (options, failures, retryAfterMs, random) => {
          const given = verdict({ retryAfterMs }, { failures, retries: 100, backoff: options, random: () => random })
          expect(given).toMatchObject({ action: 'retry' })
          const { delayMs } = given as { delayMs: number }
          expect(delayMs >= 0 && delayMs <= options.maxMs).toBe(true)
        },
      ),
    )
  })

  test('is nothing with a base of 0, however many failures there were', () => {
    expect(verdict({}, { failures: 120, retries: 1000, backoff: { baseMs: 0, factor: 1000 } })).toEqual(retry(0))
  })
})
