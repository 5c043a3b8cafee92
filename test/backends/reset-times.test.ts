import { type AgentBackend, AgentError, httpBackend, Orchestrator, readRetryAfter } from 'counterpoint'
import { VirtualClock } from 'counterpoint/testing'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { failureOf } from '../../src/backends/classify-error.js'

/** A Tuesday, 20:00 in UTC. */
const NOW = Date.UTC(2026, 11, 1, 20)
const [SECOND, MINUTE, HOUR, DAY] = [1_000, 60_000, 3_600_000, 86_400_000]

describe('a text names a wait', () => {
  test.each<[string, number | undefined]>([
    ['try again in 20s', 20 * SECOND],
    ['Rate limit reached for gpt-5 on tokens per min (TPM): Limit 200000. Please try again in 6ms. Visit ...', 6],
    ['Please try again in 1m26.4s.', 86_400],
    ['Please try again in 6m0s.', 6 * MINUTE],
    ['Please retry after 30 seconds.', 30 * SECOND],
    ['Please retry your request after 1 second', SECOND],
    ['Please retry in 45.837906927s.', 45_838],
    ['Retry-After: 30', 30 * SECOND],
    ['retry after 7', 7 * SECOND],
    ['"retry_after": 7', 7 * SECOND],
    ['Your quota will reset after 1h30m', 90 * MINUTE],
    ['Your quota will reset after 18h31m10s.', 18 * HOUR + 31 * MINUTE + 10 * SECOND],
    [
      "You've hit your usage limit. Upgrade to Pro or try again in 3 days 20 hours 5 minutes.",
      3 * DAY + 20 * HOUR + 5 * MINUTE,
    ],
    ['limit resets in 2 hours and 15 minutes', 2 * HOUR + 15 * MINUTE],
    ['resets in ~3 hours', 3 * HOUR],
    ['The limit resets in 1 week', 7 * DAY],
    ['Please wait 5 minutes', 5 * MINUTE],
    ['Too many requests, wait for 1 hour, 2 minutes', HOUR + 2 * MINUTE],
    ['available again in 2h', 2 * HOUR],
    ['TRY AGAIN IN 2 HOURS', 2 * HOUR],
    ['limit resets 10:20pm', 2 * HOUR + 20 * MINUTE],
    ["You've hit your limit · resets 10:20pm (UTC)", 2 * HOUR + 20 * MINUTE],
    ['5-hour limit reached ∙ resets 9pm', HOUR],
    ['Your limit will reset at 2pm (America/New_York).', 23 * HOUR],
    ['Your limit will reset at 4pm (America/New_York).', HOUR],
    ['resets 6am (Asia/Tokyo)', HOUR],
    ['resets at 1:00 a.m.', 5 * HOUR],
    ['resets at 21:30', 90 * MINUTE],
    ['or try again at 2:46 PM.', 18 * HOUR + 46 * MINUTE],
    ['try again at 12:00 AM', 4 * HOUR],
    ['try again at 12:30 PM', 16.5 * HOUR],
    ['Try again at Dec 3rd, 2026 2:40 PM.', 42 * HOUR + 40 * MINUTE],
    ['resets Dec 2, 5am (UTC)', 9 * HOUR],
    ['resets Dec 2 at 5am', 9 * HOUR],
    ['resets Jan 2 at 8pm', 32 * DAY],
    ['resets Thu 8:00 PM', 2 * DAY],
    ['resets Monday at 8:00 PM', 6 * DAY],
    ['resets Tue 7pm', 7 * DAY - HOUR],
    ['resets at 2026-12-01T22:20:00Z', 2 * HOUR + 20 * MINUTE],
    ['Reset time: 2026-12-01 22:20:00 UTC', 2 * HOUR + 20 * MINUTE],
    ['try again after 2026-12-01T22:20:00+01:00', HOUR + 20 * MINUTE],
    [`Claude AI usage limit reached|${NOW / 1_000 + 90}`, 90 * SECOND],
    [`rate limit resets at ${NOW + 5_000}`, 5 * SECOND],
    ['429 {"error":{"type":"usage_limit_reached","resets_in_seconds":18000}}', 5 * HOUR],
    ['unexpected status 429 Too Many Requests: {"error":{"resets_in_seconds":60}}, url: http://a', MINUTE],
    ['resets in 4:59:30', 4 * HOUR + 59 * MINUTE + 30 * SECOND],
    ['try again in 12:30', 12 * MINUTE + 30 * SECOND],
    ['resets in 2:30 pm', 18 * HOUR + 30 * MINUTE],
    ['try again in about an hour', HOUR],
    ['wait a minute and retry', MINUTE],
    ['Please try again in 1,200 seconds', 20 * MINUTE],
    ['You can resume in 5 minutes', 5 * MINUTE],
    ['cooldown: 30s remaining', 30 * SECOND],
    ['Retry after Tue, 01 Dec 2026 21:00:00 GMT', HOUR],
    [
      "Error code: 429 - {'error': {'type': 'usage_limit_reached', 'message': None, 'resets_in_seconds': 18000}}",
      5 * HOUR,
    ],
    [`429 {'error': {'plan_type': 'plus', 'resets_at': ${NOW / 1_000 + 90}}}`, 90 * SECOND],
    ['429 quota exceeded [violations {\n quota_value: 50\n}, retry_delay {\n  seconds: 45\n}]', 45 * SECOND],
    ['retryAfter: 7', 7 * SECOND],
    ['retry-after-ms=250', 250],
    ['reset_in_seconds=20 reset_in_seconds=99', 20 * SECOND],
    // None.
    ['slow down', undefined],
    ['try again in a few minutes', undefined],
    ['resets: 3, limit: 5', undefined],
    ['', undefined],
    ['limit of 100 requests per 1 hour', undefined],
    ['the limit resets every 5 hours', undefined],
    ['retry 3 of 5', undefined],
    ['Rate limit: 30 per 10 s', undefined],
    ['try again later', undefined],
    ['resets at 2026-11-30T22:20:00Z', undefined],
    ['resets Nov 30, 2026 5pm', undefined],
    ['resets at 25:99', undefined],
    ['resets 3pm (Nowhere/Land)', undefined],
    ['please try again with model gpt-4 or in room 5', undefined],
  ])('%s', (text, expected) => {
    expect(readRetryAfter(text, NOW)).toBe(expected)
    const failure = failureOf(new AgentError('quota', text || 'no'), NOW)
    expect(failure.retryAfterMs).toBe(expected)
  })

  test('of an hour that has just passed, only as now; and of a day, without a clock, as nothing', () => {
    expect(readRetryAfter('resets 8pm', NOW + 30_000)).toBeUndefined()
    expect(readRetryAfter('resets 7:30pm', NOW)).toBe(23.5 * HOUR)
    expect(readRetryAfter('resets 10:20pm')).toBeUndefined()
    expect(readRetryAfter('try again in 20s')).toBe(20_000)
  })

  test('only when the provider did not accept the attempt', () => {
    for (const kind of ['throttled', 'overloaded', 'quota'] as const)
      expect(failureOf(new AgentError(kind, 'try again in 20s'), NOW).retryAfterMs).toBe(20_000)
    for (const kind of ['agent', 'refused', 'crashed'] as const)
      expect(failureOf(new AgentError(kind, 'try again in 20s'), NOW).retryAfterMs).toBeUndefined()
    expect(failureOf(new AgentError('throttled', 'try again in 20s', { retryAfterMs: 5 }), NOW).retryAfterMs).toBe(5)
  })

  test('in time that grows with its length, and never one that is negative or not a number', () => {
    const piece = fc.constantFrom(
      'try again in ',
      'resets ',
      'reset at ',
      '1',
      '9',
      'h',
      ' m',
      's ',
      ':',
      'pm',
      ' Dec ',
      ',',
      '(',
      'UTC',
      ')',
      '{',
      '|',
      '2026-12-01T',
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 200 }), parts => {
        const wait = readRetryAfter(parts.join(''), NOW)
        if (wait !== undefined) expect(Number.isSafeInteger(wait) && wait >= 0).toBe(true)
      }),
      { numRuns: 1_000 },
    )
  })
})

