import { failureOf } from '../../backends/classify-error.js'
import { cleanText } from '../../backends/redact.js'
import type { Failure } from '../../core/failure/failure.js'
import { type Json, NotJsonError } from '../../core/json.js'
import type { StandardSchemaV1 } from '../../plan/standard-schema.js'

/** The failure of an output that is not JSON, or whose schema threw. */
export function invalidOutput(error: unknown): Failure {
  if (!(error instanceof NotJsonError)) return { ...failureOf(error), kind: 'invalid-output' }
  const code = error.tooLarge ? 'OUTPUT_TOO_LARGE' : 'OUTPUT_NOT_JSON'
  return { kind: 'invalid-output', message: cleanText(`the output is not JSON at ${error.message}`), code }
}

/** The failure of an output that does not match its schema. */
export function schemaMismatch(issues: readonly StandardSchemaV1.Issue[], output: Json): Failure {
  const lines = issues.slice(0, 5).map(describe)
  const message = cleanText(`the output does not match its schema: ${lines.join('; ')}`)
  const text = typeof output === 'string' ? output : JSON.stringify(output)
  return { kind: 'invalid-output', message, output: cleanText(text) }
}

function describe({ path = [], message }: StandardSchemaV1.Issue): string {
  const keys = path.map(part => String(typeof part === 'object' ? part.key : part))
  return keys.length === 0 ? message : `${keys.join('.')}: ${message}`
}
