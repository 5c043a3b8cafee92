import { type AgentBackend, AgentError, CounterpointError, Orchestrator, reply } from 'counterpoint'
import { backendConformance, callBackend, type RequestParts } from 'counterpoint/testing'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { failureOf } from '../../../src/backends/classify-error.js'
import { httpBackend } from '../../../src/backends/http/http-backend.js'
import type { HttpBackendOptions } from '../../../src/backends/http/options.js'
import { type ProviderServer, providerServer } from '../../support/provider-server.js'
import { suite } from '../../testing/conformance/cases.js'

let server: ProviderServer
beforeAll(async () => {
  server = await providerServer()
})
afterAll(() => server.close())

type Options = Partial<HttpBackendOptions>

const outputOf = (path: string, options: Options = {}, parts?: RequestParts): Promise<unknown> =>
  callBackend(httpBackend({ url: `${server.url}${path}`, ...options }), parts).result

/** The error of an attempt that is expected to fail. */
async function failing(path: string, options: Options = {}): Promise<AgentError> {
  const answer = await outputOf(path, options).then(
    value => ({ value }),
    (error: AgentError) => error,
  )
  expect(answer).toHaveProperty('name', 'AgentError')
  return answer as AgentError
}

/** A `fetch` that returns this response. */
const answering =
  (
    body: string | Uint8Array<ArrayBuffer> | ReadableStream | null,
    init?: ResponseInit,
  ): NonNullable<Options['fetch']> =>
  async () =>
    new Response(body, init)

const raw = (status: number, text: string): string => `/raw/${status}/${encodeURIComponent(text)}`

suite(
  'an HTTP backend',
  backendConformance(() => httpBackend({ url: server.url, body: ({ task }) => task.id, ...CHOOSES }), {
    succeeds: { id: 'ok' },
    fails: { id: '429' },
    failsWith: 'throttled',
    runsLong: { id: 'hang' },
  }),
)

/** The suite chooses the response by the id of the task. */
const CHOOSES: Options = {
  fetch: (url, init) => {
    const id = JSON.parse(init.body as string) as string
    return fetch(`${url}${id === '429' || id === 'hang' ? id : 'ok'}`, init)
  },
}

describe('a request', () => {
  const sent = async (options: Options = {}, parts: RequestParts = {}, path = '/ok') => {
    await outputOf(path, options, parts)
    const { method, headers, body } = server.calls.at(-1)!
    return { method, headers, body: body === '' ? undefined : JSON.parse(body) }
  }

  test('contains the task as JSON, and the idempotency key', async () => {
    const { method, headers, body } = await sent({}, { runId: 'r', id: 't', input: { n: 1 }, outputs: { a: 'x' } })
    expect(method).toBe('POST')
    expect(headers).toMatchObject({ accept: 'application/json', 'content-type': 'application/json' })
    expect(headers['idempotency-key']).toBe('r/t/1')
    expect(body).toEqual({ task: { id: 't', description: 't', pool: 'pool' }, input: { n: 1 }, outputs: { a: 'x' } })
  })

  test('contains the feedback for a repeated attempt', async () => {
    const backend = httpBackend({ url: `${server.url}/ok` })
    const feedback = { attempt: 1, kind: 'invalid-output', message: 'no total' }
    const again: AgentBackend = { run: (request, context) => backend.run({ ...request, feedback } as never, context) }
    await callBackend(again).result
    await callBackend(backend).result
    const bodies = server.calls.slice(-2).map(({ body }) => JSON.parse(body).feedback)
    expect(bodies).toEqual([feedback, undefined])
  })

  test('uses `method`, and asynchronous `body` and `headers`', async () => {
    const { method, headers, body } = await sent({
      method: 'PUT',
      body: async ({ task }, { attempt }) => ({ prompt: task.description, attempt }),
      headers: async ({ task }) => ({ Authorization: `Bearer ${task.id}`, 'Content-Type': 'application/vnd.x+json' }),
    })
    expect([method, body]).toEqual(['PUT', { prompt: 'task', attempt: 1 }])
    expect(headers).toMatchObject({ authorization: 'Bearer task', 'content-type': 'application/vnd.x+json' })
  })

  test('has no body with GET, or when `body` returns undefined', async () => {
    const get = await sent({ method: 'GET', headers: { 'x-a': 'b' } })
    expect([get.method, get.body, get.headers['x-a']]).toEqual(['GET', undefined, 'b'])
    expect(get.headers).not.toHaveProperty('content-type')
    expect((await sent({ body: () => undefined })).body).toBeUndefined()
  })

  test('has an idempotency key that is valid in a header and unique per task', async () => {
    const ids = ['é', '%C3%A9', 'a b', 'a\u00a0b', '日本', '😀', 'a"b', '%25', '%', 'a%20b']
    const keys: (string | undefined)[] = []
    for (const id of ids) keys.push((await sent({}, { id })).headers['idempotency-key'] as string)
    expect(new Set(keys).size).toBe(ids.length)
    expect(keys[0]).toBe('run/%C3%A9/1')
    for (const key of keys) expect(key).toMatch(/^[!-~]+$/)
  })

  test('uses the given `fetch`, called as a plain function', async () => {
    const seen: unknown[] = []
    const own = async function (this: unknown, url: string, init: RequestInit): Promise<Response> {
      seen.push(this, url, init.redirect)
      return new Response('1')
    }
    expect(await outputOf('/x?y=z#part', { fetch: own })).toBe(1)
    expect(seen).toEqual([undefined, `${server.url}/x?y=z#part`, 'manual'])
  })
})

