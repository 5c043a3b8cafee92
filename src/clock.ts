/** A port: where the library gets its time from. `VirtualClock` of `counterpoint/testing` is the other implementation. */
export interface Clock {
  /** Wall time, in milliseconds since 1970. May jump; goes into events only. */
  now(): number
  /** Milliseconds that only ever grow, from an arbitrary zero. All durations are measured with it. */
  monotonic(): number
  /**
   * Calls `callback` once after `delayMs`, never early, however long that is; 0 means in a later turn of the event loop.
   * Gives a function that calls it off. A pending callback may keep the process alive.
   */
  schedule(callback: () => void, delayMs: number): () => void
}

/** Past this a timer of the platform fires at once (measured: `setTimeout(f, 2 ** 31)` fires after 1 ms). */
const LONGEST_TIMER_MS = 2 ** 31 - 1

/** Node has a getter there: to read it for each look at the clock costs as much as the look. */
const { performance } = globalThis

/** The real time of the platform. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  schedule(callback, delayMs) {
    if (!(delayMs > 0)) return scheduleSoon(callback)
    const dueAt = performance.now() + delayMs
    let timer: ReturnType<typeof setTimeout>
    const arm = (): void => {
      const leftMs = dueAt - performance.now()
      // BAD: firing when the timer says so. It may be up to 1 ms early, and a long wait is cut at 2^31 ms.
      // GOOD: look at the clock, and wait for what is left.
      if (leftMs <= 0) callback()
      else timer = setTimeout(arm, Math.min(Math.ceil(leftMs), LONGEST_TIMER_MS))
    }
    timer = setTimeout(arm, Math.min(Math.ceil(delayMs), LONGEST_TIMER_MS))
    return () => clearTimeout(timer)
  },
}

/** setImmediate where there is one: a timer of 0 ms waits for a whole millisecond. */
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
