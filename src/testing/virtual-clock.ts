import { type Clock, checkOptions, optionsOf, rules } from 'counterpoint'
import * as z from 'zod'

interface Timer {
  readonly dueAt: number
  /** How many callbacks, each set by the one before, have run in the current call. */
  readonly depth: number
  /** The call in which it was set. */
  readonly call: number
  readonly order: number
  readonly callback: () => void
  cancelled: boolean
}

/** Options of a {@link VirtualClock}. */
export interface VirtualClockOptions {
  /** The first value of `now()`, in milliseconds since 1970. Default 2026-01-01T00:00:00Z. */
  readonly startAt?: number | undefined
}

/** A chain of so many callbacks in one call, each set by the one before, is taken for one without end. */
const LONGEST_CHAIN = 500_000

const OPTIONS = optionsOf({ startAt: z.number() }).partial()
const MS = z.custom(ms => typeof ms === 'number' && Number.isFinite(ms), 'expected a finite number of milliseconds')
const ADVANCE = optionsOf({
  ms: MS.refine(ms => (ms as number) >= 0, 'expected a finite number of milliseconds, 0 or more'),
})
const JUMP = optionsOf({ byMs: MS })
const SCHEDULE = optionsOf({
  callback: rules.fn,
  delayMs: z.custom(ms => typeof ms === 'number', 'expected a number of milliseconds'),
})
const RUN_OPTIONS = optionsOf({ limitMs: rules.nonNegative }).partial()

/**
 * A clock whose time passes only when the test advances it: a test of an hour takes a millisecond.
 * Callbacks with a delay of 0 do not wait for that: they run in the next turn of the event loop.
 *
 * ```ts
 * const clock = new VirtualClock()
 * const run = new Orchestrator({ clock, pools }).run(plan)
 * await clock.runUntilIdle()
 * const result = await run.result
 * ```
 */
export class VirtualClock implements Clock {
  #wallMs: number
  #elapsedMs = 0
  #order = 0
  #call = 0
  /** Of the callback that is running. */
  #depth = 0
  readonly #heap: Timer[] = []
  /** Callbacks of delay 0 that have not run yet. */
  #immediate = 0

  /** @throws CounterpointError `INVALID_INPUT` for unknown or invalid options. */
  constructor(options: VirtualClockOptions = {}) {
    checkOptions(OPTIONS, options, { of: 'VirtualClock' })
    this.#wallMs = options.startAt ?? Date.UTC(2026, 0, 1)
  }

  /** The virtual wall time. */
  now(): number {
    return this.#wallMs + this.#elapsedMs
  }

  /** Virtual milliseconds since the clock was created. */
  monotonic(): number {
    return this.#elapsedMs
  }

  /**
   * Moves the wall clock by `byMs` without letting time pass, as an administrator or NTP does.
   * @throws CounterpointError `INVALID_INPUT` unless `byMs` is a finite number.
   */
  jump(byMs: number): void {
    checkOptions(JUMP, { byMs }, { of: 'VirtualClock.jump' })
    this.#wallMs += byMs
  }

