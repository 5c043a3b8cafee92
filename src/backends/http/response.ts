import { systemClock } from '../../clock.js'
import type { Json } from '../../core/json.js'
import { AgentError } from '../../errors.js'
import { failureOf } from '../classify-error.js'
import type { Redact } from '../redact.js'
import { nonEmptyString, readMember, readPath } from '../safe-read.js'

/** What is read of the body of a refusal. */
const REFUSAL_BYTES = 65_536

/** How a reply is read: `where` stands at the beginning of every message. */
export interface Reading {
  readonly where: string
  readonly redact: Redact
  readonly maxBytes: number
  /** Called for each piece that comes: the endpoint is alive. */
  readonly heard: () => void
}

/**
 * The JSON of a reply with a status 2xx; null when the status says that there is none (204, 205).
 *
 * @throws AgentError `refused` for a redirect, another kind for another status; `invalid-output` for what is too large
 * (`OUTPUT_TOO_LARGE`) or no JSON (`OUTPUT_NOT_JSON`), `incomplete-output` for the beginning of a JSON text or nothing,
 * `crashed` when the connection was lost.
 */
export async function readReply(response: Response, reading: Reading): Promise<Json> {
  // A browser tells nothing of a redirect that was not followed but its type.
  if (response.type === 'opaqueredirect' || (response.status >= 300 && response.status < 400))
    throw await redirected(response, reading)
  if (!response.ok) throw await refusal(response, reading)
  const { bytes, isWhole } = await readBody(response, reading.maxBytes, reading).catch(error => {
    throw lost(error, 'the connection was lost in the middle of the answer', reading)
  })
  if (!isWhole) {
    const message = `${reading.where}: expected an answer of at most ${reading.maxBytes} bytes, got more; raise maxBytes, or ask for less`
    throw new AgentError('invalid-output', message, { code: 'OUTPUT_TOO_LARGE', status: response.status })
  }
  if (bytes.length === 0 && (response.status === 204 || response.status === 205)) return null
  return parseJson(bytes, reading)
}

/** An error of `fetch`, as a failure: of which kind its cause tells, else `crashed`. */
export function lost(error: unknown, what: string, { where, redact }: Reading): AgentError {
  const { kind, code, cause, message } = failureOf(error)
  const why = redact(cause ?? message)
  return new AgentError(kind === 'agent' ? 'crashed' : kind, `${where}: expected an answer, but ${what}: ${why}`, {
    cause: why,
    ...(code !== undefined && { code }),
  })
}

async function redirected(response: Response, { where }: Reading): Promise<AgentError> {
  await letGo(response)
  const to = originOf(response.headers.get('location'), response.url)
  const message = `${where}: expected an answer, got a redirect${to}; redirects are not followed: give the url where it ends`
  const status = response.status === 0 ? {} : { status: response.status }
  return new AgentError('refused', message, { code: 'REDIRECTED', ...status })
}

/** Its path and query may hold a secret. */
function originOf(location: string | null, base: string): string {
  try {
    return location === null ? '' : ` to ${new URL(location, base).origin}`
  } catch {
    return ''
  }
}

/** A status other than 2xx, classified as any error with a status, headers and a body. */
async function refusal(response: Response, reading: Reading): Promise<AgentError> {
  const { status, headers } = response
  const { bytes } = await readBody(response, REFUSAL_BYTES, reading).catch(() => ({ bytes: new Uint8Array() }))
  const text = new TextDecoder().decode(bytes)
  const json = parsed(text)
  const error: unknown = Array.isArray(json) ? json[0] : json
  const said = reading.redact(wordsOf(error) ?? text)
  const message = `${reading.where}: expected status 2xx, got ${status}${said === '' ? '' : `: ${said}`}`
  const ownCode = nonEmptyString(readPath(error, 'error', 'code')) ?? nonEmptyString(readMember(error, 'code'))
  const { kind, code, ...facts } = failureOf({ message, status, headers, error, code: ownCode }, systemClock.now())
  return new AgentError(kind, message, { ...facts, ...(code !== undefined && { code: reading.redact(code) }) })
}

/** The message in the shapes that are common: `{error: {message}}`, `{error}`, `{message}`, `{detail}`. */
function wordsOf(body: unknown): string | undefined {
  const error = readMember(body, 'error')
  const said = [readMember(error, 'message'), error, readMember(body, 'message'), readMember(body, 'detail')]
  return said.map(nonEmptyString).find(text => text !== undefined)
}

/** Reads up to `maxBytes`, and lets go of the rest. */
async function readBody(
  response: Response,
  maxBytes: number,
  { heard }: Reading,
): Promise<{ readonly bytes: Uint8Array; readonly isWhole: boolean }> {
  const chunks: Uint8Array[] = []
  let length = 0
  const reader = response.body?.getReader()
  while (reader !== undefined && length <= maxBytes) {
    const { done, value } = await reader.read()
    if (done) break
    heard()
    chunks.push(value)
    length += value.length
  }
  if (length > maxBytes) await reader?.cancel().catch(() => {})
  return { bytes: joined(chunks, Math.min(length, maxBytes)), isWhole: length <= maxBytes }
}

function joined(chunks: readonly Uint8Array[], length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  let at = 0
  for (const chunk of chunks) {
    bytes.set(chunk.subarray(0, length - at), at)
    at += chunk.length
  }
  return bytes
}

/** Frees the connection of a reply whose body nobody wants. */
export async function letGo(response: Response): Promise<void> {
  await response.body?.cancel().catch(() => {})
}

function parseJson(bytes: Uint8Array, { where, redact }: Reading): Json {
  const text = new TextDecoder().decode(bytes)
  const json = isUtf8(bytes) ? parsed(text) : undefined
  if (json !== undefined) return json
  const got = text.trim() === '' ? 'nothing' : `${bytes.length} bytes`
  if (got === 'nothing' || isCutJson(text))
    throw new AgentError('incomplete-output', `${where}: expected a whole JSON text, got ${got}: the answer is cut`)
  const message = `${where}: expected JSON, got ${got} that begin with ${JSON.stringify(redact(text).slice(0, 80))}`
  throw new AgentError('invalid-output', message, { code: 'OUTPUT_NOT_JSON' })
}

function parsed(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json
  } catch {
    return undefined
  }
}

function isUtf8(bytes: Uint8Array): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    return true
  } catch {
    return false
  }
}

/** True for the beginning of a JSON text that goes on: an open string, array or object. One pass, whatever the engine's errors say. */
function isCutJson(text: string): boolean {
  if (!/^\s*["[{]/.test(text)) return false
  let depth = 0
  let isInString = false
  for (let i = 0; i < text.length; i++) {
    const character = text[i] as string
    if (isInString && character === '\\') i++
    else if (character === '"') isInString = !isInString
    else if (!isInString && (character === '{' || character === '[')) depth++
    else if (!isInString && (character === '}' || character === ']')) depth--
  }
  return isInString || depth > 0
}
