import type { Usage } from '../../core/failure/usage.js'
import type { Json } from '../../core/json.js'
import { CounterpointError, type InputIssue } from '../../errors.js'
import type { AgentRequest, AttemptContext } from '../agent-backend.js'
import type { Health } from '../health-check.js'

/** What came with the JSON of an answer. */
export interface HttpAnswer {
  /** 200 to 299. */
  readonly status: number
  readonly headers: Headers
}

/** Names of HTTP headers with their values. */
export type HttpHeaders = Readonly<Record<string, string>>

/** How an endpoint is asked and understood. Only `url` is needed. */
export interface HttpBackendOptions {
  /**
   * The endpoint: the host's choice, never a task's. `https:`, or `http:` to this machine (`localhost`, 127.0.0.0/8,
   * `[::1]`). No name and password in it: those belong into `headers`.
   */
  readonly url: string | URL
  /** Default `POST`. A `GET` has no body: then the request is in nothing but what `headers` make of it. */
  readonly method?: 'POST' | 'PUT' | 'PATCH' | 'GET'
  /**
   * Headers that are set besides `accept`, `content-type` and `idempotency-key`, or instead of them. A function is called
   * for each attempt and may be asynchronous (a token that has to be fetched); what it throws fails the attempt like
   * anything that a backend throws. Default none.
   */
  readonly headers?:
    | HttpHeaders
    | ((request: AgentRequest, context: AttemptContext) => HttpHeaders | Promise<HttpHeaders>)
  /**
   * What is sent, as JSON. What it throws is a `bad-input` failure, but for an `AgentError`. `undefined` sends no body.
   * Default: `{ task, input, outputs }`, and `feedback` where the request has some.
   */
  readonly body?: (request: AgentRequest, context: AttemptContext) => unknown
  /**
   * Makes the output, or a `reply(...)`, of the JSON that came with a status 2xx. To throw an `AgentError` says what failed;
   * any other error is an `invalid-output` failure. Default: the JSON is the output.
   */
  readonly parse?: (json: Json, answer: HttpAnswer) => unknown
  /** What the attempt has used, by the JSON that came. Counts also when `parse` throws; an error here counts as unknown. Default: unknown. */
  readonly usage?: (json: Json, answer: HttpAnswer) => Usage | undefined
  /** The largest body of an answer, in bytes, unpacked. Default 16,777,216 (16 MiB), at most 268,435,456. */
  readonly maxBytes?: number
  /** Default: the `fetch` of the platform, at the time of the attempt. That of Node gives up after 300 s without headers or data. */
  readonly fetch?: (url: string, init: RequestInit) => Promise<Response>
  /** For events and messages. Default: the name of the pool. */
  readonly name?: string
  /**
   * Says whether the endpoint is well: a URL that answers a GET with a status 2xx within 10 s, under the rules of `url`
   * (it gets the `headers` if they are a record and it has the origin of `url`), or a function. Default: it is not asked.
   */
  readonly health?: string | URL | (() => Health | PromiseLike<Health>)
  /** Allows `http:` to other machines: what is sent there, keys included, can be read on the way. Default false. */
  readonly allowInsecure?: boolean
}

/** The values of the options that were left out. */
export const HTTP_DEFAULTS: Readonly<{ method: 'POST'; maxBytes: number }> = { method: 'POST', maxBytes: 16_777_216 }

const MOST_BYTES = 268_435_456
const METHODS: readonly unknown[] = ['POST', 'PUT', 'PATCH', 'GET']
const KNOWN: readonly string[] = [
  ...['url', 'method', 'headers', 'body', 'parse', 'usage', 'maxBytes', 'fetch', 'name', 'health', 'allowInsecure'],
]

/** @throws INVALID_INPUT with one issue for each option that is not as documented. Values may be secrets: none is shown. */
export function checkHttpOptions(options: HttpBackendOptions): void {
  const issues =
    typeof options === 'object' && options !== null ? issuesOf(options) : [wrong('options', 'an object', options)]
  if (issues.length === 0) return
  const list = issues.map(({ path, message }) => `${path}: ${message}`).join('; ')
  throw new CounterpointError('INVALID_INPUT', `httpBackend: ${list}. Correct the options.`, { issues })
}

