import { failureOf } from '../../backends/classify-error.js'
import { cleanText } from '../../backends/redact.js'
import type { Failure } from '../../core/failure/failure.js'
import { canonicalJson, type Json, NotJsonError } from '../../core/json.js'
import type { StandardSchemaV1 } from '../../plan/standard-schema.js'

/** The failure of an output that is not JSON, or whose schema threw. */
export function invalidOutput(error: unknown): Failure {
  if (!(error instanceof NotJsonError)) return { ...failureOf(error), kind: 'invalid-output' }
  const [what, code] = error.tooLarge
    ? ['the output is too large:', 'OUTPUT_TOO_LARGE']
    : ['the output is not JSON at', 'OUTPUT_NOT_JSON']
  return { kind: 'invalid-output', message: cleanText(`${what} ${error.message}`), code }
}

/** An output that its schema has accepted, as the schema made it, or why it has not. */
export type CheckedOutput = { readonly output: Json; readonly failure?: undefined } | { readonly failure: Failure }

/** Checks an output with its schema. A promise if the schema returns one. Neither throws nor rejects. */
export function checkedOutput(schema: StandardSchemaV1, output: Json): CheckedOutput | Promise<CheckedOutput> {
  const refused = (error: unknown): CheckedOutput => ({ failure: invalidOutput(error) })
  const accepted = (result: StandardSchemaV1.Result<unknown>): CheckedOutput =>
    result.issues ? { failure: schemaMismatch(result.issues, output) } : { output: canonicalJson(result.value) }
  try {
    const result = schema['~standard'].validate(output)
    return result instanceof Promise ? result.then(accepted).catch(refused) : accepted(result)
  } catch (error) {
    return refused(error)
  }
}

/** The failure of an output that does not match its schema. */
function schemaMismatch(issues: readonly StandardSchemaV1.Issue[], output: Json): Failure {
  const lines = issues.slice(0, 5).map(describe)
  const message = cleanText(`the output does not match its schema: ${lines.join('; ')}`)
  const text = typeof output === 'string' ? output : JSON.stringify(output)
  return { kind: 'invalid-output', message, output: cleanText(text) }
}

function describe({ path = [], message }: StandardSchemaV1.Issue): string {
  const keys = path.map(part => String(typeof part === 'object' ? part.key : part))
  return keys.length === 0 ? message : `${keys.join('.')}: ${message}`
}
