import { FAILURE_KINDS, isCounterpointError } from 'counterpoint'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  type AdaptiveConcurrency,
  AdaptiveLimit,
  type LoadSignal,
} from '../../../src/pools/concurrency/adaptive-limit.js'
import { SeededRandom } from '../../support/seeded-random.js'

/** How a provider answers a request: after how long, and whether it succeeded. */
interface Answer {
  readonly afterMs: number
  readonly ok: boolean
  readonly retryAfterMs?: number
  readonly done?: () => void
}

type Provider = (now: number, dice: SeededRandom) => Answer

/** Between half and one and a half times `ms`. */
const around = (ms: number, dice: SeededRandom): number => ms * (0.5 + dice.next())

/** Serves as many requests at once as its capacity allows, and rejects all others right away. */
function workers(capacity: (now: number) => number, latencyMs: number, noise = 0): Provider {
  let busy = 0
  return (now, dice) => {
    if (dice.chance(noise) || busy >= capacity(now)) return { afterMs: around(latencyMs / 10, dice), ok: false }
    busy++
    return { afterMs: around(latencyMs, dice), ok: true, done: () => busy-- }
  }
}

/** Like `workers`, but requests that wait too long for one time out without an answer. */
function queue(capacity: number, latencyMs: number, timeoutMs: number): Provider {
  const freeAt = new Array<number>(capacity).fill(0)
  return (now, dice) => {
    const next = freeAt.indexOf(Math.min(...freeAt))
    const endsAt = Math.max(now, freeAt[next] as number) + around(latencyMs, dice)
    if (endsAt - now > timeoutMs) return { afterMs: timeoutMs, ok: false }
    freeAt[next] = endsAt
    return { afterMs: endsAt - now, ok: true }
  }
}

/** Accepts so many requests per second, in sliding windows or in calendar seconds. Its Retry-After is exact. */
function rate(perSecond: number, latencyMs: number, window: 'sliding' | 'fixed' = 'sliding'): Provider {
  let taken: number[] = []
  return (now, dice) => {
    const since = window === 'sliding' ? now - 1_000 : Math.floor(now / 1_000) * 1_000 - 0.001
    if ((taken[0] ?? now) <= since || taken.length > 4 * perSecond) taken = taken.filter(at => at > since)
    if (taken.length < perSecond) {
      taken.push(now)
      return { afterMs: around(latencyMs, dice), ok: true }
    }
    const oldest = taken[taken.length - perSecond] as number
    const opensAt = window === 'sliding' ? oldest + 1_000 : Math.floor(now / 1_000) * 1_000 + 1_000
    return { afterMs: around(5, dice), ok: false, retryAfterMs: opensAt - now }
  }
}

/** From 30 s to 60 s every request is rejected, or hangs. */
const outage =
  (provider: Provider, hangsMs?: number): Provider =>
  (now, dice) =>
    now < 30_000 || now >= 60_000 ? provider(now, dice) : { afterMs: hangsMs ?? around(50, dice), ok: false }

interface Second {
  ok: number
  rejected: number
  highest: number
  lowest: number
}

interface Scene {
  readonly provider: Provider
  readonly seconds: number
  readonly options?: Partial<AdaptiveConcurrency>
  readonly seed?: number
  /** The pool respects Retry-After. */
  readonly parks?: boolean
  /** How many of the first attempts never end. */
  readonly stuck?: number
}

