import { FAILURE_KINDS, type Failure, type FailureKind, type Verdict } from 'counterpoint'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type BreakerChange, type BreakerOptions, CircuitBreaker } from '../../src/backends/circuit-breaker.js'
import type { AttemptOutcome } from '../../src/core/failure/attempt-outcome.js'

const OK: AttemptOutcome = { ok: true }
const RETRY: Verdict = { action: 'retry', delayMs: 0 }

function failed(
  kind: FailureKind = 'overloaded',
  more: Partial<Failure> = {},
  verdict: Verdict = RETRY,
): AttemptOutcome & { readonly ok: false } {
  return { ok: false, failure: { kind, message: 'no', ...more }, verdict }
}

/** A breaker that opens after three failures, and the changes that it reported. */
function scene(options: BreakerOptions = {}) {
  const changes: BreakerChange[] = []
  const breaker = new CircuitBreaker({ failures: 3, ...options }, change => void changes.push(change))
  const attempt = (now: number, outcome: AttemptOutcome): void =>
    breaker.attemptEnded(now, breaker.attemptStarted(now), outcome)
  const fail = (now: number, times = 3): void => {
    for (let i = 0; i < times; i++) attempt(now, failed())
  }
  return { breaker, changes, attempt, fail, states: () => changes.map(({ to }) => to) }
}

describe('a closed breaker', () => {
  test('opens after 20 consecutive failures by default, with the reason', () => {
    const { breaker, changes, fail } = scene({ failures: undefined as never })
    fail(5, 19)
    expect([breaker.isClosed, breaker.reason, breaker.openUntil(5)]).toEqual([true, undefined, undefined])
    fail(5, 1)
    const reason = '20 failures in a row, the last: overloaded: no'
    expect(changes).toEqual([{ to: 'open', until: 10_005, reason }])
    expect([breaker.isClosed, breaker.reason, breaker.canStart(5), breaker.openUntil(5)]).toEqual([
      false,
      reason,
      false,
      10_005,
    ])
  })

  test.each<readonly [FailureKind, 'counts' | 'resets' | 'is ignored']>([
    ['overloaded', 'counts'],
    ['timeout', 'counts'],
    ['crashed', 'counts'],
    ['agent', 'resets'],
    ['invalid-output', 'resets'],
    ['incomplete-output', 'resets'],
    ['refused', 'resets'],
    ['bad-input', 'resets'],
    ['throttled', 'is ignored'],
    ['interrupted', 'is ignored'],
  ])('a failure of kind %s: %s', (kind, meaning) => {
    const { breaker, attempt, fail } = scene({ failures: 3 })
    fail(0, 2)
    attempt(0, failed(kind))
    expect(breaker.isClosed).toBe(meaning !== 'counts')
    fail(0, 1)
    expect(breaker.isClosed).toBe(meaning === 'resets')
  })

  test('resets the count at each success', () => {
    const { breaker, attempt, fail } = scene()
    for (let i = 0; i < 10; i++) {
      fail(0, 2)
      attempt(0, OK)
    }
    expect(breaker.isClosed).toBe(true)
  })

  test('counts timeouts of an attempt, and ignores those of the task', () => {
    for (const timeout of ['attempt', 'idle', 'queue', 'total'] as const) {
      const { breaker, attempt } = scene({ failures: 1 })
      attempt(0, failed('timeout', { timeout }))
      expect([timeout, breaker.isClosed]).toEqual([timeout, timeout === 'queue' || timeout === 'total'])
    }
  })

  test('counts the kinds in countsAs, and none if it is empty', () => {
    for (const kind of FAILURE_KINDS.filter(kind => kind !== 'quota')) {
      const one = scene({ failures: 1, countsAs: [kind] })
      one.attempt(0, failed(kind))
      expect([kind, one.breaker.isClosed]).toEqual([kind, false])
      const none = scene({ failures: 1, countsAs: [] })
      none.attempt(0, failed(kind))
      expect([kind, none.breaker.isClosed]).toEqual([kind, true])
    }
  })

  test('keeps the count when an attempt is dropped', () => {
    const { breaker, fail } = scene()
    fail(0, 2)
    breaker.attemptDropped(breaker.attemptStarted(0))
    fail(0, 1)
    expect(breaker.isClosed).toBe(false)
  })
})

