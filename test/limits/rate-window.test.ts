import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { RateWindow, type WindowEntry, type WindowLimit, windowRule } from '../../src/limits/rate-window.js'
import { checkValue } from '../../src/options-check.js'

/** How much longer than `perMs` a start counts, in milliseconds. */
const TICK = 2 ** -10

/** A reference model: a list of starts, summed on each query. */
class Reference {
  limit: WindowLimit
  readonly starts: { at: number; weight: number }[] = []
  #keepMs: number
  #keepUntil = Number.NEGATIVE_INFINITY
  #now = Number.NEGATIVE_INFINITY

  constructor(limit: WindowLimit) {
    this.limit = limit
    this.#keepMs = limit.perMs
  }

  set(limit: WindowLimit): void {
    this.#keepMs = Math.max(this.#keepMs, limit.perMs)
    if (limit.perMs !== this.limit.perMs) this.#keepUntil = Number.POSITIVE_INFINITY
    this.limit = limit
  }

  pass(now: number): void {
    if (now === this.#now) return
    this.#now = now
    if (this.#keepUntil === Number.POSITIVE_INFINITY) this.#keepUntil = now + this.#keepMs
    if (now >= this.#keepUntil) this.#keepMs = this.limit.perMs
    while (this.starts.length > 0 && this.starts[0]!.at + this.#keepMs + TICK <= now) this.starts.shift()
  }

  load(now: number): number {
    const inside = this.starts.filter(({ at }) => at + this.limit.perMs + TICK > now)
    return inside.reduce((sum, { weight }) => sum + weight, 0)
  }

  fits(now: number, weight: number): boolean {
    const load = this.load(now)
    return weight > this.limit.limit ? load === 0 : load + weight <= this.limit.limit
  }
}

/** Applies the same operations to a window and the reference model, and compares them after each. */
class Trial {
  readonly #window: RateWindow
  readonly #reference: Reference
  readonly #entries: WindowEntry[] = []
  #now = 0

  constructor(limit: WindowLimit) {
    this.#window = new RateWindow(limit)
    this.#reference = new Reference(limit)
    this.pass(0)
    this.compare()
  }

  compare(): void {
    this.#expect(this.#window.load(this.#now) === this.#reference.load(this.#now), 'the loads differ')
  }

  pass(ms: number): void {
    this.#now += ms
    this.#reference.pass(this.#now)
  }

  back(ms: number): void {
    this.#expect(this.#window.load(this.#now - ms) === this.#reference.load(this.#now), 'time went back')
  }

  start(weight: number): void {
    const may = this.#window.nextAt(this.#now, weight) <= this.#now
    this.#expect(may === this.#reference.fits(this.#now, weight), `may: ${may}`)
    if (may) this.#take(weight)
  }

  wait(weight: number): void {
    const at = this.#window.nextAt(this.#now, weight)
    this.#expect(at <= this.#now || !this.#reference.fits(at - TICK, weight), `${at} is later than needed`)
    this.pass(Math.max(0, at - this.#now))
    this.#expect(this.#reference.fits(this.#now, weight), `${at} is too early`)
    this.#expect(this.#window.nextAt(this.#now, weight) <= this.#now, `${at} is not early enough when it has come`)
    this.#take(weight)
  }

  correct(back: number, weight: number): void {
    const entry = this.#entries.at(-1 - back)
    if (entry === undefined) return
    this.#window.correct(entry, weight)
    const kept = this.#reference.starts.at(-1 - back)
    if (kept) kept.weight = weight
  }

  limit(limit: WindowLimit): void {
    this.#window.limit = limit
    this.#reference.set(limit)
  }

  #take(weight: number): void {
    this.#entries.push(this.#window.add(this.#now, weight))
    this.#reference.starts.push({ at: this.#now, weight })
  }

  #expect(right: boolean, problem: string): void {
    if (!right) throw new Error(`at ${this.#now}: ${problem}`)
  }
}

type Step = (trial: Trial) => void

const weights = fc.oneof({ weight: 4, arbitrary: fc.constant(1) }, { weight: 3, arbitrary: fc.nat(12) })
const limits = fc.record({ limit: fc.integer({ min: 1, max: 9 }), perMs: fc.constantFrom(10, 25, 100) })
const gaps = fc.constantFrom(0, 0.25, 1, 5, 10, 10 + TICK, 40)
const steps = fc.oneof(
  {
    weight: 5,
    arbitrary: weights.map(
      (weight): Step =>
        trial =>
          trial.start(weight),
    ),
  },
  {
    weight: 2,
    arbitrary: weights.map(
      (weight): Step =>
        trial =>
          trial.wait(weight),
    ),
  },
  {
    weight: 2,
    arbitrary: gaps.map(
      (ms): Step =>
        trial =>
          trial.pass(ms),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(fc.nat(9), fc.nat(12)).map(
      (to): Step =>
        trial =>
          trial.correct(...to),
    ),
  },
  {
    weight: 1,
    arbitrary: limits.map(
      (limit): Step =>
        trial =>
          trial.limit(limit),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(1, 1000).map(
      (ms): Step =>
        trial =>
          trial.back(ms),
    ),
  },
)

describe('a rate window', () => {
  test('allows the limit at once, and the next start when more than the length of the window has passed', () => {
    const window = new RateWindow({ limit: 2, perMs: 100 })
    expect(window.nextAt(0)).toBeLessThanOrEqual(0)
    window.add(0)
    window.add(30)
    expect(window.nextAt(30)).toBe(100 + TICK)
    expect(window.nextAt(100)).toBe(100 + TICK)
    expect(window.nextAt(100 + TICK)).toBe(100 + TICK)
    window.add(100 + TICK)
    expect(window.nextAt(100 + TICK)).toBe(130 + TICK)
    expect(window.load(130)).toBe(2)
  })

  test('is never exceeded and never waits longer than necessary, over 10,000 traces with changing limits, weights and corrections', () => {
    fc.assert(
      fc.property(limits, fc.array(steps, { maxLength: 24 }), (limit, trace) => {
        const trial = new Trial(limit)
        for (const step of trace) {
          step(trial)
          trial.compare()
        }
      }),
      { numRuns: 10_000 },
    )
  })

  test('is not exceeded in any closed window, including those that begin between two starts', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 5 }),
        fc.array(fc.tuple(fc.nat(7), fc.double({ min: 0, max: 60, noNaN: true })), { maxLength: 40 }),
        (limit, wishes) => {
          const window = new RateWindow({ limit, perMs: 50 })
          const starts: { at: number; weight: number }[] = []
          let now = 0
          for (const [weight, gap] of wishes) {
            now = Math.max(now + gap, window.nextAt(now + gap, weight))
            window.add(now, weight)
            starts.push({ at: now, weight })
          }
          for (const { at: from } of starts) {
            const inside = starts.filter(({ at, weight }) => at >= from && at - from <= 50 && weight > 0)
            const sum = inside.reduce((total, { weight }) => total + weight, 0)
            expect(sum <= limit || inside.length === 1).toBe(true)
          }
        },
      ),
      { numRuns: 500 },
    )
  })

  test('allows a weight above the limit in an empty window only, and nothing beside it', () => {
    const window = new RateWindow({ limit: 10, perMs: 100 })
    window.add(0, 1)
    expect(window.nextAt(5, 11)).toBe(100 + TICK)
    expect(window.nextAt(5, Number.POSITIVE_INFINITY)).toBe(100 + TICK)
    window.add(200, Number.POSITIVE_INFINITY)
    expect(window.nextAt(250)).toBe(300 + TICK)
    window.limit = { limit: Number.MAX_SAFE_INTEGER, perMs: 100 }
    expect(window.nextAt(250)).toBe(300 + TICK)
    expect(window.load(400)).toBe(0)
  })

  test('counts a negative or NaN weight as 0, and rounds a fraction up', () => {
    const window = new RateWindow({ limit: 3, perMs: 100 })
    window.add(0, -5)
    window.add(0, Number.NaN)
    window.add(0, 0.2)
    expect(window.load(0)).toBe(1)
    expect(window.nextAt(0, 2)).toBe(0)
    expect(window.nextAt(0, 2.1)).toBe(0 + 100 + TICK)
  })

  test('makes room at once after a correction to a lower weight', () => {
    const window = new RateWindow({ limit: 100, perMs: 1000 })
    const entry = window.add(0, 100)
    expect(window.nextAt(1)).toBe(1000 + TICK)
    window.correct(entry, 40)
    expect([window.nextAt(1, 60), window.nextAt(1, 61)]).toEqual([1, 1000 + TICK])
  })

  test('starts nothing, not even a weight of 0, while a correction has put it over the limit', () => {
    const window = new RateWindow({ limit: 100, perMs: 1000 })
    const first = window.add(0, 10)
    window.add(400, 90)
    window.correct(first, 500)
    expect([window.nextAt(500, 0), window.nextAt(500, 20)]).toEqual([1000 + TICK, 1400 + TICK])
    expect(window.load(1000 + TICK)).toBe(90)
  })

  test('ignores a correction of a start that has left the window', () => {
    const window = new RateWindow({ limit: 10, perMs: 100 })
    const gone = window.add(0, 10)
    for (let i = 0; i < 40; i++) window.add(200, 0)
    window.correct(gone, 1000)
    window.correct(99_999, 1000)
    expect(window.load(200)).toBe(0)
  })

  test('counts starts of before a restart', () => {
    const window = new RateWindow({ limit: 10, perMs: 100 })
    window.add(-60, 6)
    window.add(0, 4)
    expect([window.nextAt(0), window.nextAt(41, 6), window.nextAt(41, 7)]).toEqual([40 + TICK, 41, 100 + TICK])
  })

  test('treats a time before the last one as the last one', () => {
    const window = new RateWindow({ limit: 1, perMs: 100 })
    window.add(1000)
    expect(window.nextAt(500)).toBe(1100 + TICK)
    expect(window.nextAt(2000)).toBe(2000)
    window.add(10)
    expect(window.nextAt(2000)).toBe(2100 + TICK)
  })

  test('remembers all starts of a longer window that was shorter for a moment', () => {
    const window = new RateWindow({ limit: 5, perMs: 60_000 })
    for (let i = 0; i < 5; i++) window.add(0)
    window.limit = { limit: 5, perMs: 1000 }
    window.add(30_000)
    expect(window.load(40_000)).toBe(0)
    window.limit = { limit: 5, perMs: 60_000 }
    expect(window.load(40_000)).toBe(6)
    expect(window.nextAt(40_000)).toBe(60_000 + TICK)
  })

  test('is exact for a longer window than any before, after its length', () => {
    const window = new RateWindow({ limit: 5, perMs: 1000 })
    for (let i = 0; i < 5; i++) window.add(0)
    expect(window.load(5000)).toBe(0)
    window.limit = { limit: 5, perMs: 10_000 }
    for (let i = 0; i < 5; i++) window.add(5000)
    expect(window.nextAt(14_000)).toBe(15_000 + TICK)
  })

  test('is as fast with 100,000 starts in the window as with 100', () => {
    const usPerStart = (inside: number): number => {
      const window = new RateWindow({ limit: inside, perMs: inside })
      const before = process.cpuUsage()
      const count = 400_000
      for (let now = 0; now < count; now++) {
        window.nextAt(now)
        window.add(now)
      }
      window.limit = { limit: 10, perMs: inside }
      for (let i = 0; i < count; i++) window.nextAt(count)
      return process.cpuUsage(before).user / count
    }
    const ratios = [0, 1, 2].map(() => usPerStart(100_000) / usPerStart(100)).sort((a, b) => a - b)
    expect(ratios[1]).toBeLessThan(8)
  })
})

describe('the rule for a window limit', () => {
  const check = (limit: object) => () => checkValue(windowRule(), limit, 'p')

  test.each([0, 0.5, -1, Number.NaN, Number.POSITIVE_INFINITY])('rejects a limit of %d', limit => {
    expect(check({ limit, perMs: 10 })).toThrow(/^p\.limit: expected /)
  })

  test.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY])('rejects a length of %d', perMs => {
    expect(check({ limit: 2, perMs })).toThrow(/^p\.perMs: expected /)
  })

  test('rejects an unknown option, with the nearest known name', () => {
    expect(check({ limit: 2, perMS: 10 })).toThrow(/p\.perMS: unknown key \(did you mean "perMs"\?\)/)
  })
})