function issuesOf(options: HttpBackendOptions): readonly InputIssue[] {
  const { url, method, headers, maxBytes, name, health, allowInsecure } = options
  const unknown = Object.keys(options).filter(key => !KNOWN.includes(key))
  return [
    ...unknown.map(path => ({ path, message: `unknown option; there are ${KNOWN.join(', ')}` })),
    ...urlIssues('url', url, allowInsecure === true),
    ...(method === undefined || METHODS.includes(method) ? [] : [wrong('method', METHODS.join(', '), method)]),
    ...headersIssues(headers),
    ...(['body', 'parse', 'usage', 'fetch'] as const).flatMap(key => functionIssues(key, options[key])),
    ...(maxBytes === undefined || isCount(maxBytes)
      ? []
      : [{ path: 'maxBytes', message: `expected a whole number from 1 to ${MOST_BYTES}, got ${shown(maxBytes)}` }]),
    ...(name === undefined || (typeof name === 'string' && name !== '')
      ? []
      : [wrong('name', 'a string with something in it', name)]),
    ...(health === undefined || typeof health === 'function'
      ? []
      : urlIssues('health', health, allowInsecure === true)),
    ...(allowInsecure === undefined || typeof allowInsecure === 'boolean'
      ? []
      : [wrong('allowInsecure', 'a boolean', allowInsecure)]),
    ...(method === 'GET' && options.body !== undefined
      ? [{ path: 'body', message: 'expected none with method GET, which sends no body; use another method' }]
      : []),
  ]
}

function urlIssues(path: string, value: unknown, allowInsecure: boolean): readonly InputIssue[] {
  const url = urlOf(value)
  if (url === undefined) return [wrong(path, 'an absolute URL', value)]
  if (url.username !== '' || url.password !== '')
    return [{ path, message: 'expected no name and password in the URL, got one; send them in `headers`' }]
  if (url.protocol === 'https:' || (url.protocol === 'http:' && (allowInsecure || isLoopback(url.hostname)))) return []
  const why = 'http: goes to this machine only, unless allowInsecure is true'
  return [{ path, message: `expected a URL with https:, got ${url.protocol}//${url.host}; ${why}` }]
}

function urlOf(value: unknown): URL | undefined {
  try {
    return typeof value === 'string' || value instanceof URL ? new URL(value) : undefined
  } catch {
    return undefined
  }
}

/** `URL` has brought the host into its one form: `127.1` and `0x7f.1` are `127.0.0.1` by now. */
function isLoopback(host: string): boolean {
  return /^(localhost|.+\.localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(host)
}

function headersIssues(value: unknown): readonly InputIssue[] {
  if (value === undefined || typeof value === 'function') return []
  if (typeof value !== 'object' || value === null) return [wrong('headers', 'a record or a function', value)]
  return Object.entries(value).flatMap(([name, text]) => {
    const problem = headerProblem(name, text)
    return problem === undefined ? [] : [{ path: `headers.${name}`, message: problem }]
  })
}

/** What is wrong with a header, without its value. */
export function headerProblem(name: string, value: unknown): string | undefined {
  if (typeof value !== 'string') return `expected a string, got ${shown(value)}`
  try {
    new Headers().set(name, value)
    return undefined
  } catch {
    return 'expected a header that HTTP can carry, got a character that it cannot; encode it'
  }
}

function functionIssues(path: string, value: unknown): readonly InputIssue[] {
  return value === undefined || typeof value === 'function' ? [] : [wrong(path, 'a function', value)]
}

function isCount(value: unknown): boolean {
  return Number.isInteger(value) && (value as number) >= 1 && (value as number) <= MOST_BYTES
}

function wrong(path: string, expected: string, value: unknown): InputIssue {
  return { path, message: `expected ${expected}, got ${shown(value)}` }
}

function shown(value: unknown): string {
  return value === null ? 'null' : typeof value === 'number' ? `${value}` : `a value of type ${typeof value}`
}