describe('a response', () => {
  test.each([
    ['{"a":[1,null,"é"]}', { a: [1, null, 'é'] }],
    [' [ ] ', []],
    ['null', null],
    ['"text"', 'text'],
    ['\ufeff{}', {}],
  ])('of JSON becomes the output: %s', async (text, expected) => {
    expect(await outputOf(raw(200, text))).toEqual(expected)
  })

  test('without content becomes null', async () => {
    expect(await outputOf(raw(204, ''))).toBeNull()
    expect(await outputOf('/', { fetch: answering(null, { status: 205 }) })).toBeNull()
  })

  test('is converted by `parse`, which gets the headers, too', async () => {
    const parse: Options['parse'] = async (json, { status, headers }) => [json, status, headers.get('content-type')]
    expect(await outputOf(raw(201, '7'), { parse })).toEqual([7, 201, 'application/json'])
    expect(await outputOf(raw(200, '7'), { parse: output => reply({ output, usage: { costUsd: 1 } }) })).toMatchObject({
      usage: { costUsd: 1 },
    })
  })

  test('for which `parse` throws is invalid output, unless it throws an AgentError', async () => {
    const parse: Options['parse'] = json => (json as { text: { length: number } }).text.length
    expect(await failing(raw(200, '{}'), { parse })).toMatchObject({
      kind: 'invalid-output',
      message: expect.stringMatching(/expected an answer that parse can read, but it threw: Cannot read/),
    })
    const own = new AgentError('quota', 'empty')
    const refuses: Options['parse'] = () => {
      throw own
    }
    expect(await failing(raw(200, '{}'), { parse: refuses })).toBe(own)
  })

  test('that is not JSON is invalid output', async () => {
    const page = await failing(raw(200, '<html>\u001b[31m</html>'))
    expect(page).toMatchObject({ kind: 'invalid-output', code: 'OUTPUT_NOT_JSON' })
    expect(page.message).toMatch(/expected JSON, got \d+ bytes that begin with "<html><\/html>"$/)
    for (const text of ['{"a":1}}', 'nul', '[1,]', 'NaN', "{'a':1}"])
      expect(await failing(raw(200, text)), text).toMatchObject({ kind: 'invalid-output' })
    const bytes = new Uint8Array([0x22, 0xff, 0x22])
    expect(await failing('/', { fetch: answering(bytes) })).toMatchObject({ code: 'OUTPUT_NOT_JSON' })
  })

  test.each(['', ' ', '{"a":', '{"a":"b', '{"a":"b\\"}', '[1,2', '[{"a":"]}"', '"half'])(
    'is incomplete when it is cut: %j',
    async text => {
      expect(await failing(raw(200, text))).toMatchObject({ kind: 'incomplete-output', code: undefined })
    },
  )

  test('is incomplete output wherever it is cut', async () => {
    const value = fc.oneof(fc.array(fc.jsonValue()), fc.dictionary(fc.string(), fc.jsonValue()), fc.string())
    const cut = fc.tuple(
      value.map(each => JSON.stringify(each)),
      fc.double({ min: 0, max: 0.999, noNaN: true }),
    )
    await fc.assert(
      fc.asyncProperty(cut, async ([text, share]) => {
        const part = new TextEncoder().encode(text).slice(0, 1 + Math.floor(share * (text.length - 1)))
        expect(await outputOf('/', { fetch: answering(text) })).toEqual(JSON.parse(text))
        if (part.length < text.length)
          expect((await failing('/', { fetch: answering(part) })).kind).toBe('incomplete-output')
      }),
      { numRuns: 200 },
    )
  })

  test('with text around it is repaired with the answer as feedback, or accepted with extractJson', async () => {
    const text = 'Here you are: {"a": 1}'
    expect(await failing(raw(200, text))).toMatchObject({
      kind: 'invalid-output',
      code: 'OUTPUT_NOT_JSON',
      output: text,
    })
    expect(await outputOf(raw(200, text), { extractJson: true })).toEqual({ a: 1 })
    expect(await outputOf(raw(200, '```json\n[1]\n```'), { extractJson: true })).toEqual([1])
    expect((await failing(raw(200, '{"a": 1} {"b": 2}'), { extractJson: true })).kind).toBe('invalid-output')
    expect((await failing(raw(200, 'so: {"a": '), { extractJson: true })).kind).toBe('incomplete-output')
  })

  test('is incomplete output when it is cut within a character', async () => {
    const bytes = new TextEncoder().encode('{"a":"é').slice(0, -1)
    expect(await failing('/', { fetch: answering(bytes) })).toMatchObject({ kind: 'incomplete-output' })
  })

  test('may have characters that are split between chunks', async () => {
    const bytes = new TextEncoder().encode('["日本😀"]')
    const body = new ReadableStream({
      start(controller) {
        for (const byte of bytes) controller.enqueue(Uint8Array.of(byte))
        controller.close()
      },
    })
    expect(await outputOf('/', { fetch: answering(body) })).toEqual(['日本😀'])
  })

  test('larger than `maxBytes` is invalid output, and its connection is closed', async () => {
    const text = JSON.stringify('x'.repeat(98))
    expect(await outputOf(raw(200, text), { maxBytes: 100 })).toHaveLength(98)
    const failure = await failing(raw(200, text), { maxBytes: 99 })
    expect(failure).toMatchObject({ kind: 'invalid-output', code: 'OUTPUT_TOO_LARGE', status: 200 })
    expect(failure.message).toMatch(/expected an answer of at most 99 bytes, got more; raise maxBytes/)
    let pulled = 0
    let cancelled = false
    const endless = new ReadableStream({
      pull(controller) {
        pulled++
        controller.enqueue(new Uint8Array(1_000))
      },
      cancel() {
        cancelled = true
      },
    })
    expect(await failing('/', { maxBytes: 10_000, fetch: answering(endless) })).toMatchObject({
      code: 'OUTPUT_TOO_LARGE',
    })
    expect([pulled < 15, cancelled]).toEqual([true, true])
  })

  test('is a heartbeat with each chunk', async () => {
    const call = callBackend(httpBackend({ url: `${server.url}/hang-body` }))
    await expect.poll(() => call.reports.length).toBe(2)
    expect(call.reports).toEqual([{}, {}])
    call.abort()
    await expect(call.result).rejects.toMatchObject({ kind: 'interrupted' })
  })
})

