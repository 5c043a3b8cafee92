import { FAILURE_KINDS, isCounterpointError } from 'counterpoint'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  type AdaptiveConcurrency,
  AdaptiveLimit,
  type LoadSign,
} from '../../../src/pools/concurrency/adaptive-limit.js'
import { Dice } from '../../support/dice.js'

/** What a provider makes of a request: when it answers, and whether it did the work. */
interface Answer {
  readonly afterMs: number
  readonly ok: boolean
  readonly retryAfterMs?: number
  readonly done?: () => void
}

type Provider = (now: number, dice: Dice) => Answer

/** Half as long to one and a half times as long. */
const around = (ms: number, dice: Dice): number => ms * (0.5 + dice.next())

/** Does as many requests at once as it has capacity for, and turns all others away at once. */
function workers(capacity: (now: number) => number, latencyMs: number, noise = 0): Provider {
  let busy = 0
  return (now, dice) => {
    if (dice.chance(noise) || busy >= capacity(now)) return { afterMs: around(latencyMs / 10, dice), ok: false }
    busy++
    return { afterMs: around(latencyMs, dice), ok: true, done: () => busy-- }
  }
}

/** Like workers, but those that wait for one are not told: they time out. */
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

/** Takes so many requests a second, in windows that slide or begin with each second. Its Retry-After tells the truth. */
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

/** Nothing works from 30 s to 60 s: it is refused, or it hangs. */
const outage =
  (provider: Provider, hangsMs?: number): Provider =>
  (now, dice) =>
    now < 30_000 || now >= 60_000 ? provider(now, dice) : { afterMs: hangsMs ?? around(50, dice), ok: false }

interface Second {
  ok: number
  refused: number
  highest: number
  lowest: number
}

interface Scene {
  readonly provider: Provider
  readonly seconds: number
  readonly options?: Partial<AdaptiveConcurrency>
  readonly seed?: number
  /** The pool obeys Retry-After. */
  readonly parks?: boolean
  /** So many of the first attempts never end. */
  readonly stuck?: number
}