/** A saturated pool in virtual time. Returns what it did in each second. */
function simulate({ provider, seconds, options, seed = 1, parks = false, stuck = 0 }: Scene): Second[] {
  const limit = new AdaptiveLimit({ min: 1, max: 256, ...options })
  const dice = new SeededRandom(seed)
  const results: Second[] = Array.from({ length: seconds }, () => ({ ok: 0, rejected: 0, highest: 0, lowest: 1e9 }))
  /** Sorted by `at`, descending. */
  const due: { readonly at: number; readonly startedAt: number; readonly answer?: Answer }[] = []
  const push = (entry: (typeof due)[number]): void => {
    let low = 0
    for (let high = due.length; low < high; ) {
      const middle = (low + high) >> 1
      if ((due[middle] as typeof entry).at > entry.at) low = middle + 1
      else high = middle
    }
    due.splice(low, 0, entry)
  }
  let inFlight = stuck
  let opensAt = 0
  push({ at: 0, startedAt: 0 })
  for (let event = due.pop(); event !== undefined && event.at < seconds * 1_000; event = due.pop()) {
    const { at: now, startedAt, answer } = event
    const second = results[Math.floor(now / 1_000)] as Second
    if (answer !== undefined) {
      limit.ended(now, startedAt, answer.ok ? 'ok' : 'overload', inFlight--)
      answer.done?.()
      second[answer.ok ? 'ok' : 'rejected']++
      if (parks && answer.retryAfterMs !== undefined && now + answer.retryAfterMs > opensAt) {
        opensAt = now + answer.retryAfterMs
        push({ at: opensAt, startedAt: now })
      }
    }
    second.highest = Math.max(second.highest, limit.limit)
    second.lowest = Math.min(second.lowest, limit.limit)
    for (; inFlight < limit.limit && now >= opensAt; inFlight++) {
      const next = provider(now, dice)
      push({ at: now + next.afterMs, startedAt: now, answer: next })
    }
  }
  return results
}

const sum = (results: readonly Second[], of: 'ok' | 'rejected'): number =>
  results.reduce((total, each) => total + each[of], 0)
const perSecond = (results: readonly Second[]): number => sum(results, 'ok') / results.length
const rejectedShare = (results: readonly Second[]): number =>
  sum(results, 'rejected') / (sum(results, 'ok') + sum(results, 'rejected'))
const SEEDS = [1, 2, 3]

describe('in simulation', () => {
  const PROVIDERS = [
    [3, 200],
    [10, 500],
    [40, 200],
    [100, 100],
    [200, 50],
    [200, 300],
  ] as const

  test.each(PROVIDERS)('uses %i workers of %i ms to at least 80 % within 30 windows', (capacity, latencyMs) => {
    for (const seed of SEEDS) {
      const results = simulate({ provider: workers(() => capacity, latencyMs), seconds: 60, seed })
      expect(perSecond(results.slice(20, 30)) / (capacity / latencyMs)).toBeGreaterThan(800)
      expect(perSecond(results.slice(30)) / (capacity / latencyMs)).toBeGreaterThan(800)
      expect(rejectedShare(results.slice(30))).toBeLessThan(0.04)
    }
  })

  test.each(PROVIDERS)(
    'uses %i workers of %i ms to at least 80 % again after 30 s with a tenth of them',
    (capacity, latencyMs) => {
      for (const seed of SEEDS) {
        const capacityAt = (at: number): number => (at < 30_000 || at >= 60_000 ? capacity : Math.ceil(capacity / 10))
        const results = simulate({ provider: workers(capacityAt, latencyMs), seconds: 120, seed })
        expect(perSecond(results.slice(50, 60)) / (capacity / latencyMs)).toBeLessThan(400)
        // Within 30 windows; 60 are allowed.
        expect(perSecond(results.slice(90)) / (capacity / latencyMs)).toBeGreaterThan(800)
      }
    },
  )

  test.each([
    ['rejects every request', undefined],
    ['hangs', 2_000],
  ] as const)('uses the provider to at least 80 % again after it %s for 30 s', (_how, hangsMs) => {
    for (const [capacity, latencyMs] of PROVIDERS) {
      const results = simulate({
        provider: outage(
          workers(() => capacity, latencyMs),
          hangsMs,
        ),
        seconds: 120,
      })
      expect(results[58]?.highest).toBeLessThanOrEqual(2)
      expect(perSecond(results.slice(90)) / (capacity / latencyMs)).toBeGreaterThan(800)
    }
  })

  test.each([
    ['200 a second in 20 ms', 200, 20],
    ['200 a second in 100 ms', 200, 100],
    ['50 a second in 300 ms', 50, 300],
    ['500 a second in 60 ms', 500, 60],
  ])(
    'uses a rate of %s to at least 80 % with under 3 % rejected, whether or not the pool parks',
    (_what, limit, latencyMs) => {
      for (const parks of [false, true]) {
        for (const seed of SEEDS) {
          const results = simulate({
            provider: rate(limit, latencyMs),
            seconds: 130,
            parks,
            seed,
            options: { max: 64 },
          })
          expect(perSecond(results.slice(30)) / limit).toBeGreaterThan(0.8)
          expect(rejectedShare(results.slice(30))).toBeLessThan(0.03)
        }
      }
    },
  )

  test('uses over 90 % of a rate limit per calendar second with under 3 % rejected, in a pool that parks', () => {
    for (const [limit, latencyMs] of [
      [200, 5],
      [200, 20],
      [200, 100],
      [50, 300],
    ] as const) {
      const results = simulate({
        provider: rate(limit, latencyMs, 'fixed'),
        seconds: 100,
        parks: true,
        options: { max: 64 },
      })
      expect(perSecond(results.slice(10)) / limit).toBeGreaterThan(0.9)
      expect(rejectedShare(results.slice(10))).toBeLessThan(0.03)
    }
  })

  test('does not grow without bound when timeouts are the only sign of overload', () => {
    const results = simulate({ provider: queue(20, 200, 2_000), seconds: 60 })
    expect(perSecond(results.slice(10))).toBeGreaterThan(80)
    expect(rejectedShare(results.slice(10))).toBeLessThan(0.03)
  })

  test('tolerates a provider that rejects 1 % of requests at any load', () => {
    const busy = (tolerance: number): number =>
      perSecond(simulate({ provider: workers(() => 100, 100, 0.01), seconds: 90, options: { tolerance } }).slice(30))
    expect(busy(0.02)).toBeGreaterThan(700)
    expect(busy(0)).toBeLessThan(100)
  })

  test('loses only one slot to a stuck attempt at the minimum', () => {
    const provider = outage(workers(() => 40, 200))
    const results = simulate({ provider, seconds: 120, stuck: 1, options: { min: 2, max: 64 } })
    expect([results[58]?.lowest, results[58]?.highest]).toEqual([2, 2])
    expect(perSecond(results.slice(90))).toBeGreaterThan(160)
  })
})

