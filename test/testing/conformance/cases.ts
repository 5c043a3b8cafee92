import type { ConformanceCase } from 'counterpoint/testing'
import { describe, expect, test } from 'vitest'

/** Runs each case as a test. */
export function suite(what: string, cases: readonly ConformanceCase[]): void {
  describe(what, () => {
    for (const { name, run } of cases) test(name, run)
  })
}

/** The names of the cases that failed, with their messages. */
export async function failuresOf(cases: readonly ConformanceCase[]): Promise<Record<string, string>> {
  const failures: Record<string, string> = {}
  for (const { name, run } of cases)
    await run().catch((error: unknown) => {
      expect(error).toBeInstanceOf(Error)
      failures[name] = (error as Error).message
    })
  return failures
}
