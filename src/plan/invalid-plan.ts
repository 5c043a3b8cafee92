import { shorten } from '../error-text.js'
import { CounterpointError, type InputIssue } from '../errors.js'

/**
 * The error for a plan or task that breaks a rule: its message shows the first issue, `details` has them all. `issues` must not be empty.
 * Paths start with `$`, the plan itself. It is left out of what the caller sees: `tasks[3].id`; `$` alone becomes `plan`.
 */
export function invalidPlan(issues: readonly InputIssue[]): CounterpointError<'INVALID_INPUT'> {
  const shown = issues.map(({ path, message }) => ({
    path: shorten(path.replace(/^\$\.?/, ''), 300) || 'plan',
    message,
  }))
  const more = shown.length > 1 ? ` (and ${shown.length - 1} more, see details.issues)` : ''
  return new CounterpointError('INVALID_INPUT', `${shown[0]!.path}: ${shown[0]!.message}${more}`, { issues: shown })
}
