import { AgentError, type Failure, type FailureKind } from 'counterpoint'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { failureOf, usageOf } from '../../src/backends/classify-error.js'
import { redactor } from '../../src/backends/redact.js'

const NOW = Date.parse('2026-11-22T10:00:00Z')

function error(parts: object = {}, message = 'no', cause?: unknown): Error {
  return Object.assign(new Error(message, cause === undefined ? undefined : { cause }), parts)
}

function named(name: string, parts: object = {}, cause?: unknown): Error {
  return error({ name, ...parts }, 'no', cause)
}

/** An error as the SDKs of OpenAI and Anthropic throw them: `name` is `Error`, only the constructor shows the class. */
function sdk(className: string, parts: object = {}): Error {
  const type = { [className]: class extends Error {} }[className] as new (message: string) => Error
  return Object.assign(new type('no'), parts)
}

const kindOf = (thrown: unknown): FailureKind => failureOf(thrown, NOW).kind

describe('an HTTP status', () => {
  const kinds: readonly (readonly [FailureKind, readonly number[]])[] = [
    ['refused', [400, 401, 403, 404, 405, 410, 413, 418, 422, 451]],
    ['quota', [402]],
    ['timeout', [408]],
    ['throttled', [429]],
    ['crashed', [499]],
    ['overloaded', [502, 503, 504, 521, 522, 523, 524, 529]],
    ['agent', [409, 425, 500, 501, 505, 520, 599]],
    ['agent', [0, 1, 137, 200, 204, 302, 600, -1, 1e9]],
  ]
  test.each(kinds)('is of kind %s: %j', (kind, statuses) => {
    for (const status of statuses) {
      expect(failureOf(error({ status }))).toMatchObject({ kind, status })
      for (const parts of [{ statusCode: status }, { response: { status } }, { $metadata: { httpStatusCode: status } }])
        expect(failureOf(error(parts))).toMatchObject({ kind, status })
    }
  })

  test('and the wait are those of the response of `fetch` that is its cause', () => {
    const response = new Response('slow down', { status: 429, headers: { 'retry-after': '2' } })
    const { kind, status, retryAfterMs, message } = failureOf(new Error('too many requests', { cause: response }))
    expect({ kind, status, retryAfterMs, message }).toEqual({
      kind: 'throttled',
      status: 429,
      retryAfterMs: 2_000,
      message: 'too many requests',
    })
  })

  test('is also read from an object that is not an Error', () => {
    expect(failureOf({ status: 503 })).toEqual({
      kind: 'overloaded',
      status: 503,
      message: 'the agent threw an object that is not an Error',
    })
  })
})

describe('the wait that a provider requests', () => {
  const headers = { 'Retry-After': '7' }
  test.each([
    ['headers', { headers: new Headers(headers) }],
    ['headers that are a Map', { headers: new Map(Object.entries(headers)) }],
    ['headers that are a record', { headers }],
    ['responseHeaders', { responseHeaders: { 'retry-after': '7' } }],
    ['headers of the response', { response: { headers: new Headers(headers) } }],
  ])('is read from: %s', (_, parts) => {
    expect(failureOf(error({ status: 429, ...parts })).retryAfterMs).toBe(7_000)
    expect(failureOf(error({ status: 503, ...parts })).retryAfterMs).toBe(7_000)
  })

  test('as a date needs the current time or a date header', () => {
    const parts = { status: 429, headers: { 'retry-after': 'Sun, 22 Nov 2026 10:00:30 GMT' } }
    expect(failureOf(error(parts)).retryAfterMs).toBeUndefined()
    expect(failureOf(error(parts), NOW).retryAfterMs).toBe(30_000)
  })

  test.each([
    [0, 0],
    [2_000, 2_000],
    [1e12, 1e12],
    [1e300, Number.MAX_SAFE_INTEGER],
    [-1, undefined],
    [Number.NaN, undefined],
    [Number.POSITIVE_INFINITY, undefined],
    ['7', undefined],
  ])('in retryAfterMs of the error, %s, is %s ms: not clamped, undefined if invalid', (value, expected) => {
    expect(failureOf(error({ status: 429, retryAfterMs: value })).retryAfterMs).toBe(expected)
    expect(failureOf(new AgentError('throttled', 'x', { retryAfterMs: value as never })).retryAfterMs).toBe(expected)
  })

  test('is the reset of its limits, only for throttled and quota, and only without a retry-after', () => {
    const reset = { 'x-ratelimit-reset-requests': '6m0s' }
    expect(failureOf(error({ status: 429, headers: reset })).retryAfterMs).toBe(360_000)
    expect(failureOf(error({ status: 429, headers: { ...reset, ...headers } })).retryAfterMs).toBe(7_000)
    expect(failureOf(error({ status: 500, headers: reset })).retryAfterMs).toBeUndefined()
  })

  test('is read from the error body of Google', () => {
    const body = { error: { code: 429, status: 'RESOURCE_EXHAUSTED', details: [{ retryDelay: '53s' }] } }
    const expected = { kind: 'throttled', retryAfterMs: 53_000 }
    expect(failureOf(error({ status: 429 }, JSON.stringify(body)))).toMatchObject(expected)
    expect(failureOf(error({ statusCode: 429, responseBody: JSON.stringify(body) }))).toMatchObject(expected)
    expect(failureOf(error({ response: { status: 429, data: body } }))).toMatchObject(expected)
  })

  test('is found in a cause of the error that has the kind', () => {
    const api = named('AI_APICallError', { statusCode: 429, responseHeaders: { 'retry-after-ms': '250' } })
    expect(failureOf(named('GatewayRateLimitError', { statusCode: 429 }, api)).retryAfterMs).toBe(250)
    expect(failureOf(new AgentError('throttled', 'slow', { cause: api })).retryAfterMs).toBe(250)
  })
})