/** A pool with more to do than it can, in virtual time. What it got done, second by second. */
function play({ provider, seconds, options, seed = 1, parks = false, stuck = 0 }: Scene): Second[] {
  const limit = new AdaptiveLimit({ min: 1, max: 256, ...options })
  const dice = new Dice(seed)
  const told: Second[] = Array.from({ length: seconds }, () => ({ ok: 0, refused: 0, highest: 0, lowest: 1e9 }))
  /** Latest first. */
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
    const second = told[Math.floor(now / 1_000)] as Second
    if (answer !== undefined) {
      limit.ended(now, startedAt, answer.ok ? 'ok' : 'overload', inFlight--)
      answer.done?.()
      second[answer.ok ? 'ok' : 'refused']++
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
  return told
}

const sum = (told: readonly Second[], of: 'ok' | 'refused'): number => told.reduce((total, each) => total + each[of], 0)
const perSecond = (told: readonly Second[]): number => sum(told, 'ok') / told.length
const refusedShare = (told: readonly Second[]): number =>
  sum(told, 'refused') / (sum(told, 'ok') + sum(told, 'refused'))
const SEEDS = [1, 2, 3]

describe('in simulation', () => {
  const PLACES = [
    [3, 200],
    [10, 500],
    [40, 200],
    [100, 100],
    [200, 50],
    [200, 300],
  ] as const

  test.each(PLACES)('%i workers of %i ms are used to four fifths at least within 30 windows', (capacity, latencyMs) => {
    for (const seed of SEEDS) {
      const told = play({ provider: workers(() => capacity, latencyMs), seconds: 60, seed })
      expect(perSecond(told.slice(20, 30)) / (capacity / latencyMs)).toBeGreaterThan(800)
      expect(perSecond(told.slice(30)) / (capacity / latencyMs)).toBeGreaterThan(800)
      expect(refusedShare(told.slice(30))).toBeLessThan(0.04)
    }
  })

  test.each(PLACES)(
    '%i workers of %i ms, after 30 s with a tenth of them, are used to four fifths again',
    (capacity, latencyMs) => {
      for (const seed of SEEDS) {
        const capacityAt = (at: number): number => (at < 30_000 || at >= 60_000 ? capacity : Math.ceil(capacity / 10))
        const told = play({ provider: workers(capacityAt, latencyMs), seconds: 120, seed })
        expect(perSecond(told.slice(50, 60)) / (capacity / latencyMs)).toBeLessThan(400)
        // In 30 windows, and 60 are allowed.
        expect(perSecond(told.slice(90)) / (capacity / latencyMs)).toBeGreaterThan(800)
      }
    },
  )

  test.each([
    ['refused everything', undefined],
    ['hung', 2_000],
  ] as const)('after an outage of 30 s in which the provider %s, it is used to four fifths again', (_how, hangsMs) => {
    for (const [capacity, latencyMs] of PLACES) {
      const told = play({
        provider: outage(
          workers(() => capacity, latencyMs),
          hangsMs,
        ),
        seconds: 120,
      })
      expect(told[58]?.highest).toBeLessThanOrEqual(2)
      expect(perSecond(told.slice(90)) / (capacity / latencyMs)).toBeGreaterThan(800)
    }
  })

  test.each([
    ['200 a second in 20 ms', 200, 20],
    ['200 a second in 100 ms', 200, 100],
    ['50 a second in 300 ms', 50, 300],
    ['500 a second in 60 ms', 500, 60],
  ])(
    '%s are used to four fifths and under 3 in 100 are refused, whether or not the pool parks',
    (_what, limit, latencyMs) => {
      for (const parks of [false, true]) {
        for (const seed of SEEDS) {
          const told = play({ provider: rate(limit, latencyMs), seconds: 130, parks, seed, options: { max: 64 } })
          expect(perSecond(told.slice(30)) / limit).toBeGreaterThan(0.8)
          expect(refusedShare(told.slice(30))).toBeLessThan(0.03)
        }
      }
    },
  )

  test('where each second opens a new window, a pool that parks uses nearly all of it, and under 3 in 100 are refused', () => {
    for (const [limit, latencyMs] of [
      [200, 5],
      [200, 20],
      [200, 100],
      [50, 300],
    ] as const) {
      const told = play({ provider: rate(limit, latencyMs, 'fixed'), seconds: 100, parks: true, options: { max: 64 } })
      expect(perSecond(told.slice(10)) / limit).toBeGreaterThan(0.9)
      expect(refusedShare(told.slice(10))).toBeLessThan(0.03)
    }
  })

  test('time-outs alone keep a queue that says nothing from growing for ever', () => {
    const told = play({ provider: queue(20, 200, 2_000), seconds: 60 })
    expect(perSecond(told.slice(10))).toBeGreaterThan(80)
    expect(refusedShare(told.slice(10))).toBeLessThan(0.03)
  })

  test('one request in a hundred that is turned away whatever the load is does not wear the limit down', () => {
    const busy = (tolerance: number): number =>
      perSecond(play({ provider: workers(() => 100, 100, 0.01), seconds: 90, options: { tolerance } }).slice(30))
    expect(busy(0.02)).toBeGreaterThan(700)
    expect(busy(0)).toBeLessThan(100)
  })

  test('one stuck task at the minimum holds a slot and nothing else', () => {
    const provider = outage(workers(() => 40, 200))
    const told = play({ provider, seconds: 120, stuck: 1, options: { min: 2, max: 64 } })
    expect([told[58]?.lowest, told[58]?.highest]).toEqual([2, 2])
    expect(perSecond(told.slice(90))).toBeGreaterThan(160)
  })
})

const ok = {
  sign: 'ok',
  startedAt: undefined as number | undefined,
  inFlight: undefined as number | undefined,
} as const

/** Attempts end at `now`, as many as the limit allows: each started then and with the limit fully used, unless told otherwise. */
function endRound(limit: AdaptiveLimit, now: number, told: Partial<Record<keyof typeof ok, unknown>> = {}): number {
  const { sign, startedAt = now, inFlight = limit.limit } = { ...ok, ...told }
  for (let left = limit.limit; left > 0; left--)
    limit.ended(now, startedAt as number, sign as LoadSign, inFlight as number)
  return limit.limit
}

const limits = (limit: AdaptiveLimit, from: number, rounds: number): number[] =>
  Array.from({ length: rounds }, (_, i) => endRound(limit, from + i * 1_000))

describe('an adaptive limit', () => {
  test('doubles each window until the first trouble, up to its maximum', () => {
    expect(limits(new AdaptiveLimit({ min: 1, max: 50 }), 0, 6)).toEqual([4, 8, 16, 32, 50, 50])
  })

  test('starts with 4, with what it is told, or with the bound that is nearest', () => {
    const starts = [{ max: 64 }, { max: 64, start: 9 }, { max: 2 }, { min: 6, max: 64 }]
    expect(starts.map(options => new AdaptiveLimit({ min: 1, ...options }).limit)).toEqual([4, 9, 2, 6])
  })

  test('falls at once to what a whole round had shown to be safe, or by its factor, whichever is less', () => {
    const limit = new AdaptiveLimit({ min: 1, max: 64, start: 20 })
    limits(limit, 0, 2)
    expect(limit.limit).toBe(40)
    expect(limit.ended(2_500, 2_400, 'overload', 40)).toBe(true)
    expect(limit.limit).toBe(20)
    limit.ended(4_000, 3_900, 'overload', 20)
    expect(limit.limit).toBe(14)
  })

  test('returns to where the trouble began ever more slowly, stays just below, and then probes in steps that double', () => {
    const limit = new AdaptiveLimit({ min: 1, max: 200, start: 40 })
    limit.ended(0, 0, 'ok', 40)
    limit.ended(1, 1, 'overload', 40)
    expect(limits(limit, 1_001, 16)).toEqual([31, 33, 35, 37, 38, 39, 39, 39, 39, 40, 41, 43, 47, 55, 71, 103])
  })

  test('grows only where it is really used', () => {
    const limit = new AdaptiveLimit({ min: 1, max: 64, start: 10 })
    for (let at = 0; at < 60_000; at += 1_000) endRound(limit, at, { inFlight: 7 })
    expect(limit.limit).toBe(10)
    expect(limits(limit, 60_000, 2)).toEqual([20, 40])
  })

  test('grows once for as many successes as it allows at once, however long they take', () => {
    const limit = new AdaptiveLimit({ min: 1, max: 64 })
    const endedAt = Array.from({ length: 12 }, (_, i) => 300_000 * (1 + Math.floor(i / 4)) + i)
    const seen = endedAt.map(at => {
      limit.ended(at, at - 300_000, 'ok', limit.limit)
      return limit.limit
    })
    expect(seen).toEqual([4, 4, 4, 8, 8, 8, 8, 8, 8, 8, 8, 16])
  })

  test('takes many failures at once for one trouble: old news, and what comes within the cool-down, changes nothing', () => {
    const limit = new AdaptiveLimit({ min: 1, max: 64, start: 40 })
    for (let i = 0; i < 40; i++) limit.ended(100 + i, i, 'overload', 40 - i)
    expect(limit.limit).toBe(28)
    limit.ended(599, 110, 'overload', 28)
    limit.ended(10_000, 50, 'overload', 28)
    expect(limit.limit).toBe(28)
    limit.ended(10_001, 9_000, 'overload', 28)
    expect(limit.limit).toBe(20)
  })

  test('puts up with the failures that its successes have earned, and with no more than 5 however many those are', () => {
    const failures = (successes: number): number => {
      const limit = new AdaptiveLimit({ min: 1, max: 8, start: 8 })
      for (let i = 0; i < successes; i++) limit.ended(1, 1, 'ok', 1)
      for (let count = 1; ; count++) if (limit.ended(2, 2, 'overload', 8)) return count
    }
    expect([0, 49, 51, 151, 251, 100_000].map(failures)).toEqual([1, 1, 2, 4, 6, 6])
  })

  test('remembers over an outage where it was, and returns there by doubling', () => {
    const limit = new AdaptiveLimit({ min: 1, max: 500, start: 200, tolerance: 0 })
    limit.ended(0, 0, 'ok', 200)
    for (let at = 1; at < 30_000; at += 600) limit.ended(at, at, 'overload', limit.limit)
    expect(limit.limit).toBe(1)
    expect(limits(limit, 31_000, 9)).toEqual([2, 4, 8, 16, 32, 64, 128, 198, 199])
  })

  test('learns nothing from other endings', () => {
    const limit = new AdaptiveLimit({ min: 1, max: 64 })
    for (let at = 0; at < 20_000; at += 100) endRound(limit, at, { sign: 'other' })
    expect(limit.limit).toBe(4)
  })

  test('with success and failure by turns it goes to its minimum and stays there', () => {
    const limit = new AdaptiveLimit({ min: 2, max: 64, start: 64 })
    for (let at = 0; at < 60_000; at += 50) limit.ended(at, at - 40, at % 100 === 0 ? 'ok' : 'overload', limit.limit)
    expect(limit.limit).toBe(2)
  })
})

describe('which failures count', () => {
  const signs = (limit: AdaptiveLimit): string[] =>
    FAILURE_KINDS.filter(kind => limit.signOf({ kind, message: '' }) === 'overload')

  test('throttled, overloaded and timeout do, unless others are named', () => {
    expect(signs(new AdaptiveLimit({ min: 1, max: 2 }))).toEqual(['throttled', 'overloaded', 'timeout'])
    expect(signs(new AdaptiveLimit({ min: 1, max: 2, countsAs: FAILURE_KINDS }))).toEqual(FAILURE_KINDS)
  })

  test('a time-out does when an attempt ran out of time, not when a task did', () => {
    const limit = new AdaptiveLimit({ min: 1, max: 2 })
    const scopes = ['attempt', 'idle', 'queue', 'total'] as const
    const of = scopes.map(timeout => limit.signOf({ kind: 'timeout', message: '', timeout }))
    expect(of).toEqual(['overload', 'overload', 'other', 'other'])
  })
})

describe('options', () => {
  test.each([
    [{ min: 0, max: 4 }, 'min', 'a positive integer, got 0'],
    [{ min: 1.5, max: 4 }, 'min', 'a positive integer, got 1.5'],
    [{ min: 4, max: 3 }, 'max', 'an integer that is not below min, got 3'],
    [{ min: 1, max: Number.POSITIVE_INFINITY }, 'max', 'an integer that is not below min, got Infinity'],
    [{ min: 1, max: 4, start: 5 }, 'start', 'an integer from min to max, got 5'],
    [{ min: 1, max: 4, increase: 0 }, 'increase', 'a positive number, got 0'],
    [{ min: 1, max: 4, decrease: 1 }, 'decrease', 'a number between 0 and 1, got 1'],
    [{ min: 1, max: 4, decrease: Number.NaN }, 'decrease', 'a number between 0 and 1, got NaN'],
    [{ min: 1, max: 4, coolDownMs: -1 }, 'coolDownMs', 'milliseconds, 0 or more, got -1'],
    [{ min: 1, max: 4, windowMs: Number.NaN }, 'windowMs', 'milliseconds, 0 or more, got NaN'],
    [{ min: 1, max: 4, tolerance: 2 }, 'tolerance', 'a number from 0 to 1, got 2'],
    [{ min: 1, max: 4, countsAs: ['slow'] }, 'countsAs', 'kinds of failure, got slow'],
  ])('%o are refused, with what was expected', (options, name, message) => {
    const make = (): unknown => new AdaptiveLimit(options as AdaptiveConcurrency, 'pools.web.concurrency')
    expect(make).toThrow(
      expect.toSatisfy(error => {
        if (!isCounterpointError(error, 'INVALID_INPUT')) return false
        const issues = error.details.issues
        expect(issues).toContainEqual({ path: `pools.web.concurrency.${name}`, message: `expected ${message}` })
        return true
      }),
    )
  })
})

test('whatever ends whenever, the limit is a whole number from min to max', () => {
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
    // Clocks that stand still, creep and leap.
    passed: fc.constantFrom(0, 0, 0, 1, 400, 1_500, 1e12),
    took: fc.constantFrom(0, 1, 900, 1e6),
    sign: fc.constantFrom<LoadSign>('ok', 'ok', 'ok', 'overload', 'other'),
    times: fc.constantFrom(1, 1, 7, 300),
    spare: fc.constantFrom(0, 0, 1, 1_000),
  })
  fc.assert(
    fc.property(settings, fc.array(step, { maxLength: 60 }), ({ above, ...options }, steps) => {
      const max = options.min + above
      const limit = new AdaptiveLimit({ ...options, max })
      let now = 0
      for (const { passed, took, sign, times, spare } of steps) {
        now += passed
        for (let i = 0; i < times; i++) {
          const before = limit.limit
          const changed = limit.ended(now, now - took, sign, Math.max(1, before - spare))
          expect(changed).toBe(limit.limit !== before)
          if (!Number.isInteger(limit.limit) || limit.limit < options.min || limit.limit > max)
            throw new Error(`expected ${options.min} to ${max}, got ${limit.limit}`)
        }
      }
    }),
    { numRuns: 150 },
  )
})
