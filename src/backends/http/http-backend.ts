import { systemClock } from '../../clock.js'
import type { Json } from '../../core/json.js'
import { AgentError } from '../../errors.js'
import type { AgentBackend, AgentRequest, AttemptContext } from '../agent-backend.js'
import { failureOf } from '../classify-error.js'
import type { Health } from '../health-check.js'
import { checkHttpOptions, type HttpAnswer, type HttpBackendOptions, type HttpHeaders } from './options.js'
import { bodyFor, headersFor, redactorFor, withoutSecrets } from './request.js'
import { connectionError, discardBody, type ReadContext, readReply } from './response.js'

/** The timeout of a health check. */
const HEALTH_TIMEOUT_MS = 10_000

/**
 * A backend that sends a request to an HTTP endpoint for each attempt: JSON in, JSON out. It needs only `fetch`, so it runs wherever the
 * library does.
 *
 * The idempotency key of the attempt is sent as `idempotency-key`. When `context.signal` aborts, the connection is closed and the
 * attempt ends at once; the endpoint may continue. Each chunk of a response is a heartbeat.
 *
 * The failure kind follows from the status of the response (429 `throttled`, 503 `overloaded`, 401 `refused` ...), with the requested
 * wait in `retryAfterMs`. It is `crashed` when the connection was lost, `overloaded` when there was no connection, `incomplete-output`
 * for incomplete JSON, `invalid-output` for other text or more than `maxBytes`. In messages, the values of headers and of the URL's
 * query are replaced by their names if they have at least 8 characters. Redirects are not followed: requests are never sent to another
 * origin.
 *
 * ```ts
 * const writer = httpBackend({
 *   url: 'https://agents.example.com/write',
 *   headers: () => ({ authorization: `Bearer ${readToken()}` }),
 *   usage: json => (json as { usage: Usage }).usage,
 * })
 * ```
 *
 * @throws CounterpointError `INVALID_INPUT` for unknown or invalid options. An invalid header returned by a `headers` function
 * fails the attempt instead, with `bad-input`.
 */
export function httpBackend(options: HttpBackendOptions): AgentBackend {
  checkHttpOptions(options)
  // A copy: changes of the object after the check have no effect.
  const checked = { ...options, url: `${options.url}` }
  const { name, health } = checked
  const healthUrl = typeof health === 'string' || health instanceof URL ? new URL(health) : undefined
  const check = healthUrl === undefined ? (health as AgentBackend['health']) : () => checkHealth(checked, healthUrl)
  return {
    run: (request, context) => unlessAborted(context.signal, () => runAttempt(checked, request, context)),
    ...(name !== undefined && { name }),
    ...(check !== undefined && { health: check }),
  }
}

async function runAttempt(
  options: HttpBackendOptions,
  request: AgentRequest,
  context: AttemptContext,
): Promise<unknown> {
  const { method = 'POST', maxBytes = 16_777_216 } = options
  const url = new URL(options.url)
  const headers = await headersFor(options, request, context)
  const redact = redactorFor(url, headers)
  const body = await bodyFor(options, request, context, redact)
  const read: ReadContext = {
    endpoint: redact(endpointOf(method, url)),
    redact,
    maxBytes,
    extractJson: options.extractJson,
    bigIntegers: options.bigIntegers,
    onChunk: () => context.report({}),
  }
  const init = { method, headers, redirect: 'manual' as const, signal: context.signal }
  if (context.signal.aborted) throw aborted(context.signal)
  const response = await send(options, url, body === undefined ? init : { ...init, body }).catch(error => {
    throw connectionError(error, 'none came', read)
  })
  read.onChunk()
  const json = await readReply(response, read)
  const answer: HttpAnswer = { status: response.status, headers: response.headers }
  reportUsage(options, json, answer, context)
  return parse(options, json, answer, read)
}

/** Calls `fetch` as a plain function: that of a browser throws when it is called as a method of another object. */
async function send(options: HttpBackendOptions, url: URL, init: RequestInit): Promise<Response> {
  const { fetch: given = fetch } = options
  return given(url.href, init)
}

/** Without the query, where some providers expect their keys. */
function endpointOf(method: string, url: URL): string {
  return `${method} ${url.origin}${url.pathname}`
}

/** Reported, not returned, so that it counts even if the output turns out to be invalid. */
function reportUsage({ usage }: HttpBackendOptions, json: Json, answer: HttpAnswer, context: AttemptContext): void {
  try {
    const used = usage?.(json, answer)
    if (used !== undefined && used !== null) context.report({ usage: used })
  } catch {
    // An unreadable usage does not make the output invalid.
  }
}

async function parse(
  options: HttpBackendOptions,
  json: Json,
  answer: HttpAnswer,
  { endpoint, redact }: ReadContext,
): Promise<unknown> {
  try {
    return options.parse === undefined ? json : await options.parse(json, answer)
  } catch (error) {
    if (error instanceof AgentError) throw withoutSecrets(error, redact)
    const message = `${endpoint}: expected an answer that parse can read, but it threw: ${failureOf(error, undefined, redact).message}`
    throw new AgentError('invalid-output', message)
  }
}

/** Settles as `work` does, or rejects when the signal aborts: a function of the host may never settle. */
function unlessAborted<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(aborted(signal))
    if (signal.aborted) return stop()
    signal.addEventListener('abort', stop, { once: true })
    const end = (): void => signal.removeEventListener('abort', stop)
    work().finally(end).then(resolve, reject)
  })
}

function aborted({ reason }: AbortSignal): AgentError {
  if (reason instanceof AgentError) return reason
  return new AgentError('interrupted', 'The attempt was aborted; its connection is closed.', {
    code: 'ABORTED',
    cause: reason,
  })
}

async function checkHealth(options: HttpBackendOptions, url: URL): Promise<Health> {
  const isSameOrigin = url.origin === new URL(options.url).origin
  const headers = new Headers(
    isSameOrigin && typeof options.headers !== 'function' ? (options.headers as HttpHeaders) : {},
  )
  const redact = redactorFor(url, headers)
  const endpoint = redact(endpointOf('GET', url))
  const controller = new AbortController()
  const cancelTimer = systemClock.schedule(() => controller.abort(), HEALTH_TIMEOUT_MS)
  try {
    const response = await send(options, url, { method: 'GET', headers, redirect: 'manual', signal: controller.signal })
    await discardBody(response)
    const message = `${endpoint}: expected status 2xx, got ${response.status}`
    return response.ok ? true : { healthy: false, message }
  } catch (error) {
    const { message, cause = message } = failureOf(error, undefined, redact)
    return { healthy: false, message: `${endpoint}: no answer came: ${cause}` }
  } finally {
    cancelTimer()
  }
}