describe('the error code of a provider', () => {
  test.each<[FailureKind, string, object]>([
    ['throttled', 'OpenAI', { status: 429, code: 'rate_limit_exceeded', type: 'tokens' }],
    ['quota', 'OpenAI', { status: 429, code: 'insufficient_quota', type: 'insufficient_quota' }],
    ['bad-input', 'OpenAI', { status: 400, code: 'context_length_exceeded', type: 'invalid_request_error' }],
    ['refused', 'OpenAI', { status: 404, code: 'model_not_found', type: 'invalid_request_error' }],
    ['overloaded', 'Anthropic', { status: 529, error: { type: 'error', error: { type: 'overloaded_error' } } }],
    ['overloaded', 'Anthropic, in a stream', { error: { type: 'error', error: { type: 'overloaded_error' } } }],
    ['throttled', 'Anthropic', { status: 429, error: { type: 'error', error: { type: 'rate_limit_error' } } }],
    ['quota', 'Anthropic', { status: 402, error: { type: 'error', error: { type: 'billing_error' } } }],
    ['bad-input', 'Anthropic', { status: 413, error: { type: 'error', error: { type: 'request_too_large' } } }],
    ['overloaded', 'Anthropic', { status: 504, error: { type: 'error', error: { type: 'timeout_error' } } }],
    ['agent', 'Anthropic', { status: 500, error: { type: 'error', error: { type: 'api_error' } } }],
    ['quota', 'the AI SDK', { statusCode: 429, data: { error: { type: 'insufficient_quota', code: null } } }],
    ['overloaded', 'the AI SDK', { statusCode: 500, data: { type: 'error', error: { type: 'overloaded_error' } } }],
    ['quota', 'one with general codes', { status: 402, error: { code: 'invalid_request_error' } }],
    ['throttled', 'Google', { status: 429, error: { status: 'RESOURCE_EXHAUSTED' } }],
    ['throttled', 'Mistral', { statusCode: 429, error: { type: 'rate_limited', code: '1300' } }],
    ['throttled', 'AWS', { name: 'ThrottlingException', $metadata: { httpStatusCode: 400 } }],
  ])('is %s for %s: %j', (kind, _, parts) => {
    expect(kindOf(error(parts))).toBe(kind)
  })

  test('becomes the code if the error has none itself', () => {
    expect(failureOf(error({ error: { error: { type: 'overloaded_error' } } })).code).toBe('overloaded_error')
    expect(failureOf(error({ code: 'mine', error: { error: { type: 'overloaded_error' } } })).code).toBe('mine')
  })

  test('for a rate limit is `quota` if the provider says that retries are useless', () => {
    const headers = { 'x-should-retry': 'false' }
    expect(kindOf(error({ status: 429, headers }))).toBe('quota')
    expect(kindOf(error({ status: 429, headers: { 'x-should-retry': 'true' } }))).toBe('throttled')
    expect(kindOf(named('AI_APICallError', { statusCode: 429, isRetryable: false }))).toBe('quota')
    expect(kindOf(error({ status: 503, headers }))).toBe('overloaded')
  })
})

