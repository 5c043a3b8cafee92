import { optionsOf, redactor, rules, systemClock } from 'counterpoint'
import type * as z from 'zod'

/**
 * One requirement of a port. `run` resolves when it is met, and rejects with an `Error` that says what was violated. Any test runner can
 * loop over the cases: `for (const { name, run } of cases) test(name, run)`.
 */
export interface ConformanceCase {
  /** The requirement. */
  readonly name: string
  /** Resolves when the requirement is met; rejects with an `Error` that says what was violated. */
  readonly run: () => Promise<void>
}

/** The rule for the first argument of each suite. */
export const MAKE: z.ZodType = optionsOf({ make: rules.fn })

/** Lets `ms` milliseconds pass. With a `VirtualClock`: `ms => clock.advance(ms)`. */
export type Pass = (ms: number) => Promise<void>

/** Waits in real time. */
export const realTime: Pass = ms =>
  new Promise(resolve => {
    systemClock.schedule(resolve, ms)
  })

/** @throws Error unless the condition holds. */
export function must(holds: boolean, message: string): asserts holds {
  if (!holds) throw new Error(message)
}

/** True when `promise` settles within `ms`. Waits in short steps, so that no long timer is left. */
export async function settlesWithin(promise: PromiseLike<unknown>, ms: number, pass: Pass): Promise<boolean> {
  const outcome = { settled: false }
  const onSettled = (): void => {
    outcome.settled = true
  }
  const settled = promise.then(onSettled, onSettled)
  for (let waited = 0, step = 1; !outcome.settled && waited < ms; step = Math.min(2 * step, 50)) {
    await Promise.race([settled, pass(Math.min(step, ms - waited))])
    waited += step
  }
  return outcome.settled
}

const shorten = redactor([], { maxLength: 120 })

/** A value for an error message, at most a line long. */
export function show(value: unknown): string {
  try {
    if (value instanceof Error) return show(String(value))
    return shorten(typeof value === 'string' ? JSON.stringify(value) : String(JSON.stringify(value) ?? value))
  } catch {
    return `a ${typeof value} that cannot be shown`
  }
}
