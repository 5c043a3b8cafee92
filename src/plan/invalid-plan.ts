import { shorten } from '../error-text.js'
import type { CounterpointError, InputIssue } from '../errors.js'
import { invalidInput } from '../options-check.js'

/**
 * The error for a plan or task that breaks a rule. Paths start with `$`, the plan itself, which is omitted in what the caller sees:
 * `tasks[3].id`; `$` alone becomes `plan`.
 */
export function invalidPlan(issues: readonly InputIssue[]): CounterpointError<'INVALID_INPUT'> {
  return invalidInput(
    issues.map(({ path, message }) => ({ path: shorten(path.replace(/^\$\.?/, ''), 300) || 'plan', message })),
  )
}