describe('usage', () => {
  const usage: Options['usage'] = json => (json as { usage: { inputTokens: number } }).usage
  const reports = async (options: Options): Promise<readonly unknown[]> => {
    const call = callBackend(httpBackend({ url: server.url + raw(200, '{"usage":{"inputTokens":3}}'), ...options }))
    await call.result.catch(() => {})
    return call.reports.filter(report => report.usage !== undefined)
  }

  test('in a response counts, even if the output is invalid', async () => {
    expect(await reports({ usage })).toEqual([{ usage: { inputTokens: 3 } }])
    const parse: Options['parse'] = () => {
      throw new Error('no')
    }
    expect(await reports({ usage, parse })).toEqual([{ usage: { inputTokens: 3 } }])
    const pools = {
      p: { backend: httpBackend({ url: server.url + raw(200, '{"usage":{"inputTokens":3}}'), usage, parse }) },
    }
    const run = new Orchestrator({ pools }).run({ tasks: [{ id: 'a', description: 'a', retries: 0 }] })
    // The invalid output is fed back once more, without a retry, so both answers count.
    expect((await run.result).tasks[0]).toMatchObject({ status: 'dead', attempts: 2, usage: { inputTokens: 6 } })
  })

  test('that cannot be read is unknown, and the output still counts', async () => {
    const broken: Options['usage'] = () => {
      throw new Error('no')
    }
    expect(await reports({ usage: broken })).toEqual([])
    expect(await outputOf(raw(200, '1'), { usage: broken })).toBe(1)
    expect(await outputOf(raw(200, '1'), { usage: () => undefined })).toBe(1)
  })
})