describe('an error of the system', () => {
  const kinds: readonly (readonly [FailureKind, readonly string[]])[] = [
    ['refused', ['ENOENT', 'EACCES', 'CERT_HAS_EXPIRED', 'ERR_INVALID_URL']],
    ['overloaded', ['EMFILE', 'EAGAIN', 'ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ConnectionRefused']],
    ['timeout', ['ETIMEDOUT', 'UND_ERR_CONNECT_TIMEOUT', 'UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT']],
    ['crashed', ['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET']],
    ['agent', ['EWHATEVER']],
  ]
  test.each(kinds)('is of kind %s: %j', (kind, codes) => {
    for (const code of codes) {
      expect(failureOf(error({ code }))).toMatchObject({ kind, code })
      expect(kindOf(new TypeError('fetch failed', { cause: error({ code }) }))).toBe(
        kind === 'agent' ? 'crashed' : kind,
      )
    }
  })

  test('is found at any depth of causes, and its message is the cause', () => {
    const system = error({ code: 'ECONNREFUSED' }, 'connect ECONNREFUSED 127.0.0.1:9')
    const fetched = new TypeError('fetch failed', { cause: system })
    const expected = {
      ...{
        kind: 'overloaded',
        code: 'ECONNREFUSED',
        message: 'fetch failed',
        cause: system.message,
        name: 'TypeError',
      },
    }
    expect(failureOf(fetched)).toEqual(expected)
    expect(kindOf(sdk('APIConnectionError', { cause: fetched }))).toBe('overloaded')
    const several = Object.assign(new AggregateError([system], ''), { code: 'ECONNREFUSED' })
    expect(failureOf(new TypeError('fetch failed', { cause: several }))).toEqual({ ...expected, cause: 'ECONNREFUSED' })
  })

  test('is `crashed` for a killed process', () => {
    expect(kindOf(error({ code: null, killed: true, signal: 'SIGKILL' }))).toBe('crashed')
  })

  test.each([
    'fetch failed',
    'terminated',
    'Failed to fetch',
    'Load failed',
    'NetworkError when attempting to fetch resource.',
  ])('without a code is recognised by the message of fetch: %s', message => {
    expect(kindOf(new TypeError(message))).toBe('crashed')
    expect(kindOf(new Error(message))).toBe('agent')
  })
})

describe('an error of an SDK', () => {
  test.each<[FailureKind, Error]>([
    ['throttled', named('AI_APICallError', { statusCode: 429 })],
    ['throttled', named('AI_RetryError', { lastError: named('AI_APICallError', { statusCode: 429 }) })],
    ['overloaded', named('AI_APICallError', { isRetryable: true }, error({ code: 'ECONNREFUSED' }))],
    ['crashed', named('AI_APICallError', { isRetryable: true }, error())],
    ['agent', named('AI_APICallError', { isRetryable: false }, error())],
    ['invalid-output', named('AI_APICallError', { statusCode: 200 }, named('AI_JSONParseError'))],
    ['invalid-output', named('AI_NoObjectGeneratedError', { finishReason: 'stop' })],
    ['incomplete-output', named('AI_NoObjectGeneratedError', { finishReason: 'length' })],
    ['invalid-output', named('AI_TypeValidationError')],
    ['invalid-output', named('AI_JSONParseError')],
    ['incomplete-output', named('AI_EmptyResponseBodyError')],
    ['throttled', named('AI_NoOutputGeneratedError', {}, named('AI_APICallError', { statusCode: 429 }))],
    ['refused', named('AI_LoadAPIKeyError')],
    ['refused', named('AI_NoSuchModelError')],
    ['bad-input', named('AI_InvalidPromptError')],
    ['crashed', sdk('APIConnectionError')],
    ['timeout', sdk('APIConnectionTimeoutError')],
    ['incomplete-output', sdk('LengthFinishReasonError')],
    ['refused', sdk('ContentFilterFinishReasonError')],
  ])('is %s: %s', (kind, thrown) => {
    expect(kindOf(thrown)).toBe(kind)
  })

  test('that retried is classified by its last error', () => {
    const lastError = named('AI_APICallError', { statusCode: 529, responseHeaders: { 'retry-after': '3' } })
    expect(failureOf(named('AI_RetryError', { lastError, errors: [error({ status: 401 }), lastError] }))).toEqual({
      ...{ kind: 'overloaded', message: 'no', status: 529, retryAfterMs: 3_000, cause: 'no', name: 'AI_RetryError' },
    })
  })
})