const ok = {
  signal: 'ok',
  startedAt: undefined as number | undefined,
  inFlight: undefined as number | undefined,
} as const

/** Attempts end at `now`, as many as the limit allows: by default each also started then, with the limit fully used. */
function endRound(
  limit: AdaptiveLimit,
  now: number,
  overrides: Partial<Record<keyof typeof ok, unknown>> = {},
): number {
  const { signal, startedAt = now, inFlight = limit.limit } = { ...ok, ...overrides }
  for (let left = limit.limit; left > 0; left--)
    limit.ended(now, startedAt as number, signal as LoadSignal, inFlight as number)
  return limit.limit
}

const limits = (limit: AdaptiveLimit, from: number, rounds: number): number[] =>
  Array.from({ length: rounds }, (_, i) => endRound(limit, from + i * 1_000))

describe('an adaptive limit', () => {
  test('doubles in each window until the first overload, up to its maximum', () => {
    expect(limits(new AdaptiveLimit({ min: 1, max: 50 }), 0, 6)).toEqual([4, 8, 16, 32, 50, 50])
  })

  test('starts at 4 clamped to the bounds, or at `start`', () => {
    const starts = [{ max: 64 }, { max: 64, start: 9 }, { max: 2 }, { min: 6, max: 64 }]
    expect(starts.map(options => new AdaptiveLimit({ min: 1, ...options }).limit)).toEqual([4, 9, 2, 6])
  })

  test('decreases to the last confirmed limit or by its factor, whichever is lower', () => {
    const limit = new AdaptiveLimit({ min: 1, max: 64, start: 20 })
    limits(limit, 0, 2)
    expect(limit.limit).toBe(40)
    expect(limit.ended(2_500, 2_400, 'overload', 40)).toBe(true)
    expect(limit.limit).toBe(20)
    limit.ended(4_000, 3_900, 'overload', 20)
    expect(limit.limit).toBe(14)
  })

  test('returns to the level of the overload ever more slowly, stays just below it, then probes in steps that double', () => {
    const limit = new AdaptiveLimit({ min: 1, max: 200, start: 40 })
    limit.ended(0, 0, 'ok', 40)
    limit.ended(1, 1, 'overload', 40)
    expect(limits(limit, 1_001, 16)).toEqual([31, 33, 35, 37, 38, 39, 39, 39, 39, 40, 41, 43, 47, 55, 71, 103])
  })

  test('grows only while most of it is in use', () => {
    const limit = new AdaptiveLimit({ min: 1, max: 64, start: 10 })
    for (let at = 0; at < 60_000; at += 1_000) endRound(limit, at, { inFlight: 7 })
    expect(limit.limit).toBe(10)
    expect(limits(limit, 60_000, 2)).toEqual([20, 40])
  })

  test('grows once per as many successes as the limit, however long they take', () => {
    const limit = new AdaptiveLimit({ min: 1, max: 64 })
    const endedAt = Array.from({ length: 12 }, (_, i) => 300_000 * (1 + Math.floor(i / 4)) + i)
    const seen = endedAt.map(at => {
      limit.ended(at, at - 300_000, 'ok', limit.limit)
      return limit.limit
    })
    expect(seen).toEqual([4, 4, 4, 8, 8, 8, 8, 8, 8, 8, 8, 16])
  })

  test('decreases once for a burst of failures: ignores attempts from before the decrease, and the cool-down', () => {
    const limit = new AdaptiveLimit({ min: 1, max: 64, start: 40 })
    for (let i = 0; i < 40; i++) limit.ended(100 + i, i, 'overload', 40 - i)
    expect(limit.limit).toBe(28)
    limit.ended(599, 110, 'overload', 28)
    limit.ended(10_000, 50, 'overload', 28)
    expect(limit.limit).toBe(28)
    limit.ended(10_001, 9_000, 'overload', 28)
    expect(limit.limit).toBe(20)
  })

  test('tolerates the failures that successes have earned, at most 5', () => {
    const failures = (successes: number): number => {
      const limit = new AdaptiveLimit({ min: 1, max: 8, start: 8 })
      for (let i = 0; i < successes; i++) limit.ended(1, 1, 'ok', 1)
      for (let count = 1; ; count++) if (limit.ended(2, 2, 'overload', 8)) return count
    }
    expect([0, 49, 51, 151, 251, 100_000].map(failures)).toEqual([1, 1, 2, 4, 6, 6])
  })

  test('remembers its level over an outage and returns to it by doubling', () => {
    const limit = new AdaptiveLimit({ min: 1, max: 500, start: 200, tolerance: 0 })
    limit.ended(0, 0, 'ok', 200)
    for (let at = 1; at < 30_000; at += 600) limit.ended(at, at, 'overload', limit.limit)
    expect(limit.limit).toBe(1)
    expect(limits(limit, 31_000, 9)).toEqual([2, 4, 8, 16, 32, 64, 128, 198, 199])
  })

  test('ignores attempts that say nothing about the load', () => {
    const limit = new AdaptiveLimit({ min: 1, max: 64 })
    for (let at = 0; at < 20_000; at += 100) endRound(limit, at, { signal: 'neutral' })
    expect(limit.limit).toBe(4)
  })

  test('stays at its minimum when successes and failures alternate', () => {
    const limit = new AdaptiveLimit({ min: 2, max: 64, start: 64 })
    for (let at = 0; at < 60_000; at += 50) limit.ended(at, at - 40, at % 100 === 0 ? 'ok' : 'overload', limit.limit)
    expect(limit.limit).toBe(2)
  })
})

