import * as z from 'zod'
import type { ReportedUsage } from '../../core/failure/usage.js'
import type { Json } from '../../core/json.js'
import { bigIntegersRule, checkOptions, fn, optionsOf } from '../../options-check.js'
import type { AgentRequest, AttemptContext } from '../agent-backend.js'
import type { Health } from '../health-check.js'

/** The head of a response. */
export type HttpAnswer = {
  /** 200 to 299. */
  readonly status: number
  readonly headers: Headers
}

/** HTTP headers by name. */
export type HttpHeaders = Readonly<Record<string, string>>

/** Options of {@link httpBackend}. Only `url` is required. */
export interface HttpBackendOptions {
  /**
   * The endpoint. Chosen by the host, never by a task. `https:`, or `http:` to this machine (`localhost`, 127.0.0.0/8, `[::1]`).
   * It must not contain a user name or a password: send those in `headers`.
   */
  readonly url: string | URL
  /** Default `POST`. A `GET` has no body, so `headers` is all that the endpoint learns of the request. */
  readonly method?: 'POST' | 'PUT' | 'PATCH' | 'GET' | undefined
  /**
   * Headers in addition to `accept`, `content-type` and `idempotency-key`, or in place of them. A function is called for each attempt
   * and may be asynchronous, for example to fetch a token. If it throws, the attempt fails as if the backend had thrown. Default none.
   */
  readonly headers?:
    | HttpHeaders
    | ((request: AgentRequest, context: AttemptContext) => HttpHeaders | Promise<HttpHeaders>)
    | undefined
  /**
   * Returns the body, which is sent as JSON; `undefined` sends none. If it throws, the failure is `bad-input`, unless it throws an
   * `AgentError`. Default: `{ task, input, outputs }`, and `feedback` if the request has one.
   */
  readonly body?: ((request: AgentRequest, context: AttemptContext) => unknown) | undefined
  /**
   * Converts the JSON of a 2xx response to the output, or to a `reply(...)`. It may throw an `AgentError` to say what failed; any other
   * error is an `invalid-output` failure. Default: the JSON is the output.
   */
  readonly parse?: ((json: Json, answer: HttpAnswer) => unknown) | undefined
  /**
   * Returns the usage of the attempt, as ours or as its provider names it. It counts even if `parse` throws. If it throws itself, the usage
   * is unknown. Default: unknown.
   */
  readonly usage?: (json: Json, answer: HttpAnswer) => ReportedUsage | null | undefined
  /**
   * Also accepts an answer with more than JSON in it: exactly one fenced block of Markdown whose content is JSON, or, without any fenced
   * block, exactly one JSON object or array in prose. Default false: such an answer is `invalid-output`, which is repaired.
   */
  readonly extractJson?: boolean | undefined
  /**
   * What is done with a number of the answer that would be rounded: an integer beyond 2^53 - 1, or a number beyond 1.8e308. `refuse`: the
   * attempt fails with `invalid-output`. `text`: the number becomes a string, as it is written. Default `refuse`.
   */
  readonly bigIntegers?: 'refuse' | 'text' | undefined
  /** The maximum size of the body of a response, decompressed, in bytes. Default 16,777,216 (16 MiB), at most 268,435,456. */
  readonly maxBytes?: number | undefined
  /** Default: the `fetch` of the platform, at the time of the attempt. Node's gives up after 300 s without headers or data. */
  readonly fetch?: ((url: string, init: RequestInit) => Promise<Response>) | undefined
  /** For events and messages. Default: the name of the pool. */
  readonly name?: string | undefined
  /**
   * Checks whether the endpoint is healthy: a URL that answers a GET with a status 2xx within 10 s, under the rules of `url` (`headers`
   * are sent if they are a record and the origin is that of `url`), or a function. Default: no check.
   */
  readonly health?: string | URL | (() => Health | PromiseLike<Health>) | undefined
  /** Allows `http:` to other machines: everything sent there, keys included, can be read on the way. Default false. */
  readonly allowInsecure?: boolean | undefined
}

const MAX_BYTES = 268_435_456

/** @throws INVALID_INPUT with one issue for each unknown or invalid option. No value is shown, because it may be a secret. */
export function checkHttpOptions(options: HttpBackendOptions): void {
  // Lazy, as a getter of the caller may throw.
  const rule = z.lazy(() => httpRule(Object(options)))
  checkOptions(rule, options, { of: 'httpBackend', secret: true })
}

function httpRule({ allowInsecure, method, health }: Partial<HttpBackendOptions>): z.ZodType {
  const url = urlRule(allowInsecure === true)
  return optionsOf({
    url,
    method: z.enum(['POST', 'PUT', 'PATCH', 'GET']).optional(),
    headers: headersRule().optional(),
    body: (method === 'GET' ? z.undefined('expected none with method GET, which sends no body') : fn).optional(),
    parse: fn.optional(),
    usage: fn.optional(),
    extractJson: z.boolean().optional(),
    bigIntegers: bigIntegersRule().optional(),
    maxBytes: z.int().min(1).max(MAX_BYTES).optional(),
    fetch: fn.optional(),
    name: z.string().min(1).optional(),
    health: (typeof health === 'function' ? fn : url).optional(),
    allowInsecure: z.boolean().optional(),
  })
}

const urlRule = (allowInsecure: boolean): z.ZodType =>
  z.unknown().superRefine((value, context) => {
    const message = urlProblem(value, allowInsecure)
    if (message !== undefined) context.addIssue({ code: 'custom', message })
  })

const headersRule = (): z.ZodType =>
  z.unknown().superRefine((value, context) => {
    if (typeof value === 'function') return
    if (typeof value !== 'object' || value === null) {
      context.addIssue({ code: 'custom', message: 'expected an object or a function' })
      return
    }
    for (const [name, text] of Object.entries(value)) {
      const message = headerProblem(name, text)
      if (message !== undefined) context.addIssue({ code: 'custom', path: [name], message, input: text })
    }
  })

function urlProblem(value: unknown, allowInsecure: boolean): string | undefined {
  const url = urlOf(value)
  if (url === undefined) return 'expected an absolute URL'
  if (url.username !== '' || url.password !== '')
    return 'expected a URL without user name and password, got one with them; send them in `headers`'
  if (url.protocol === 'https:' || (url.protocol === 'http:' && (allowInsecure || isLoopback(url.hostname))))
    return undefined
  return `expected a URL with https:, got ${url.protocol}//${url.host}; http: is for this machine only, unless allowInsecure is true`
}

function urlOf(value: unknown): URL | undefined {
  try {
    return typeof value === 'string' || value instanceof URL ? new URL(value) : undefined
  } catch {
    return undefined
  }
}

/** `URL` has normalised the host: `127.1` and `0x7f.1` are `127.0.0.1` by now. */
function isLoopback(host: string): boolean {
  return /^(localhost|.+\.localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(host)
}

/** What is wrong with a header, without its value. */
export function headerProblem(name: string, value: unknown): string | undefined {
  if (typeof value !== 'string') return 'expected a string'
  try {
    new Headers().set(name, value)
    return undefined
  } catch {
    return 'expected characters that are valid in an HTTP header, got others; encode it'
  }
}
