import { invalid } from './options-check.js'

/** A port: the source of time. Implementations: `systemClock`, and `VirtualClock` of `counterpoint/testing`. */
export interface Clock {
  /** Wall-clock time, in milliseconds since 1970. May jump; used for the times of events only. */
  now(): number
  /** Milliseconds from an arbitrary zero, never decreasing. All durations are measured with it. */
  monotonic(): number
  /**
   * Calls `callback` once after `delayMs` milliseconds, never early, however long the delay; 0 means in a later turn of the event loop.
   * Returns a function that cancels it. A pending callback may keep the process alive.
   */
  schedule(callback: () => void, delayMs: number): () => void
}

/** A smaller delay may be lost in the sum with the time. A power of two: added to whole milliseconds it is exact. */
const LEAST_DELAY_MS = 2 ** -10

/**
 * The delay of a timer that is to fire at `dueAt`, if it is set again when it fires early: of a difference by rounding, a timer would be set
 * again for ever on a clock whose time that delay does not change.
 */
export function delayUntil(dueAt: number, now: number): number {
  return dueAt > now ? Math.max(dueAt - now, LEAST_DELAY_MS) : 0
}

/** A longer timer of the platform fires at once (measured: `setTimeout(f, 2 ** 31)` fires after 1 ms). */
const LONGEST_TIMER_MS = 2 ** 31 - 1

/** A timer of the platform fires at most 1 ms early. One that is earlier than this is a fake, whose time `monotonic` cannot read. */
const MOST_EARLY_MS = 2

/** What the platform has when nothing is faked. To read `globalThis.performance` each time would cost a fifth more, as it is a getter in Node. */
const { performance: realPerformance, setTimeout: realSetTimeout, Date: RealDate } = globalThis

/** Where the time is read, and what is added to it so that a change of the source does not look like a jump. */
let source: { now(): number } = realPerformance
let offsetMs = 0
let lastMs = 0

/**
 * The clock of the platform, or the fake timers of a test runner while they are installed. `monotonic` continues where it was when they are
 * installed or removed.
 */
export const systemClock: Clock = {
  now: () => globalThis.Date.now(),
  monotonic() {
    const current = globalThis.setTimeout === realSetTimeout ? realPerformance : fakeSource()
    if (current !== source) changeSource(current)
    const now = current.now() + offsetMs
    // A fake clock can be set back.
    if (now < lastMs) offsetMs += Math.ceil(lastMs - now)
    else lastMs = now
    return lastMs
  },
  schedule(callback, delayMs) {
    if (typeof callback !== 'function') throw invalid('callback', 'a function', callback)
    return delayMs > 0 ? scheduleTimer(callback, delayMs) : scheduleSoon(callback)
  },
}

function fakeSource(): typeof source {
  if (globalThis.performance !== realPerformance) return globalThis.performance
  // Some fake the timers and `Date` alone. A fake `Date` without timers does not matter: the wall clock may jump.
  return globalThis.Date === RealDate ? realPerformance : globalThis.Date
}

/** The former source still has the time that has passed since it was last read. */
function changeSource(current: typeof source): void {
  const now = source.now() + offsetMs
  if (now > lastMs) lastMs = now
  // Whole milliseconds: a fraction would be lost in a sum with the time since 1970.
  offsetMs = Math.ceil(lastMs - current.now())
  source = current
}

function scheduleTimer(callback: () => void, delayMs: number): () => void {
  // Both of one kind: a fake `clearTimeout` does not know a timer of the platform.
  const { setTimeout, clearTimeout } = globalThis
  const dueAt = systemClock.monotonic() + delayMs
  let timer: ReturnType<typeof setTimeout>
  let restMs = 0
  let isRearmed = false
  const arm = (ms: number): void => {
    const armedMs = Math.min(Math.ceil(ms), LONGEST_TIMER_MS)
    restMs = ms - armedMs
    timer = setTimeout(fired, armedMs)
  }
  const fired = (): void => {
    if (restMs > 0) return arm(restMs)
    const leftMs = dueAt - systemClock.monotonic()
    // At most once: fake timers may fire while the time stands still.
    if (isRearmed || leftMs <= 0 || leftMs > MOST_EARLY_MS) return callback()
    isRearmed = true
    arm(leftMs)
  }
  arm(delayMs)
  return () => clearTimeout(timer)
}

/** `setImmediate` where the platform has it: `setTimeout(f, 0)` waits for a whole millisecond. */
interface Platform {
  readonly setImmediate?: (callback: () => void) => unknown
  readonly clearImmediate?: (handle: unknown) => void
}

function scheduleSoon(callback: () => void): () => void {
  const { setImmediate, clearImmediate } = globalThis as Platform
  if (setImmediate === undefined || clearImmediate === undefined) {
    const { setTimeout, clearTimeout } = globalThis
    const handle = setTimeout(callback, 0)
    return () => clearTimeout(handle)
  }
  const handle = setImmediate(callback)
  return () => clearImmediate(handle)
}
