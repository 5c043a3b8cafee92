import { type AgentBackend, CounterpointError } from 'counterpoint'
import { describe, expect, test } from 'vitest'
import { type BackendPreference, pickBackend } from '../../src/backends/failover.js'
import { backendNames, PoolBackend } from '../../src/backends/pool-backend.js'
import type { AttemptOutcome } from '../../src/core/failure/attempt-outcome.js'

const OK: AttemptOutcome = { ok: true }
const DOWN: AttemptOutcome = {
  ok: false,
  failure: { kind: 'overloaded', message: 'down' },
  verdict: { action: 'retry', delayMs: 0 },
}

const run = (): string => 'done'

/** Backends whose breakers open at the first failure, and the changes of health that they reported. */
function scene(...names: readonly string[]) {
  const changes: string[] = []
  const onChange = ({ name, unhealthyReason = 'healthy' }: PoolBackend): void =>
    void changes.push(`${name}: ${unhealthyReason}`)
  const backends = names.map(name => new PoolBackend(name, { name, run }, { failures: 1 }, onChange))
  const backend = (name: string): PoolBackend => backends.find(one => one.name === name) as PoolBackend
  const pick = (now: number, preference?: BackendPreference) => pickBackend(backends, now, preference)
  const start = (now: number) => {
    const picked = pick(now)
    const token = picked?.breaker.attemptStarted(now)
    return {
      name: picked?.name,
      end: (outcome: AttemptOutcome) => picked?.breaker.attemptEnded(now, token as number, outcome),
    }
  }
  return { backend, pick, start, changes }
}

describe('pickBackend', () => {
  test.each<readonly [readonly string[], BackendPreference | undefined, string | undefined]>([
    [[], undefined, 'a'],
    [[], {}, 'a'],
    [['a'], undefined, 'b'],
    [['a', 'b'], undefined, 'c'],
    [['b'], undefined, 'a'],
    [['a', 'b', 'c'], undefined, undefined],
    [[], { after: 'a' }, 'b'],
    [[], { after: 'b' }, 'c'],
    [[], { after: 'c' }, 'a'],
    [['b'], { after: 'a' }, 'c'],
    [['b', 'c'], { after: 'a' }, 'a'],
    [['c', 'a'], { after: 'b' }, 'b'],
    [['a', 'b', 'c'], { after: 'b' }, undefined],
    [[], { after: 'renamed' }, 'a'],
    [[], { cheapest: true }, 'c'],
    [['c'], { cheapest: true }, 'b'],
    [['a', 'b', 'c'], { cheapest: true }, undefined],
    [[], { cheapest: true, after: 'c' }, 'b'],
    [[], { cheapest: true, after: 'a' }, 'c'],
    [['b', 'c'], { cheapest: true, after: 'a' }, 'a'],
  ])('of a, b, c with %j unhealthy and the preference %j picks %s', (unhealthy, preference, name) => {
    const { backend, pick } = scene('a', 'b', 'c')
    for (const each of unhealthy) backend(each).setHealth(false)
    expect(pick(0, preference)?.name).toBe(name)
  })

  test('picks the only backend even if it has just failed', () => {
    const { pick } = scene('a')
    expect(pick(0, { after: 'a' })?.name).toBe('a')
    expect(pick(0, { cheapest: true })?.name).toBe('a')
  })

  test('does not start a probe: only an attempt does', () => {
    const { pick, start } = scene('a')
    start(0).end(DOWN)
    expect([pick(10_000)?.name, pick(10_000)?.name]).toEqual(['a', 'a'])
    start(10_000)
    expect(pick(10_000)).toBeUndefined()
  })
})

