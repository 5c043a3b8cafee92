import type { Clock } from 'counterpoint'

/**
 * Waits `ms`; for ever when that is `Infinity`, for which no clock is needed. Rejects with the reason of the signal once that is aborted.
 * Invariant: afterwards neither the timer nor the listener is left.
 */
export function pause(clock: Clock | undefined, ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    let callOff = (): void => {}
    const stop = (): void => {
      callOff()
      reject(signal?.reason)
    }
    if (signal?.aborted) return stop()
    const wake = (): void => {
      signal?.removeEventListener('abort', stop)
      resolve()
    }
    if (clock !== undefined && Number.isFinite(ms)) callOff = clock.schedule(wake, ms)
    signal?.addEventListener('abort', stop, { once: true })
  })
}