describe('a response with another status', () => {
  test.each([
    [400, 'refused'],
    [401, 'refused'],
    [402, 'quota'],
    [429, 'throttled'],
    [500, 'agent'],
    [503, 'overloaded'],
    [529, 'overloaded'],
  ])('%s fails as %s, with the message of the endpoint', async (status, kind) => {
    const failure = await failing(`/${status}`)
    expect(failure).toMatchObject({
      kind,
      status,
      message: `POST ${server.url}/${status}: expected status 2xx, got ${status}: no ${status}`,
    })
    expect(failure.code).toBe(status === 529 ? 'overloaded_error' : undefined)
  })

  test.each([
    ['seconds', 2_000, 2_000, 2_000],
    ['ms', 250, 250, 250],
    ['seconds', 0, 0, 0],
    // Both dates of the reply are whole seconds.
    ['date', 5_000, 5_000, 7_000],
  ])('429 with the wait in %s of %s ms', async (form, ms, least, most) => {
    const failure = await failing(`/429/${form}/${ms}`)
    expect(failure).toMatchObject({ kind: 'throttled', status: 429, code: 'rate_limit_error' })
    expect(failure.retryAfterMs).toBeGreaterThanOrEqual(least)
    expect(failure.retryAfterMs).toBeLessThanOrEqual(most)
  })

  test('429 without a wait', async () => {
    expect((await failing('/429/none')).retryAfterMs).toBeUndefined()
  })

  test('is classified by the error codes of the endpoint', async () => {
    const quota = JSON.stringify({ error: { code: 'insufficient_quota', message: 'pay first' } })
    expect(await failing(raw(429, quota))).toMatchObject({ kind: 'quota', code: 'insufficient_quota' })
    const google = JSON.stringify([{ error: { status: 'RESOURCE_EXHAUSTED', details: [{ retryDelay: '1.5s' }] } }])
    expect(await failing(raw(429, google))).toMatchObject({ kind: 'throttled', retryAfterMs: 1_500 })
  })

  test.each([
    ['{"error":"in a word"}', ': in a word'],
    ['{"message":"so"}', ': so'],
    ['{"detail":"why"}', ': why'],
    ['plain', ': plain'],
    ['', ''],
  ])('has the message of the body: %s', async (text, expected) => {
    expect((await failing(raw(500, text))).message).toMatch(new RegExp(`got 500${expected}$`))
  })

  test('is classified even if its body is endless or cut', async () => {
    const endless = (): ReadableStream =>
      new ReadableStream({ pull: controller => controller.enqueue(new TextEncoder().encode('<p>'.repeat(1_000))) })
    const long = await failing('/', { fetch: answering(endless(), { status: 503 }) })
    expect(long.kind).toBe('overloaded')
    expect(long.message.length).toBeLessThan(3_000)
    const broken = new ReadableStream({ start: controller => controller.error(new Error('gone')) })
    expect(await failing('/', { fetch: answering(broken, { status: 503 }) })).toMatchObject({
      kind: 'overloaded',
      status: 503,
    })
  })

  test.each([301, 302, 303, 307, 308, 304])('%s is a redirect, which is not followed', async status => {
    const before = server.calls.length
    const failure = await failing(`/redirect/${status}`)
    expect(failure).toMatchObject({ kind: 'refused', code: 'REDIRECTED', status })
    expect(failure.message).toMatch(/got a redirect to https:\/\/elsewhere\.example; redirects are not followed/)
    expect(failure.message).not.toMatch(/secret|abcdefgh/)
    expect(server.calls.length).toBe(before + 1)
  })

  test('is a redirect even if the browser hides its status', async () => {
    const opaque = Object.defineProperties(new Response(null), {
      type: { value: 'opaqueredirect' },
      status: { value: 0 },
    })
    expect(await failing('/', { fetch: async () => opaque })).toMatchObject({ code: 'REDIRECTED', status: undefined })
  })
})

