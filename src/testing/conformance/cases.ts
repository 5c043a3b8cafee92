import { systemClock } from 'counterpoint'

/**
 * One thing that a port promises. `run` resolves when it is kept and rejects with an `Error` that says what was not, so that
 * any test runner can loop over them: `for (const { name, run } of cases) test(name, run)`.
 */
export interface ConformanceCase {
  /** A sentence. */
  readonly name: string
  /** Resolves when the promise is kept; rejects with an `Error` that says what was not. */
  readonly run: () => Promise<void>
}

/** Lets `ms` milliseconds pass. For what runs on a `VirtualClock`: `ms => clock.advance(ms)`. */
export type Pass = (ms: number) => Promise<void>

/** Real time. */
export const realTime: Pass = ms =>
  new Promise(resolve => {
    systemClock.schedule(resolve, ms)
  })

/** The promise is broken. */
export function must(kept: boolean, message: string): asserts kept {
  if (!kept) throw new Error(message)
}

/** True when `promise` settles within `ms`. Waits in steps, so that no long timer is left when it does so early. */
export async function settlesWithin(promise: PromiseLike<unknown>, ms: number, pass: Pass): Promise<boolean> {
  const outcome = { settled: false }
  const note = (): void => {
    outcome.settled = true
  }
  const noted = promise.then(note, note)
  for (let waited = 0, step = 1; !outcome.settled && waited < ms; step = Math.min(2 * step, 50)) {
    await Promise.race([noted, pass(Math.min(step, ms - waited))])
    waited += step
  }
  return outcome.settled
}

/** A value in an error message, not longer than a line. */
export function shown(value: unknown): string {
  try {
    const text = typeof value === 'string' ? JSON.stringify(value) : String(JSON.stringify(value) ?? value)
    return text.length <= 120 ? text : `${text.slice(0, 120)}…`
  } catch {
    return `a ${typeof value} that cannot be shown`
  }
}
