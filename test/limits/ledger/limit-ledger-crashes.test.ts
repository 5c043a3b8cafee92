import type { Clock } from 'counterpoint'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Grants } from '../../../src/limits/ledger/grants.js'
import { LimitLedger } from '../../../src/limits/ledger/limit-ledger.js'
import type { WindowKind } from '../../../src/limits/ledger/records.js'
import { RateWindow } from '../../../src/limits/rate-window.js'
import { FakeStream } from '../../support/fake-stream.js'

const PER_MS = 100
const KINDS = ['requests', 'tokens'] as const

/** Runs all queued promise callbacks first. */
const turn = (): Promise<void> => new Promise(resolve => void setImmediate(resolve))

/** The clock of one process. Time continues when the process has ended. */
class ProcessClock implements Clock {
  readonly #simulation: Simulation
  readonly #bootedAt: number
  #timers: { readonly dueAt: number; readonly callback: () => void }[] = []

  constructor(simulation: Simulation) {
    this.#simulation = simulation
    this.#bootedAt = simulation.time
  }

  now(): number {
    return Math.floor(this.#simulation.time + this.#simulation.wallMs)
  }

  monotonic(): number {
    return this.#simulation.time - this.#bootedAt
  }

  schedule(callback: () => void, delayMs: number): () => void {
    const timer = { dueAt: this.monotonic() + delayMs, callback }
    this.#timers.push(timer)
    return () => {
      this.#timers = this.#timers.filter(other => other !== timer)
    }
  }

  ring(): void {
    const due = this.#timers.filter(({ dueAt }) => dueAt <= this.monotonic())
    this.#timers = this.#timers.filter(timer => !due.includes(timer))
    for (const { callback } of due) callback()
  }
}

interface Kept {
  readonly window: RateWindow
  readonly grants: Grants
}

/** Processes that follow each other on one stream. Records all starts and their times. */
class Simulation {
  time = 0.25
  /** How far the wall clock is ahead. */
  wallMs = Date.UTC(2026, 0, 1)
  readonly stream: FakeStream
  readonly #limits: Record<WindowKind, number>
  readonly #starts: Record<WindowKind, { at: number; weight: number }[]> = { requests: [], tokens: [] }
  #clock!: ProcessClock
  #ledger!: LimitLedger
  #kept!: Record<WindowKind, Kept>

  constructor(limits: Record<WindowKind, number>, replaces: boolean) {
    this.#limits = { ...limits }
    this.stream = new FakeStream({ replaces })
    this.stream.isSlow = true
    this.boot()
  }

  boot(): void {
    this.#clock = new ProcessClock(this)
    const { stream } = this
    this.#ledger = new LimitLedger({ stream, clock: this.#clock, report: () => {}, compactAt: 6 })
    this.#kept = { requests: this.#keep('requests'), tokens: this.#keep('tokens') }
  }