describe('failures that count', () => {
  const signs = (limit: AdaptiveLimit): string[] =>
    FAILURE_KINDS.filter(kind => limit.signalOf({ kind, message: '' }) === 'overload')

  test('are throttled, overloaded and timeout by default', () => {
    expect(signs(new AdaptiveLimit({ min: 1, max: 2 }))).toEqual(['throttled', 'overloaded', 'timeout'])
    expect(signs(new AdaptiveLimit({ min: 1, max: 2, countsAs: FAILURE_KINDS }))).toEqual(FAILURE_KINDS)
  })

  test('include timeouts of an attempt, not of a task', () => {
    const limit = new AdaptiveLimit({ min: 1, max: 2 })
    const scopes = ['attempt', 'idle', 'queue', 'total'] as const
    const of = scopes.map(timeout => limit.signalOf({ kind: 'timeout', message: '', timeout }))
    expect(of).toEqual(['overload', 'overload', 'neutral', 'neutral'])
  })
})

describe('options', () => {
  test.each([
    [{ min: 0, max: 4 }, 'min', 'a positive integer, got 0'],
    [{ min: 1.5, max: 4 }, 'min', 'a positive integer, got 1.5'],
    [{ min: 4, max: 3 }, 'max', 'at least the value of min'],
    [{ min: 1, max: Number.POSITIVE_INFINITY }, 'max', 'a positive integer, got Infinity'],
    [{ min: 1, max: 4, start: 5 }, 'start', 'a value between min and max'],
    [{ min: 1, max: 4, increase: 0 }, 'increase', 'more than 0, got 0'],
    [{ min: 1, max: 4, decrease: 1 }, 'decrease', 'less than 1, got 1'],
    [{ min: 1, max: 4, decrease: Number.NaN }, 'decrease', 'a finite number, got NaN'],
    [{ min: 1, max: 4, coolDownMs: -1 }, 'coolDownMs', 'at least 0, got -1'],
    [{ min: 1, max: 4, windowMs: Number.NaN }, 'windowMs', 'a finite number, got NaN'],
    [{ min: 1, max: 4, tolerance: 2 }, 'tolerance', 'at most 1, got 2'],
    [
      { min: 1, max: 4, countsAs: ['slow'] },
      'countsAs[0]',
      `${FAILURE_KINDS.map(kind => `"${kind}"`).join(', ')}, got "slow"`,
    ],
    [{ min: 1, max: 4, maximum: 5 }, 'maximum', 'one of min, max'],
  ])('rejects %o and says what was expected', (options, name, message) => {
    const make = (): unknown => new AdaptiveLimit(options as AdaptiveConcurrency, 'pools.web.concurrency')
    expect(make).toThrow(
      expect.toSatisfy(error => {
        if (!isCounterpointError(error, 'INVALID_INPUT')) return false
        const issues = error.details.issues
        expect(issues[0]!.path).toBe(`pools.web.concurrency.${name}`)
        expect(issues[0]!.message).toContain(message)
        return true
      }),
    )
  })
})