describe('a connection', () => {
  test('that is lost before or during the response is `crashed`', async () => {
    expect(await failing('/cut')).toMatchObject({ kind: 'crashed', code: 'UND_ERR_SOCKET' })
    const middle = await failing('/cut-body')
    expect(middle).toMatchObject({ kind: 'crashed', code: 'UND_ERR_SOCKET' })
    expect(middle.message).toMatch(/but the connection was lost in the middle of the answer: other side closed$/)
    expect(await failing('/half')).toMatchObject({ kind: 'incomplete-output' })
  })

  test('that is refused is `overloaded`', async () => {
    const gone = await providerServer()
    await gone.close()
    const failure = await failing('', { url: gone.url })
    expect(failure).toMatchObject({ kind: 'overloaded', code: 'ECONNREFUSED' })
    expect(failure.message).toMatch(
      /^POST http:\/\/127\.0\.0\.1:\d+\/: expected an answer, but none came: connect ECONNREFUSED/,
    )
  })

  test('that fails for an unknown reason is `crashed`', async () => {
    const browser: Options['fetch'] = () => Promise.reject(new TypeError('Failed to fetch'))
    expect(await failing('/', { fetch: browser })).toMatchObject({ kind: 'crashed' })
    const odd: Options['fetch'] = () => Promise.reject('odd')
    expect(await failing('/', { fetch: odd })).toMatchObject({
      kind: 'crashed',
      message: expect.stringMatching(/: odd$/),
    })
    const sudden: Options['fetch'] = () => {
      throw new Error('sudden')
    }
    expect(await failing('/', { fetch: sudden })).toMatchObject({ kind: 'crashed' })
  })

  test('is closed when the attempt is aborted', async () => {
    await using own = await providerServer()
    for (const path of ['hang', 'hang-body']) {
      const call = callBackend(httpBackend({ url: `${own.url}/${path}` }))
      await expect.poll(() => own.calls.at(-1)?.path).toBe(`/${path}`)
      expect(own.calls.at(-1)?.isOpen).toBe(true)
      call.abort()
      await expect(call.result).rejects.toMatchObject({ kind: 'interrupted', code: 'ABORTED' })
      await expect.poll(() => own.calls.at(-1)?.isOpen).toBe(false)
    }
  })

  test('is not opened for an attempt that was aborted before, or while `headers` ran', async () => {
    const before = server.calls.length
    const early = callBackend(httpBackend({ url: `${server.url}/ok` }), {}, { aborted: true })
    await expect(early.result).rejects.toMatchObject({ kind: 'interrupted' })
    let made = (_: Record<string, string>): void => {}
    const headers = (): Promise<Record<string, string>> =>
      new Promise(resolve => {
        made = resolve
      })
    const late = callBackend(httpBackend({ url: `${server.url}/ok`, headers }))
    late.abort(new AgentError('timeout', 'too long'))
    await expect(late.result).rejects.toMatchObject({ kind: 'timeout', message: 'too long' })
    made({})
    await outputOf('/ok')
    expect(server.calls.length).toBe(before + 1)
  })

  test('through a `fetch` that ignores its signal does not delay the abort', async () => {
    const call = callBackend(httpBackend({ url: server.url, fetch: () => new Promise(() => {}) }))
    call.abort()
    await expect(call.result).rejects.toMatchObject({ kind: 'interrupted' })
  })
})

