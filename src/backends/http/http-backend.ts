import { systemClock } from '../../clock.js'
import type { Json } from '../../core/json.js'
import { AgentError } from '../../errors.js'
import type { AgentBackend, AgentRequest, AttemptContext } from '../agent-backend.js'
import { failureOf } from '../classify-error.js'
import type { Health } from '../health-check.js'
import {
  checkHttpOptions,
  HTTP_DEFAULTS,
  type HttpAnswer,
  type HttpBackendOptions,
  type HttpHeaders,
} from './options.js'
import { bodyFor, headersFor, redactorFor } from './request.js'
import { letGo, lost, type Reading, readReply } from './response.js'

/** How long an endpoint may take to say that it is well. */
const HEALTH_MS = 10_000

/**
 * A backend that asks an endpoint for each attempt: JSON goes there, JSON comes back. Needs nothing but `fetch`, so it runs
 * wherever the library does.
 *
 * The attempt's key goes along as `idempotency-key`. When `context.signal` aborts, the connection is closed and the attempt
 * ends at once; what the endpoint does then is its own affair. Each piece of an answer is a heartbeat.
 *
 * It fails by the status of the answer (429 `throttled`, 503 `overloaded`, 401 `refused` ...), with what the endpoint asks to
 * wait in `retryAfterMs`; `crashed` when the connection was lost, `overloaded` when there was none to be had;
 * `incomplete-output` for half a JSON text, `invalid-output` for none or for more than `maxBytes`. The values of headers
 * and of the URL's query (8 characters and more) give way to their names in messages. Redirects are not followed, so that
 * what is sent to one origin never gets to another.
 *
 * ```ts
 * const writer = httpBackend({
 *   url: 'https://agents.example.com/write',
 *   headers: () => ({ authorization: `Bearer ${readToken()}` }),
 *   usage: json => (json as { usage: Usage }).usage,
 * })
 * ```
 *
 * @throws CounterpointError `INVALID_INPUT` for options that are not as documented. From `headers` as a function, a header
 * that HTTP cannot carry is a failure of the attempt, `bad-input`.
 */
export function httpBackend(options: HttpBackendOptions): AgentBackend {
  checkHttpOptions(options)
  // A copy: what was checked is what is used, whatever becomes of the object.
  const own = { ...options, url: `${options.url}` }
  const { name, health } = own
  const healthUrl = typeof health === 'string' || health instanceof URL ? new URL(health) : undefined
  const check = healthUrl === undefined ? (health as AgentBackend['health']) : () => askHealth(own, healthUrl)
  return {
    run: (request, context) => unlessAborted(context.signal, () => ask(own, request, context)),
    ...(name !== undefined && { name }),
    ...(check !== undefined && { health: check }),
  }
}

async function ask(options: HttpBackendOptions, request: AgentRequest, context: AttemptContext): Promise<unknown> {
  const { method = HTTP_DEFAULTS.method, maxBytes = HTTP_DEFAULTS.maxBytes } = options
  const url = new URL(options.url)
  const headers = await headersFor(options, request, context)
  const body = await bodyFor(options, request, context)
  const redact = redactorFor(url, headers)
  const reading: Reading = { where: redact(placeOf(method, url)), redact, maxBytes, heard: () => context.report({}) }
  const init = { method, headers, redirect: 'manual' as const, signal: context.signal }
  if (context.signal.aborted) throw aborted(context.signal)
  const response = await send(options, url, body === undefined ? init : { ...init, body }).catch(error => {
    throw lost(error, 'none came', reading)
  })
  reading.heard()
  const json = await readReply(response, reading)
  const answer: HttpAnswer = { status: response.status, headers: response.headers }
  reportUsage(options, json, answer, context)
  return parse(options, json, answer, reading)
}

/** Asks `fetch` as a plain function: that of a browser must not be called as a method of something else. */
async function send(options: HttpBackendOptions, url: URL, init: RequestInit): Promise<Response> {
  const { fetch: own } = options
  return own === undefined ? fetch(url.href, init) : own(url.href, init)
}

/** Without the query, in which some providers want their keys. */
function placeOf(method: string, url: URL): string {
  return `${method} ${url.origin}${url.pathname}`
}

/** Reported, not returned: so it counts also when the output turns out to be no good. */
function reportUsage({ usage }: HttpBackendOptions, json: Json, answer: HttpAnswer, context: AttemptContext): void {
  try {
    const used = usage?.(json, answer)
    if (used !== undefined && used !== null) context.report({ usage: used })
  } catch {
    // A bill that cannot be read spoils no answer that can.
  }
}

async function parse(
  options: HttpBackendOptions,
  json: Json,
  answer: HttpAnswer,
  { where, redact }: Reading,
): Promise<unknown> {
  try {
    return options.parse === undefined ? json : await options.parse(json, answer)
  } catch (error) {
    if (error instanceof AgentError) throw error
    const message = `${where}: expected an answer that parse can read, but it threw: ${redact(failureOf(error).message)}`
    throw new AgentError('invalid-output', message)
  }
}

/** Settles as `work` does, or when the signal aborts, whatever `work` does then: a function of the host may never end. */
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

async function askHealth(options: HttpBackendOptions, url: URL): Promise<Health> {
  const isOurs = url.origin === new URL(options.url).origin
  const headers = new Headers(isOurs && typeof options.headers !== 'function' ? (options.headers as HttpHeaders) : {})
  const redact = redactorFor(url, headers)
  const controller = new AbortController()
  const callOff = systemClock.schedule(() => controller.abort(), HEALTH_MS)
  try {
    const response = await send(options, url, { method: 'GET', headers, redirect: 'manual', signal: controller.signal })
    await letGo(response)
    const message = `${placeOf('GET', url)}: expected status 2xx, got ${response.status}`
    return response.ok ? true : { healthy: false, message }
  } catch (error) {
    const { cause, message } = failureOf(error)
    return { healthy: false, message: `${placeOf('GET', url)}: no answer came: ${redact(cause ?? message)}` }
  } finally {
    callOff()
  }
}
