import { systemClock } from '../../clock.js'
import type { Json } from '../../core/json.js'
import { readMember, readPath } from '../../core/read-member.js'
import { AgentError } from '../../errors.js'
import { failureOf } from '../classify-error.js'
import { parseAnswer } from '../json-answer.js'
import type { Redact } from '../redact.js'
import { nonEmptyString, readJson } from '../safe-read.js'
import type { HttpBackendOptions } from './options.js'

/** The maximum that is read of the body of a response with an error status. */
const MAX_ERROR_BYTES = 65_536

/** How a response is read. */
export interface ReadContext {
  /** Method and URL: the start of every message. */
  readonly endpoint: string
  readonly redact: Redact
  readonly maxBytes: number
  readonly extractJson: boolean | undefined
  readonly bigIntegers: HttpBackendOptions['bigIntegers']
  /** Called for each chunk. */
  readonly onChunk: () => void
}

/**
 * The JSON of a 2xx response; null for the statuses without a body (204, 205).
 *
 * @throws AgentError `refused` for a redirect, by its status for any other response; `invalid-output` when the body is too large
 * (`OUTPUT_TOO_LARGE`) or not JSON (`OUTPUT_NOT_JSON`), `incomplete-output` when it is incomplete JSON or empty, `crashed` when the
 * connection was lost.
 */
export async function readReply(response: Response, read: ReadContext): Promise<Json> {
  // In browsers, a redirect that was not followed has no status.
  if (response.type === 'opaqueredirect' || (response.status >= 300 && response.status < 400))
    throw await redirectError(response, read)
  if (!response.ok) throw await statusError(response, read)
  const { bytes, isWhole } = await readBody(response, read.maxBytes, read).catch(error => {
    throw connectionError(error, 'the connection was lost in the middle of the answer', read)
  })
  if (!isWhole) {
    const message = `${read.endpoint}: expected an answer of at most ${read.maxBytes} bytes, got more; raise maxBytes, or request less`
    throw new AgentError('invalid-output', message, { code: 'OUTPUT_TOO_LARGE', status: response.status })
  }
  if (bytes.length === 0 && (response.status === 204 || response.status === 205)) return null
  const { endpoint: from, redact, extractJson, bigIntegers } = read
  return parseAnswer(bytes, { from, redact, extractJson, bigIntegers })
}

/** Converts an error of `fetch`. Its kind is that of its cause, else `crashed`. */
export function connectionError(error: unknown, what: string, { endpoint, redact }: ReadContext): AgentError {
  const { kind, code, message, cause: why = message } = failureOf(error, undefined, redact)
  return new AgentError(kind === 'agent' ? 'crashed' : kind, `${endpoint}: expected an answer, but ${what}: ${why}`, {
    cause: why,
    ...(code !== undefined && { code }),
  })
}

async function redirectError(response: Response, { endpoint }: ReadContext): Promise<AgentError> {
  await discardBody(response)
  const to = originOf(response.headers.get('location'), response.url)
  const message = `${endpoint}: expected an answer, got a redirect${to}; redirects are not followed: use the URL that it leads to`
  const status = response.status === 0 ? {} : { status: response.status }
  return new AgentError('refused', message, { code: 'REDIRECTED', ...status })
}

/** Not the path and the query: they may contain a secret. */
function originOf(location: string | null, base: string): string {
  try {
    return location === null ? '' : ` to ${new URL(location, base).origin}`
  } catch {
    return ''
  }
}

/** A status other than 2xx, classified like any error with a status, headers and a body. */
async function statusError(response: Response, read: ReadContext): Promise<AgentError> {
  const { status, headers } = response
  const { bytes, isWhole } = await readBody(response, MAX_ERROR_BYTES, read).catch(() => ({
    bytes: new Uint8Array(),
    isWhole: false,
  }))
  const text = new TextDecoder().decode(bytes)
  const json = readJson(text)
  const error: unknown = Array.isArray(json) ? json[0] : json
  const reason = read.redact(messageIn(error) ?? text, isWhole ? undefined : 'end')
  const message = `${read.endpoint}: expected status 2xx, got ${status}${reason === '' ? '' : `: ${reason}`}`
  const ownCode = nonEmptyString(readPath(error, 'error', 'code')) ?? nonEmptyString(readMember(error, 'code'))
  // Redacted before it is cut: half a secret is not found.
  const code = ownCode && read.redact(ownCode)
  const {
    kind,
    message: _,
    ...facts
  } = failureOf({ message, status, headers, error, code }, systemClock.now(), read.redact)
  return new AgentError(kind, message, facts)
}

/** The error message in one of the common shapes: `{error: {message}}`, `{error}`, `{message}`, `{detail}`. */
function messageIn(body: unknown): string | undefined {
  const error = readMember(body, 'error')
  const candidates = [readMember(error, 'message'), error, readMember(body, 'message'), readMember(body, 'detail')]
  return candidates.map(nonEmptyString).find(text => text !== undefined)
}

/** Reads up to `maxBytes`, and cancels the rest. */
async function readBody(
  response: Response,
  maxBytes: number,
  { onChunk }: ReadContext,
): Promise<{ readonly bytes: Uint8Array; readonly isWhole: boolean }> {
  const chunks: Uint8Array<ArrayBuffer>[] = []
  let length = 0
  const reader = response.body?.getReader()
  while (reader !== undefined && length <= maxBytes) {
    const { done, value } = await reader.read()
    if (done) break
    onChunk()
    chunks.push(value)
    length += value.length
  }
  if (length > maxBytes) await reader?.cancel().catch(() => {})
  const bytes = new Uint8Array(await new Blob(chunks).arrayBuffer())
  return { bytes: bytes.subarray(0, maxBytes), isWhole: length <= maxBytes }
}

/** Frees the connection of a response whose body is not needed. */
export async function discardBody(response: Response): Promise<void> {
  await response.body?.cancel().catch(() => {})
}