describe('while the first backend is unhealthy', () => {
  test('the next one is used, one attempt probes the first, and its answer brings it back', () => {
    const { start, changes } = scene('a', 'b')
    start(0).end(DOWN)
    expect([start(1).name, start(9_999).name]).toEqual(['b', 'b'])
    const probe = start(10_000)
    expect([probe.name, start(10_000).name, start(20_000).name]).toEqual(['a', 'b', 'b'])
    probe.end(OK)
    expect([start(20_000).name, start(20_000).name]).toEqual(['a', 'a'])
    expect(changes).toEqual(['a: 1 failure in a row, the last: overloaded: down', 'a: healthy'])
  })

  test('failed probes are not reported as changes', () => {
    const { start, changes } = scene('a', 'b')
    start(0).end(DOWN)
    start(10_000).end(DOWN)
    start(30_000).end(DOWN)
    expect([start(30_000).name, changes.length]).toEqual(['b', 1])
  })

  test('opensAt is the time at which its breaker admits a probe', () => {
    const { backend, pick, start } = scene('a', 'b')
    expect(backend('a').opensAt(3)).toBe(3)
    start(0).end(DOWN)
    start(5).end(DOWN)
    expect(pick(5)).toBeUndefined()
    expect([backend('a').opensAt(5), backend('b').opensAt(5)]).toEqual([10_000, 10_005])
  })
})

describe('a backend whose health check fails', () => {
  test('is not picked before a check succeeds', () => {
    const { backend, pick, changes } = scene('a', 'b')
    backend('a').setHealth(false, 'health() answered false')
    expect([pick(0)?.name, pick(1e12)?.name]).toEqual(['b', 'b'])
    backend('b').setHealth(false)
    expect([pick(0), backend('a').opensAt(0)]).toEqual([undefined, Number.POSITIVE_INFINITY])
    backend('a').setHealth(true)
    expect([pick(0)?.name, backend('a').opensAt(0)]).toEqual(['a', 0])
    expect(changes).toEqual(['a: health() answered false', 'b: the health check failed', 'a: healthy'])
  })

  test('is reported once, however many checks have the same result', () => {
    const { backend, changes } = scene('a')
    backend('a').setHealth(true)
    backend('a').setHealth(false)
    backend('a').setHealth(false)
    backend('a').setHealth(true)
    backend('a').setHealth(true)
    expect(changes).toEqual(['a: the health check failed', 'a: healthy'])
  })

  test('is healthy again only when its breaker is closed, too', () => {
    const { backend, start, changes } = scene('a')
    const a = backend('a')
    start(0).end(DOWN)
    a.setHealth(false)
    expect(a.unhealthyReason).toBe('the health check failed')
    a.setHealth(true)
    expect([a.unhealthyReason, a.opensAt(0)]).toEqual(['1 failure in a row, the last: overloaded: down', 10_000])
    start(10_000).end(OK)
    expect([a.unhealthyReason, changes.length, changes.at(-1)]).toEqual([undefined, 2, 'a: healthy'])
  })

  test('is not probed while its breaker is half-open', () => {
    const { backend, pick, start } = scene('a')
    start(0).end(DOWN)
    backend('a').setHealth(false)
    expect([pick(10_000), backend('a').opensAt(10_000)]).toEqual([undefined, Number.POSITIVE_INFINITY])
  })
})

describe('backendNames', () => {
  test('takes the names of the backends, else the name of the pool with a number', () => {
    expect(backendNames('p', [])).toEqual([])
    expect(backendNames('p', [{ run }])).toEqual(['p'])
    expect(backendNames('p', [{ run }, { run }, { run }])).toEqual(['p', 'p#2', 'p#3'])
    expect(backendNames('p', [{ name: 'large', run }, { run }])).toEqual(['large', 'p#2'])
  })

  test.each<readonly [string, readonly AgentBackend[], string, RegExp]>([
    [
      'a name that is used twice',
      [
        { name: 'x', run },
        { name: 'y', run },
        { name: 'x', run },
      ],
      'pools.p.backends[2].name',
      /other than that of backends\[0\], got "x"/,
    ],
    [
      'a name that is the default of another one',
      [{ run }, { name: 'p', run }],
      'pools.p.backends[1].name',
      /other than that of backends\[0\], got "p"/,
    ],
  ])('rejects %s', (_, backends, path, message) => {
    let thrown: unknown
    try {
      backendNames('p', backends)
    } catch (error) {
      thrown = error
    }
    expect(thrown).toBeInstanceOf(CounterpointError)
    const { code, details } = thrown as CounterpointError<'INVALID_INPUT'>
    expect([code, details.issues[0]?.path]).toEqual(['INVALID_INPUT', path])
    expect(details.issues[0]?.message).toMatch(message)
  })
})