describe('an open breaker', () => {
  test('admits nothing until its time is up, then one attempt', () => {
    const { breaker, fail, states } = scene()
    fail(0)
    expect([breaker.canStart(9_999), breaker.stateAt(9_999)]).toEqual([false, 'open'])
    expect([breaker.canStart(10_000), breaker.stateAt(10_000), breaker.openUntil(10_000)]).toEqual([
      true,
      'half-open',
      undefined,
    ])
    breaker.attemptStarted(10_000)
    expect([breaker.canStart(10_000), breaker.openUntil(10_000)]).toEqual([false, 70_000])
    expect(states()).toEqual(['open', 'half-open'])
  })

  test('ignores attempts that started before it opened', () => {
    const { breaker, fail, states } = scene()
    const before = [breaker.attemptStarted(0), breaker.attemptStarted(0), breaker.attemptStarted(0)] as const
    fail(0)
    breaker.attemptEnded(1, before[0], OK)
    breaker.attemptEnded(2, before[1], failed())
    breaker.attemptDropped(before[2])
    expect([breaker.openUntil(2), states()]).toEqual([10_000, ['open']])
  })

  test('ignores an attempt that was not admitted', () => {
    const { breaker, attempt, fail, states } = scene()
    fail(0)
    attempt(1, OK)
    attempt(2, failed())
    expect([breaker.stateAt(2), breaker.openUntil(2), states()]).toEqual(['open', 10_000, ['open']])
  })

  test('stays open twice as long with each opening in a row, up to its maximum', () => {
    const { breaker, fail } = scene()
    const lengths: number[] = []
    let now = 0
    fail(now)
    for (let i = 0; i < 8; i++) {
      const until = breaker.openUntil(now) as number
      lengths.push((until - now) / 1_000)
      now = until
      fail(now, 1)
    }
    expect(lengths).toEqual([10, 20, 40, 80, 160, 300, 300, 300])
  })

  test('starts with the first length again after an answer of the backend', () => {
    const { breaker, attempt, fail } = scene()
    fail(0)
    fail(10_000, 1)
    attempt(30_000, OK)
    fail(30_000)
    expect(breaker.openUntil(30_000)).toBe(40_000)
  })

  test('never has a length of NaN, however often it opens', () => {
    const { breaker, fail } = scene({ openMs: 0 })
    fail(0)
    for (let i = 0; i < 3_000; i++) fail(0, 1)
    expect([breaker.canStart(0), breaker.openUntil(0)]).toEqual([true, undefined])
  })
})