describe('an AggregateError', () => {
  test('is classified by the first of its errors that has a known kind', async () => {
    const limited = error({ status: 429, headers: { 'retry-after': '3' } }, 'slow down')
    const thrown = await Promise.any([Promise.reject(error()), Promise.reject(limited)]).catch(each => each)
    const expected = { kind: 'throttled', status: 429, retryAfterMs: 3_000, name: 'AggregateError', cause: 'no' }
    expect(failureOf(thrown)).toMatchObject(expected)
    const nested = new AggregateError([error({}, 'outer', new AggregateError([limited]))])
    expect(kindOf(error({}, 'wrapped', nested))).toBe('throttled')
  })

  test('has a kind of its own before that of its errors', () => {
    expect(kindOf(Object.assign(new AggregateError([error({ status: 429 })]), { status: 402 }))).toBe('quota')
  })

  test('may contain itself, thousands of errors, or something else than errors', () => {
    const circle = new AggregateError([])
    circle.errors.push(circle, circle)
    expect(kindOf(circle)).toBe('agent')
    expect(kindOf(new AggregateError(Array.from({ length: 5_000 }, () => error())))).toBe('agent')
    for (const errors of [null, 7, 'text', [null, 'text', 7], revoked()])
      expect(kindOf(error({ errors }))).toBe('agent')
  })
})

describe('an abort that is not ours', () => {
  test.each([
    ['of the platform', new DOMException('This operation was aborted', 'AbortError')],
    ['of Node', named('AbortError', { code: 'ABORT_ERR' })],
    ['of an SDK', sdk('APIUserAbortError', { status: undefined })],
  ])('%s is `crashed`', (_, thrown) => {
    expect(kindOf(thrown)).toBe('crashed')
  })

  test('is a timeout when a timeout caused it', () => {
    expect(kindOf(new DOMException('timed out', 'TimeoutError'))).toBe('timeout')
    expect(kindOf(named('AbortError', {}, new DOMException('timed out', 'TimeoutError')))).toBe('timeout')
  })
})

describe('an AgentError', () => {
  test('has its kind itself, whatever its cause is', () => {
    const cause = error({ status: 429 }, 'slow down')
    const thrown = new AgentError('refused', 'no access', { status: 403, code: 'NO_ACCESS', cause })
    const expected: Failure = {
      kind: 'refused',
      message: 'no access',
      status: 403,
      code: 'NO_ACCESS',
      cause: 'slow down',
      name: 'AgentError',
      stack: thrown.stack!,
    }
    expect(failureOf(thrown)).toEqual(expected)
    expect(failureOf(new AgentError('agent', 'no', { cause: error({ code: 'ENOENT' }) })).kind).toBe('agent')
  })

  test('inside another error decides the kind, too', () => {
    const inner = new AgentError('quota', 'empty', { retryAfterMs: 5, status: 402, code: 'EMPTY' })
    expect(failureOf(error({}, 'my agent failed', inner))).toEqual({
      ...{ kind: 'quota', message: 'my agent failed', retryAfterMs: 5, status: 402, code: 'EMPTY', cause: 'empty' },
      name: 'Error',
    })
  })

  test('of another copy of the library is recognised', () => {
    expect(kindOf(named('AgentError', { kind: 'quota' }))).toBe('quota')
    expect(kindOf(named('AgentError', { kind: 'made up' }))).toBe('agent')
  })

  test('keeps the scope of a timeout', () => {
    expect(failureOf(new AgentError('timeout', 'x', { timeout: 'idle' })).timeout).toBe('idle')
    expect(failureOf(new AgentError('timeout', 'x', { timeout: 'never' as never }))).not.toHaveProperty('timeout')
    expect(failureOf(new AgentError('agent', 'x', { timeout: 'idle' }))).not.toHaveProperty('timeout')
  })
})

describe('the usage of a failed attempt', () => {
  test('is read from the error, or from one of its causes', () => {
    const usage = { inputTokens: 3, outputTokens: 4 }
    expect(usageOf(named('AI_NoObjectGeneratedError', { usage }))).toEqual(usage)
    expect(usageOf(error({}, 'x', new AgentError('agent', 'x', { usage })))).toEqual(usage)
    expect(usageOf(error({ usage: null }))).toBeUndefined()
  })
})

