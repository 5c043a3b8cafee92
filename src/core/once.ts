/**
 * A value that is made when it is first needed. For tables and zod schemas, which would otherwise be made by every program that imports
 * the library: together they take longer than its own code.
 */
/* @__NO_SIDE_EFFECTS__ */
export function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined
  return () => {
    made ??= { value: make() }
    return made.value
  }
}

/** Reports only the first error: what a policy of the host does wrong, it does each time. */
export function firstOnly(report: (error: unknown) => void): (error: unknown) => void {
  let hasReported = false
  return error => {
    if (hasReported) return
    hasReported = true
    report(error)
  }
}

/** Calls all of them, also when one throws. */
export function callEach(calls: readonly (() => void)[], onError: (error: unknown) => void): void {
  for (const call of calls) {
    try {
      call()
    } catch (error) {
      onError(error)
    }
  }
}
