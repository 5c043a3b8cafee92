import {
  FAILURE_KINDS,
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
  readonly replay?: 'safe' | 'never'
  readonly backoff?: { baseMs?: number; factor?: number; maxMs?: number }
}

function verdict(failure: Partial<Failure>, before: Before = {}, options: FailureHandlerOptions = {}): object {
  const { retries, replay, backoff, ...facts } = before
  const task = {
    id: 'a',
    description: 'a',
    ...(retries !== undefined && { retries }),
    ...(replay && { replay }),
    ...(backoff && { backoff }),
  }
  const none = { failures: 0, throttled: 0, interrupted: 0, failovers: 0, repairs: 0, alternatives: 0 }
  const random = (): number => 1 - 2 ** -24
  const all = { runId: 'r', attempt: 1, ...none, feedback: undefined, random, task, ...facts }
  return new FailureHandler(options).verdict({ kind: 'agent', message: 'no', ...failure }, all)
}

const retry = (delayMs: number): object => ({ action: 'retry', delayMs })
const park = (delayMs: number, taskDelayMs?: number): object => ({
  action: 'park',
  delayMs,
  ...(taskDelayMs !== undefined && { taskDelayMs }),
})
const repair = { action: 'repair', delayMs: 0 }
const DAY = 86_400_000
const dead = expect.objectContaining({ action: 'dead' })

describe('retries', () => {
  test('are two by default: the third failed attempt ends the task', () => {
    expect([0, 1, 2].map(failures => verdict({}, { failures }))).toEqual([retry(1_000), retry(2_000), dead])
  })

  test.each<FailureKind>(['timeout', 'incomplete-output', 'crashed', 'agent'])('are consumed by %s', kind => {
    expect(verdict({ kind }, { failures: 1 })).toEqual(retry(2_000))
    expect(verdict({ kind }, { failures: 2 })).toEqual(dead)
  })

  test.each<FailureKind>(['throttled', 'overloaded', 'quota'])(
    'are not consumed by %s, which has a bound of its own',
    kind => {
      // An exhausted quota without a reset time parks the pool; the others delay only the task.
      const [first, last] = kind === 'quota' ? [park(60_000), park(60_000)] : [retry(1_000), retry(60_000)]
      expect(verdict({ kind }, { failures: 99, retries: 0 })).toEqual(first)
      expect(verdict({ kind }, { throttled: 99 })).toEqual(last)
      expect(verdict({ kind }, { throttled: 100 })).toEqual(dead)
      expect(verdict({ kind }, { throttled: 2 }, { maxThrottled: 2 })).toEqual(dead)
    },
  )

  test('are not consumed by interruptions, which have a bound of their own and do not wait', () => {
    expect(verdict({ kind: 'interrupted' }, { failures: 99, retries: 0, interrupted: 2 })).toEqual(retry(0))
    expect(verdict({ kind: 'interrupted' }, { interrupted: 3 })).toEqual(dead)
    expect(verdict({ kind: 'interrupted' }, {}, { maxInterrupted: 0 })).toEqual(dead)
  })

  test.each<FailureKind>(['refused', 'bad-input'])('are not made for %s', kind => {
    expect(verdict({ kind }, { retries: 9 })).toEqual({ action: 'dead', reason: `${kind} is not retried` })
  })

  test('are not made for the kinds in `neverRetry`, and only those', () => {
    const options: FailureHandlerOptions = { neverRetry: ['agent', 'throttled', 'timeout', 'invalid-output'] }
    for (const kind of options.neverRetry!) expect(verdict({ kind }, {}, options)).toEqual(dead)
    expect(verdict({ kind: 'refused' }, {}, options)).toEqual(retry(1_000))
  })

  test('are not made after interruptions if `neverRetry` includes them', () => {
    expect(verdict({ kind: 'interrupted' }, {}, { neverRetry: ['interrupted'] })).toEqual(dead)
  })

  test('of the task take precedence over those of the handler', () => {
    expect(verdict({}, { failures: 4, retries: 5 }, { retries: 0 })).toEqual(retry(16_000))
    expect(verdict({}, { retries: 0 }, { retries: 5 })).toEqual(dead)
    expect(verdict({}, {}, { retries: 0 })).toEqual({ action: 'dead', reason: 'no retries allowed' })
  })

  test('are named in the reason when they are used up', () => {
    expect(verdict({}, { failures: 2 })).toEqual({ action: 'dead', reason: 'all 2 retries are used up' })
    expect(verdict({ kind: 'quota' }, { throttled: 100 })).toMatchObject({
      reason: expect.stringContaining('throttled'),
    })
    expect(verdict({ kind: 'interrupted' }, { interrupted: 3 })).toMatchObject({
      reason: expect.stringContaining('interruptions'),
    })
  })
})