  #keep(kind: WindowKind): Kept {
    const window = new RateWindow({ limit: this.#limits[kind], perMs: PER_MS })
    return { window, grants: this.#ledger.grants('key', kind, window, () => {}) }
  }

  pass(ms: number): void {
    this.time += ms
    this.#clock.ring()
  }

  async start(kind: WindowKind, weight: number): Promise<boolean> {
    const { window, grants } = this.#kept[kind]
    const now = this.#clock.monotonic()
    const may = window.nextAt(now, weight) <= now && grants.covers(weight)
    if (may) {
      window.add(now, weight)
      grants.use(weight)
      this.#starts[kind].push({ at: this.time, weight })
      this.#check(kind)
    }
    await turn()
    return may
  }

  /** Starts as many as the limits allow, at most `count`, with a fast disk. */
  async burst(kind: WindowKind, count: number): Promise<void> {
    for (let left = count; left > 0; left--) {
      if (await this.start(kind, 1)) continue
      await this.disk('flush')
      if (!(await this.start(kind, 1))) return
    }
  }

  /** The starts in the window that ends now, including those of earlier processes. */
  #check(kind: WindowKind): void {
    const inside = this.#starts[kind].filter(({ at, weight }) => this.time - at <= PER_MS && weight > 0)
    const sum = inside.reduce((total, { weight }) => total + weight, 0)
    if (sum > this.#limits[kind] && inside.length > 1)
      throw new Error(`at ${this.time}: ${sum} ${kind} in ${PER_MS} ms, more than ${this.#limits[kind]}`)
  }

  /** The wall clock is set back. */
  back(ms: number): void {
    this.wallMs -= ms
  }

  setLimit(kind: WindowKind, limit: number): void {
    this.#limits[kind] = limit
    this.#kept[kind].window.limit = { limit, perMs: PER_MS }
  }

  async disk(does: 'flush' | 'storeButFail' | 'fail'): Promise<void> {
    if (does === 'fail') this.stream.error = new Error('no')
    if (does === 'storeButFail') this.stream.storeButFail()
    else this.stream.flush()
    this.stream.error = undefined
    await turn()
  }

  async crash(lands: boolean, downMs: number): Promise<void> {
    this.stream.crash(lands)
    this.time += downMs
    this.boot()
    await turn()
  }

  async close(downMs: number): Promise<void> {
    const closed = this.#ledger.close()
    for (let i = 0; i < 4; i++) await this.disk('flush')
    await closed
    await this.crash(false, downMs)
  }

  /** In the end both windows allow starts up to their limits again. */
  async expectRecovery(): Promise<void> {
    this.stream.isSlow = false
    await this.disk('flush')
    for (const kind of KINDS) {
      this.pass(20_000)
      await this.start(kind, 0)
      this.pass(20_000)
      for (let left = this.#limits[kind]; left > 0; left--) expect(await this.start(kind, 1)).toBe(true)
      expect(await this.start(kind, 1)).toBe(false)
    }
  }
}

type Step = readonly [name: string, (simulation: Simulation) => unknown]

const kinds = fc.constantFrom(...KINDS)
const gaps = fc.constantFrom(0, 0.5, 1, 3, 20, 50, 101)
const downs = fc.constantFrom(0, 0.5, 1.5, 10, 60)

function steps(name: string, weight: number, act: fc.Arbitrary<Step>): fc.MaybeWeightedArbitrary<Step> {
  return { weight, arbitrary: act.map(([what, does]): Step => [`${name} ${what}`, does]) }
}

const step = fc.oneof(
  steps(
    'start',
    3,
    fc.tuple(kinds, fc.constantFrom(1, 2, 7, 60)).map(([kind, weight]): Step => {
      const weighs = kind === 'tokens' ? weight : 1
      return [`${weighs} ${kind}`, simulation => simulation.start(kind, weighs)]
    }),
  ),
  steps(
    'burst',
    8,
    fc
      .tuple(kinds, fc.constantFrom(1, 2, 3, 5, 8, 50, 50))
      .map(([kind, count]): Step => [`${count} ${kind}`, simulation => simulation.burst(kind, count)]),
  ),
  steps(
    'pass',
    6,
    gaps.map((ms): Step => [`${ms}`, simulation => simulation.pass(ms)]),
  ),
  steps(
    'disk',
    4,
    fc
      .constantFrom('flush' as const, 'flush' as const, 'storeButFail' as const, 'fail' as const)
      .map((does): Step => [does, simulation => simulation.disk(does)]),
  ),
  steps(
    'crash',
    4,
    fc
      .tuple(fc.boolean(), downs)
      .map(
        ([lands, ms]): Step => [
          `${lands ? 'after' : 'before'} the last write, ${ms}`,
          simulation => simulation.crash(lands, ms),
        ],
      ),
  ),
  steps(
    'close',
    1,
    downs.map((ms): Step => [`${ms}`, simulation => simulation.close(ms)]),
  ),
  steps(
    'wall',
    1,
    fc.constantFrom(0.5, 40, 1e6).map((ms): Step => [`back ${ms}`, simulation => simulation.back(ms)]),
  ),
  steps(
    'limit',
    1,
    fc
      .tuple(kinds, fc.integer({ min: 1, max: 40 }))
      .map(([kind, limit]): Step => [`${limit} ${kind}`, simulation => simulation.setLimit(kind, limit)]),
  ),
)
const traces = fc.array(
  step.map(one => Object.assign(one, { [fc.toStringMethod]: () => one[0] })),
  { maxLength: 60, size: 'max' },
)

describe('limits over restarts', () => {
  test('are never exceeded and never block forever, whenever processes crash and whatever the disk does', async () => {
    const limits = fc.record({ requests: fc.integer({ min: 1, max: 30 }), tokens: fc.integer({ min: 1, max: 50 }) })
    await fc.assert(
      fc.asyncProperty(limits, fc.boolean(), traces, async (given, replaces, trace) => {
        const simulation = new Simulation(given, replaces)
        await turn()
        for (const [, act] of trace) await act(simulation)
        await simulation.expectRecovery()
      }),
      { numRuns: 1000 },
    )
  })
})
