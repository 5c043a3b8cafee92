import { AgentError } from '../../errors.js'
import type { AgentRequest, AttemptContext } from '../agent-backend.js'
import { type HttpBackendOptions, headerProblem } from './options.js'

/** Shorter values are words, and stand everywhere. */
const SHORTEST_SECRET = 8
/** Headers that hold no secret. */
const OPEN: readonly string[] = ['accept', 'content-type', 'user-agent', 'idempotency-key']
/** The longest that is told of what an endpoint said, in characters. */
const LONGEST_MESSAGE = 2_000

/** The headers of one attempt. @throws AgentError `bad-input` for headers that HTTP cannot carry, and what their function throws. */
export async function headersFor(
  options: HttpBackendOptions,
  request: AgentRequest,
  context: AttemptContext,
): Promise<Headers> {
  const headers = new Headers({ accept: 'application/json', 'idempotency-key': headerSafe(context.idempotencyKey) })
  if (options.method !== 'GET') headers.set('content-type', 'application/json')
  const own = typeof options.headers === 'function' ? await options.headers(request, context) : options.headers
  for (const [name, value] of Object.entries(own ?? {})) {
    // Never the platform's own error: it shows the value.
    const problem = headerProblem(name, value)
    if (problem !== undefined) throw new AgentError('bad-input', `headers.${name}: ${problem}`)
    headers.set(name, value)
  }
  return headers
}

/** A key in characters that every header can carry; two different keys stay different. */
function headerSafe(key: string): string {
  return key.replace(/[^!-~]|%/gu, character => {
    const isLone = character.length === 1 && /[\ud800-\udfff]/.test(character)
    return isLone ? `%u${character.charCodeAt(0).toString(16)}` : encodeURIComponent(character)
  })
}

/** The body of one attempt. @throws AgentError `bad-input` when there is none to be made. */
export async function bodyFor(
  { method, body = wholeRequest }: HttpBackendOptions,
  request: AgentRequest,
  context: AttemptContext,
): Promise<string | undefined> {
  if (method === 'GET') return undefined
  try {
    return JSON.stringify(await body(request, context))
  } catch (cause) {
    if (cause instanceof AgentError) throw cause
    throw new AgentError(
      'bad-input',
      'body: expected a function that gives JSON, but it threw, or JSON cannot hold it',
      {
        cause,
      },
    )
  }
}

function wholeRequest(request: AgentRequest): unknown {
  const { task, input, outputs } = request
  const feedback = 'feedback' in request ? request.feedback : undefined
  return { task, input, outputs, ...(feedback !== undefined && { feedback }) }
}

const UNPRINTABLE = /(?![\t\n])\p{Cc}|[\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu

/** Makes what an endpoint said fit for a message. */
export type Tell = (text: string) => string

/**
 * No control characters but tab and newline, nothing that turns the direction of writing, only the beginning when it is
 * long; and the values of headers and of the URL's query replaced by their names: messages go into journals and logs.
 */
export function teller(url: URL, headers: Headers): Tell {
  const secrets = new Map<string, string>()
  const hide = (value: string, name: string): void => {
    if (value.length >= SHORTEST_SECRET) secrets.set(value, `[${name}]`)
  }
  headers.forEach((value, name) => {
    // `Bearer abc`: the second word alone is the secret, and may be told alone.
    if (!OPEN.includes(name)) for (const part of [value, ...value.split(/\s+/)]) hide(part, name)
  })
  url.searchParams.forEach((value, name) => {
    for (const form of [value, encodeURIComponent(value)]) hide(form, name)
  })
  const longestFirst = [...secrets].sort(([a], [b]) => b.length - a.length)
  return text => {
    // Before anything is cut off: half a secret would not be found any more.
    const hidden = longestFirst.reduce((told, [value, name]) => told.replaceAll(value, name), text)
    const told = hidden
      .slice(0, 4 * LONGEST_MESSAGE)
      .replace(UNPRINTABLE, '')
      .trim()
    return told.length <= LONGEST_MESSAGE ? told : `${told.slice(0, LONGEST_MESSAGE)}…`
  }
}