describe('a half-open breaker', () => {
  test('closes when the probe succeeds, or fails with an answer', () => {
    for (const outcome of [OK, failed('agent'), failed('invalid-output'), failed('refused')]) {
      const { breaker, attempt, fail, states } = scene()
      fail(0)
      attempt(10_000, outcome)
      expect([breaker.isClosed, states()]).toEqual([true, ['open', 'half-open', 'closed']])
    }
  })

  test('resets the count when it closes', () => {
    const { breaker, attempt, fail } = scene()
    fail(0)
    attempt(10_000, OK)
    fail(10_000, 2)
    expect(breaker.isClosed).toBe(true)
  })

  test('opens again when the probe fails', () => {
    const { changes, fail } = scene()
    fail(0)
    fail(10_000, 1)
    expect(changes.at(-1)).toEqual({ to: 'open', until: 30_000, reason: 'the probe failed: overloaded: no' })
  })

  test('admits another probe when the first is dropped or its outcome is ignored', () => {
    for (const end of [
      undefined,
      failed('throttled'),
      failed('interrupted'),
      failed('timeout', { timeout: 'total' }),
    ]) {
      const { breaker, fail, states } = scene()
      fail(0)
      const probe = breaker.attemptStarted(10_000)
      if (end === undefined) breaker.attemptDropped(probe)
      else breaker.attemptEnded(10_001, probe, end)
      expect([breaker.canStart(10_001), breaker.isClosed]).toEqual([true, false])
      breaker.attemptStarted(10_001)
      expect([breaker.canStart(10_001), states()]).toEqual([false, ['open', 'half-open']])
    }
  })

  test('admits no other probe when an earlier attempt is dropped', () => {
    const { breaker, fail } = scene()
    const early = breaker.attemptStarted(0)
    fail(0)
    const first = breaker.attemptStarted(10_000)
    breaker.attemptDropped(first)
    breaker.attemptStarted(10_000)
    breaker.attemptDropped(first)
    breaker.attemptDropped(early)
    expect(breaker.canStart(10_000)).toBe(false)
  })

  test('ignores attempts that started before it opened', () => {
    const { breaker, fail, states } = scene()
    const early = [breaker.attemptStarted(0), breaker.attemptStarted(0)] as const
    fail(0)
    breaker.attemptStarted(10_000)
    breaker.attemptEnded(10_001, early[0], OK)
    breaker.attemptEnded(10_001, early[1], failed())
    expect([breaker.stateAt(10_001), states()]).toEqual(['half-open', ['open', 'half-open']])
  })

  test('admits a second probe when the first hangs for a minute, and the answer of either closes it', () => {
    for (const which of [0, 1] as const) {
      const { breaker, fail } = scene()
      fail(0)
      const hangs = breaker.attemptStarted(10_000)
      expect([breaker.canStart(69_999), breaker.openUntil(69_999), breaker.canStart(70_000)]).toEqual([
        false,
        70_000,
        true,
      ])
      const second = breaker.attemptStarted(70_000)
      expect(breaker.canStart(70_000)).toBe(false)
      breaker.attemptEnded(80_000, [hangs, second][which], OK)
      expect(breaker.isClosed).toBe(true)
      breaker.attemptEnded(80_000, [second, hangs][which], failed())
      fail(80_000, 2)
      expect(breaker.isClosed).toBe(true)
    }
  })

  test('opens again when the first of two probes fails, and ignores the second', () => {
    const { breaker, fail, states } = scene()
    fail(0)
    const hangs = breaker.attemptStarted(10_000)
    const second = breaker.attemptStarted(70_000)
    breaker.attemptEnded(75_000, hangs, failed('timeout', { timeout: 'idle' }))
    breaker.attemptEnded(75_001, second, OK)
    expect([breaker.openUntil(75_001), states()]).toEqual([95_000, ['open', 'half-open', 'open']])
  })
})

describe('a backend that requests a rest', () => {
  test.each<readonly [string, Partial<Failure>, Verdict, number]>([
    ['of the verdict that parks the pool', { retryAfterMs: 1 }, { action: 'park', delayMs: 3_600_000 }, 3_600_000],
    ['of the provider, without a verdict', { retryAfterMs: 3_600_000 }, RETRY, 3_600_000],
    ['of the verdict that fails over', { retryAfterMs: 1 }, { action: 'failover', restMs: 50_000 }, 50_000],
    ['of a normal opening, without a rest', {}, RETRY, 10_000],
    ['of the provider, also if a normal opening is longer', { retryAfterMs: 500 }, { action: 'failover' }, 500],
    ['of a normal opening, if the rest is 0', { retryAfterMs: 0 }, { action: 'failover' }, 10_000],
    ['of a normal opening, if the rest is negative', { retryAfterMs: -1 }, RETRY, 10_000],
    ['of a normal opening, if the rest is NaN', { retryAfterMs: Number.NaN }, RETRY, 10_000],
    ['of the maximum, if the rest is longer', { retryAfterMs: 1e15 }, RETRY, 86_400_000],
  ])('opens at the first used-up quota, for the duration %s', (_, failure, verdict, ms) => {
    const { changes, attempt } = scene()
    attempt(7, failed('quota', failure, verdict))
    expect(changes).toEqual([{ to: 'open', until: 7 + ms, reason: 'quota: no' }])
  })

  test('opens at a failover with a rest, for exactly that rest, whatever the kind', () => {
    const { breaker, attempt } = scene()
    attempt(0, failed('throttled', {}, { action: 'failover' }))
    attempt(0, failed('throttled', {}, { action: 'failover', restMs: 0 }))
    expect(breaker.isClosed).toBe(true)
    attempt(0, failed('throttled', {}, { action: 'failover', restMs: 1_500 }))
    expect(breaker.openUntil(0)).toBe(1_500)
  })

  test('gets the longest rest that it requested, even from attempts that started earlier', () => {
    const { breaker, fail, states } = scene()
    const early = [1, 2, 3].map(() => breaker.attemptStarted(0))
    fail(0)
    const rests = [60_000, 20_000, 0]
    early.forEach((token, i) => {
      breaker.attemptEnded(1_000, token, failed('quota', { retryAfterMs: rests[i] as number }))
    })
    expect([breaker.openUntil(1_000), breaker.reason, states()]).toEqual([61_000, 'quota: no', ['open']])
  })
})