describe('a request that cannot be sent', () => {
  const bad = { kind: 'bad-input' }
  test('is bad input when `body` throws or does not return JSON', async () => {
    const before = server.calls.length
    const throws: Options['body'] = () => {
      throw new Error('no')
    }
    const message = 'body: expected a function that returns JSON, but it failed: no'
    expect(await failing('/ok', { body: throws })).toMatchObject({ ...bad, message })
    expect(await failing('/ok', { body: () => 1n })).toMatchObject(bad)
    expect(server.calls.length).toBe(before)
  })

  test('shows no secret when `body` throws an error that has one', async () => {
    const key = 'sk-0123456789abcdef'
    const body: Options['body'] = () => {
      throw new Error(`no body for ${key}`, { cause: new Error(key) })
    }
    const failure = failureOf(await failing('/ok', { headers: { 'x-key': key }, body }))
    expect(failure.message).toContain('no body for [x-key]')
    expect(JSON.stringify(failure)).not.toContain(key)
  })

  test('is bad input when `headers` returns invalid values, which are not shown', async () => {
    for (const value of ['sécret\nx', '日本secret', 7]) {
      const failure = await failing('/ok', { headers: () => ({ 'x-key': value as string }) })
      expect(failure).toMatchObject(bad)
      expect(failure.message).toMatch(/^headers\.x-key: expected/)
      expect(failure.message).not.toMatch(/cret/)
    }
  })

  test('fails as `agent` when `headers` throws', async () => {
    const headers = (): never => {
      throw new Error('no token')
    }
    await expect(outputOf('/ok', { headers })).rejects.toThrow('no token')
  })
})

describe('secrets', () => {
  const KEY = 'sk-12345678'
  test('in responses are replaced by their names in messages', async () => {
    const echo = `no ${KEY} and Bearer ${KEY} and q=query%2Fsecret query/secret short`
    const options = { headers: { authorization: `Bearer ${KEY}`, 'x-short': 'short' } }
    const redacted = 'no [authorization] and [authorization] and q=[q] [q] short'
    const url = `${server.url}/x?q=query%2Fsecret`
    const refused = await failing('', { ...options, url, fetch: answering(echo, { status: 500 }) })
    expect(refused.message).toBe(`POST ${server.url}/x: expected status 2xx, got 500: ${redacted}`)
    const lost: Options['fetch'] = () => Promise.reject(new TypeError('fetch failed', { cause: new Error(KEY) }))
    const gone = await failing('/', { ...options, fetch: lost })
    expect(JSON.stringify([gone.message, gone.cause])).not.toContain(KEY)
    const long = `sk-${'1234567890'.repeat(10)}`
    const throws: Options['parse'] = () => {
      throw new Error(`${long} `.repeat(100))
    }
    // The text is cut only after every key was replaced: no part of one is left.
    const failure = await failing(raw(200, '1'), { headers: { authorization: long }, parse: throws })
    expect(failure.message).not.toMatch(/sk|1234/)
    const code = JSON.stringify({ error: { code: KEY, message: 'x' } })
    expect((await failing(raw(400, code), options)).code).toBe('[authorization]')
    const parse: Options['parse'] = () => {
      throw new AgentError('agent', `the answer has ${KEY}`, { code: KEY, cause: KEY })
    }
    const ours = await failing(raw(200, '1'), { ...options, parse })
    expect([ours.kind, ours.message, ours.code, ours.cause]).toEqual([
      'agent',
      'the answer has [authorization]',
      '[authorization]',
      '[authorization]',
    ])
    expect(ours.stack).not.toContain(KEY)
    // The code is cut at 200 characters.
    const longCode = JSON.stringify({ error: { code: `${'x'.repeat(195)}${KEY}`, message: 'x' } })
    expect((await failing(raw(400, longCode), options)).code).not.toContain('sk-')
  })
})

describe('health', () => {
  const health = async (options: Options): Promise<unknown> =>
    httpBackend({ url: `${server.url}/ok`, ...options }).health?.()

  test('is not checked by default', () => {
    expect(httpBackend({ url: server.url })).not.toHaveProperty('health')
  })

  test('is good only when the URL answers with 2xx', async () => {
    expect(await health({ health: `${server.url}/ok` })).toBe(true)
    expect(await health({ health: new URL(`${server.url}/503`) })).toEqual({
      healthy: false,
      message: `GET ${server.url}/503: expected status 2xx, got 503`,
    })
    expect(await health({ health: `${server.url}/redirect/302` })).toMatchObject({ healthy: false })
    expect(await health({ health: `${server.url}/cut` })).toEqual({
      healthy: false,
      message: `GET ${server.url}/cut: no answer came: other side closed`,
    })
  })

  test('is checked with the headers only at the origin of the endpoint', async () => {
    await using other = await providerServer()
    const options: Options = { headers: { authorization: 'Bearer x' } }
    await health({ ...options, health: `${server.url}/ok` })
    await health({ ...options, health: `${other.url}/ok` })
    expect(server.calls.at(-1)).toMatchObject({ method: 'GET', headers: { authorization: 'Bearer x' } })
    expect(other.calls[0]?.headers).not.toHaveProperty('authorization')
  })

  test('may be checked by a function', async () => {
    expect(await health({ health: async () => ({ healthy: false, message: 'no' }) })).toEqual({
      healthy: false,
      message: 'no',
    })
  })
})

