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

/** A longer timer of the platform fires at once (measured: `setTimeout(f, 2 ** 31)` fires after 1 ms). */
const LONGEST_TIMER_MS = 2 ** 31 - 1

/** `globalThis.performance` is a getter in Node, as expensive as `now()` itself. */
const { performance } = globalThis

/** The clock of the platform. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  schedule(callback, delayMs) {
    if (!(delayMs > 0)) return scheduleSoon(callback)
    const dueAt = performance.now() + delayMs
    let timer: ReturnType<typeof setTimeout>
    const arm = (): void => {
      const leftMs = dueAt - performance.now()
      // A timer of the platform may fire up to 1 ms early, and a long delay is cut at 2^31 ms: check the clock, and wait for the rest.
      if (leftMs <= 0) callback()
      else timer = setTimeout(arm, Math.min(Math.ceil(leftMs), LONGEST_TIMER_MS))
    }
    timer = setTimeout(arm, Math.min(Math.ceil(delayMs), LONGEST_TIMER_MS))
    return () => clearTimeout(timer)
  },
}

/** `setImmediate` where the platform has it: `setTimeout(f, 0)` waits for a whole millisecond. */
const platform = globalThis as {
  setImmediate?: (callback: () => void) => unknown
  clearImmediate?: (handle: unknown) => void
}

function scheduleSoon(callback: () => void): () => void {
  if (platform.setImmediate && platform.clearImmediate) {
    const handle = platform.setImmediate(callback)
    return () => platform.clearImmediate?.(handle)
  }
  const handle = setTimeout(callback, 0)
  return () => clearTimeout(handle)
}