describe('open', () => {
  test('opens for as long as failures would, and does not change an open breaker', () => {
    const { breaker, changes } = scene()
    breaker.open(0, 'retry-budget')
    expect(changes).toEqual([{ to: 'open', until: 10_000, reason: 'retry-budget' }])
    breaker.open(9_999, 'retry-budget')
    expect(breaker.openUntil(9_999)).toBe(10_000)
    breaker.open(10_000, 'retry-budget')
    expect(breaker.openUntil(10_000)).toBe(30_000)
  })

  test('lengthens an opening and never shortens it', () => {
    const { breaker, states } = scene()
    breaker.open(0, 'a', 50_000)
    breaker.open(1_000, 'b', 1_000)
    expect([breaker.openUntil(1_000), breaker.reason]).toEqual([50_000, 'a'])
    breaker.open(1_000, 'c', 60_000)
    expect([breaker.openUntil(1_000), breaker.reason, states()]).toEqual([61_000, 'c', ['open']])
  })

  test('ignores invalid durations, and limits a rest to a day', () => {
    for (const [ms, until] of [
      [Number.NaN, 10_000],
      [-5, 10_000],
      [0, 10_000],
      [Number.POSITIVE_INFINITY, 86_400_000],
    ] as const) {
      const { breaker } = scene()
      breaker.open(0, 'x', ms)
      expect(breaker.openUntil(0)).toBe(until)
    }
  })
})

type Step =
  | { readonly do: 'pass'; readonly ms: number }
  | { readonly do: 'start'; readonly force: boolean }
  | { readonly do: 'end'; readonly which: number; readonly outcome: AttemptOutcome }
  | { readonly do: 'drop'; readonly which: number }
  | { readonly do: 'open'; readonly ms: number }

interface Flight {
  readonly token: number
  readonly startedAt: number
  readonly probe: boolean
  /** False once the breaker has opened or closed since it started. */
  readonly counts: boolean
}

const outcome: fc.Arbitrary<AttemptOutcome> = fc.oneof(
  { weight: 2, arbitrary: fc.constant(OK) },
  { weight: 5, arbitrary: fc.constantFrom(failed('overloaded'), failed('crashed'), failed('timeout')) },
  {
    weight: 2,
    arbitrary: fc.constantFrom(failed('agent'), failed('throttled'), failed('timeout', { timeout: 'total' })),
  },
  { weight: 1, arbitrary: fc.integer({ min: -5, max: 5_000 }).map(retryAfterMs => failed('quota', { retryAfterMs })) },
)

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant('pass'), ms: fc.nat(60) }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('start'), force: fc.boolean() }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('end'), which: fc.nat(), outcome }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('drop'), which: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('open'), ms: fc.integer({ min: -1, max: 2_000 }) }) },
) as fc.Arbitrary<Step>

/** Long ones: interesting histories need an opening, a probe and a late outcome. */
const history = fc.array(step, { maxLength: 150, size: 'max' })

const OPTIONS = { failures: 3, openMs: 10, maxOpenMs: 80, maxRestMs: 1_000, probeMs: 100 }
const NEXT = { closed: ['open'], open: ['half-open', 'open'], 'half-open': ['open', 'closed'] }

/** What an outcome means for the breaker: an independent implementation. */
function meaningOf(end: AttemptOutcome): 'failure' | 'answer' | 'unknown' {
  if (end.ok || end.failure.kind === 'agent') return 'answer'
  return end.failure.kind === 'throttled' || end.failure.timeout === 'total' ? 'unknown' : 'failure'
}

/** Applies a history to a breaker, and records what the properties need. */
class Walk {
  readonly changes: BreakerChange[] = []
  now = 0
  inFlight: Flight[] = []
  /** Consecutive failures of attempts that started since it last opened or closed. */
  row = 0
  /** The counts that opened it. */
  readonly opened: number[] = []
  readonly breaker: CircuitBreaker = new CircuitBreaker(OPTIONS, change => {
    this.changes.push(change)
    if (change.to === 'half-open') return
    if (change.to === 'open' && change.reason.includes('in a row')) this.opened.push(this.row)
    this.row = 0
    this.inFlight = this.inFlight.map(flight => ({ ...flight, probe: false, counts: false }))
  })

