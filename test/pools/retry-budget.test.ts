import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { RetryBudget, type RetryBudgetOptions } from '../../src/pools/retry-budget.js'

/** Counts a retry if it is allowed. */
function retry(budget: RetryBudget, now: number): boolean {
  const isAllowed = budget.allowsRetry(now)
  if (isAllowed) budget.countRetry(now)
  return isAllowed
}

/** How many of `count` retries at `now` are allowed. */
function granted(budget: RetryBudget, now: number, count: number): number {
  let times = 0
  for (let i = 0; i < count; i++) if (retry(budget, now)) times++
  return times
}

describe('a retry budget', () => {
  test('allows its floor plus a share of the first attempts', () => {
    const budget = new RetryBudget({ ratio: 0.2, floor: 3 })
    for (let i = 0; i < 10; i++) budget.countFirst(i)
    expect(granted(budget, 20, 100)).toBe(5)
    expect(granted(budget, 30, 100)).toBe(0)
  })

  test('has by default a ratio of 0.2 and a floor of 100 per minute', () => {
    const budget = new RetryBudget()
    expect(granted(budget, 0, 1000)).toBe(100)
    for (let i = 0; i < 1000; i++) budget.countFirst(1)
    expect(granted(budget, 2, 1000)).toBe(200)
    expect(granted(budget, 60_000, 1000)).toBe(0)
    expect(granted(budget, 62_000, 1000)).toBe(100)
  })

  test('counts nothing in allowsRetry', () => {
    const budget = new RetryBudget({ floor: 1 })
    expect([budget.allowsRetry(0), budget.allowsRetry(0), retry(budget, 0), budget.allowsRetry(0)]).toEqual([
      true,
      true,
      true,
      false,
    ])
  })

  test('is never exceeded in the window that ends at a retry, and not far below it', () => {
    const step = fc.tuple(
      fc.constantFrom('first' as const, 'retry' as const),
      fc.integer({ min: 1, max: 12 }),
      fc.oneof(
        { weight: 3, arbitrary: fc.nat(40) },
        { weight: 1, arbitrary: fc.double({ min: 0, max: 900, noNaN: true }) },
      ),
    )
    const options = fc.record({
      ratio: fc.constantFrom(0, 0.2, 0.5, 2),
      floor: fc.nat(4),
      perMs: fc.constantFrom(60, 600),
    })
    fc.assert(
      fc.property(options, fc.array(step, { maxLength: 60 }), (given, steps) => {
        const budget = new RetryBudget(given)
        const firsts: number[] = []
        const retries: number[] = []
        let now = 0
        for (const [kind, times, gap] of steps) {
          now += gap
          for (let i = 0; i < times; i++) {
            if (kind === 'first') {
              budget.countFirst(now)
              firsts.push(now)
              continue
            }
            const since = (list: readonly number[], ms: number): number => list.filter(at => now - at <= ms).length
            const may = retry(budget, now)
            if (may) retries.push(now)
            if (may && since(retries, given.perMs) > given.floor + given.ratio * since(firsts, given.perMs))
              throw new Error(`at ${now}: one retry too many`)
            // The only difference to an exact count is the granularity of a sixtieth.
            const sure = given.floor + given.ratio * since(firsts, given.perMs * (58 / 60))
            if (!may && since(retries, given.perMs * (61 / 60)) + 1 <= sure) throw new Error(`at ${now}: one too few`)
          }
        }
      }),
      { numRuns: 2000 },
    )
  })

  test('starts over after a long idle time', () => {
    const budget = new RetryBudget({ floor: 2 })
    budget.countFirst(0)
    expect(granted(budget, 0, 10)).toBe(2)
    expect(granted(budget, 1e12, 10)).toBe(2)
    expect(granted(budget, 1e12 + 59_000, 10)).toBe(0)
  })

  test('treats a time that goes back as one that stands still', () => {
    const budget = new RetryBudget({ floor: 1, ratio: 1 })
    expect(granted(budget, 100_000, 5)).toBe(1)
    expect(granted(budget, 0, 5)).toBe(0)
    budget.countFirst(0)
    expect(granted(budget, 100_000, 5)).toBe(1)
  })

  test('is unbounded with an infinite floor, and allows nothing with a floor and ratio of 0', () => {
    expect(granted(new RetryBudget({ floor: Number.POSITIVE_INFINITY }), 0, 10_000)).toBe(10_000)
    expect(granted(new RetryBudget({ floor: 0, ratio: 0 }), 0, 10)).toBe(0)
  })

  test.each<[RetryBudgetOptions, string]>([
    [{ ratio: -1 }, 'retryBudget.ratio: expected at least 0, got -1'],
    [{ ratio: Number.POSITIVE_INFINITY }, 'retryBudget.ratio: expected a finite number, got Infinity'],
    [{ floor: Number.NaN }, 'retryBudget.floor: '],
    [{ perMs: 0 }, 'retryBudget.perMs: expected more than 0, got 0'],
  ])('rejects %o', (options, message) => {
    expect(() => new RetryBudget(options)).toThrow(message)
  })
})
