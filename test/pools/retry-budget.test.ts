import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { RetryBudget, type RetryBudgetOptions } from '../../src/pools/retry-budget.js'

/** How many of `count` retries at `now` go through. */
function granted(budget: RetryBudget, now: number, count: number): number {
  let times = 0
  for (let i = 0; i < count; i++) if (budget.retry(now)) times++
  return times
}

describe('a retry budget', () => {
  test('gives its floor, and a share of the first attempts', () => {
    const budget = new RetryBudget({ ratio: 0.2, floor: 3 })
    for (let i = 0; i < 10; i++) budget.first(i)
    expect(granted(budget, 20, 100)).toBe(5)
    expect(granted(budget, 30, 100)).toBe(0)
  })

  test('has a ratio of 0.2 and a floor of 100 in a minute by default', () => {
    const budget = new RetryBudget()
    expect(granted(budget, 0, 1000)).toBe(100)
    for (let i = 0; i < 1000; i++) budget.first(1)
    expect(granted(budget, 2, 1000)).toBe(200)
    expect(granted(budget, 60_000, 1000)).toBe(0)
    expect(granted(budget, 62_000, 1000)).toBe(100)
  })

  test('counts nothing when it is only asked', () => {
    const budget = new RetryBudget({ floor: 1 })
    expect([budget.mayRetry(0), budget.mayRetry(0), budget.retry(0), budget.mayRetry(0)]).toEqual([
      true,
      true,
      true,
      false,
    ])
  })

  test('holds its bound in the span that ends at a retry, and is not far below it', () => {
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
              budget.first(now)
              firsts.push(now)
              continue
            }
            const since = (list: readonly number[], ms: number): number => list.filter(at => now - at <= ms).length
            const may = budget.retry(now)
            if (may) retries.push(now)
            if (may && since(retries, given.perMs) > given.floor + given.ratio * since(firsts, given.perMs))
              throw new Error(`at ${now}: one retry too many`)
            // What parts of a sixtieth cannot tell apart is the only difference to the exact count.
            const sure = given.floor + given.ratio * since(firsts, given.perMs * (58 / 60))
            if (!may && since(retries, given.perMs * (61 / 60)) + 1 <= sure) throw new Error(`at ${now}: one too few`)
          }
        }
      }),
      { numRuns: 2000 },
    )
  })

  test('is as good as new after a long rest', () => {
    const budget = new RetryBudget({ floor: 2 })
    budget.first(0)
    expect(granted(budget, 0, 10)).toBe(2)
    expect(granted(budget, 1e12, 10)).toBe(2)
    expect(granted(budget, 1e12 + 59_000, 10)).toBe(0)
  })

  test('takes a time that goes back for one that stands still', () => {
    const budget = new RetryBudget({ floor: 1, ratio: 1 })
    expect(granted(budget, 100_000, 5)).toBe(1)
    expect(granted(budget, 0, 5)).toBe(0)
    budget.first(0)
    expect(granted(budget, 100_000, 5)).toBe(1)
  })

  test('sets no bound with an infinite floor, and allows none with nothing', () => {
    expect(granted(new RetryBudget({ floor: Number.POSITIVE_INFINITY }), 0, 10_000)).toBe(10_000)
    expect(granted(new RetryBudget({ floor: 0, ratio: 0 }), 0, 10)).toBe(0)
  })

  test.each<[RetryBudgetOptions, string]>([
    [{ ratio: -1 }, 'retryBudget.ratio: expected a finite number, 0 or more, got -1'],
    [{ ratio: Number.POSITIVE_INFINITY }, 'retryBudget.ratio: expected a finite number, 0 or more, got Infinity'],
    [{ floor: Number.NaN }, 'retryBudget.floor: expected a number, 0 or more, got NaN'],
    [{ perMs: 0 }, 'retryBudget.perMs: expected a finite number of milliseconds above 0, got 0'],
  ])('refuses %o', (options, message) => {
    expect(() => new RetryBudget(options)).toThrow(message)
  })
})
