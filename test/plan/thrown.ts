import { type CounterpointError, type ErrorCode, isCounterpointError } from 'counterpoint'

/** The error that `act` throws, which must have this code. */
export function thrown<C extends ErrorCode>(code: C, act: () => unknown): CounterpointError<C> {
  try {
    act()
  } catch (error) {
    if (isCounterpointError(error, code)) return error
    throw error
  }
  throw new Error(`expected ${code} to be thrown, and nothing was`)
}

/** The paths of the issues of the `INVALID_INPUT` that `act` throws. */
export function badPaths(act: () => unknown): string[] {
  return thrown('INVALID_INPUT', act).details.issues.map(issue => issue.path)
}

/** The first issue of the `INVALID_INPUT` that `act` throws, as `path: message`. */
export function firstIssue(act: () => unknown): string {
  const { path, message } = thrown('INVALID_INPUT', act).details.issues[0]!
  return `${path}: ${message}`
}
