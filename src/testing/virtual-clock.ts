import type { Clock } from 'counterpoint'

interface Timer {
  readonly dueAt: number
  readonly order: number
  readonly callback: () => void
  calledOff: boolean
}

/** Options of a {@link VirtualClock}. */
export interface VirtualClockOptions {
  /** What `now()` says at first, in milliseconds since 1970. Default 2026-01-01T00:00:00Z. */
  readonly startAt?: number
}

/**
 * Time that stands still until it is told to go on: a test of an hour takes a millisecond.
 * Callbacks with a delay of 0 need no time to pass: they run in the next turn of the event loop by themselves.
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
  readonly #heap: Timer[] = []
  #soon = 0

  constructor(options: VirtualClockOptions = {}) {
    this.#wallMs = options.startAt ?? Date.UTC(2026, 0, 1)
  }

  /** The virtual wall time. */
  now(): number {
    return this.#wallMs + this.#elapsedMs
  }

  /** Virtual milliseconds since the clock was made. */
  monotonic(): number {
    return this.#elapsedMs
  }

  /** Moves the wall clock by `byMs` without letting time pass, as an administrator or NTP does. */
  jump(byMs: number): void {
    this.#wallMs += byMs
  }

  schedule(callback: () => void, delayMs: number): () => void {
    const timer: Timer = {
      dueAt: this.#elapsedMs + Math.max(0, delayMs),
      order: this.#order++,
      callback,
      calledOff: false,
    }
    if (delayMs > 0) push(this.#heap, timer)
    else this.#runSoon(timer)
    return () => {
      timer.calledOff = true
    }
  }

  /** How many callbacks wait for time to pass. */
  get pending(): number {
    return this.#heap.filter(timer => !timer.calledOff).length
  }

  /**
   * Lets `ms` pass: callbacks run in the order of their times, and after each all promises that it settled are followed up.
   * @throws Error unless `ms` is 0 or more: time does not go back (the wall clock may: `jump`), and never comes to an end.
   */
  async advance(ms: number): Promise<void> {
    if (!(ms >= 0 && ms < Number.POSITIVE_INFINITY))
      throw new Error(`VirtualClock: expected a number of milliseconds to pass, 0 or more; got ${ms}`)
    const until = this.#elapsedMs + ms
    await this.#settle()
    for (let next = this.#next(); next !== undefined && next.dueAt <= until; next = this.#next()) await this.#fire(next)
    this.#elapsedMs = Math.max(this.#elapsedMs, until)
  }

  /**
   * Lets time pass until nothing waits for it any more.
   * @throws Error after `limitMs` virtual milliseconds (default 100 years): something schedules itself for ever.
   */
  async runUntilIdle(options: { readonly limitMs?: number } = {}): Promise<void> {
    const until = this.#elapsedMs + (options.limitMs ?? 100 * 365 * 86_400_000)
    await this.#settle()
    for (let next = this.#next(); next !== undefined; next = this.#next()) {
      if (next.dueAt > until)
        throw new Error(
          `VirtualClock: still busy after ${options.limitMs ?? '100 years of'} ms: something schedules itself for ever`,
        )
      await this.#fire(next)
    }
  }

  async #fire(timer: Timer): Promise<void> {
    pop(this.#heap)
    this.#elapsedMs = Math.max(this.#elapsedMs, timer.dueAt)
    timer.callback()
    await this.#settle()
  }

  /** Until no promise has anything left to do, and no callback of delay 0 is on its way. */
  async #settle(): Promise<void> {
    do await turn()
    while (this.#soon > 0)
  }

  #runSoon(timer: Timer): void {
    this.#soon++
    void turn().then(() => {
      this.#soon--
      if (!timer.calledOff) timer.callback()
    })
  }

  #next(): Timer | undefined {
    while (this.#heap[0]?.calledOff) pop(this.#heap)
    return this.#heap[0]
  }
}

const platform = globalThis as { setImmediate?: (callback: () => void) => unknown }

/** A turn of the event loop: everything that promises have queued runs before. */
function turn(): Promise<void> {
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
