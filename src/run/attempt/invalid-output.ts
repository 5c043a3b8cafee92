import { failureOf } from '../../backends/classify-error.js'
import type { Failure } from '../../core/failure/failure.js'
import { type Json, NotJsonError } from '../../core/json.js'
import type { StandardSchemaV1 } from '../../plan/standard-schema.js'

/** The failure of an output that is not what it should be. */
export function invalidOutput(error: unknown): Failure {
  if (!(error instanceof NotJsonError)) return { ...failureOf(error), kind: 'invalid-output' }
  const code = error.tooLarge ? 'OUTPUT_TOO_LARGE' : 'OUTPUT_NOT_JSON'
  return { kind: 'invalid-output', message: `the output is not JSON at ${error.message}`, code }
}

/** As much of a failed output as goes into its failure. */
const SHOWN_OUTPUT = 4_000

function shown(output: Json): string {
  const text = typeof output === 'string' ? output : JSON.stringify(output)
  return text.length <= SHOWN_OUTPUT ? text : `${text.slice(0, SHOWN_OUTPUT)}…`
}

function described(issues: readonly StandardSchemaV1.Issue[]): string {
  const lines = issues.slice(0, 5).map(({ path, message }) => {
    const keys = path?.map(part => String(typeof part === 'object' ? part.key : part)) ?? []
    return keys.length === 0 ? message : `${keys.join('.')}: ${message}`
  })
  return `the output does not match its schema: ${lines.join('; ')}`
}

/** The failure of an output that its schema does not accept. */
export function unfitOutput(issues: readonly StandardSchemaV1.Issue[], output: Json): Failure {
  return { kind: 'invalid-output', message: described(issues), output: shown(output) }
}