describe('a body names a wait', () => {
  const at = (ms: number): number => (NOW + ms) / 1_000
  test.each<[object, number | undefined]>([
    [{ resets_in_seconds: 18_000 }, 5 * HOUR],
    [{ type: 'usage_limit_reached', resets_at: at(HOUR) }, HOUR],
    [{ resets_at: at(2 * HOUR), resets_in_seconds: 3_600 }, HOUR],
    [{ resetsAt: NOW + HOUR }, HOUR],
    [{ reset_at: '2026-12-01T21:00:00Z' }, HOUR],
    [{ resetTime: '2026-12-01T21:00:00Z' }, HOUR],
    [{ reset: at(HOUR) }, HOUR],
    [{ reset_after_seconds: '60' }, MINUTE],
    [{ retry_after: 0.5 }, 500],
    [{ retryAfter: '20s' }, 20 * SECOND],
    [{ retry_after_ms: 250 }, 250],
    [{ resets_in: '1h 30m' }, 90 * MINUTE],
    [{ resets_in: '5 minutes' }, 5 * MINUTE],
    [{ reset_in: 'PT5M' }, 5 * MINUTE],
    [{ retry_after: 'Tue, 01 Dec 2026 21:00:00 GMT' }, HOUR],
    [{ retryDelay: { seconds: 30, nanos: 0 } }, 30 * SECOND],
    [{ reset_in_minutes: 3 }, 3 * MINUTE],
    [{ details: [{ '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: '53s' }] }, 53 * SECOND],
    [{ details: [{ metadata: { quotaResetDelay: '1h30m' } }] }, 90 * MINUTE],
    [{ details: [{ metadata: { quotaResetTimeStamp: '2026-12-01T21:00:00Z' } }] }, HOUR],
    [
      {
        rate_limits: {
          primary: { used_percent: 40, resets_in_seconds: 60 },
          secondary: { used_percent: 100, resets_in_seconds: 7_200 },
        },
      },
      2 * HOUR,
    ],
    [
      {
        limits: [
          { remaining: 0, reset_after: '5s' },
          { remaining: 0, reset_after: '9s' },
        ],
      },
      9 * SECOND,
    ],
    [
      {
        limits: [
          { remaining: 3, reset_after: '5s' },
          { remaining: 1, reset_after: '9s' },
        ],
      },
      5 * SECOND,
    ],
    [{ message: 'try again in 20s' }, 20 * SECOND],
    [{ retry: 3 }, undefined],
    [{ retry: true, reset: false }, undefined],
    [{ resets_in_seconds: -5 }, undefined],
    [{ resets_in_seconds: Number.NaN }, undefined],
    [{ resets_at: at(-HOUR) }, undefined],
    [{ resets_at: 5 }, undefined],
    [{}, undefined],
  ])('%j', (error, expected) => {
    const thrown = Object.assign(new Error('no'), { status: 429, error })
    expect(failureOf(thrown, NOW).retryAfterMs).toBe(expected)
    expect(failureOf(Object.assign(new Error('no'), { status: 429, error: { error } }), NOW).retryAfterMs).toBe(
      expected,
    )
    expect(
      failureOf(Object.assign(new Error('no'), { status: 429, responseBody: JSON.stringify(error) }), NOW).retryAfterMs,
    ).toBe(expected)
    expect(readRetryAfter(error, NOW)).toBe(expected)
    expect(readRetryAfter(JSON.stringify(error), NOW)).toBe(expected)
  })

  test('on the error itself', () => {
    expect(failureOf(Object.assign(new AgentError('quota', 'no'), { resets_in_seconds: 60 }), NOW).retryAfterMs).toBe(
      MINUTE,
    )
    expect(failureOf(Object.assign(new Error('no'), { statusCode: 429, retryAfter: 20 }), NOW).retryAfterMs).toBe(
      20_000,
    )
  })

  test('even when it is endless, or cannot be read', () => {
    const circle: Record<string, unknown> = { resets_in_seconds: 60 }
    circle.self = circle
    expect(readRetryAfter(circle)).toBe(MINUTE)
    const trap = new Proxy(
      {},
      {
        ownKeys: () => {
          throw new Error('no')
        },
        get: () => {
          throw new Error('no')
        },
      },
    )
    expect(readRetryAfter(trap)).toBeUndefined()
    let deep: unknown = {}
    for (let i = 0; i < 10_000; i++) deep = { deep, wide: Array.from({ length: 100 }, () => ({})) }
    expect(readRetryAfter(deep)).toBeUndefined()
    for (const value of [undefined, null, 5, 5n, Symbol('s'), () => {}]) expect(readRetryAfter(value)).toBeUndefined()
  })
})

describe('headers name a wait', () => {
  test.each<[Record<string, string>, number | undefined]>([
    [{ 'x-codex-primary-reset-after-seconds': '525600' }, 525_600 * SECOND],
    [
      {
        'x-codex-primary-used-percent': '100',
        'x-codex-primary-reset-after-seconds': '60',
        'x-codex-secondary-used-percent': '30',
        'x-codex-secondary-reset-after-seconds': '525600',
      },
      MINUTE,
    ],
    [
      {
        'x-codex-primary-used-percent': '40',
        'x-codex-primary-reset-after-seconds': '60',
        'x-codex-secondary-used-percent': '100.0',
        'x-codex-secondary-reset-after-seconds': '525600',
      },
      525_600 * SECOND,
    ],
    [{ 'x-codex-primary-reset-at': `${NOW / 1_000 + 60}` }, MINUTE],
    [
      {
        'anthropic-ratelimit-unified-status': 'allowed',
        'anthropic-ratelimit-unified-5h-status': 'rejected',
        'anthropic-ratelimit-unified-5h-reset': `${NOW / 1_000 + 7_200}`,
        'anthropic-ratelimit-unified-7d-status': 'allowed',
        'anthropic-ratelimit-unified-7d-reset': `${NOW / 1_000 + 60}`,
      },
      2 * HOUR,
    ],
    [
      {
        'anthropic-ratelimit-unified-5h-utilization': '0.3',
        'anthropic-ratelimit-unified-5h-reset': `${NOW / 1_000 + 60}`,
        'anthropic-ratelimit-unified-7d-utilization': '1.02',
        'anthropic-ratelimit-unified-7d-reset': `${NOW / 1_000 + 7_200}`,
      },
      2 * HOUR,
    ],
    [{ ratelimit: 'limit=100, remaining=0, reset=30' }, 30 * SECOND],
    [{ ratelimit: '"burst";r=5;t=10, "daily";r=0;t=3600' }, HOUR],
    [{ 'x-ratelimit-reset-ms': '1500' }, 1_500],
    [{ 'x-ms-retry-after-ms': '250' }, 250],
    [{ 'retry-after': '20', 'x-codex-primary-reset-after-seconds': '60' }, 20 * SECOND],
    [{ ratelimit: 'limit=100' }, undefined],
    [{ 'x-codex-primary-used-percent': '100' }, undefined],
    [{ 'x-codex-primary-reset-after-seconds': 'soon' }, undefined],
  ])('%j', (headers, expected) => {
    expect(failureOf(Object.assign(new Error('no'), { status: 429, headers }), NOW).retryAfterMs).toBe(expected)
    expect(readRetryAfter({ headers }, NOW)).toBe(expected)
  })
})

describe('a pool is parked until the time that is named', () => {
  const answer = (status: number, body: object | string, headers: Record<string, string> = {}) =>
    httpBackend({
      url: 'http://localhost/',
      fetch: async () => new Response(typeof body === 'string' ? body : JSON.stringify(body), { status, headers }),
    })

  test.each<[string, (clock: VirtualClock) => AgentBackend, number, 'quota' | 'throttled']>([
    [
      'in the body of an answer',
      () => answer(429, { error: { type: 'usage_limit_reached', resets_in_seconds: 18_000 } }),
      5 * HOUR,
      'quota',
    ],
    ['in a header', () => answer(429, {}, { 'x-codex-primary-reset-after-seconds': '18000' }), 5 * HOUR, 'throttled'],
    ['in the text of an answer', () => answer(429, 'Too many requests. Try again in 20s.'), 20 * SECOND, 'throttled'],
    [
      'in an error',
      () => ({ run: () => Promise.reject(new AgentError('quota', 'limit resets in 5 hours')) }),
      5 * HOUR,
      'quota',
    ],
    [
      'as a time of day',
      clock => {
        const at = new Date(clock.now() + 2 * HOUR)
        const time = at.toLocaleTimeString('en-US', { hour: 'numeric', minute: '2-digit', timeZone: 'UTC' })
        return { run: () => Promise.reject(new AgentError('quota', `limit resets ${time} (UTC)`)) }
      },
      2 * HOUR,
      'quota',
    ],
    [
      'as a date, by the clock of the orchestrator',
      clock => {
        const error = { type: 'usage_limit_reached', resets_at: clock.now() / 1_000 + 7_200 }
        return { run: () => Promise.reject(Object.assign(new Error('no'), { status: 429, error })) }
      },
      2 * HOUR,
      'quota',
    ],
  ])('%s', async (_, backendWith, expected, parkedReason) => {
    const clock = new VirtualClock()
    const orchestrator = new Orchestrator({ clock, random: () => 0, pools: { p: { backend: backendWith(clock) } } })
    orchestrator.run({ tasks: [{ id: 'a', pool: 'p' }] })
    for (let turn = 0; turn < 50; turn++) await clock.advance(0)
    await expect
      .poll(() => clock.advance(0).then(() => orchestrator.pools.get('p')!.stats()))
      .toMatchObject({
        parkedReason,
        parkedMs: expected,
      })
  })
})