describe('the wait before the next attempt', () => {
  test('is random between 0 and the bound (full jitter)', () => {
    expect(verdict({}, { random: () => 0 })).toEqual(retry(0))
    expect(verdict({}, { random: () => 0.25, failures: 1 })).toEqual(retry(500))
  })

  test('has a bound that grows exponentially up to the cap', () => {
    const waits = [0, 1, 2, 3, 4, 5, 6, 50].map(failures => verdict({}, { failures, retries: 99 }))
    expect(waits).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000].map(retry))
  })

  test('uses the options of the task, else those of the handler, member by member', () => {
    const options = { backoff: { baseMs: 10, maxMs: 25 } }
    expect(verdict({}, { failures: 1 }, options)).toEqual(retry(20))
    expect(verdict({}, { failures: 2, retries: 9 }, options)).toEqual(retry(25))
    expect(verdict({}, { failures: 1, backoff: { factor: 1 } }, options)).toEqual(retry(10))
    expect(verdict({}, { failures: 9, retries: 10, backoff: { maxMs: 70 } }, options)).toEqual(retry(70))
  })

  test.each([
    ['is at least the time requested by the provider, for which the pool is parked', 5_000, park(5_000)],
    ['is the backoff if the provider requests less; the pool is parked for the requested time', 1, park(1, 1_000)],
    ['is at most maxParkMs', 1e12, park(DAY)],
    ['ignores a negative time', -1, retry(1_000)],
    ['ignores NaN', Number.NaN, retry(1_000)],
    ['is maxParkMs for an infinite time', Number.POSITIVE_INFINITY, park(DAY)],
    ['is the backoff for the task if the provider requests 0', 0, park(0, 1_000)],
  ])('%s', (_title, retryAfterMs, expected) => {
    expect(verdict({ kind: 'throttled', retryAfterMs })).toEqual(expected)
  })

  test('is at least retryAfterMs for every kind that is retried', () => {
    expect(verdict({ kind: 'agent', retryAfterMs: 7_000 })).toEqual(retry(7_000))
  })

  test('is clamped to maxParkMs when the task was throttled, and to the cap of its backoff otherwise', () => {
    const options = { maxParkMs: 90_000 }
    for (const kind of ['throttled', 'overloaded', 'quota'] as const)
      expect(verdict({ kind, retryAfterMs: 1e12 }, {}, options)).toEqual(park(90_000))
    expect(verdict({ kind: 'throttled', retryAfterMs: 80_000 }, { backoff: { maxMs: 10 } })).toEqual(park(80_000))
    expect(verdict({ retryAfterMs: 1e12 }, {}, options)).toEqual(retry(60_000))
    expect(verdict({ retryAfterMs: 80_000 }, { backoff: { maxMs: 70_000 } }, options)).toEqual(retry(70_000))
  })

  test('is never negative, NaN or above the cap', () => {
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
          const throttledFailure = { kind: 'throttled', retryAfterMs } as const
          const parked = verdict(throttledFailure, { throttled: failures, backoff: options, random: () => random })
          const { delayMs: parkMs } = parked as { delayMs: number }
          expect(parkMs >= 0 && parkMs <= Math.max(options.maxMs, DAY)).toBe(true)
          const { taskDelayMs = parkMs } = parked as { taskDelayMs?: number }
          expect(taskDelayMs >= parkMs && taskDelayMs <= Math.max(options.maxMs, parkMs)).toBe(true)
        },
      ),
    )
  })

  test('is 0 with a base of 0, after any number of failures', () => {
    expect(verdict({}, { failures: 120, retries: 1000, backoff: { baseMs: 0, factor: 1000 } })).toEqual(retry(0))
  })
})

describe('a pool is parked', () => {
  test('for an exhausted quota: until its reset, or for quotaParkMs if that is unknown', () => {
    expect(verdict({ kind: 'quota', retryAfterMs: 3_600_000 })).toEqual(park(3_600_000))
    expect(verdict({ kind: 'quota' })).toEqual(park(60_000))
    expect(verdict({ kind: 'quota', retryAfterMs: -1 }, {}, { quotaParkMs: 7 })).toEqual(park(7, 1_000))
  })

  test('for the requested time; repeated throttling only increases the delay of the task', () => {
    const of = (throttled: number, retryAfterMs: number): object =>
      verdict({ kind: 'throttled', retryAfterMs }, { throttled })
    expect([0, 3, 9].map(times => of(times, 2_000))).toEqual([park(2_000), park(2_000, 8_000), park(2_000, 60_000)])
    expect(of(9, 60_000)).toEqual(park(60_000))
  })

  test('for no other kind, even if the failure has a retryAfterMs', () => {
    for (const kind of ['agent', 'crashed', 'timeout', 'incomplete-output'] as const)
      expect(verdict({ kind, retryAfterMs: 7_000 })).toEqual(retry(7_000))
  })
})

