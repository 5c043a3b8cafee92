import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** The form in which a 429 gives the time to wait. */
export type RetryForm = 'seconds' | 'date' | 'ms' | 'none'

/**
 * How one call is answered. `limited` behaves like a real provider: 200 as long as its limit allows, else 429.
 *
 * - `ok`: 200, `{ output }` with the body of the call. `hang`: never. `hang-body`: the beginning, then nothing.
 * - `cut`: the connection is closed instead of an answer, `cut-body`: in the middle of one. `half`: incomplete JSON, sent as a complete body.
 * - a number: that status, with an error as providers send it.
 */
export type Manner = 'ok' | 'limited' | 'hang' | 'hang-body' | 'cut' | 'cut-body' | 'half' | number

/** The limit of a server: a token bucket. */
export interface ProviderLimit {
  /** Calls per second, in the long run. */
  readonly perSecond: number
  /** Size of a burst. Default: a tenth of `perSecond`, at least 1. */
  readonly burst?: number
  /** The form of the time to wait, which is always correct (seconds and dates are rounded up). Default `ms`. */
  readonly form?: RetryForm
}

export interface ProviderOptions {
  /** How long a 200 takes, in milliseconds. Default 0. */
  readonly latencyMs?: number
  /** Of `limited` calls. Default: no limit. */
  readonly limit?: ProviderLimit
  /** How the n-th call to `/` (from 1) is answered. Default `limited`. */
  readonly manner?: (n: number) => Manner
}

/** A received call. */
export interface ProviderCall {
  readonly method: string
  readonly path: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
  /** In milliseconds since the server began to listen. */
  readonly atMs: number
  /** 0 as long as there is no answer. */
  status: number
  /** False when its answer is complete or its connection closed. */
  isOpen: boolean
}

/** A server on loopback that behaves like a provider; see {@link providerServer}. */
export interface ProviderServer {
  /** `http://127.0.0.1:<port>` */
  readonly url: string
  readonly calls: readonly ProviderCall[]
  /** How many calls were answered with `status`. */
  count(status: number): number
  /** Stops listening and closes all connections. */
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/**
 * Starts a server. The path decides how a call is answered: `/` by `manner`; `/ok`, `/limited`, `/hang` ... in that manner; `/503` with
 * that status; `/429/<seconds|date|ms|none>/<milliseconds>` with a wait, `/redirect/<status>` to another origin, and
 * `/raw/<status>/<text>` with that text as the body.
 */
export async function providerServer(options: ProviderOptions = {}): Promise<ProviderServer> {
  const provider = new Provider(options)
  const server = createServer((request, response) => void provider.take(request, response))
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const close = (): Promise<void> => closed(server)
  return {
    url: `http://127.0.0.1:${port}`,
    calls: provider.calls,
    count: status => provider.calls.filter(call => call.status === status).length,
    close,
    [Symbol.asyncDispose]: close,
  }
}

function closed(server: Server): Promise<void> {
  return new Promise(resolve => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
}

class Provider {
  readonly calls: ProviderCall[] = []
  readonly #options: ProviderOptions
  readonly #bucket: Bucket | undefined
  readonly #since = performance.now()
  #turns = 0

  constructor(options: ProviderOptions) {
    this.#options = options
    this.#bucket = options.limit && new Bucket(options.limit)
  }

  async take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const atMs = performance.now() - this.#since
    const { method = '', url: path = '', headers } = request
    // A client that disconnects during its request is not an error of the server.
    const body = await textOf(request).catch(() => '')
    const call: ProviderCall = { method, path, headers, body, atMs, status: 0, isOpen: true }
    this.calls.push(call)
    response.on('finish', () => {
      call.status = response.statusCode
    })
    response.on('close', () => {
      call.isOpen = false
    })
    response.on('error', () => {})
    const [first = '', ...rest] = new URL(path, 'http://host').pathname.slice(1).split('/').map(decodeURIComponent)
    if (first === '429' && rest.length > 0) return refuse(response, rest[0] as RetryForm, Number(rest[1] ?? 0))
    if (first === 'redirect') return redirect(response, Number(rest[0]))
    if (first === 'raw') return send(response, Number(rest[0]), rest.slice(1).join('/'))
    this.#answer(this.#mannerOf(first), body, request, response)
  }

  #mannerOf(word: string): Manner {
    if (word === '') return this.#options.manner?.(++this.#turns) ?? 'limited'
    return /^\d+$/.test(word) ? Number(word) : (word as Manner)
  }

  #answer(manner: Manner, body: string, request: IncomingMessage, response: ServerResponse): void {
    if (typeof manner === 'number') return fail(response, manner)
    if (manner === 'limited') {
      const waitMs = this.#bucket?.take(performance.now()) ?? 0
      if (waitMs > 0) return refuse(response, this.#options.limit?.form ?? 'ms', waitMs)
    }
    const text = JSON.stringify({ output: body === '' ? null : JSON.parse(body) })
    if (manner === 'ok' || manner === 'limited')
      return void setTimeout(() => send(response, 200, text), this.#options.latencyMs ?? 0)
    if (manner === 'hang') return
    if (manner === 'cut') return void request.socket.destroy()
    if (manner === 'half') return send(response, 200, text.slice(0, -3))
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': text.length })
    response.write(text.slice(0, -3), () => {
      if (manner === 'cut-body') request.socket.destroy()
    })
  }
}

/** A token bucket: `take` returns 0 if the call is allowed, else the milliseconds until the next one is. */
class Bucket {
  readonly #perMs: number
  readonly #size: number
  #tokens: number
  #at = performance.now()

  constructor({ perSecond, burst = Math.max(1, perSecond / 10) }: ProviderLimit) {
    this.#perMs = perSecond / 1_000
    this.#size = burst
    this.#tokens = burst
  }

  take(now: number): number {
    this.#tokens = Math.min(this.#size, this.#tokens + (now - this.#at) * this.#perMs)
    this.#at = now
    if (this.#tokens < 1) return Math.ceil((1 - this.#tokens) / this.#perMs)
    this.#tokens--
    return 0
  }
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Uint8Array[] = []
  for await (const chunk of request) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

function send(response: ServerResponse, status: number, text: string, headers: Record<string, string> = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(text)
}

function refuse(response: ServerResponse, form: RetryForm, waitMs: number): void {
  const seconds = Math.ceil(waitMs / 1_000)
  const date = new Date(Math.ceil((Date.now() + waitMs) / 1_000) * 1_000).toUTCString()
  const said = {
    seconds: { 'retry-after': `${seconds}` },
    date: { 'retry-after': date },
    ms: { 'retry-after-ms': `${waitMs}` },
    none: {},
  }
  const error = { type: 'rate_limit_error', message: 'slow down' }
  send(response, 429, JSON.stringify({ type: 'error', error }), said[form])
}

function fail(response: ServerResponse, status: number): void {
  const type = status === 529 ? 'overloaded_error' : 'api_error'
  send(response, status, JSON.stringify({ type: 'error', error: { type, message: `no ${status}` } }))
}

function redirect(response: ServerResponse, status: number): void {
  send(response, status, '', { location: 'https://elsewhere.example/secret?key=abcdefgh' })
}