  take(next: Step): void {
    if (next.do === 'pass') this.now += next.ms
    else if (next.do === 'start') this.#start(next.force)
    else if (next.do === 'open') this.breaker.open(this.now, 'by the host', next.ms)
    else this.#land(next)
  }

  #start(force: boolean): void {
    const canStart = this.breaker.canStart(this.now)
    if (!canStart && !force) return
    const probe = canStart && !this.breaker.isClosed
    this.inFlight.push({ token: this.breaker.attemptStarted(this.now), startedAt: this.now, probe, counts: canStart })
  }

  #land(next: Step & { readonly do: 'end' | 'drop' }): void {
    const [flight] = this.inFlight.splice(next.which % Math.max(1, this.inFlight.length), 1)
    if (flight === undefined) return
    if (next.do === 'drop') return this.breaker.attemptDropped(flight.token)
    const meaning = meaningOf(next.outcome)
    if (flight.counts && meaning !== 'unknown') this.row = meaning === 'failure' ? this.row + 1 : 0
    const before = this.changes.length
    this.breaker.attemptEnded(this.now, flight.token, next.outcome)
    if (flight.counts || this.changes.length === before) return
    expect((this.changes.at(-1) as { readonly reason?: string }).reason).toMatch(/^quota/)
  }
}

/** Runs `check` after each step of 200 random histories. */
function afterEachStep(check: (walk: Walk) => void, without: (step: Step) => boolean = () => false): void {
  fc.assert(
    fc.property(history, steps => {
      const walk = new Walk()
      for (const next of steps) {
        if (without(next)) continue
        walk.take(next)
        check(walk)
      }
    }),
    { numRuns: 200 },
  )
}

describe('over random histories, a breaker', () => {
  test('has at most one probe in flight that is younger than probeMs', () => {
    afterEachStep(({ inFlight, now }) => {
      const recent = inFlight.filter(({ probe, startedAt }) => probe && now - startedAt < OPTIONS.probeMs)
      expect(recent.length).toBeLessThan(2)
    })
  })

  test('is closed with fewer consecutive failures than the option, and opens with as many', () => {
    afterEachStep(({ breaker, row, opened }) => {
      if (breaker.isClosed) expect(row).toBeLessThan(OPTIONS.failures)
      expect(opened.every(length => length === OPTIONS.failures)).toBe(true)
    })
  })

  test('is never open for longer than maxRestMs, and for longer than maxOpenMs only on request', () => {
    const leftMs = ({ breaker, now }: Walk): number => (breaker.openUntil(now) ?? now) - now
    afterEachStep(walk => expect(leftMs(walk)).toBeLessThanOrEqual(OPTIONS.maxRestMs))
    afterEachStep(
      walk => {
        const limitMs = walk.breaker.stateAt(walk.now) === 'open' ? OPTIONS.maxOpenMs : OPTIONS.probeMs
        expect(leftMs(walk)).toBeLessThanOrEqual(limitMs)
      },
      next => next.do === 'open' || (next.do === 'end' && !next.outcome.ok && next.outcome.failure.kind === 'quota'),
    )
  })

  test('admits an attempt at openUntil, and none before, if nothing happens until then', () => {
    afterEachStep(({ breaker, now }) => {
      const until = breaker.openUntil(now)
      expect(breaker.canStart(now)).toBe(until === undefined)
      if (until === undefined) return
      expect([breaker.canStart(until - 0.001), breaker.canStart(until)]).toEqual([false, true])
    })
  })

  test('reports each change of state once, in a possible order', () => {
    afterEachStep(({ breaker, changes }) => {
      const [before, last] = [changes.at(-2)?.to ?? 'closed', changes.at(-1)?.to]
      if (last !== undefined) expect(NEXT[before]).toContain(last)
      expect(breaker.isClosed).toBe(last === undefined || last === 'closed')
      expect(breaker.reason === undefined).toBe(breaker.isClosed)
    })
  })
})