test('the limit is always an integer from min to max', () => {
  const settings = fc.record({
    min: fc.integer({ min: 1, max: 9 }),
    above: fc.integer({ min: 0, max: 300 }),
    increase: fc.constantFrom(0.25, 1, 1e300),
    decrease: fc.constantFrom(1e-9, 0.5, 0.7, 0.999),
    coolDownMs: fc.constantFrom(0, 500, 1e9),
    windowMs: fc.constantFrom(0, 1_000),
    tolerance: fc.constantFrom(0, 0.02, 1),
  })
  const step = fc.record({
    // Clocks that stand still, advance slowly and jump.
    passed: fc.constantFrom(0, 0, 0, 1, 400, 1_500, 1e12),
    took: fc.constantFrom(0, 1, 900, 1e6),
    signal: fc.constantFrom<LoadSignal>('ok', 'ok', 'ok', 'overload', 'neutral'),
    times: fc.constantFrom(1, 1, 7, 300),
    spare: fc.constantFrom(0, 0, 1, 1_000),
  })
  fc.assert(
    fc.property(settings, fc.array(step, { maxLength: 60 }), ({ above, ...options }, steps) => {
      const max = options.min + above
      const limit = new AdaptiveLimit({ ...options, max })
      let now = 0
      for (const { passed, took, signal, times, spare } of steps) {
        now += passed
        for (let i = 0; i < times; i++) {
          const previous = limit.limit
          const changed = limit.ended(now, now - took, signal, Math.max(1, previous - spare))
          expect(changed).toBe(limit.limit !== previous)
          if (!Number.isInteger(limit.limit) || limit.limit < options.min || limit.limit > max)
            throw new Error(`expected ${options.min} to ${max}, got ${limit.limit}`)
        }
      }
    }),
    { numRuns: 150 },
  )
})
