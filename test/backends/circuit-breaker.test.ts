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

/** A breaker that opens after three failures, and what it told. */
function scene(options: BreakerOptions = {}) {
  const changes: BreakerChange[] = []
  const breaker = new CircuitBreaker({ failures: 3, ...options }, change => void changes.push(change))
  const attempt = (now: number, outcome: AttemptOutcome): void =>
    breaker.attemptEnded(now, breaker.attemptStarted(now), outcome)
  const fail = (now: number, times = 3): void => {
    for (let i = 0; i < times; i++) attempt(now, failed())
  }
  return { breaker, changes, attempt, fail, told: () => changes.map(({ to }) => to) }
}

describe('a closed breaker', () => {
  test('opens after 20 failures in a row, unless told otherwise, and says why', () => {
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

  test.each<readonly [FailureKind, 'counts' | 'begins a new row' | 'says nothing']>([
    ['overloaded', 'counts'],
    ['timeout', 'counts'],
    ['crashed', 'counts'],
    ['agent', 'begins a new row'],
    ['invalid-output', 'begins a new row'],
    ['incomplete-output', 'begins a new row'],
    ['refused', 'begins a new row'],
    ['bad-input', 'begins a new row'],
    ['throttled', 'says nothing'],
    ['interrupted', 'says nothing'],
  ])('takes a failure of kind %s so: it %s', (kind, meaning) => {
    const { breaker, attempt, fail } = scene({ failures: 3 })
    fail(0, 2)
    attempt(0, failed(kind))
    expect(breaker.isClosed).toBe(meaning !== 'counts')
    fail(0, 1)
    expect(breaker.isClosed).toBe(meaning === 'begins a new row')
  })

  test('begins a new row with each success', () => {
    const { breaker, attempt, fail } = scene()
    for (let i = 0; i < 10; i++) {
      fail(0, 2)
      attempt(0, OK)
    }
    expect(breaker.isClosed).toBe(true)
  })

  test('counts timeouts of an attempt, and not those of the task: they say nothing', () => {
    for (const timeout of ['attempt', 'idle', 'queue', 'total'] as const) {
      const { breaker, attempt } = scene({ failures: 1 })
      attempt(0, failed('timeout', { timeout }))
      expect([timeout, breaker.isClosed]).toEqual([timeout, timeout === 'queue' || timeout === 'total'])
    }
  })

  test('counts the kinds that it is told to count, and no failure when there are none', () => {
    for (const kind of FAILURE_KINDS.filter(kind => kind !== 'quota')) {
      const one = scene({ failures: 1, countsAs: [kind] })
      one.attempt(0, failed(kind))
      expect([kind, one.breaker.isClosed]).toEqual([kind, false])
      const none = scene({ failures: 1, countsAs: [] })
      none.attempt(0, failed(kind))
      expect([kind, none.breaker.isClosed]).toEqual([kind, true])
    }
  })

  test('forgets nothing when an attempt is dropped', () => {
    const { breaker, fail } = scene()
    fail(0, 2)
    breaker.attemptDropped(breaker.attemptStarted(0))
    fail(0, 1)
    expect(breaker.isClosed).toBe(false)
  })
})

describe('an open breaker', () => {
  test('lets nothing through until its time is up, then one attempt', () => {
    const { breaker, fail, told } = scene()
    fail(0)
    expect([breaker.canStart(9_999), breaker.stateAt(9_999)]).toEqual([false, 'open'])
    expect([breaker.canStart(10_000), breaker.stateAt(10_000), breaker.openUntil(10_000)]).toEqual([
      true,
      'half-open',
      undefined,
    ])
    breaker.attemptStarted(10_000)
    expect([breaker.canStart(10_000), breaker.openUntil(10_000)]).toEqual([false, 70_000])
    expect(told()).toEqual(['open', 'half-open'])
  })

  test('does not hear of attempts that started before it opened', () => {
    const { breaker, fail, told } = scene()
    const before = [breaker.attemptStarted(0), breaker.attemptStarted(0), breaker.attemptStarted(0)] as const
    fail(0)
    breaker.attemptEnded(1, before[0], OK)
    breaker.attemptEnded(2, before[1], failed())
    breaker.attemptDropped(before[2])
    expect([breaker.openUntil(2), told()]).toEqual([10_000, ['open']])
  })

  test('does not hear of an attempt that went although it might not', () => {
    const { breaker, attempt, fail, told } = scene()
    fail(0)
    attempt(1, OK)
    attempt(2, failed())
    expect([breaker.stateAt(2), breaker.openUntil(2), told()]).toEqual(['open', 10_000, ['open']])
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

  test('begins with the first length again once the backend has answered', () => {
    const { breaker, attempt, fail } = scene()
    fail(0)
    fail(10_000, 1)
    attempt(30_000, OK)
    fail(30_000)
    expect(breaker.openUntil(30_000)).toBe(40_000)
  })

  test('never has a length that is no number, however often it opens', () => {
    const { breaker, fail } = scene({ openMs: 0 })
    fail(0)
    for (let i = 0; i < 3_000; i++) fail(0, 1)
    expect([breaker.canStart(0), breaker.openUntil(0)]).toEqual([true, undefined])
  })
})

describe('a half-open breaker', () => {
  test('closes when its probe succeeds, or fails with an answer', () => {
    for (const outcome of [OK, failed('agent'), failed('invalid-output'), failed('refused')]) {
      const { breaker, attempt, fail, told } = scene()
      fail(0)
      attempt(10_000, outcome)
      expect([breaker.isClosed, told()]).toEqual([true, ['open', 'half-open', 'closed']])
    }
  })

  test('begins a new row when it closes', () => {
    const { breaker, attempt, fail } = scene()
    fail(0)
    attempt(10_000, OK)
    fail(10_000, 2)
    expect(breaker.isClosed).toBe(true)
  })

  test('opens again when its probe fails, and says so', () => {
    const { changes, fail } = scene()
    fail(0)
    fail(10_000, 1)
    expect(changes.at(-1)).toEqual({ to: 'open', until: 30_000, reason: 'the probe failed: overloaded: no' })
  })

  test('lets another probe go when nothing is told of the first, or what is told says nothing', () => {
    for (const end of [
      undefined,
      failed('throttled'),
      failed('interrupted'),
      failed('timeout', { timeout: 'total' }),
    ]) {
      const { breaker, fail, told } = scene()
      fail(0)
      const probe = breaker.attemptStarted(10_000)
      if (end === undefined) breaker.attemptDropped(probe)
      else breaker.attemptEnded(10_001, probe, end)
      expect([breaker.canStart(10_001), breaker.isClosed]).toEqual([true, false])
      breaker.attemptStarted(10_001)
      expect([breaker.canStart(10_001), told()]).toEqual([false, ['open', 'half-open']])
    }
  })

  test('keeps its probe when one that started earlier is dropped', () => {
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

  test('does not hear of attempts that started before it opened', () => {
    const { breaker, fail, told } = scene()
    const early = [breaker.attemptStarted(0), breaker.attemptStarted(0)] as const
    fail(0)
    breaker.attemptStarted(10_000)
    breaker.attemptEnded(10_001, early[0], OK)
    breaker.attemptEnded(10_001, early[1], failed())
    expect([breaker.stateAt(10_001), told()]).toEqual(['half-open', ['open', 'half-open']])
  })

  test('is not held up for ever by a probe that hangs: after a minute another goes, and the answer of either closes it', () => {
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

  test('opens again when a probe that was given up fails, and does not hear of the one that followed', () => {
    const { breaker, fail, told } = scene()
    fail(0)
    const hangs = breaker.attemptStarted(10_000)
    const second = breaker.attemptStarted(70_000)
    breaker.attemptEnded(75_000, hangs, failed('timeout', { timeout: 'idle' }))
    breaker.attemptEnded(75_001, second, OK)
    expect([breaker.openUntil(75_001), told()]).toEqual([95_000, ['open', 'half-open', 'open']])
  })
})

describe('a backend that says how long it rests', () => {
  test.each<readonly [string, Partial<Failure>, Verdict, number]>([
    ['the verdict that parks the pool', { retryAfterMs: 1 }, { action: 'park', delayMs: 3_600_000 }, 3_600_000],
    ['the provider, where no verdict says it', { retryAfterMs: 3_600_000 }, RETRY, 3_600_000],
    ['the verdict that fails over', { retryAfterMs: 1 }, { action: 'failover', restMs: 50_000 }, 50_000],
    ['an opening, where nobody says it', {}, RETRY, 10_000],
    ['an opening, where it is shorter', { retryAfterMs: 0 }, { action: 'failover' }, 10_000],
    ['an opening, where it is no duration', { retryAfterMs: -1 }, RETRY, 10_000],
    ['an opening, where it is no number', { retryAfterMs: Number.NaN }, RETRY, 10_000],
    ['the maximum, where it is absurd', { retryAfterMs: 1e15 }, RETRY, 86_400_000],
  ])('opens at the first quota, for as long as is said by %s', (_, failure, verdict, ms) => {
    const { changes, attempt } = scene()
    attempt(7, failed('quota', failure, verdict))
    expect(changes).toEqual([{ to: 'open', until: 7 + ms, reason: 'quota: no' }])
  })

  test('opens at a fail-over that gives it a rest, whatever the kind, for just that long', () => {
    const { breaker, attempt } = scene()
    attempt(0, failed('throttled', {}, { action: 'failover' }))
    attempt(0, failed('throttled', {}, { action: 'failover', restMs: 0 }))
    expect(breaker.isClosed).toBe(true)
    attempt(0, failed('throttled', {}, { action: 'failover', restMs: 1_500 }))
    expect(breaker.openUntil(0)).toBe(1_500)
  })

  test('is heard whenever the attempt started, and rests for the longest of what was said', () => {
    const { breaker, fail, told } = scene()
    const early = [1, 2, 3].map(() => breaker.attemptStarted(0))
    fail(0)
    const rests = [60_000, 20_000, 0]
    early.forEach((ticket, i) => {
      breaker.attemptEnded(1_000, ticket, failed('quota', { retryAfterMs: rests[i] as number }))
    })
    expect([breaker.openUntil(1_000), breaker.reason, told()]).toEqual([61_000, 'quota: no', ['open']])
  })
})

describe('trip', () => {
  test('opens for as long as failures would, and leaves one that is open as it is', () => {
    const { breaker, changes } = scene()
    breaker.open(0, 'retry-budget')
    expect(changes).toEqual([{ to: 'open', until: 10_000, reason: 'retry-budget' }])
    breaker.open(9_999, 'retry-budget')
    expect(breaker.openUntil(9_999)).toBe(10_000)
    breaker.open(10_000, 'retry-budget')
    expect(breaker.openUntil(10_000)).toBe(30_000)
  })

  test('lengthens an opening and never shortens it', () => {
    const { breaker, told } = scene()
    breaker.open(0, 'a', 50_000)
    breaker.open(1_000, 'b', 1_000)
    expect([breaker.openUntil(1_000), breaker.reason]).toEqual([50_000, 'a'])
    breaker.open(1_000, 'c', 60_000)
    expect([breaker.openUntil(1_000), breaker.reason, told()]).toEqual([61_000, 'c', ['open']])
  })

  test('takes what is no duration as not said, and a rest of more than a day as a day', () => {
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
  | { readonly do: 'trip'; readonly ms: number }

interface Flight {
  readonly ticket: number
  readonly at: number
  readonly probe: boolean
  /** False once the breaker has opened or closed since it started. */
  readonly heard: boolean
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
  { weight: 1, arbitrary: fc.record({ do: fc.constant('trip'), ms: fc.integer({ min: -1, max: 2_000 }) }) },
) as fc.Arbitrary<Step>

/** Long ones: what may go wrong takes an opening, a probe and something late. */
const history = fc.array(step, { maxLength: 150, size: 'max' })

const OPTIONS = { failures: 3, openMs: 10, maxOpenMs: 80, maxRestMs: 1_000, probeMs: 100 }
const NEXT = { closed: ['open'], open: ['half-open', 'open'], 'half-open': ['open', 'closed'] }

/** What an attempt says of its backend, worked out by another way than the breaker's. */
function says(end: AttemptOutcome): 'ill' | 'well' | 'nothing' {
  if (end.ok || end.failure.kind === 'agent') return 'well'
  return end.failure.kind === 'throttled' || end.failure.timeout === 'total' ? 'nothing' : 'ill'
}

/** A breaker that is walked through a history, and what must be known to judge it. */
class Walk {
  readonly changes: BreakerChange[] = []
  now = 0
  flying: Flight[] = []
  /** Failures in a row since it last opened or closed, of attempts that started since then. */
  row = 0
  /** How long each of those rows was that opened it. */
  readonly opened: number[] = []
  readonly breaker: CircuitBreaker = new CircuitBreaker(OPTIONS, change => {
    this.changes.push(change)
    if (change.to === 'half-open') return
    if (change.to === 'open' && change.reason.includes('in a row')) this.opened.push(this.row)
    this.row = 0
    this.flying = this.flying.map(flight => ({ ...flight, probe: false, heard: false }))
  })

  take(next: Step): void {
    if (next.do === 'pass') this.now += next.ms
    else if (next.do === 'start') this.#start(next.force)
    else if (next.do === 'trip') this.breaker.open(this.now, 'told to', next.ms)
    else this.#land(next)
  }

  #start(force: boolean): void {
    const may = this.breaker.canStart(this.now)
    if (!may && !force) return
    const probe = may && !this.breaker.isClosed
    this.flying.push({ ticket: this.breaker.attemptStarted(this.now), at: this.now, probe, heard: may })
  }

  #land(next: Step & { readonly do: 'end' | 'drop' }): void {
    const [flight] = this.flying.splice(next.which % Math.max(1, this.flying.length), 1)
    if (flight === undefined) return
    if (next.do === 'drop') return this.breaker.attemptDropped(flight.ticket)
    const said = says(next.outcome)
    if (flight.heard && said !== 'nothing') this.row = said === 'ill' ? this.row + 1 : 0
    const before = this.changes.length
    this.breaker.attemptEnded(this.now, flight.ticket, next.outcome)
    if (flight.heard || this.changes.length === before) return
    expect((this.changes.at(-1) as { readonly reason?: string }).reason).toMatch(/^quota/)
  }
}

/** Looks at each place of 200 histories. */
function everywhere(look: (walk: Walk) => void, without: (step: Step) => boolean = () => false): void {
  fc.assert(
    fc.property(history, steps => {
      const walk = new Walk()
      for (const next of steps) {
        if (without(next)) continue
        walk.take(next)
        look(walk)
      }
    }),
    { numRuns: 200 },
  )
}

describe('over random histories a breaker', () => {
  test('has at most one probe out that is younger than probeMs', () => {
    everywhere(({ flying, now }) => {
      const young = flying.filter(({ probe, at }) => probe && now - at < OPTIONS.probeMs)
      expect(young.length).toBeLessThan(2)
    })
  })

  test('is closed with fewer failures in a row than the option says, and opens with as many', () => {
    everywhere(({ breaker, row, opened }) => {
      if (breaker.isClosed) expect(row).toBeLessThan(OPTIONS.failures)
      expect(opened.every(length => length === OPTIONS.failures)).toBe(true)
    })
  })

  test('is never open for longer than maxRestMs, and for longer than maxOpenMs only where it was asked to be', () => {
    const leftMs = ({ breaker, now }: Walk): number => (breaker.openUntil(now) ?? now) - now
    everywhere(walk => expect(leftMs(walk)).toBeLessThanOrEqual(OPTIONS.maxRestMs))
    everywhere(
      walk => {
        const limitMs = walk.breaker.stateAt(walk.now) === 'open' ? OPTIONS.maxOpenMs : OPTIONS.probeMs
        expect(leftMs(walk)).toBeLessThanOrEqual(limitMs)
      },
      next => next.do === 'trip' || (next.do === 'end' && !next.outcome.ok && next.outcome.failure.kind === 'quota'),
    )
  })

  test('lets an attempt through at the time that it says, and none before, when nothing is told till then', () => {
    everywhere(({ breaker, now }) => {
      const until = breaker.openUntil(now)
      expect(breaker.canStart(now)).toBe(until === undefined)
      if (until === undefined) return
      expect([breaker.canStart(until - 0.001), breaker.canStart(until)]).toEqual([false, true])
    })
  })

  test('tells each change of state once, in an order that can be', () => {
    everywhere(({ breaker, changes }) => {
      const [before, last] = [changes.at(-2)?.to ?? 'closed', changes.at(-1)?.to]
      if (last !== undefined) expect(NEXT[before]).toContain(last)
      expect(breaker.isClosed).toBe(last === undefined || last === 'closed')
      expect(breaker.reason === undefined).toBe(breaker.isClosed)
    })
  })
})