describe('options', () => {
  const issues = (options: unknown): string[] => {
    try {
      httpBackend(options as HttpBackendOptions)
      return []
    } catch (error) {
      expect(error).toBeInstanceOf(CounterpointError)
      const { code, message, details } = error as CounterpointError<'INVALID_INPUT'>
      expect(code).toBe('INVALID_INPUT')
      expect(message).toMatch(/^invalid options of httpBackend: /)
      return details.issues.map(issue => `${issue.path}: ${issue.message}`)
    }
  }

  test.each([
    'https://a.example/b?c=d',
    'http://localhost:1',
    'http://x.localhost',
    'http://127.0.0.1',
    'http://127.1',
    'http://[::1]:80/',
    new URL('https://a.example'),
  ])('accept the URL %s', url => {
    expect(issues({ url })).toEqual([])
  })

  test.each([
    [
      'http://a.example/x',
      'expected a URL with https:, got http://a.example; http: is for this machine only, unless allowInsecure is true',
    ],
    ['http://127.0.0.1.evil.example', expect.stringContaining('got http://127.0.0.1.evil.example')],
    ['http://localhost.evil.example', expect.stringContaining('expected a URL with https:')],
    ['http://169.254.169.254', expect.stringContaining('expected a URL with https:')],
    ['file:///etc/passwd', expect.stringContaining('expected a URL with https:')],
    ['data:,1', expect.stringContaining('expected a URL with https:')],
    [
      'https://user:key-12345@a.example',
      expect.stringMatching(/^expected a URL without user name and password, [^:@]*$/),
    ],
    ['/relative', 'expected an absolute URL, got a string'],
    [7, 'expected an absolute URL, got 7'],
  ])('reject the URL %s', (url, message) => {
    const issue = (path: string): unknown => ({ details: { issues: [{ path, message }] } })
    expect(() => httpBackend({ url: url as string })).toThrow(expect.objectContaining(issue('url')))
    expect(() => httpBackend({ url: 'https://a.example', health: url as string })).toThrow(
      expect.objectContaining(issue('health')),
    )
  })

  test('require a URL', () => {
    expect(issues({})).toEqual(['url: expected an absolute URL, got nothing'])
  })

  test('reject an object whose getter throws', () => {
    const options = {
      get url(): never {
        throw new Error('mine')
      },
    }
    expect(issues(options)).toEqual(['options: expected a plain value, got one that throws when it is read'])
    const secret = {
      url: 'https://a.example',
      get allowInsecure(): never {
        throw new Error('mine')
      },
    }
    expect(issues(secret)).toEqual(['options: expected a plain value, got one that throws when it is read'])
  })

  test('accept http: to other machines with allowInsecure', () => {
    expect(issues({ url: 'http://a.example', health: 'http://b.example', allowInsecure: true })).toEqual([])
    expect(issues({ url: 'file:///etc/passwd', allowInsecure: true })).toHaveLength(1)
  })

  test('report all issues at once', () => {
    const all = issues({
      ...{
        url: 'https://a.example',
        method: 'DELETE',
        headers: { 'x-a': 7, 'x y': 'z', ok: 'ok' },
        body: 1,
        parse: 'x',
      },
      ...{ usage: {}, maxBytes: 0, fetch: null, name: '', health: 7, allowInsecure: 'yes', timeout: 5 },
    })
    expect(all).toEqual([
      'method: expected "POST", "PUT", "PATCH", "GET", got a string',
      'headers["x-a"]: expected a string, got 7',
      'headers["x y"]: expected characters that are valid in an HTTP header, got others; encode it',
      'body: expected a function, got 1',
      'parse: expected a function, got a string',
      'usage: expected a function, got an object',
      'maxBytes: expected at least 1, got 0',
      'fetch: expected a function, got null',
      'name: expected at least 1 character, got a string',
      'health: expected an absolute URL, got 7',
      'allowInsecure: expected true or false, got a string',
      'timeout: unknown key; expected one of url, method, headers, body, parse, usage, extractJson, bigIntegers, maxBytes, fetch, name, health, allowInsecure',
    ])
    expect(issues({ url: 'https://a.example', header: {} })).toEqual(['header: unknown key (did you mean "headers"?)'])
  })

  test('reject undefined, and a body for GET', () => {
    expect(issues(undefined)).toEqual(['options: expected an object, got nothing'])
    expect(issues({ url: 'https://a.example', method: 'GET', body: () => 1 })).toEqual([
      expect.stringMatching(/^body: expected none/),
    ])
  })

  test('are copied', async () => {
    const options = { url: new URL(`${server.url}/ok`) }
    const backend = httpBackend(options)
    options.url.pathname = '/503'
    expect(await callBackend(backend).result).toMatchObject({ output: {} })
  })

  test('set the name of the backend', () => {
    expect(httpBackend({ url: 'https://a.example', name: 'writer' }).name).toBe('writer')
    expect(httpBackend({ url: 'https://a.example' })).not.toHaveProperty('name')
  })
})