describe('the name and the stack', () => {
  test('are those of the error that was thrown, not of its cause', () => {
    const thrown = new TypeError('x is undefined', { cause: new RangeError('inner') })
    const { name, stack } = failureOf(thrown)
    expect(name).toBe('TypeError')
    expect(stack).toBe(thrown.stack)
    expect(failureOf(new Error('no')).name).toBe('Error')
    expect(failureOf('a text')).not.toHaveProperty('name')
    expect(failureOf(class Foo {})).not.toHaveProperty('name')
    expect(failureOf({ name: 7, stack: {} })).toEqual({
      ...{ kind: 'agent', message: 'the agent threw an object that is not an Error' },
    })
  })

  test('are redacted and cut, as the message is', () => {
    const token = 'sk-0123456789abcdef'
    const thrown = new Error(`no access with ${token}`)
    expect(thrown.stack).toContain(token)
    const { stack } = failureOf(thrown, undefined, redactor([['token', token]]))
    expect(stack).toMatch(/^Error: no access with \[token\]\n +at /)
    const long = failureOf(error({ name: 'n'.repeat(10_000), stack: '\u001b[31ms'.repeat(10_000) }))
    expect(long.name).toBe(`${'n'.repeat(200)}…`)
    expect(long.stack).toBe(`${'s'.repeat(4_000)}…`)
  })

  test.each<FailureKind>(['throttled', 'overloaded', 'quota'])('of a failure of kind %s: no stack', kind => {
    const failure = failureOf(new AgentError(kind, 'later'))
    expect(failure.name).toBe('AgentError')
    expect(failure).not.toHaveProperty('stack')
  })
})

describe('whatever is thrown', () => {
  const fail = (): never => {
    throw new Error('a trap')
  }
  const traps = Object.fromEntries(Object.getOwnPropertyNames(Reflect).map(trap => [trap, fail]))
  test.each([
    ['a function whose toString throws', Object.assign(() => {}, { toString: fail, [Symbol.toPrimitive]: fail })],
    ['a function behind a proxy', new Proxy(() => {}, traps)],
    ['headers that throw', error({ status: 429, headers: new Proxy({}, traps) })],
    ['a `get` that throws', error({ status: 429, headers: { get: fail, [Symbol.iterator]: fail } })],
    ['a cause that is a proxy', error({}, 'x', new Proxy({}, traps))],
    ['details that are a revoked proxy', error({ status: 429, error: { details: revoked() } })],
    ['errors without end', endless()],
    ['an empty string', ''],
  ])('%s becomes a failure with a message', (_, thrown) => {
    const failure = failureOf(thrown, NOW)
    expect(failure.message).not.toBe('')
    expect(JSON.parse(JSON.stringify(failure))).toEqual(failure)
  })

  test('becomes a failure of a known kind, as JSON and of bounded size', () => {
    const key = fc.constantFrom(
      ...['name', 'message', 'cause', 'lastError', 'status', 'statusCode', 'code', 'type', 'error', 'data', 'headers'],
      ...[
        'response',
        'responseHeaders',
        'responseBody',
        'retryAfterMs',
        'kind',
        'timeout',
        'usage',
        'signal',
        'details',
      ],
    )
    const leaf = fc.oneof(
      fc.anything(),
      fc.constantFrom('AgentError', 'TimeoutError', '429', 429, Number.NaN, -0, {}, fail),
    )
    const tree = fc.letrec(tie => ({
      node: fc.oneof(
        { maxDepth: 4 },
        leaf,
        fc.dictionary(key, tie('node')),
        fc.dictionary(key, tie('node')).map(parts => error(parts)),
      ),
    })).node
    fc.assert(
      fc.property(tree, thrown => {
        const failure = failureOf(thrown, NOW)
        expect(JSON.stringify(failure).length).toBeLessThan(100_000)
        expect(failure.kind).toMatch(/^[a-z-]+$/)
        expect(failure.retryAfterMs ?? 0).toBeGreaterThanOrEqual(0)
      }),
      { numRuns: 500 },
    )
  })
})

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable([], {})
  revoke()
  return proxy
}

/** Each of its causes is a new one. */
function endless(): object {
  return {
    message: 'on and on',
    get cause() {
      return endless()
    },
  }
}

test('a code or cause of white space only is left out', () => {
  const failure = failureOf(Object.assign(new Error('m', { cause: new Error(' \n') }), { code: ' ' }))
  expect(failure).not.toHaveProperty('code')
  expect(failure).not.toHaveProperty('cause')
  expect(failureOf(Object.assign(new Error('m'), { code: ' ', type: 'rate_limit_error' }))).toMatchObject({
    kind: 'throttled',
    code: 'rate_limit_error',
  })
})

test('a message has no terminal sequences or control characters, and at most 4,000 characters', () => {
  expect(failureOf(error({}, 'a \x1b[31mred\x1b[0m\x07 b')).message).toBe('a red b')
  expect(failureOf(error({}, '\x07')).message).toBe('the agent threw an error without a message')
  expect(failureOf('x'.repeat(5_000)).message).toBe(`${'x'.repeat(4_000)}…`)
})
