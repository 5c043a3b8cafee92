import { wellFormed } from '../../core/text.js'
import { AgentError } from '../../errors.js'
import type { AgentRequest, AttemptContext } from '../agent-backend.js'
import { failureOf } from '../classify-error.js'
import { type Redact, redactor } from '../redact.js'
import { type HttpBackendOptions, headerProblem } from './options.js'

/** Headers that hold no secret. */
const PUBLIC_HEADERS: readonly string[] = ['accept', 'content-type', 'user-agent', 'idempotency-key']

/** The headers of one attempt. @throws AgentError `bad-input` for headers that are not valid in HTTP, and what `options.headers` throws. */
export async function headersFor(
  options: HttpBackendOptions,
  request: AgentRequest,
  context: AttemptContext,
): Promise<Headers> {
  const headers = new Headers({ accept: 'application/json', 'idempotency-key': headerSafe(context.idempotencyKey) })
  if (options.method !== 'GET') headers.set('content-type', 'application/json')
  const own = typeof options.headers === 'function' ? await options.headers(request, context) : options.headers
  for (const [name, value] of Object.entries(own ?? {})) {
    // Not the error of the platform: it shows the value.
    const problem = headerProblem(name, value)
    if (problem !== undefined) throw new AgentError('bad-input', `headers.${name}: ${problem}`)
    headers.set(name, value)
  }
  return headers
}

/** Percent-encodes characters that are not allowed in headers, and `%` itself so that different keys stay different. */
function headerSafe(key: string): string {
  return key.replace(/[^!-~]|%/gu, character => {
    const isLone = character.length === 1 && /[\ud800-\udfff]/.test(character)
    return isLone ? `%u${character.charCodeAt(0).toString(16)}` : encodeURIComponent(character)
  })
}

/** The body of one attempt. @throws AgentError `bad-input` when `options.body` throws or returns what is not JSON. */
export async function bodyFor(
  { method, body = wholeRequest }: HttpBackendOptions,
  request: AgentRequest,
  context: AttemptContext,
  redact: Redact,
): Promise<string | undefined> {
  if (method === 'GET') return undefined
  try {
    return wellFormedJson(await body(request, context))
  } catch (error) {
    if (error instanceof AgentError) throw withoutSecrets(error, redact)
    const { message } = failureOf(error, undefined, redact)
    throw new AgentError('bad-input', `body: expected a function that returns JSON, but it failed: ${message}`)
  }
}

/** Strict APIs refuse half of a surrogate pair. `JSON.stringify` escapes it. */
function wellFormedJson(value: unknown): string | undefined {
  const json: string | undefined = JSON.stringify(value)
  if (json?.includes('\\ud') !== true) return json
  return JSON.stringify(value, (_, each) => (typeof each === 'string' ? wellFormed(each) : each))
}

function wholeRequest(request: AgentRequest): unknown {
  const { task, input, outputs } = request
  const feedback = 'feedback' in request ? request.feedback : undefined
  return { task, input, outputs, ...(feedback !== undefined && { feedback }) }
}

/** Hides the values of headers and of the URL's query in messages. */
export function redactorFor(url: URL, headers: Headers): Redact {
  const secrets = [...headers].filter(([name]) => !PUBLIC_HEADERS.includes(name))
  // The token of `Bearer abc` is a secret without its scheme, too.
  const words = secrets.flatMap(([name, value]) => value.split(/\s+/).map(word => [name, word] as const))
  return redactor([...words, ...secrets, ...url.searchParams])
}

/** An error that a function of the host threw. Its texts may repeat what the endpoint said. */
export function withoutSecrets(error: AgentError, redact: Redact): AgentError {
  const failure = failureOf(error, undefined, redact)
  if (JSON.stringify(failure) === JSON.stringify(failureOf(error))) return error
  const { kind, message, stack, ...facts } = failure
  return Object.assign(new AgentError(kind, message, { ...facts, usage: error.usage }), { stack })
}
