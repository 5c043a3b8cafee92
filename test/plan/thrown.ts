import { type CounterpointError, type ErrorCode, isCounterpointError } from 'counterpoint'

/** The error that `act` throws, which must be of this code. */
export function thrown<C extends ErrorCode>(code: C, act: () => unknown): CounterpointError<C> {
  try {
    act()
  } catch (error) {
    if (isCounterpointError(error, code)) return error
    throw error
  }
  throw new Error(`expected ${code} to be thrown, and nothing was`)
}

/** The paths of what is wrong with the input. */
export function badPaths(act: () => unknown): string[] {
  return thrown('INVALID_INPUT', act).details.issues.map(issue => issue.path)
}

/** The message of the first thing that is wrong, with its path. */
export function firstIssue(act: () => unknown): string {
  const { path, message } = thrown('INVALID_INPUT', act).details.issues[0]!
  return `${path}: ${message}`
}