describe('a server with a rate limit', () => {
  test.each(['ms', 'seconds', 'date', 'none'] as const)('is understood when it requests a wait in: %s', async form => {
    await using limited = await providerServer({ limit: { perSecond: 5, burst: 2, form } })
    const backend = httpBackend({ url: limited.url })
    const ends = await Promise.all([1, 2, 3].map(() => callBackend(backend).result.catch((error: AgentError) => error)))
    expect([limited.count(200), limited.count(429)]).toEqual([2, 1])
    const { retryAfterMs, kind } = ends.find(end => end instanceof AgentError) as AgentError
    expect(kind).toBe('throttled')
    const [least, most] = { ms: [1, 200], seconds: [1_000, 1_000], date: [0, 3_000], none: [undefined, undefined] }[
      form
    ]
    if (least === undefined) return expect(retryAfterMs).toBeUndefined()
    expect(retryAfterMs).toBeGreaterThanOrEqual(least)
    expect(retryAfterMs).toBeLessThanOrEqual(most!)
  })

  test('gets all requests of a run in the end', async () => {
    await using limited = await providerServer({
      limit: { perSecond: 100, burst: 5 },
      manner: n => (n === 3 ? 503 : n === 6 ? 'cut' : 'limited'),
    })
    const backend = httpBackend({ url: limited.url })
    const defaults = { backoff: { baseMs: 1, maxMs: 50 }, retries: 10 }
    const orchestrator = new Orchestrator({ pools: { p: { backend, concurrency: 4, defaults } } })
    const tasks = Array.from({ length: 20 }, (_, i) => ({ id: `t${i}`, description: 'x' }))
    expect((await orchestrator.run({ tasks }).result).outcome).toBe('completed')
    expect(limited.count(200)).toBe(20)
    expect(limited.count(503)).toBe(1)
  })
})

test('an integer beyond 2^53 in an answer is refused with its path, or kept as text', async () => {
  const answer = raw(200, '{"rows": [{"id": 9007199254740993}]}')
  const failure = await failing(answer)
  expect([failure.kind, failure.code]).toEqual(['invalid-output', 'OUTPUT_NOT_JSON'])
  expect(failure.message).toMatch(/\$\.rows\[0\]\.id: expected a number .*, got 9007199254740993/)
  expect(await outputOf(answer, { bigIntegers: 'text' })).toEqual({ rows: [{ id: '9007199254740993' }] })
})

test('what is sent is well formed, whatever the texts of the request', async () => {
  const bodies: string[] = []
  const fetch: Options['fetch'] = async (_url, init) => {
    bodies.push(init.body as string)
    return new Response('1')
  }
  await outputOf(
    '/ok',
    { fetch },
    { description: 'half \ud83d', input: ['\\ud83d 😀'], outputs: { a: { b: '\ude00' } } },
  )
  const { task, input, outputs } = JSON.parse(bodies[0] as string)
  expect([task.description, input, outputs]).toEqual(['half \ufffd', ['\\ud83d 😀'], { a: { b: '\ufffd' } }])
})
