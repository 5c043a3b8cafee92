import type { ConformanceCase } from 'counterpoint/testing'
import { describe, expect, test } from 'vitest'

/** Each case as a test. */
export function suite(what: string, cases: readonly ConformanceCase[]): void {
  describe(`${what} keeps the promise that it`, () => {
    for (const { name, run } of cases) test(name, run)
  })
}

/** The names of the cases that found something, with what they said. */
export async function broken(cases: readonly ConformanceCase[]): Promise<Record<string, string>> {
  const found: Record<string, string> = {}
  for (const { name, run } of cases)
    await run().catch((error: unknown) => {
      expect(error).toBeInstanceOf(Error)
      found[name] = (error as Error).message
    })
  return found
}