describe('failover', () => {
  const other = { alternatives: 1 }

  test.each<FailureKind>(['throttled', 'overloaded', 'quota', 'timeout', 'crashed', 'refused'])(
    'is the first choice for %s while another backend is available, and consumes no retry',
    kind => {
      expect(verdict({ kind }, { ...other, failures: 99, throttled: 999, retries: 0 })).toMatchObject({
        action: 'failover',
      })
      expect(verdict({ kind }, { alternatives: 0 })).not.toMatchObject({ action: 'failover' })
      expect(verdict({ kind }, { ...other, failovers: 4 })).toMatchObject({ action: 'failover' })
      expect(verdict({ kind }, { ...other, failovers: 5 })).toEqual(verdict({ kind }))
      expect(verdict({ kind }, { ...other, failovers: 1 }, { maxFailovers: 1 })).toEqual(verdict({ kind }))
    },
  )

  test.each<FailureKind>(['agent', 'invalid-output', 'incomplete-output', 'bad-input', 'interrupted'])(
    'does not happen for %s, where another backend would not help',
    kind => expect(verdict({ kind }, other)).toEqual(verdict({ kind })),
  )

  test('happens for the kinds in `failover`, and only those', () => {
    const options: FailureHandlerOptions = { failover: ['agent'] }
    expect(verdict({}, other, options)).toEqual({ action: 'failover' })
    expect(verdict({ kind: 'crashed' }, other, options)).toEqual(retry(1_000))
  })

  test('rests the backend for the requested time, at most maxParkMs; always after an exhausted quota', () => {
    expect(verdict({ kind: 'throttled', retryAfterMs: 1e12 }, other)).toEqual({ action: 'failover', restMs: DAY })
    expect(verdict({ kind: 'throttled', retryAfterMs: Number.NaN }, other)).toEqual({ action: 'failover' })
    expect(verdict({ kind: 'quota' }, other)).toEqual({ action: 'failover', restMs: 60_000 })
    expect(verdict({ kind: 'quota', retryAfterMs: 5 }, other)).toEqual({ action: 'failover', restMs: 5 })
  })
})

describe('a failure is fed back to the agent', () => {
  const feedback = { attempt: 1, kind: 'invalid-output', message: 'no', output: '{}' } as const
  const invalid = { kind: 'invalid-output', output: '{}' } as const

  test('when its output is invalid: at once and at most twice, without consuming a retry', () => {
    expect(verdict(invalid, { failures: 99 })).toEqual(repair)
    expect(verdict(invalid, { repairs: 1 })).toEqual(repair)
    expect(verdict(invalid, { repairs: 2 })).toEqual({ action: 'dead', reason: 'all 2 repairs are used up' })
    expect(verdict(invalid, { repairs: 4 }, { maxRepairs: 5 })).toEqual(repair)
    expect(verdict(invalid, {}, { maxRepairs: 0 })).toEqual({ action: 'dead', reason: 'no repairs allowed' })
  })

  test('even if the task has no retries', () => {
    expect(verdict(invalid, { retries: 0 })).toEqual(repair)
    expect(verdict(invalid, { retries: 0, repairs: 2 })).toEqual(dead)
  })

  test('unless the repaired attempt failed in the same way: then the task is dead', () => {
    const unchanged = { action: 'dead', reason: 'the repaired attempt failed in the same way' }
    expect(verdict(invalid, { repairs: 1, feedback })).toEqual(unchanged)
    expect(verdict({ ...invalid, output: '{"a":1}' }, { repairs: 1, feedback })).toEqual(repair)
    expect(verdict({ ...invalid, message: 'another' }, { repairs: 1, feedback })).toEqual(repair)
  })

  test('for the kinds in `repair`, and only those', () => {
    const options: FailureHandlerOptions = { repair: ['incomplete-output', 'agent'] }
    for (const kind of options.repair!) expect(verdict({ kind }, {}, options)).toEqual(repair)
    expect(verdict(invalid, {}, options)).toEqual(retry(1_000))
  })
})

describe('a task that is not safe to replay', () => {
  const never = { replay: 'never', retries: 9, alternatives: 3 } as const

  test.each<FailureKind>(['interrupted', 'timeout', 'crashed', 'incomplete-output'])(
    'is held after %s: the attempt may have had effects',
    kind =>
      expect(verdict({ kind }, never)).toEqual({
        action: 'hold',
        reason: `it failed with ${kind} and must not be replayed`,
      }),
  )

  test.each<FailureKind>(['invalid-output', 'bad-input', 'refused', 'agent'])('is dead after %s', kind =>
    expect(verdict({ kind }, never)).toEqual(dead),
  )

  test('is retried or fails over after it was throttled: nothing has been done', () => {
    for (const kind of ['throttled', 'overloaded', 'quota'] as const) {
      expect(verdict({ kind }, never)).toMatchObject({ action: 'failover' })
      expect(verdict({ kind }, { replay: 'never' })).toEqual(verdict({ kind }))
    }
  })

  test('is dead when its queue or total timeout has expired, like any other task', () => {
    for (const timeout of ['queue', 'total'] as const)
      for (const replay of ['never', 'safe'] as const)
        expect(verdict({ kind: 'timeout', timeout }, { ...never, replay })).toEqual({
          action: 'dead',
          reason: `the ${timeout} timeout is final`,
        })
  })

  test('is never retried on the same backend, whatever the kind', () => {
    for (const kind of FAILURE_KINDS)
      expect(['hold', 'dead', 'failover']).toContain((verdict({ kind }, never) as { action: string }).action)
  })
})