  /** A delay of `Infinity` never ends: nothing is scheduled. One that is negative or NaN counts as 0. */
  schedule(callback: () => void, delayMs: number): () => void {
    // The rule takes microseconds, so it only makes the error.
    if (typeof callback !== 'function' || typeof delayMs !== 'number')
      checkOptions(SCHEDULE, { callback, delayMs }, { of: 'VirtualClock.schedule' })
    if (delayMs === Number.POSITIVE_INFINITY) return () => {}
    // Time always passes: a delay that is too small for a change of the sum would be due, and scheduled again, forever.
    const leastMs = delayMs > 0 ? this.#elapsedMs * Number.EPSILON : 0
    const timer: Timer = {
      dueAt: this.#elapsedMs + Math.max(leastMs, delayMs),
      order: this.#order++,
      depth: this.#depth + 1,
      call: this.#call,
      callback,
      cancelled: false,
    }
    if (delayMs > 0) push(this.#heap, timer)
    else this.#runImmediately(timer)
    return () => {
      timer.cancelled = true
    }
  }

  /** The number of callbacks that are scheduled. */
  get pending(): number {
    return this.#heap.filter(timer => !timer.cancelled).length
  }

  /**
   * Lets `ms` pass: runs callbacks in the order of their times, and after each the callbacks of all promises that it settled.
   * @throws CounterpointError `INVALID_INPUT` unless `ms` is a finite number of at least 0. To move the wall clock back, use `jump`. Error when half a
   * million callbacks have run of which each scheduled the next: they would never end.
   */
  async advance(ms: number): Promise<void> {
    checkOptions(ADVANCE, { ms }, { of: 'VirtualClock.advance' })
    const until = this.#elapsedMs + ms
    await this.#begin()
    for (let next = this.#next(); next !== undefined && next.dueAt <= until; next = this.#next()) await this.#fire(next)
    this.#elapsedMs = Math.max(this.#elapsedMs, until)
  }

  /**
   * Lets time pass until nothing is scheduled.
   * @throws Error when something is still scheduled after `limitMs` virtual milliseconds (default 100 years), or when half a million callbacks
   * have run of which each scheduled the next.
   */
  async runUntilIdle(options: { readonly limitMs?: number | undefined } = {}): Promise<void> {
    checkOptions(RUN_OPTIONS, options, { of: 'runUntilIdle' })
    const until = this.#elapsedMs + (options.limitMs ?? 100 * 365 * 86_400_000)
    await this.#begin()
    for (let next = this.#next(); next !== undefined; next = this.#next()) {
      if (next.dueAt > until)
        throw new Error(
          `VirtualClock: still busy after ${options.limitMs ?? '100 years of'} ms: something reschedules itself forever`,
        )
      await this.#fire(next)
    }
  }

  async #begin(): Promise<void> {
    this.#call++
    this.#depth = 0
    await this.#settle()
  }

  async #fire(timer: Timer): Promise<void> {
    pop(this.#heap)
    this.#depth = timer.call === this.#call ? timer.depth : 1
    if (this.#depth > LONGEST_CHAIN)
      throw endless(`each timer sets the next, now by ${timer.dueAt - this.#elapsedMs} ms`)
    this.#elapsedMs = Math.max(this.#elapsedMs, timer.dueAt)
    timer.callback()
    await this.#settle()
  }

  /** Resolves when all promise callbacks and all callbacks of delay 0 have run. */
  async #settle(): Promise<void> {
    let turns = 0
    do {
      await nextTurn()
      if (++turns > LONGEST_CHAIN) throw endless('each callback of delay 0 schedules the next, so no time passes')
    } while (this.#immediate > 0)
  }

  #runImmediately(timer: Timer): void {
    this.#immediate++
    void nextTurn().then(() => {
      this.#immediate--
      if (!timer.cancelled) timer.callback()
    })
  }

  #next(): Timer | undefined {
    while (this.#heap[0]?.cancelled) pop(this.#heap)
    return this.#heap[0]
  }
}

function endless(how: string): Error {
  return new Error(
    `VirtualClock: still busy after ${LONGEST_CHAIN} callbacks: something reschedules itself forever (${how})`,
  )
}

const platform = globalThis as { setImmediate?: (callback: () => void) => unknown }

/** One turn of the event loop: all queued promise callbacks run before. */
function nextTurn(): Promise<void> {
  return new Promise(resolve => {
    if (platform.setImmediate) platform.setImmediate(resolve)
    else setTimeout(resolve, 0)
  })
}

function before(a: Timer, b: Timer): boolean {
  return a.dueAt !== b.dueAt ? a.dueAt < b.dueAt : a.order < b.order
}

function push(heap: Timer[], timer: Timer): void {
  let at = heap.push(timer) - 1
  while (at > 0) {
    const parent = (at - 1) >> 1
    if (!before(timer, heap[parent] as Timer)) break
    heap[at] = heap[parent] as Timer
    at = parent
  }
  heap[at] = timer
}

function pop(heap: Timer[]): void {
  const last = heap.pop()
  if (last === undefined || heap.length === 0) return
  let at = 0
  for (let child = 1; child < heap.length; child = 2 * at + 1) {
    if (child + 1 < heap.length && before(heap[child + 1] as Timer, heap[child] as Timer)) child++
    if (before(last, heap[child] as Timer)) break
    heap[at] = heap[child] as Timer
    at = child
  }
  heap[at] = last
}
